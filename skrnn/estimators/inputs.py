"""From what the user calls X to `Sequences`: every check, and one clear error each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    validate_data,
)

from skrnn.compat import check_feature_names
from skrnn.sequences import Sequences

# A number too large for the estimator's dtype is found with the infinities, after the
# conversion.
_ARRAY_OPTIONS = {"dtype": "numeric", "ensure_all_finite": False}


@dataclass(frozen=True)
class InputForm:
    """What X was at the first fit, and must be later."""

    n_features_in: int
    feature_names: tuple | None
    n_features_per_step: int
    is_on_rows: bool  # each row of a table is a flattened sequence

    def attributes(self):
        """What a fitted estimator shows of it."""
        shown = {
            "n_features_in_": self.n_features_in,
            "n_features_per_step_": self.n_features_per_step,
        }
        if self.feature_names is not None:
            shown["feature_names_in_"] = np.array(self.feature_names, object)
        return shown


def check_sequences(
    estimator, X, dtype, *, form=None, allow_nan=False, allow_empty=False
):
    """Validate X and convert it to `dtype`; None leaves numbers as they are.

    Parameters
    ----------
    estimator : estimator
        Its name stands in errors, and its parameters say how to read a table. It is
        not changed.
    X : array-like or list of array-like
    dtype : dtype or None
    form : InputForm or None
        X must agree with it; None: it is made from X, as at the first fit.
    allow_nan : bool
    allow_empty : bool
        Whether a sequence of a list may have no steps.

    Returns
    -------
    sequences : Sequences
    form : InputForm
    """
    with np.errstate(over="ignore"):
        sequences, form = _convert(estimator, X, dtype, form, allow_empty)
    check_finite(sequences.values, "X", _name(estimator), allow_nan=allow_nan)
    return sequences, form


def check_finite(values, input_name, estimator_name, *, allow_nan=False):
    """Raise scikit-learn's error for NaN, infinity and numbers that became it."""
    # It looks at the sum first, where infinities of both signs make NumPy warn.
    with np.errstate(over="ignore", invalid="ignore"):
        # Most of the time this is all; what scikit-learn does takes ten times as long
        # for a short sequence.
        if np.isfinite(values.sum(dtype=np.float64)):
            return
        assert_all_finite(
            values,
            allow_nan=allow_nan,
            estimator_name=estimator_name,
            input_name=input_name,
        )


def check_numbers(array):
    """Refuse what NumPy would convert to float all the same, such as dates."""
    array = np.asarray(array)
    if array.dtype == object:
        array = array.astype(np.float64)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported.")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"Data of dtype {array.dtype} is not numeric.")
    return array


def _convert(estimator, X, dtype, form, allow_empty):
    if is_list_of_sequences(X):
        return _check_list(estimator, X, dtype, form, allow_empty)
    is_array = getattr(X, "ndim", 2) > 2 and not sparse.issparse(X)
    if is_array:
        array, form = _check_3d(estimator, X, form, allow_empty)
    else:
        array, form = _check_rows(estimator, X, form)
    array = np.ascontiguousarray(check_numbers(array), dtype)
    return Sequences.from_array(array), form


def _probe(estimator, form):
    """What scikit-learn's checks may read and write in the estimator's place."""
    probe = object.__new__(type(estimator))
    shown = {} if form is None else form.attributes()
    probe.__dict__ = {
        name: value
        for name, value in vars(estimator).items()
        if name not in ("n_features_in_", "feature_names_in_")
    } | shown
    return probe


def _names(probe):
    names = getattr(probe, "feature_names_in_", None)
    return None if names is None else tuple(names)


def _name(estimator):
    return type(estimator).__name__


def is_list_of_sequences(X):
    """Whether X is a list of arrays, rather than rows of numbers."""
    if isinstance(X, np.ndarray | pd.Series):
        if X.dtype != object or X.ndim != 1:
            return False
    elif not _is_list(X):
        return False
    elements = list(X)
    if not elements:
        return True
    if not any(_is_vector(x) for x in elements):
        return False
    if all(_is_list(x) and not any(_is_vector(row) for row in x) for x in elements):
        # Lists of numbers: rows of a 2D array, unless they differ in length.
        return len({len(x) for x in elements}) > 1
    return True


def is_ragged(y):
    """Whether y is a list of arrays of several lengths."""
    if not is_list_of_sequences(y):
        return False
    return len({len(part) if _is_vector(part) else None for part in y}) > 1


