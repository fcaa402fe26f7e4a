"""From what the user calls X to `Sequences`: every check, and one clear error each."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import (
    _check_feature_names,
    assert_all_finite,
    check_array,
    validate_data,
)

from skrnn.sequences import Sequences


def check_sequences(estimator, X, *, reset):
    """Validate X and convert it to the estimator's dtype.

    With `reset` the estimator takes `n_features_in_`, `feature_names_in_` and
    `n_features_per_step_` from X, as at fit; otherwise X must agree with them.
    """
    ndim = getattr(X, "ndim", 2)
    if _is_list_of_sequences(X):
        return _check_list(estimator, X, reset)
    if ndim == 3 and not sparse.issparse(X):
        return _check_3d(estimator, X, reset)
    if ndim > 3:
        raise ValueError(f"Found array with dim {ndim}. {_name(estimator)} expected 3.")
    return _check_rows(estimator, X, reset)


def _name(estimator):
    return type(estimator).__name__


def _is_list_of_sequences(X):
    """Whether X is a list of arrays, rather than rows of numbers."""
    if isinstance(X, np.ndarray | pd.Series):
        if X.dtype != object or X.ndim != 1:
            return False
    elif not isinstance(X, list | tuple):
        return False
    elements = list(X)
    if not elements:
        return True
    if not any(np.ndim(x) if hasattr(x, "ndim") else _is_list(x) for x in elements):
        return False
    if all(_is_list(x) and not any(_is_list(row) for row in x) for x in elements):
        # Lists of numbers: rows of a 2D array, unless they differ in length.
        return len({len(x) for x in elements}) > 1
    return True


def _is_list(x):
    return isinstance(x, list | tuple)


def _check_list(estimator, X, reset):
    name = _name(estimator)
    if len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is "
            f"required by {name}."
        )
    arrays = [_check_sequence(x, i, name) for i, x in enumerate(X)]
    n_features = arrays[0].shape[1]
    for i, array in enumerate(arrays):
        if array.shape[1] != n_features:
            raise ValueError(
                f"All sequences must have the same number of features, found "
                f"{n_features} in sequence 0 and {array.shape[1]} in sequence {i}."
            )
    _check_features_per_step(estimator, X, n_features, reset)
    sequences = Sequences.from_list(arrays, estimator.dtype)
    assert_all_finite(sequences.values, estimator_name=name, input_name="X")
    return sequences


def _check_sequence(x, i, name):
    """One sequence as an array (n_timesteps, n_features)."""
    if sparse.issparse(x):
        raise TypeError(
            f"Sparse data was passed as sequence {i} of X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    try:
        array = np.asarray(x)
        if array.dtype.kind not in "fiubc":
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Sequence {i} of X is not numeric: {error}") from error
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported, found in sequence {i} of X.")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"Found sequence {i} of X with dim {array.ndim}. {name} expected an array "
            "(n_timesteps, n_features), or (n_timesteps,) with one feature."
        )
    for what, size in zip(("time step", "feature"), array.shape, strict=False):
        if size == 0:
            raise ValueError(
                f"Found sequence {i} of X with 0 {what}(s) (shape={array.shape}) while "
                f"a minimum of 1 is required by {name}."
            )
    return array[:, None] if array.ndim == 1 else array


def _check_3d(estimator, X, reset):
    X = _check_array(estimator, X, allow_nd=True)
    if 0 in X.shape:
        raise ValueError(
            f"Found array with shape {X.shape} while a minimum of 1 time step and 1 "
            f"feature is required by {_name(estimator)}."
        )
    _check_features_per_step(estimator, X, X.shape[2], reset)
    return Sequences.from_array(X)


def _check_features_per_step(estimator, X, n_features, reset):
    """Take or compare the number of features of X, which has sequences, not rows."""
    if reset:
        _check_feature_names(estimator, X, reset=True)
        estimator.n_features_in_ = estimator.n_features_per_step_ = n_features
        estimator._is_fitted_on_rows = False
    elif n_features != estimator.n_features_per_step_:
        raise ValueError(
            f"X has {n_features} features, but {_name(estimator)} is expecting "
            f"{estimator.n_features_per_step_} features as input."
        )


def _check_rows(estimator, X, reset):
    """A table: each row is a flattened sequence."""
    n_features = estimator.n_features_per_step
    if reset or estimator._is_fitted_on_rows:
        X = validate_data(estimator, X, reset=reset, **_array_options(estimator))
        if reset:
            estimator.n_features_per_step_ = n_features
            estimator._is_fitted_on_rows = True
        n_features = estimator.n_features_per_step_
    else:
        X = _check_array(estimator, X)
        if n_features != estimator.n_features_per_step_:
            raise ValueError(
                f"X is a table with rows of {X.shape[1]} values, but "
                f"{_name(estimator)} was fitted on sequences with "
                f"{estimator.n_features_per_step_} features per step. Pass a list of "
                "arrays or a 3D array (one sequence: [x]); to pass flattened rows, set "
                f"n_features_per_step={estimator.n_features_per_step_}."
            )
    if X.shape[1] % n_features:
        raise ValueError(
            f"X has {X.shape[1]} columns, which is not a multiple of "
            f"n_features_per_step={n_features}."
        )
    return Sequences.from_array(X.reshape(len(X), -1, n_features))


def _check_array(estimator, X, **options):
    return check_array(X, estimator=estimator, **_array_options(estimator), **options)


def _array_options(estimator):
    return {
        "dtype": np.dtype(estimator.dtype).type,
        "order": "C",
        "input_name": "X",
    }
