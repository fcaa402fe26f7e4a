"""How far forecasts are from what came, in units that compare series.

Arrays have a row a time and a column a series; NaN stands for what is missing, and has
no part in a mean. A mean of nothing is NaN.
"""

import numpy as np


def scaled_error(true, predicted, train, season_length, power):
    """Mean error of each column, divided by that of the seasonal naive forecast.

    Errors have the power 1 (MASE) or 2 (RMSSE, whose square root is taken). The naive
    forecast is that of one step in the training part: the value a season before.
    """
    error = mean_of(np.abs(true - predicted) ** power)
    naive = mean_of(np.abs(train[season_length:] - train[:-season_length]) ** power)
    # A series that repeats itself exactly has no unit.
    return (error / np.where(naive > 0, naive, np.nan)) ** (1 / power)


def pinball(true, predicted, quantile):
    """Mean loss of each column that the quantile of the distribution has least."""
    error = true - predicted
    return mean_of(np.maximum(quantile * error, (quantile - 1) * error))


def covered(true, lower, upper):
    """Share of each column that lies between two bounds, or on one."""
    is_in = ((lower <= true) & (true <= upper)).astype(float)
    return mean_of(np.where(np.isnan(true), np.nan, is_in))


def mean_of(values):
    """Mean of each column, without what is missing."""
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    total = np.where(there, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
