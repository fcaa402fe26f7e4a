"""Forecasts of real series from rolling origins, beside other ways to make them.

Hourly departures from New York's airports, a day ahead, and the highest temperatures in
Seattle, a week ahead: each of the last 30 origins is forecast from what was known then;
of the hourly traffic of a road, if there is a file, each of the last 14 days.
All learn once, from what is before the first origin. The seasonal naive forecasts take
the value one season before. The linear model, one for each time ahead, and the boosted
trees take the last value and those of one and of two seasons before, in units of the
last values, and where a time stands in the day and the week; both learn from as many
windows as skrnn. Printed are the mean and the median of MASE over the series, and
seconds; of skrnn with quantiles the coverage and the pinball loss as well.
"""

import argparse
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from report.tables import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV

from skrnn import RNNForecaster
from skrnn.datasets import load_departures, load_seattle_weather
from skrnn.metrics import mase

N_WINDOWS = 10_000
QUANTILES = [0.1, 0.5, 0.9]


def departures():
    """Series until 15 November, the horizon, seasons, and how many origins."""
    return load_departures(as_frame=True).data[:"2013-11-14"], 24, (24, 168), 30


def temperatures():
    frame = load_seattle_weather(as_frame=True).data.asfreq("D")
    return frame[["temp_max"]], 7, (7, 365), 30


def traffic(file):
    """A table with the columns datetime and traffic_volume, hour by hour."""
    y = pd.read_csv(file, parse_dates=["datetime"], index_col="datetime")
    return y[["traffic_volume"]].asfreq("h"), 24, (24, 168), 14


class OnLags:
    """A regressor of scikit-learn on the values one and two seasons before."""

    def __init__(self, model, horizon, seasons, is_for_each_step):
        self.model, self.horizon, self.seasons = model, horizon, seasons
        self.is_for_each_step = is_for_each_step

    def _windows(self, y, series, origins):
        """Features (n, horizon, n_features), level and unit of each window."""
        steps = np.arange(1, self.horizon + 1)
        one = [p * -(-steps // p) for p in (1, *self.seasons)]
        two = [lag + p for lag, p in zip(one[1:], self.seasons, strict=True)]
        places = origins[:, None, None] + steps[:, None] - np.array(one + two).T
        values = y.to_numpy()
        lagged = values[places, series[:, None, None]]
        recent = origins[:, None] - np.arange(max(self.seasons))
        recent = values[recent, series[:, None]]
        level, unit = (f(recent, 1)[:, None] for f in (np.nanmean, np.nanstd))
        unit = np.where(unit > 0, unit, 1.0)
        last = origins.max() + self.horizon
        times = pd.date_range(y.index[0], periods=last + 1, freq=y.index.freq)
        times = times.take((origins[:, None] + steps).ravel())
        clock = np.column_stack([times.hour, times.day_of_week, times.day_of_year])
        clock = clock.reshape(len(origins), self.horizon, -1)
        lagged = (lagged - level[:, :, None]) / unit[:, :, None]
        ahead = np.broadcast_to(steps[:, None], (*clock.shape[:2], 1))
        return np.concatenate([lagged, clock, ahead], axis=2), level, unit

    def fit(self, y):
        n, n_series = y.shape
        first = 2 * max(self.seasons)
        all_origins = np.arange(first, n - self.horizon)
        pairs = np.linspace(0, n_series * len(all_origins) - 1, N_WINDOWS).astype(int)
        series, origins = np.divmod(np.unique(pairs), len(all_origins))
        origins = all_origins[origins]
        X, level, unit = self._windows(y, series, origins)
        ahead = origins[:, None] + np.arange(1, self.horizon + 1)
        target = (y.to_numpy()[ahead, series[:, None]] - level) / unit
        there = ~np.isnan(target) & ~np.isnan(X).any(axis=2)
        if not self.is_for_each_step:
            self.model.fit(X[there], target[there])
            return self
        rows = there.all(axis=1)
        self.models = [
            RidgeCV(np.logspace(-2, 4, 7)).fit(X[rows, h], target[rows, h])
            for h in range(self.horizon)
        ]
        return self

    def predict(self, y, origin):
        series = np.arange(y.shape[1])
        X, level, unit = self._windows(y, series, np.full(series.size, origin))
        X = np.nan_to_num(X)
        if self.is_for_each_step:
            models = enumerate(self.models)
            found = np.column_stack([model.predict(X[:, h]) for h, model in models])
        else:
            found = self.model.predict(X.reshape(-1, X.shape[2])).reshape(X.shape[:2])
        return (found * unit + level).T


def errors_of(y, horizon, season, n_origins, forecast):
    """MASE of each series; `forecast` takes the position of an origin."""
    n = len(y)
    origins = n - 1 - horizon * np.arange(1, n_origins + 1)[::-1]
    found = np.concatenate([forecast(origin) for origin in origins])
    train, true = y[: origins[0] + 1], y[origins[0] + 1 :]
    return mase(true, found, train, season_length=season, multioutput="raw_values")


def others(y, horizon, seasons, n_origins):
    """Names, MASE and seconds of what is not skrnn."""
    values = y.to_numpy()
    score = partial(errors_of, y, horizon, seasons[0], n_origins)
    for season in seasons:
        if season > 168:
            continue
        ahead = np.arange(1, horizon + 1)
        back = ahead - season * -(-ahead // season)
        errors = score(lambda origin, back=back: values[origin + back])
        yield f"{season} steps before", errors, 0.0
    trees = HistGradientBoostingRegressor(loss="absolute_error", random_state=0)
    for name, model, is_linear in (("Ridge", None, True), ("trees", trees, False)):
        start = perf_counter()
        model = OnLags(model, horizon, seasons, is_linear)
        model.fit(y[: len(y) - horizon * n_origins])
        errors = score(partial(model.predict, y))
        yield f"{name} on lags", errors, perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traffic", type=Path, help="a CSV file of hourly traffic")
    parser.add_argument("--epochs", type=int, default=20, help="of skrnn")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    args = parser.parse_args()
    fields = ("panel", "forecast", "mean", "median", "pinball", "coverage", "seconds")
    table = Table(fields, args.csv, panel=12, forecast=18)
    panels = {"departures": departures(), "temperatures": temperatures()}
    if args.traffic:
        panels["traffic"] = traffic(args.traffic)
    for name, (y, horizon, seasons, n_origins) in panels.items():
        for other, errors, seconds in others(y, horizon, seasons, n_origins):
            means = float(errors.mean()), float(np.median(errors))
            table.add(name, other, *means, "", "", seconds)
        for kind, quantiles in (("skrnn", None), ("skrnn, quantiles", QUANTILES)):
            start = perf_counter()
            forecaster = RNNForecaster(
                horizon, quantiles=quantiles, max_iter=args.epochs, random_state=0
            )
            scores = forecaster.backtest(y, n_origins=n_origins).scores
            more = scores.get("pinball"), scores.get("coverage")
            more = ["" if column is None else float(column.mean()) for column in more]
            errors = scores["mase"]
            mean, median = float(errors.mean()), float(errors.median())
            table.add(name, kind, mean, median, *more, perf_counter() - start)


if __name__ == "__main__":
    main()
