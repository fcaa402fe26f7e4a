"""Missing values of sequences, filled in; and channels: which, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from reprlib import repr as short
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.compat import Interval, StrOptions
from skrnn.estimators.names import suggests_names
from skrnn.estimators.types import Results
from skrnn.preprocessing._channels import ChannelTransformer, positions

Channel = Literal["missing", "time_since", "interval"]


# The channels of all steps: all but `_last_seen` begin anew in each sequence.


def _missing(sequences, fitted):
    return np.isnan(sequences.values[:, fitted.features_])


def _time_since(sequences, fitted):
    times, starts = fitted._times(sequences), _starts(sequences)
    seen = np.roll(_last_seen(sequences.values[:, fitted.features_]), 1, axis=0)
    seen[sequences.offsets[:-1]] = -1  # those of the sequence before
    return times[:, None] - times[np.maximum(seen, starts[:, None])]


def _interval(sequences, fitted):
    times = fitted._times(sequences)
    before = np.maximum(np.arange(len(times)) - 1, _starts(sequences))
    return (times - times[before])[:, None]


def _last_seen(values):
    """For each value the step of the last one up to it, of any sequence; -1: none."""
    steps = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    return np.maximum.accumulate(steps, axis=0)


def _starts(sequences):
    """For each step the first one of its sequence."""
    return sequences.offsets[:-1].repeat(sequences.lengths)


CHANNELS = {"missing": _missing, "time_since": _time_since, "interval": _interval}


class SequenceImputer(ChannelTransformer):
    """Fill in missing values of sequences, and say which were missing, and since when.

    A missing value becomes the last one that was seen in its sequence; before the
    first, the mean of those that `fit` saw. Channels more tell the network where this
    was done: which values are missing, the time since each feature was last seen, and
    the time between steps. These are the inputs of the GRU-D [1]_.

    Parameters
    ----------
    strategy : {"last", "mean", "constant"}, default="last"
        What stands for a missing value:

        - "last": the last one before it in the same sequence, or the mean if there is
          none.
        - "mean": the mean of the feature over all steps of `fit`.
        - "constant": `fill_value`.

    add : {"missing", "time_since", "interval"} or list or tuple of these, \
