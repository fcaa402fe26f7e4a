"""Metrics of forecasts, each series in a unit of its own."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_scalar

from skrnn.mathematics.forecast_errors import covered, mean_of, scaled_error

Average = Literal["uniform_average", "raw_values"]


def mase(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_train: ArrayLike,
    *,
    season_length: int = 1,
    multioutput: Average = "uniform_average",
) -> Any:
    """Mean absolute scaled error of forecasts.

    The mean absolute error of a series, divided by that of the seasonal naive forecast
    (the value one season before) in its training part: so series of different units can
    be compared, and a value below 1 is better than that (R. J. Hyndman and A. B.
    Koehler, International Journal of Forecasting 22, 2006).

    Parameters
    ----------
    y_true : array-like of shape (n_times,) or (n_times, n_series)
        What came. Values that are missing (NaN) do not count.
    y_pred : array-like of the same shape
        What was forecast. Tables of pandas must have the same index and columns.
    y_train : array-like of shape (n_times_train,) or (n_times_train, n_series)
        What came before, in the order of time; of a DataFrame the same columns.
    season_length : int, default=1
        After how many times a season comes again, such as 24 of hours.
    multioutput : {"uniform_average", "raw_values"}, default="uniform_average"
        The mean over all series, or an error for each of them.

    Returns
    -------
    error : float or ndarray of shape (n_series,)
        From 0, the best. NaN for a series without a unit, since its training part
        repeats itself exactly, or without a value; the mean leaves it out.

    See Also
    --------
    rmsse : The same of squared errors.

    Examples
    --------
    >>> from skrnn.metrics import mase
    >>> mase([5, 7], [6, 7], y_train=[1, 3, 2, 5])
    0.25
    """
    errors = _scaled(y_true, y_pred, y_train, season_length, 1)
    return _averaged(errors, multioutput)


def rmsse(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_train: ArrayLike,
    *,
    season_length: int = 1,
    multioutput: Average = "uniform_average",
) -> Any:
    """Root mean squared scaled error of forecasts.

    The root of the mean squared error of a series, divided by that of the seasonal
    naive forecast in its training part; as in the M5 competition.

    Parameters
    ----------
    y_true : array-like of shape (n_times,) or (n_times, n_series)
        What came. Values that are missing (NaN) do not count.
    y_pred : array-like of the same shape
        What was forecast. Tables of pandas must have the same index and columns.
    y_train : array-like of shape (n_times_train,) or (n_times_train, n_series)
        What came before, in the order of time; of a DataFrame the same columns.
    season_length : int, default=1
        After how many times a season comes again, such as 24 of hours.
    multioutput : {"uniform_average", "raw_values"}, default="uniform_average"
        The mean over all series, or an error for each of them.

    Returns
    -------
    error : float or ndarray of shape (n_series,)
        From 0, the best. NaN for a series without a unit, since its training part
        repeats itself exactly, or without a value; the mean leaves it out.

    See Also
    --------
    mase : The same of absolute errors.

    Examples
    --------
    >>> from skrnn.metrics import rmsse
    >>> rmsse([5, 7], [6, 7], y_train=[1, 2, 3, 4])
    0.7071067811865476
    """
    errors = _scaled(y_true, y_pred, y_train, season_length, 2)
    return _averaged(errors, multioutput)


def coverage(
    y_true: ArrayLike,
    y_lower: ArrayLike,
    y_upper: ArrayLike,
    *,
    multioutput: Average = "uniform_average",
) -> Any:
    """Share of the values that lie in their intervals.

    Intervals from the quantile 0.1 to 0.9 should have 0.8 of them.

    Parameters
    ----------
    y_true : array-like of shape (n_times,) or (n_times, n_series)
        What came. Values that are missing (NaN) do not count.
    y_lower, y_upper : array-like of the same shape
        The bounds, which belong to their interval.
    multioutput : {"uniform_average", "raw_values"}, default="uniform_average"
        The mean over all series, or a share for each of them.

    Returns
    -------
    share : float or ndarray of shape (n_series,)
        From 0 to 1; NaN for a series without a value, which the mean leaves out.

    Examples
    --------
    >>> from skrnn.metrics import coverage
    >>> coverage([1, 2, 3, 4], [0, 0, 0, 0], [2, 2, 2, 5])
    0.75
    """
    arrays = _alike(y_true=y_true, y_lower=y_lower, y_upper=y_upper)
    return _averaged(covered(*arrays), multioutput)


def _scaled(y_true, y_pred, y_train, season_length, power):
    check_scalar(season_length, "season_length", Integral, min_val=1)
    true, predicted = _alike(y_true=y_true, y_pred=y_pred)
    train = _columns(y_train, "y_train")
    for array, name in ((true, "y_true"), (predicted, "y_pred"), (train, "y_train")):
        if np.isinf(array).any():
            raise ValueError(f"{name} has a value that is infinite.")
    if train.shape[1] != true.shape[1]:
        raise ValueError(
            f"y_train has {train.shape[1]} series, but y_true has {true.shape[1]}."
        )
    _check_same_labels(y_true, y_train, "y_true", "y_train", ["columns"])
    if len(train) <= season_length:
        raise ValueError(
            f"y_train has {len(train)} times, but a season is {season_length} of them: "
            "the error of the naive forecast takes more than one season."
        )
    return scaled_error(true, predicted, train, int(season_length), power)


def _alike(**arrays):
    """Columns of series, which must be as many in all."""
    (first, y), *others = arrays.items()
    columns = {name: _columns(array, name) for name, array in arrays.items()}
    for name, other in others:
        if columns[name].shape != columns[first].shape:
            raise ValueError(
                f"{name} has the shape {columns[name].shape}, but {first} has "
                f"{columns[first].shape}."
            )
        _check_same_labels(y, other, first, name, ["columns", "index"])
    return list(columns.values())


def _check_same_labels(y, other, first, name, axes):
    """Refuse tables of one shape that name what they have otherwise."""
    for axis in axes:
        labels, others = getattr(y, axis, None), getattr(other, axis, None)
        is_table = isinstance(labels, pd.Index) and isinstance(others, pd.Index)
        if is_table and not labels.equals(others):
            raise ValueError(
                f"{first} and {name} have not the same {axis}. Order one as the other "
                f"by {name}.reindex({axis}={first}.{axis})."
            )


def _columns(y, name) -> NDArray[np.float64]:
    array = np.asarray(y, dtype=np.float64)
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"{name} must have a value for each time, or a row of one for each series, "
            f"got an array of shape {array.shape}."
        )
    return array.reshape(len(array), -1)


def _averaged(errors, multioutput):
    if multioutput == "raw_values":
        return errors
    if multioutput != "uniform_average":
        raise ValueError(
            "multioutput must be 'uniform_average' or 'raw_values', got "
            f"{multioutput!r}."
        )
    return float(mean_of(errors))
