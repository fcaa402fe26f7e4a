"""From what holds numbers to an array of them, in which what is missing is NaN."""

import datetime
from numbers import Complex, Real
from textwrap import shorten

import numpy as np
import pandas as pd

from skrnn.estimators.inputs.forms import is_list, is_vector

_DATES = np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta
#: Of these an array of objects can be converted without a look at them.
_PLAIN = {float, int, bool, str, np.float64, np.float32, np.int64, np.bool_, type(None)}


class CellsError(ValueError):
    """There are arrays where there should be numbers."""


class TextError(ValueError):
    """There are texts where there should be numbers."""


def as_numbers(x):
    """Make an array of real numbers; refuses what NumPy would merely convert."""
    return check_numbers(to_array(x))


def to_array(x):
    """Make an array, in which missing values of objects and masked ones are NaN."""
    if isinstance(x, np.ma.MaskedArray):
        x = _unmasked(x)
    elif _has_masked_rows(x):
        return np.stack([to_array(row) for row in x])
    array = np.asarray(x)
    return _from_objects(array) if array.dtype == object else array


def numbers_if_all_are(array):
    """An array of numbers; of others, or what only some are, it as it is."""
    try:
        return check_numbers(array)
    except (TypeError, ValueError):
        return array


def to_objects(x):
    """Make an array, nothing of which is converted; what is masked is None."""
    if isinstance(x, np.ma.MaskedArray):
        return _unmasked(x.astype(object))
    if _has_masked_rows(x):
        return np.stack([to_objects(row) for row in x])
    if hasattr(x, "columns"):
        return _by_columns(x)
    if hasattr(x, "to_list"):  # with a missing value polars would make floats
        return np.fromiter(x.to_list(), object, len(x))
    # Of a list NumPy would make floats or texts.
    return np.asarray(x, object if is_list(x) else None)


def _by_columns(frame):
    """Of each column by itself: one type for all would make floats of whole numbers."""
    objects = np.empty(frame.shape, object)
    for j, name in enumerate(frame.columns):
        column = frame.iloc[:, j] if hasattr(frame, "iloc") else frame[name]
        objects[:, j] = np.fromiter(column.to_list(), object, len(frame))
    return objects


def _has_masked_rows(x):
    return is_list(x) and any(
        issubclass(kind, np.ma.MaskedArray) for kind in set(map(type, x))
    )


def check_numbers(array):
    """Refuse what NumPy would convert to float all the same, such as dates."""
    array = np.asarray(array)
    if array.dtype == object:
        array = _from_objects(array)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported.")
    if array.dtype.kind not in "fiub":
        kind = TextError if array.dtype.kind == "U" else ValueError
        raise kind(f"Data of dtype {array.dtype} is not numeric.")
    return array


def as_array(values):
    """An array in which numbers beside strings, such as NaN, stay numbers.

    NA of pandas, of which nobody can say whether it equals anything, becomes NaN, and
    so does what is masked.
    """
    if isinstance(values, np.ma.MaskedArray):
        is_number = values.dtype.kind in "fiub"
        values = _unmasked(values if is_number else values.astype(object))
    array = np.asarray(values)
    if array.dtype.kind in "US" and array is not values:
        objects = np.asarray(values, object)
        is_text = all(isinstance(value, str) for value in objects.flat)
        return array if is_text else objects
    is_na = [x is pd.NA for x in array.flat] if array.dtype == object else ()
    return (
        np.where(np.reshape(is_na, array.shape), np.nan, array) if any(is_na) else array
    )


def _unmasked(x):
    """An array with NaN where x is masked."""
    values, mask = np.asarray(x), np.ma.getmaskarray(x)
    if not mask.any():
        return values
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    return np.where(mask, None if values.dtype == object else np.nan, values)


def _as_float(value):
    """A float; infinite, which is found later, if the number is too large for one."""
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def _from_objects(array):
    """Numbers of objects; what is no number, but would be converted, is refused."""
    types = {type(value) for value in array.flat} - _PLAIN
    for kind in types:
        if issubclass(kind, Complex) and not issubclass(kind, Real):
            raise ValueError("Complex data not supported.")
        if issubclass(kind, _DATES):
            raise ValueError(f"Data of type {kind.__name__} is not numeric.")
    if types and any(map(is_vector, array.flat)):
        if array.ndim == 1:
            return np.stack([to_array(row) for row in array])
        raise CellsError("There are arrays in its cells.")
    if type(pd.NA) in types:
        array = np.where(pd.isna(array), None, array)
    try:
        return array.astype(np.float64)
    except OverflowError:
        return np.reshape([_as_float(value) for value in array.flat], array.shape)
    except ValueError as error:  # which has the word that is no number
        raise TextError(shorten(str(error), 100)) from None
