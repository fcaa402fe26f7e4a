"""Steps with numbers beside categories: both taken apart."""

from math import isnan
from numbers import Integral, Real
from reprlib import repr as short
from typing import NamedTuple

import numpy as np
import pandas as pd

from skrnn.estimators.inputs.numbers import check_numbers
from skrnn.estimators.inputs.reading import of_sequence

_MISSING = type(None), type(pd.NA), type(pd.NaT)
_ADVICE = "Pass strings, whole numbers or booleans: str(value), say"


def split(arrays, features, names):
    """The numbers of all steps as they came, and a column of each of some features.

    Parameters
    ----------
    arrays : list of ndarray, or one ndarray with these as its slices
        Each (n_timesteps, n_features), in which nothing has been converted.
    features : sequence of int
        The places of those that have categories.
    names : tuple of str or None
        Of all features, for errors.
    """
    is_list = isinstance(arrays, list)
    parts = arrays if is_list else [arrays.reshape(-1, arrays.shape[-1])]
    n_features = parts[0].shape[1]
    columns = [
        Column.of(_below([part[:, j] for part in parts]), _name(j, n_features, names))
        for j in features
    ]
    rest = [j for j in range(n_features) if j not in features]
    if not is_list:
        return _numbers(arrays[..., rest]), columns
    numbers = []
    for i, part in enumerate(parts):
        with of_sequence(i):
            numbers.append(_numbers(part[:, rest]))
    return numbers, columns


def _numbers(array):
    return check_numbers(array) if array.size else array.astype(np.float64)


def _below(parts):
    """One array of several; NumPy would make texts of numbers beside texts."""
    if len({part.dtype.kind for part in parts}) > 1:
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts)


def _name(j, n_features, names):
    if names is not None:
        return f"Feature {short(names[j])} of X"
    return "X" if n_features == 1 else f"Feature {j} of X"


class Column(NamedTuple):
    """The values of a categorical feature, of all steps below each other."""

    values: list  # of one of Python's own types; None where one is missing
    kind: type | None  # that type, unless all are missing
    name: str  # of the feature, for errors

    @classmethod
    def of(cls, array, name):
        """That of an array (n_steps,), in which nothing has been converted."""
        if array.dtype.kind not in "OUTbiuf":
            raise TypeError(f"{name} has values of dtype {array.dtype}. {_ADVICE}.")
        values = array.tolist()
        types = set(map(type, values))
        if not types <= {str, bool, int, type(None)}:
            exact = _exact(array.dtype)
            convert = {kind: _conversion(kind, name, exact) for kind in types}
            values = [convert[type(value)](value) for value in values]
            types = set(map(type, values))
        kinds = sorted(types - {type(None)}, key=lambda kind: kind.__name__)
        if len(kinds) > 1:
            found = " and ".join(_example(values, kind) for kind in kinds[:2])
            raise TypeError(
                f"{name} has values of several types: {found}. Pass one type: "
                "str(value) for all of them, say."
            )
        return cls(values, kinds[0] if kinds else None, name)


def _exact(dtype):
    """Up to where floats of this type have all whole numbers, each of them once."""
    return 2.0 ** (np.finfo(dtype if dtype.kind == "f" else float).nmant + 1)


def _conversion(kind, name, exact):
    """The function that makes one of Python's own values of one of this type."""
    if kind in _MISSING:
        return lambda value: None
    for types, own in (
        (str, str.__str__),
        ((bool, np.bool_), bool),
        (Integral, int),
        (Real, lambda value: _whole(value, name, exact)),
    ):
        if issubclass(kind, types):
            return own
    raise TypeError(f"{name} has values of type {kind.__name__}. {_ADVICE}.")


def _whole(value, name, exact):
    value = float(value)
    if isnan(value):
        return None
    if not value.is_integer() or abs(value) >= exact:
        reason = "too large to be exact" if value.is_integer() else "no whole number"
        raise ValueError(
            f"{name} has the value {value!r}, which is {reason} and so no category. "
            "Leave the feature out of categorical_features, or pass whole numbers or "
            "str(value)."
        )
    return int(value)


def _example(values, kind):
    value = next(value for value in values if type(value) is kind)
    return f"{kind.__name__} ({short(value)})"
