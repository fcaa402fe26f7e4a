"""Standardisation of the features of sequences."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skrnn.compat import Interval, fit_context
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.inputs import (
    InputForm,
    check_sequences,
    is_list_of_sequences,
    n_dimensions,
)
from skrnn.estimators.names import suggests_names
from skrnn.estimators.steps import check_weights
from skrnn.estimators.types import Results


class SequenceScaler(
    SetOutputMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Standardise each feature of sequences over all their time steps.

    From each feature, subtract its mean and divide it by its standard deviation, both
    taken over all steps of all sequences of `fit`: a long sequence counts more than a
    short one. It is :class:`~sklearn.preprocessing.StandardScaler` for every form of X
    that `RNNClassifier` and `RNNRegressor` take, and goes before them in a pipeline.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. With 1, a row is a series of single values, and all columns share
        one mean and one standard deviation. A list of lists of numbers is 2D if it is
        above 1, otherwise sequences of single values. Other X say so by their shape.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features_per_step_,) or None
        Mean of each feature. None if neither `with_mean` nor `with_std`.
    var_ : ndarray of shape (n_features_per_step_,) or None
        Variance of each feature. None without `with_std`.
    scale_ : ndarray of shape (n_features_per_step_,) or None
        What each feature is divided by: the root of the variance, or 1 for a constant
        feature. None without `with_std`.
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
    sklearn.preprocessing.StandardScaler : Standardises each column of a table, which is
        one feature at one time step.

    Notes
    -----
    NaN is a missing value: `fit` leaves it out and `transform` leaves it in.
    `RNNClassifier` and `RNNRegressor` refuse it, so fill it in on the way.

    A 2D array is a table, also if it was meant as one sequence: pass that as ``[x]``.

    The numbers are those of StandardScaler on the time steps of all sequences, one
    below the other. float32 stays float32, and integers become float64.

    Examples
    --------
    >>> from skrnn.preprocessing import SequenceScaler
    >>> X = [[[0, 10], [2, 10]], [[1, 40]], [[0, 10], [2, 10], [1, 40]]]
    >>> scaler = SequenceScaler().fit(X)
    >>> scaler.mean_
    array([ 1., 20.])
    >>> scaler.transform([[[1, 20], [3, 20]]])
    [array([[0.        , 0.        ], [2.44948974, 0.        ]])]

    In a pipeline, each part of a cross-validation has a scaler of its own:

    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNClassifier
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> pipeline = make_pipeline(SequenceScaler(), RNNClassifier(random_state=0))
    >>> bool(cross_val_score(pipeline, X, y, cv=3).mean() > 0.9)
    True
    """

    mean_: NDArray[np.float64] | None
    var_: NDArray[np.float64] | None
    scale_: NDArray[np.float64] | None
    n_samples_seen_: int | NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_features_per_step_: int

    _parameter_constraints = {
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
        "n_features_per_step": [Interval(Integral, 1, None, closed="left")],
    }

    @suggests_names
    def __init__(
        self,
        *,
        with_mean: bool = True,
        with_std: bool = True,
        n_features_per_step: int = 1,
    ) -> None:
        self.with_mean = with_mean
        self.with_std = with_std
        self.n_features_per_step = n_features_per_step

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Compute the means and standard deviations.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sequence, which each of its time steps has. None: all weights
            are 1.

        Returns
        -------
        self : object
            The fitted scaler.
        """
        return self._learn(X, sample_weight, reset=True)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Update the means and standard deviations with more sequences.

        `with_mean`, `with_std` and `n_features_per_step` are those of the first call.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sequence, which each of its time steps has. None: all weights
            are 1.

        Returns
        -------
        self : object
            The fitted scaler.
        """
        return self._learn(X, sample_weight, reset=not self.__sklearn_is_fitted__())

    def transform(self, X: ArrayLike) -> Results:
        """Standardise sequences.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

        Returns
        -------
        X_scaled : ndarray or list of ndarray
            A new array of the shape of X; or, if X is a list of sequences, a list of
            new arrays, each of the shape of its sequence. `set_output` turns 2D arrays
            into DataFrames.
        """
        check_is_fitted(self)
        fitted = copy.copy(self)  # one state, whatever other threads do
        X_scaled = fitted._apply(_standardize, X)
        # One fitted on sequences has names for the features of a step only.
        columns = fitted.get_feature_names_out if fitted._is_fitted_on_rows else None
        return fitted._in_container(X_scaled, X, columns)

    def inverse_transform(self, X: ArrayLike) -> Results:
        """Undo `transform`.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

        Returns
        -------
        X_original : ndarray or list of ndarray
            As `transform` returns it, but never a DataFrame.
        """
        check_is_fitted(self)
        # It need not have names, since `transform` returns arrays by default.
        return copy.copy(self)._apply(_restore, X, names_may_lack=True)

    @property
    def _form(self):
        names = getattr(self, "feature_names_in_", None)
        return InputForm(
            self.n_features_in_,
            None if names is None else tuple(names),
            self.n_features_per_step_,
            self._is_fitted_on_rows,
        )

    def _learn(self, X, sample_weight, *, reset):
        # What fails changes a copy only.
        learner = copy.copy(self)
        form = None if reset else self._form
        sequences, form = check_sequences(self, X, None, form=form, allow_nan=True)
        if sample_weight is not None:
            lengths = sequences.lengths
            weights = check_weights(sample_weight, lengths, for_steps=False)
            sample_weight = weights.repeat(lengths)
        if reset:
            scaler = StandardScaler(with_mean=self.with_mean, with_std=self.with_std)
            # Arrays, even if the user's configuration asks for DataFrames.
            scaler.set_output(transform="default")
        else:
            scaler = copy.deepcopy(self._scaler)
        scaler.partial_fit(sequences.values, sample_weight=sample_weight)
        learner._scaler, learner._is_fitted_on_rows = scaler, form.is_on_rows
        vars(learner).pop("feature_names_in_", None)
        vars(learner).update(form.attributes())
        for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
            setattr(learner, name, getattr(scaler, name))
        self.__dict__ = learner.__dict__
        return self

    def _apply(self, function, X, **options):
        """Apply a function of mean, scale and steps; the result has the form of X."""
        sequences, form = check_sequences(
            self, X, None, form=self._form, allow_nan=True, **options
        )
        values, n_features = _as_floats(sequences.values), form.n_features_per_step
        scaler = self._scaler
        function(
            values,
            scaler.mean_.astype(values.dtype) if scaler.with_mean else 0,
            scaler.scale_.astype(values.dtype) if scaler.with_std else 1,
        )
        if not is_list_of_sequences(X, n_features):
            is_3d = n_dimensions(X) == 3
            shape = (-1, n_features) if is_3d else (-1,)
            return values.reshape(sequences.n_sequences, *shape)
        parts = np.split(values, sequences.offsets[1:-1])
        return [
            part[:, 0] if n_features == 1 == np.ndim(x) else part
            for part, x in zip(parts, X, strict=True)
        ]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_scaler")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# What StandardScaler computes. Its own methods change the filters of warnings while
# they check X, which are those of all threads, and two of them may leave them changed.


def _as_floats(values):
    """A copy, which may be written."""
    is_float = values.dtype in (np.float64, np.float32, np.float16)
    return np.array(values, None if is_float else np.float64)


def _standardize(values, mean, scale):
    values -= mean
    values /= scale


def _restore(values, mean, scale):
    values *= scale
    values += mean
