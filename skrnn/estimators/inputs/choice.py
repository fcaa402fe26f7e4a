"""Which features have categories, as users say it."""

from numbers import Integral
from reprlib import repr as short

import numpy as np

#: How pandas and polars call the types of columns that hold categories.
_DTYPES = {"object", "str", "string", "category", "categorical", "enum"}


def chosen_features(choice, n_features, names):
    """The places of the features that `categorical_features` names.

    Parameters
    ----------
    choice : "all", or array-like of int, str or bool
    n_features : int
        Of a step.
    names : tuple of str or None
        Those of the features of a step.
    """
    if isinstance(choice, str):
        return list(range(n_features))
    wanted = np.asarray(choice, object).ravel().tolist()
    kinds = {_kind_of_choice(item) for item in wanted}
    if kinds == {bool}:
        return _of_mask(wanted, n_features)
    if kinds == {int}:
        return _of_indices(wanted, n_features)
    if kinds == {str}:
        return _of_names(wanted, names)
    if kinds:
        raise TypeError(
            "categorical_features must be indices, names or a mask of features, found "
            f"{short(wanted)}."
        )
    return []


def _kind_of_choice(item):
    for types, kind in (((bool, np.bool_), bool), (Integral, int), (str, str)):
        if isinstance(item, types):
            return kind
    return type(item)


def _of_mask(mask, n_features):
    if len(mask) != n_features:
        raise ValueError(
            f"categorical_features is a mask of {len(mask)} features, but the steps of "
            f"X have {n_features}."
        )
    return np.flatnonzero(mask).tolist()


def _of_indices(indices, n_features):
    bad = [int(i) for i in indices if not 0 <= i < n_features]
    if bad:
        raise ValueError(
            f"categorical_features has {short(bad[0])}, but the steps of X have "
            f"{n_features} features: indices are 0 to {n_features - 1}."
        )
    return sorted({int(i) for i in indices})


def _of_names(wanted, names):
    if names is None:
        raise ValueError(
            f"categorical_features has names ({short(wanted)}), but the steps of X "
            "have none: pass a list of DataFrames, or indices of features."
        )
    for name in wanted:
        if name not in names:
            raise ValueError(
                f"categorical_features has {short(name)}, which is no feature of X; it "
                f"has {short(list(names))}."
            )
    return sorted({names.index(name) for name in wanted})


def features_by_dtype(X, is_on_rows):
    """The places of the columns that hold categories by their dtype in some frame."""
    if is_on_rows and hasattr(X, "columns"):
        raise ValueError(
            'categorical_features="from_dtype" is for lists of DataFrames whose rows '
            "are steps, but X is one table. Pass indices of the features of a step."
        )
    frames = [x for x in X if hasattr(x, "columns")]
    return sorted(
        {
            j
            for frame in frames
            for j, dtype in enumerate(frame.dtypes)
            if holds_categories(dtype)
        }
    )


def holds_categories(dtype, with_objects=True):
    """Whether a column of pandas or polars that has this type holds categories."""
    name = str(dtype).partition("(")[0].lower()
    return name in _DTYPES and (with_objects or name != "object")
