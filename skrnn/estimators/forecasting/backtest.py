"""Forecasts from rolling origins, and their scores."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skrnn.estimators.forecasting.frames import index_of
from skrnn.estimators.forecasting.windows import future_of
from skrnn.mathematics.forecast_errors import covered, mean_of, pinball, scaled_error


class Backtest(NamedTuple):
    """What `RNNForecaster.backtest` returns."""

    forecasts: pd.DataFrame
    scores: pd.DataFrame


def origins_of(panel, horizon, n_origins, step, window):
    """Positions of the last times that are known; the last forecast ends the panel."""
    step = horizon if step is None else step
    last = len(panel.values) - horizon - 1
    origins = last - step * np.arange(n_origins)[::-1]
    least = 2 if window is None else window
    if origins[0] + 1 < least:
        raise ValueError(
            f"y has {len(panel.values)} times, too few for n_origins={n_origins} at a "
            f"distance of {step}, with {least} times before the first and {horizon} "
            "behind the last."
        )
    return origins


def backtest_of(values, panel, origins, quantiles, season_length):
    """The frames of forecasts (n_origins, n_series, horizon[, n_quantiles])."""
    n_origins, n_series, horizon = values.shape[:3]
    series = np.tile(np.arange(n_series), n_origins)
    places = np.repeat(origins, n_series)
    true = future_of(panel, series, places, horizon)
    index = index_of(panel, series, places + 1, horizon)
    times = panel.grid.times(0, len(panel.values))
    levels = [index.get_level_values(i) for i in (0, 1)]
    index = pd.MultiIndex.from_arrays(
        [times.take(np.repeat(places, horizon)), *levels],
        names=["origin", *index.names],
    )
    columns = ["y_pred"] if quantiles is None else list(quantiles)
    flat = values.reshape(len(index), -1)
    forecasts = pd.DataFrame(flat, index, columns)
    forecasts.insert(0, "y_true", true.ravel())

    def of_series(array):
        """A column each series."""
        return np.moveaxis(array, 1, -1).reshape(-1, n_series)

    true = of_series(true.reshape(n_origins, n_series, horizon))
    values = values.reshape(n_origins, n_series, horizon, -1)
    predicted = [of_series(part) for part in np.moveaxis(values, -1, 0)]
    train = panel.values[: origins[0] + 1]
    scores = _scores(true, predicted, train, quantiles, season_length)
    return Backtest(forecasts, pd.DataFrame(scores, panel.names))


def _scores(true, predicted, train, quantiles, season_length):
    """Columns of errors, of each series."""
    middle = predicted[0]
    if quantiles is not None:
        middle = predicted[int(np.abs(np.asarray(quantiles) - 0.5).argmin())]
    scores = {
        name: scaled_error(true, middle, train, season_length, power)
        for name, power in (("mase", 1), ("rmsse", 2))
    }
    if quantiles is not None:
        pairs = zip(predicted, quantiles, strict=True)
        losses = [pinball(true, of_one, quantile) for of_one, quantile in pairs]
        scores["pinball"] = mean_of(np.array(losses))
        scores["coverage"] = covered(true, predicted[0], predicted[-1])
    return scores