default=("missing", "time_since", "interval")
        The channels that are added, in this order behind the features:

        - "missing": for each of the `features`, 1 where it is missing, otherwise 0.
        - "time_since": for each of the `features`, the time since it was last seen, at
          a step before this one; if it never was, since the first step.
        - "interval": one channel, the time since the step before; 0 at the first.
          Without `time` steps are 1 apart, and there is no such channel.

    features : {"missing-only", "all"}, default="missing-only"
        Which features have the channels "missing" and "time_since": those that had a
        missing value in the first fit, or all. Any is filled in.
    time : int, str or None, default=None
        The feature that holds the time: its index, or its name if X is a list of
        DataFrames. It stays one of the features. None: steps are 1 apart.
    fill_value : float, default=0.0
        What "constant" takes.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. With 1, a row is a series of single values. A list of lists of
        numbers is 2D if it is above 1, otherwise sequences of single values. Other X
        say so by their shape.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features_per_step_,)
        Mean of each feature over the steps of `fit` at which it was there; 0 if it
        never was.
    features_ : ndarray of int
        The features that have channels of their own.
    n_samples_seen_ : number or ndarray of shape (n_features_per_step_,)
        Number of time steps seen, or the sum of their weights; one for each feature if
        values were missing.
    n_features_in_ : int
        Number of columns of the 2D X seen during fit, or the number of features per
        step of the sequences.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of X, if X was a DataFrame, or a list with DataFrames, whose names
        are all strings.
    n_features_per_step_ : int
        Number of features of a time step.

    See Also
    --------
    SequenceScaler : Stands behind it, and gives the times unit scale as well.
    StepTransformer : Takes scikit-learn's imputers, which look at one step alone.

    Notes
    -----
    NaN, None and `pd.NA` are missing, and what is masked. Nothing is learned but the
    means, from `fit` alone, and which features have channels. A sequence of which all
    is missing, or that has one step, is filled in like others. A sequence without a
    step is an error, and so are times that are missing or go back.

    The unit of the times is that of `time`: of dates, which are no numbers, make them
    before, as by ``(df["date"] - df["date"].min()) / pd.Timedelta("1D")``.

    Like `SequenceFeatures` it takes whole sequences, no pieces of a stream.

    References
    ----------
    .. [1] Che, Purushotham, Cho, Sontag and Liu, "Recurrent neural networks for
       multivariate time series with missing values", Scientific Reports 8, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.preprocessing import SequenceImputer
    >>> nan = np.nan
    >>> # A step has the day and two values.
    >>> X = [[[0.0, 5.0, nan], [30.0, nan, 2.0], [90.0, nan, 4.0]], [[0.0, nan, 3.0]]]
    >>> imputer = SequenceImputer(time=0).fit(X)
    >>> imputer.statistics_
    array([30.,  5.,  3.])
    >>> for x in imputer.transform(X):
    ...     print(x)
    [[ 0.  5.  3.  0.  1.  0.  0.  0.]
     [30.  5.  2.  1.  0. 30. 30. 30.]
     [90.  5.  4.  1.  0. 90. 60. 60.]]
    [[0. 5. 3. 1. 0. 0. 0. 0.]]
    >>> imputer.get_feature_names_out()[3:].tolist()
    ['x1_missing', 'x2_missing', 'x1_time_since', 'x2_time_since', 'interval']

    Before a network, whose input has unit scale then:

    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNClassifier
    >>> from skrnn.preprocessing import SequenceScaler
    >>> pipeline = make_pipeline(
    ...     SequenceImputer(time=0), SequenceScaler(), RNNClassifier()
    ... )
    """

    statistics_: NDArray[np.float64]
    features_: NDArray[np.int64]

    _CHANNELS = CHANNELS
    _SINGLE = "interval"
    _ELSEWHERE = {
        "missing": ("indicator", "mask", "missingindicator", "missing_indicator"),
        "time_since": ("delta", "elapsed", "since", "since_last", "time_since_last"),
        "interval": ("dt", "gap", "time", "time_delta", "step"),
    }

    _parameter_constraints = {
        **ChannelTransformer._parameter_constraints,
        "strategy": [StrOptions({"last", "mean", "constant"})],
        "features": [StrOptions({"missing-only", "all"})],
        "time": [None, str, Interval(Integral, 0, None, closed="left")],
        "fill_value": [Interval(Real, None, None, closed="neither")],
    }

    @suggests_names
    def __init__(
        self,
        strategy: Literal["last", "mean", "constant"] = "last",
        *,
        add: Channel | Sequence[Channel] = ("missing", "time_since", "interval"),
        features: Literal["missing-only", "all"] = "missing-only",
        time: int | str | None = None,
        fill_value: float = 0.0,
        n_features_per_step: int = 1,
    ) -> None:
        self.strategy = strategy
        self.add = add
        self.features = features
        self.time = time
        self.fill_value = fill_value
        self.n_features_per_step = n_features_per_step

    def transform(self, X: ArrayLike) -> Results:
        """Fill in missing values, and add the channels.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

        Returns
        -------
        X_out : ndarray or list of ndarray
            A new array of the form of X with more channels; or, if X is a list of
            sequences, a list of new arrays (n_timesteps_i, n_channels). `set_output`
            turns 2D arrays into DataFrames.
        """
        self._validate_params()  # they may be set after `fit`
        return self._transform(X)

    def _channels(self):
        names = super()._channels()
        return [name for name in names if name != "interval" or self.time is not None]

    def _featured(self):
        return self.features_

    def _learned_from(self, sequences):
        return sequences.values

    def _show(self, scaler, sequences, *, reset):
        self._times(sequences)  # they are checked
        self.statistics_ = np.where(scaler.n_samples_seen_ > 0, scaler.mean_, 0.0)
        if reset:
            all_of_them = self.features == "all"
            has_gaps = np.isnan(sequences.values).any(axis=0) | all_of_them
            self.features_ = np.flatnonzero(has_gaps)

    def _raw(self, sequences):
        values = sequences.values
        filled = np.where(np.isnan(values), self._fill(values.dtype), values)
        if self.strategy == "last":
            seen = _last_seen(values)
            is_seen = seen >= _starts(sequences)[:, None]
            last = np.take_along_axis(values, np.maximum(seen, 0), axis=0)
            filled[is_seen] = last[is_seen]
        return filled

    def _fill(self, dtype):
        """What stands for a feature that has not been seen."""
        name, fill = "statistics_", self.statistics_
        if self.strategy == "constant":
            name, fill = "fill_value", np.full(fill.shape, float(self.fill_value))
        with np.errstate(over="ignore"):
            filled = fill.astype(dtype)
        if not np.isfinite(filled).all():
            value = fill[~np.isfinite(filled)][0]
            raise ValueError(
                f"{name} has {value}, which is too large for the {dtype} of X. Pass X "
                "as float64, or fill in a smaller number."
            )
        return filled

    def _times(self, sequences):
        """The times of all steps, checked."""
        if self.time is None:
            return positions(sequences)[:, 0]
        times = sequences.values[:, self._place_of_time()]
        is_first = np.zeros(len(times), bool)
        is_first[sequences.offsets[:-1]] = True
        goes_back = np.diff(times, prepend=times[:1]) < 0
        for is_bad, what in (
            (np.isnan(times), "is missing"),
            (goes_back & ~is_first, "is before that of the step before"),
        ):
            if is_bad.any():
                step = int(np.flatnonzero(is_bad)[0])
                i = int(np.searchsorted(sequences.offsets, step, side="right")) - 1
                raise ValueError(
                    f"The time (time={self.time!r}) {what}, first at step "
                    f"{step - sequences.offsets[i]} of sequence {i}. Sort the steps of "
                    "each sequence by time, and leave out those without one."
                )
        return times

    def _place_of_time(self):
        """The feature that holds the time."""
        if isinstance(self.time, bool):  # a bool is an int, too
            raise ValueError(
                "The 'time' parameter of SequenceImputer must be None or a feature: "
                f"its index or its name. Got {self.time} instead."
            )
        names = getattr(self, "feature_names_in_", None)
        if self._is_fitted_on_rows:
            names = None
        if isinstance(self.time, str):
            if names is None:
                raise ValueError(
                    f"time is a name ({short(self.time)}), but the steps of X have "
                    "none: pass a list of DataFrames, or the index of the feature."
                )
            if self.time not in names:
                raise ValueError(
                    f"time={short(self.time)} is no feature of X; it has "
                    f"{short(names.tolist())}."
                )
            return names.tolist().index(self.time)
        if self.time >= self.n_features_per_step_:
            raise ValueError(
                f"time={self.time}, but the steps of X have "
                f"{self.n_features_per_step_} features: indices are 0 to "
                f"{self.n_features_per_step_ - 1}."
            )
        return self.time
