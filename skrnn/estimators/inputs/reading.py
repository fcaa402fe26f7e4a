"""From X to arrays, whatever its form; errors name the sequence."""

from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from skrnn.estimators.inputs.forms import (
    check_is_array,
    is_list,
    is_list_of_sequences,
    is_vector,
    n_dimensions,
    raise_one_series,
    raise_text,
    rows_of_lists,
)
from skrnn.estimators.inputs.frames import cells_advice, check_layout
from skrnn.estimators.inputs.names import frame_with_names
from skrnn.estimators.inputs.numbers import (
    CellsError,
    check_numbers,
    to_array,
)

# A number too large for the estimator's dtype is found with the infinities, after the
# conversion.
_OPTIONS = {"input_name": "X", "dtype": "numeric", "ensure_all_finite": False}


class Reading(NamedTuple):
    """X as arrays: a list of 2D arrays, a 3D array, or the 2D array of a table."""

    arrays: list | np.ndarray
    named: Any  # the frame whose columns name the features, if there is one

    @property
    def is_table(self):
        """Whether each row is a flattened sequence."""
        return not isinstance(self.arrays, list) and self.arrays.ndim == 2

    @property
    def n_columns(self):
        """Number of features, or of columns of a table."""
        return np.shape(self.arrays[0])[-1]


def read(X, n_features_per_step, name, allow_empty, convert=to_array):
    """Whatever X is: numbers by `to_array`, or what another function leaves of it."""
    are_numbers = convert is to_array
    if is_list_of_sequences(X, n_features_per_step):
        n_of_empty = n_features_per_step if allow_empty else None
        arrays = _read_list(X, name, n_of_empty, convert)
        return Reading(arrays, frame_with_names(X))
    is_plain = _is_plain(X) and X.ndim > 1
    array = X if is_plain else _read_array(X, n_features_per_step, name, convert)
    if array.ndim not in (2, 3):
        raise ValueError(
            f"Found array with dim {array.ndim}, while dim >= 2 and dim <= 3 is "
            f"required by {name}."
        )
    if array.dtype.kind == "c":
        check_numbers(array)  # raises; scikit-learn's error has the data in it
    if array.size == 0 or (are_numbers and array.dtype.kind not in "fiub"):
        check_array(array, estimator=name, allow_nd=True, **_OPTIONS)
    is_piece = allow_empty and array.ndim == 3
    if 0 in (array.shape[::2] if is_piece else array.shape):
        raise ValueError(
            f"Found array with shape {array.shape} while a minimum of 1 time step and "
            f"1 feature is required by {name}."
        )
    return Reading(check_numbers(array) if are_numbers else array, X)


def _is_plain(x):
    return type(x) is np.ndarray and x.dtype.kind in "fiub"


def _read_array(X, n_features_per_step, name, convert):
    if sparse.issparse(X):
        check_array(X, estimator=name, **_OPTIONS)  # raises
    check_is_array(X, name)
    if is_list_of_sequences(X):  # of lists, which are rows
        X = rows_of_lists(X, n_features_per_step)
    elif is_list(X) or n_dimensions(X) == 1:
        raise_one_series(X, name)
    check_layout(X, n_features_per_step)
    try:
        return convert(X)
    except CellsError:
        raise ValueError(
            f"X has arrays in its cells (shape={X.shape}), but {name} takes sequences "
            f"as a list, in which each is one array. Pass {cells_advice(X)}."
        ) from None


def _read_list(X, name, n_of_empty, convert):
    """Arrays (n_timesteps, n_features); empty ones may have so many, or None may be."""
    if len(X) == 0:
        raise ValueError(
            "Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is "
            f"required by {name}."
        )
    arrays = [_read_sequence(x, i, name, n_of_empty, convert) for i, x in enumerate(X)]
    n_features = arrays[0].shape[1]
    for i, array in enumerate(arrays):
        if array.shape[1] != n_features:
            raise ValueError(
                f"All sequences must have the same number of features, found "
                f"{n_features} in sequence 0 and {array.shape[1]} in sequence {i}."
            )
    return arrays


def _read_sequence(x, i, name, n_of_empty, convert):
    array = x if _is_plain(x) else _array_of_sequence(x, i, convert)
    if n_of_empty is not None and array.shape == (0,):
        array = array.reshape(0, n_of_empty)
    n_dims = len(array.shape)  # frames of polars have no ndim
    if n_dims not in (1, 2):
        raise ValueError(
            f"Found sequence {i} of X with dim {n_dims} ({type(x).__name__}). "
            f"{name} expected an array (n_timesteps, n_features), or (n_timesteps,) "
            "with one feature."
        )
    for what, size in zip(("time step", "feature"), array.shape, strict=False):
        if size == 0 and (n_of_empty is None or what == "feature"):
            raise ValueError(
                f"Found sequence {i} of X with 0 {what}(s) (shape={array.shape}) while "
                f"a minimum of 1 is required by {name}."
            )
    return array[:, None] if n_dims == 1 else array


def _array_of_sequence(x, i, convert):
    if sparse.issparse(x):
        raise TypeError(
            f"Sparse data was passed as sequence {i} of X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    if isinstance(x, str):
        raise_text(f"sequence {i} of X is a single str")
    if not (is_vector(x) or hasattr(x, "__array__")):
        return np.empty(())  # its dimension is the error
    with of_sequence(i):
        array = convert(x)
        return check_numbers(array) if convert is to_array else array


@contextmanager
def of_sequence(i):
    """Errors name the sequence."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"In sequence {i} of X: {error}") from error
