"""Channels beside the features of sequences: the time, differences, own scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from skrnn.estimators.names import suggests_names
from skrnn.estimators.types import Results
from skrnn.preprocessing._channels import ChannelTransformer, positions

Channel = Literal["time", "difference", "standardized"]


# The channels of all steps. None depends on other sequences, but for what fit has seen.


def _time(sequences, fitted):
    return (positions(sequences) - fitted.time_mean_) / fitted.time_scale_


def _difference(sequences, fitted):
    before = np.arange(len(sequences.values)) - 1
    before[sequences.offsets[:-1]] += 1  # the first step is as the one before it
    return sequences.values - sequences.values[before]


def _standardized(sequences, fitted):
    starts, lengths = sequences.offsets[:-1], sequences.lengths
    values, missing = sequences.values.astype(np.float64), np.isnan(sequences.values)
    n_values = lengths[:, None] - np.add.reduceat(missing, starts, dtype=np.int64)

    def means(values):
        sums = np.add.reduceat(np.where(missing, 0, values), starts)
        return sums / np.maximum(n_values, 1)

    eps = np.finfo(sequences.values.dtype).eps
    rounding = eps * np.fmax.reduceat(np.abs(values), starts)
    # From the least value on: sums of a far mean would lose digits.
    values -= np.fmin.reduceat(values, starts).repeat(lengths, axis=0)
    values -= means(values).repeat(lengths, axis=0)
    deviations = np.sqrt(means(values**2))
    deviations[~(deviations > rounding)] = 1  # NaN, too
    values /= deviations.repeat(lengths, axis=0)
    return values


CHANNELS = {
    "time": _time,
    "difference": _difference,
    "standardized": _standardized,
}


class SequenceFeatures(ChannelTransformer):
    """Add channels to the features of each time step of sequences.

    How many steps there were before, what has changed, and how a value compares with
    the rest of its sequence: a recurrent network must learn such things from the raw
    features, or finds them here. The raw features stay, and come first.

    Parameters
    ----------
    add : {"time", "difference", "standardized"} or list or tuple of these, \
default=("time", "difference", "standardized")
        The channels that are added, in this order behind the raw features:

        - "time": one channel, the number of the step, counted from 0 in each sequence.
          Its mean and standard deviation over all steps of `fit` are taken off as
          `SequenceScaler` does, so that a longer sequence goes on in the same scale.
        - "difference": for each feature, its value minus that of the step before; 0 at
          the first step.
        - "standardized": for each feature, its value minus its mean in this sequence,
          divided by its standard deviation in this sequence; 0 if it is constant there.

    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. With 1, a row is a series of single values. A list of lists of
        numbers is 2D if it is above 1, otherwise sequences of single values. Other X
        say so by their shape.

    Attributes
    ----------
    time_mean_ : float
        Mean of the numbers of all steps seen, whether "time" is added or not.
    time_scale_ : float
        Their standard deviation; 1 if all sequences had one step.
    n_samples_seen_ : number
        Number of time steps seen, or the sum of their weights.
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
    SequenceScaler : Standardises each feature over the steps of all sequences. It may
        stand behind this one, and then gives the differences unit scale as well.

    Notes
    -----
    A step of n features becomes one of n channels, 1 more for "time", and n more for
    "difference" and for "standardized". That is the `n_features_per_step` of what comes
    next, if X is a table.

    Sequences are taken whole. A piece of one would start at time 0 and with a
    difference of 0, and have a mean of its own: what a `stream` gets cannot come from
    here piece by piece, and "standardized" needs the last step to know the first.

    NaN is a missing value and stays one, in the channels that are made of it too; means
    and standard deviations leave it out. `RNNClassifier` and `RNNRegressor` refuse it,
    so fill it in before.

    `add` may be set after `fit`: nothing is learned anew.

    float32 stays float32, and integers become float64. A feature counts as constant if
    its standard deviation is no more than the rounding of its largest value.

    Examples
    --------
    >>> from skrnn.preprocessing import SequenceFeatures
    >>> X = [[[10.0], [12.0], [17.0]], [[5.0]]]
    >>> features = SequenceFeatures().fit(X)
    >>> features.get_feature_names_out().tolist()
    ['x0', 'time', 'x0_difference', 'x0_standardized']
    >>> for x in features.transform(X):
    ...     print(x.round(3))
    [[10.    -0.905  0.    -1.019]
     [12.     0.302  2.    -0.34 ]
     [17.     1.508  5.     1.359]]
    [[ 5.    -0.905  0.     0.   ]]

    In a pipeline:

    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNClassifier
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> classifier = RNNClassifier(max_iter=10, random_state=0)
    >>> pipeline = make_pipeline(SequenceFeatures("time"), classifier).fit(X, y)
    >>> pipeline[:-1].transform(X)[0].shape == (len(X[0]), 13)
    True
    """

    time_mean_: float
    time_scale_: float

    _CHANNELS = CHANNELS
    _SINGLE = "time"
    _ELSEWHERE = {
        "time": ("index", "position", "step", "t"),
        "difference": ("delta", "deltas", "diff", "gradient"),
        "standardized": ("normalize", "normalized", "scaled", "z-score", "zscore"),
    }

    @suggests_names
    def __init__(
        self,
        add: Channel | Sequence[Channel] = ("time", "difference", "standardized"),
        *,
        n_features_per_step: int = 1,
    ) -> None:
        self.add = add
        self.n_features_per_step = n_features_per_step

    def transform(self, X: ArrayLike) -> Results:
        """Add the channels to sequences.

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
        return self._transform(X)

    def _learned_from(self, sequences):
        return positions(sequences)

    def _show(self, scaler, sequences, *, reset):
        self.time_mean_, self.time_scale_ = scaler.mean_.item(), scaler.scale_.item()
