"""Standardisation of the features of sequences."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators.names import suggests_names
from skrnn.estimators.types import Results
from skrnn.preprocessing._transformer import SequenceTransformer, as_floats


class SequenceScaler(SequenceTransformer):
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

    _parameter_constraints = {
        **SequenceTransformer._parameter_constraints,
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
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
        return self._transform(X)

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
        fitted = copy.copy(self)
        return fitted._apply(fitted._back, X, names_may_lack=True)

    def _new_scaler(self):
        return StandardScaler(with_mean=self.with_mean, with_std=self.with_std)

    def _learned_from(self, sequences):
        return sequences.values

    def _show(self, scaler, sequences, *, reset):
        for name in ("mean_", "var_", "scale_"):
            setattr(self, name, getattr(scaler, name))

    # What StandardScaler computes. Its own methods change the filters of warnings while
    # they check X, which are those of all threads, and two of them may leave them
    # changed.

    def _of_steps(self, sequences):
        values = as_floats(sequences.values)
        mean, scale = self._numbers(values.dtype)
        values -= mean
        values /= scale
        return values

    def _back(self, sequences):
        values = as_floats(sequences.values)
        mean, scale = self._numbers(values.dtype)
        values *= scale
        values += mean
        return values

    def _numbers(self, dtype):
        """What is subtracted, and then divided by."""
        scaler = self._scaler
        return (
            scaler.mean_.astype(dtype) if scaler.with_mean else 0,
            scaler.scale_.astype(dtype) if scaler.with_std else 1,
        )