def as_array(values):
    """An array in which numbers beside strings, such as NaN, stay numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "US" or array is values:
        return array
    objects = np.asarray(values, object)
    return array if all(isinstance(value, str) for value in objects.flat) else objects


def _is_list(x):
    return isinstance(x, list | tuple)


def _is_vector(x):
    return _is_list(x) or getattr(x, "ndim", 0) > 0


def _check_list(estimator, X, dtype, form, allow_empty):
    name = _name(estimator)
    if len(X) == 0:
        raise ValueError(
            "Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is "
            f"required by {name}."
        )
    arrays = [_check_sequence(x, i, name, allow_empty) for i, x in enumerate(X)]
    n_features = arrays[0].shape[1]
    for i, array in enumerate(arrays):
        if array.shape[1] != n_features:
            raise ValueError(
                f"All sequences must have the same number of features, found "
                f"{n_features} in sequence 0 and {array.shape[1]} in sequence {i}."
            )
    form = _check_features_per_step(estimator, X, n_features, form)
    return Sequences.from_list(arrays, dtype), form


def _check_sequence(x, i, name, allow_empty):
    """One sequence as an array (n_timesteps, n_features)."""
    if sparse.issparse(x):
        raise TypeError(
            f"Sparse data was passed as sequence {i} of X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    try:
        array = check_numbers(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"In sequence {i} of X: {error}") from error
    if array.ndim not in (1, 2):
        raise ValueError(
            f"Found sequence {i} of X with dim {array.ndim}. {name} expected an array "
            "(n_timesteps, n_features), or (n_timesteps,) with one feature."
        )
    for what, size in zip(("time step", "feature"), array.shape, strict=False):
        if size == 0 and not (allow_empty and what == "time step"):
            raise ValueError(
                f"Found sequence {i} of X with 0 {what}(s) (shape={array.shape}) while "
                f"a minimum of 1 is required by {name}."
            )
    return array[:, None] if array.ndim == 1 else array


def _check_3d(estimator, X, form, allow_empty):
    if X.ndim > 3:
        raise ValueError(
            f"Found array with dim {X.ndim}, while dim <= 3 is required by "
            f"{_name(estimator)}."
        )
    # It would find nothing in such an array, in half of the time of a prediction.
    if not (type(X) is np.ndarray and X.dtype.kind in "fiub" and X.size):
        X = check_array(
            X, estimator=estimator, input_name="X", allow_nd=True, **_ARRAY_OPTIONS
        )
    if 0 in (X.shape[::2] if allow_empty else X.shape):
        raise ValueError(
            f"Found array with shape {X.shape} while a minimum of 1 time step and 1 "
            f"feature is required by {_name(estimator)}."
        )
    return X, _check_features_per_step(estimator, X, X.shape[2], form)


def _check_features_per_step(estimator, X, n_features, form):
    """Take or compare the number of features of X, which has sequences, not rows."""
    if form is None:
        probe = _probe(estimator, None)
        check_feature_names(probe, X, reset=True)
        return InputForm(n_features, _names(probe), n_features, is_on_rows=False)
    if n_features != form.n_features_per_step:
        raise ValueError(
            f"X has {n_features} features, but {_name(estimator)} is expecting "
            f"{form.n_features_per_step} features as input."
        )
    return form


def _check_rows(estimator, X, form):
    """A table: each row is a flattened sequence."""
    if form is None or form.is_on_rows:
        probe = _probe(estimator, form)
        X = validate_data(probe, X, reset=form is None, **_ARRAY_OPTIONS)
    else:
        X = check_array(X, estimator=estimator, input_name="X", **_ARRAY_OPTIONS)
        _check_rows_are_meant(estimator, X, form)
    if form is None:
        n_features = int(estimator.n_features_per_step)
        form = InputForm(X.shape[1], _names(probe), n_features, is_on_rows=True)
    n_features = form.n_features_per_step
    if X.shape[1] % n_features:
        raise ValueError(
            f"X has {X.shape[1]} columns, which is not a multiple of "
            f"n_features_per_step={n_features}."
        )
    return X.reshape(len(X), -1, n_features), form


def _check_rows_are_meant(estimator, X, form):
    """The estimator was fitted on sequences: X may be one of them, by mistake."""
    n_features = form.n_features_per_step
    if estimator.n_features_per_step != n_features:
        raise ValueError(
            f"X is a table with rows of {X.shape[1]} values, but {_name(estimator)} "
            f"was fitted on sequences with {n_features} features per step. Pass a list "
            "of arrays or a 3D array (one sequence: [x]); to pass flattened rows, set "
            f"n_features_per_step={n_features}."
        )
