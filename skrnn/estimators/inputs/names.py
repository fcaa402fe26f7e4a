"""Names of features: of the columns of a table, or of all the frames of a list."""

from numbers import Integral
from reprlib import repr as short

import numpy as np

from skrnn.compat import check_feature_names, get_feature_names


def frame_with_names(X):
    """The first frame of a list of sequences, which names the features; or None.

    All frames must have the same columns, unless these are merely numbered.
    """
    first = None
    for i, x in enumerate(X):
        columns = getattr(x, "columns", None)
        if columns is None:
            continue
        if first is None:
            first, place, names = x, i, list(columns)
        elif columns is not first.columns and list(columns) != names:
            _check_are_numbers(names, place, list(columns), i)
    return first


def _check_are_numbers(names, place, others, other_place):
    if all(isinstance(name, Integral) for name in names + others):
        return
    raise ValueError(
        "All sequences of X must have the same columns in the same order, found "
        f"{short(names)} in sequence {place} and {short(others)} in sequence "
        f"{other_place}."
    )


def names_of(X):
    """Names of the columns of X, if it has some that are all strings; or None."""
    if not hasattr(X, "columns"):
        return None
    columns = list(X.columns)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ValueError(
            f"The columns of X must have different names, but {short(twice)} is that "
            f"of {columns.count(twice)}. Rename them, or pass X.to_numpy()."
        )
    names = get_feature_names(X)
    return None if names is None else tuple(names)


def check_names(X, names, estimator_name, *, may_lack):
    """Compare the names of the columns of X with those of fit, as scikit-learn does.

    Parameters
    ----------
    X : object
        Has them, or none.
    names : tuple of str or None
        Those of fit.
    estimator_name : str
    may_lack : bool
        Whether X may have none without a warning.
    """
    if (names is None or may_lack) and names_of(X) is None:
        return
    # In the place of the estimator, whose attributes another thread may change.
    names = None if names is None else np.array(names, object)
    attributes = {"feature_names_in_": names}
    check_feature_names(type(estimator_name, (), attributes)(), X, reset=False)
