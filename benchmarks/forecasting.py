"""Forecasts of real series from rolling origins, beside other ways to make them.

Hourly departures from New York's airports, a day ahead, and the highest temperatures in
Seattle, a week ahead: each of the last 30 origins is forecast from what was known then;
of the hourly traffic of a road, if there is a file, each of the last 14 days. Three
come with other packages, if these are installed: airline passengers (sktime), a year
ahead, from the beginning of each of the last 4; the yearly sunspots (statsmodels), ten
years ahead, from 5 origins; and the prices of five stocks (vega_datasets), 3 months
ahead, from 12 origins, of which nobody can say more than the last.

All learn once, from what is before the first origin. The naive forecasts take the value
one season before, or the last one. The linear model, one for each time ahead, and the
boosted trees take the last value and those of one and of two seasons before (if there
is no season, the last 24), in units of the last values, and where a time stands in the
day, the week and the year; both learn from at most as many windows as skrnn. ETS is
statsmodels', if that is installed: of models with and without trend and season the one
with the least AICc, whose states go on from origin to origin. An LSTM is
neuralforecast's, if that is installed, with its own defaults: one network for all
series, as skrnn. Printed are the mean and the median of MASE over the series, and
seconds; of ETS and of skrnn with quantiles the coverage and the pinball loss as well.
"""

import argparse
import warnings
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from report.tables import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_pinball_loss

from skrnn import RNNForecaster
from skrnn.datasets import load_departures, load_seattle_weather
from skrnn.metrics import coverage, mase

N_WINDOWS = 10_000
N_LAGS = 24  # where there is no season
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


def airline():
    from sktime.datasets import load_airline

    return load_airline().to_timestamp().asfreq("MS").to_frame(), 12, (12,), 4


def sunspots():
    from statsmodels.datasets import sunspots

    frame = sunspots.load_pandas().data
    return frame[["SUNACTIVITY"]].set_axis(frame["YEAR"].astype(int)), 10, (), 5


def stocks():
    from vega_datasets import local_data

    prices = local_data.stocks().pivot(index="date", columns="symbol", values="price")
    return prices.asfreq("MS"), 3, (), 12


#: What loads each panel, and the package that it comes with.
PANELS = {
    "departures": (departures, "skrnn"),
    "temperatures": (temperatures, "skrnn"),
    "airline": (airline, "sktime"),
    "sunspots": (sunspots, "statsmodels"),
    "stocks": (stocks, "vega_datasets"),
}


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
        if not self.seasons:
            two = [steps + k for k in range(1, N_LAGS)]
        places = origins[:, None, None] + steps[:, None] - np.array(one + two).T
        values = y.to_numpy()
        lagged = values[places, series[:, None, None]]
        recent = origins[:, None] - np.arange(max(self.seasons, default=N_LAGS))
        recent = values[recent, series[:, None]]
        with warnings.catch_warnings(action="ignore"):  # of windows without a value
            level, unit = (f(recent, 1)[:, None] for f in (np.nanmean, np.nanstd))
        unit = np.where(unit > 0, unit, 1.0)
        lagged = (lagged - level[:, :, None]) / unit[:, :, None]
        ahead = np.broadcast_to(steps[:, None], (*lagged.shape[:2], 1))
        parts = [lagged, ahead]
        if isinstance(y.index, pd.DatetimeIndex):
            last = origins.max() + self.horizon
            times = pd.date_range(y.index[0], periods=last + 1, freq=y.index.freq)
            times = times.take((origins[:, None] + steps).ravel())
            clock = np.column_stack([times.hour, times.day_of_week, times.day_of_year])
            parts.insert(1, clock.reshape(len(origins), self.horizon, -1))
        return np.concatenate(parts, axis=2), level, unit

    def fit(self, y):
        n, n_series = y.shape
        first = 2 * max(self.seasons, default=N_LAGS // 2)
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


def filled(series, season):
    """From the first value on, what is missing is as a season before."""
    series = series.loc[series.first_valid_index() :]
    return series.fillna(series.shift(season or 1)).ffill()


class LSTM:
    """neuralforecast's, of all series together."""

    def __init__(self, horizon, seasons):
        self.horizon, self.season = horizon, max(seasons, default=None)

    def _table(self, y):
        parts = {
            name: filled(y[name], self.season).rename_axis("ds").rename("y")
            for name in y
        }
        return pd.concat(parts, names=["unique_id"]).reset_index()

    def fit(self, y):
        from neuralforecast import NeuralForecast, models

        quiet = {"enable_progress_bar": False, "logger": False, "accelerator": "cpu"}
        model = models.LSTM(h=self.horizon, enable_checkpointing=False, **quiet)
        freq = y.index.freqstr if isinstance(y.index, pd.DatetimeIndex) else 1
        self.forecaster = NeuralForecast([model], freq)
        self.forecaster.fit(self._table(y))
        return self

    def predict(self, y, origin):
        table = self.forecaster.predict(self._table(y[: origin + 1]))
        return table.pivot(index="ds", columns="unique_id", values="LSTM")[[*y]]


class ETS:
    """statsmodels' exponential smoothing of each series, with normal intervals."""

    def __init__(self, horizon, seasons):
        self.horizon = horizon
        self.season = max((n for n in seasons if n <= 168), default=None)

    def _filled(self, values):
        return filled(pd.Series(values), self.season).to_numpy()

    def _model(self, values, kind):
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        trend, seasonal = kind
        return ETSModel(
            pd.Series(values),
            trend=trend,
            damped_trend=trend is not None,
            seasonal=seasonal,
            seasonal_periods=seasonal and self.season,
            initialization_method="heuristic",
        )

    def fit(self, y):
        self.fitted = []
        seasonals = [None, "add"] if self.season else [None]
        for values in y.to_numpy().T:
            kinds = product([None, "add"], seasonals)
            values = self._filled(values)
            if self.season and self.season <= 12 and values.min() > 0:
                kinds = [*kinds, (None, "mul"), ("add", "mul")]
            fits = [(kind, self._model(values, kind).fit(disp=False)) for kind in kinds]
            self.fitted.append(min(fits, key=lambda pair: pair[1].aicc))
        return self

    def predict(self, y, origin):
        """Three quantiles of each series, (horizon, n_series, 3)."""
        found = []
        pairs = zip(y.to_numpy()[: origin + 1].T, self.fitted, strict=True)
        for values, (kind, fit) in pairs:
            values = self._filled(values)
            model = self._model(values, kind).smooth(fit.params)
            n = len(values)
            ends = {"start": n, "end": n + self.horizon - 1}
            more = {"rng": 0} if "mul" in kind else {}  # intervals are drawn
            forecast = model.get_prediction(**ends, **more)
            frame = forecast.summary_frame(alpha=0.2)
            found.append(frame[["pi_lower", "mean", "pi_upper"]].to_numpy())
        return np.stack(found, axis=1)


def split(y, horizon, n_origins):
    """What all learn from, what is to be forecast, and the positions of origins."""
    origins = len(y) - 1 - horizon * np.arange(1, n_origins + 1)[::-1]
    return y[: origins[0] + 1], y[origins[0] + 1 :], origins


def errors_of(y, horizon, season, n_origins, forecast):
    """MASE of each series; `forecast` takes the position of an origin."""
    train, true, origins = split(y, horizon, n_origins)
    found = np.concatenate([forecast(origin) for origin in origins])
    return mase(true, found, train, season_length=season, multioutput="raw_values")


def of_ets(y, horizon, seasons, n_origins):
    """MASE of each series, pinball loss, coverage."""
    train, true, origins = split(y, horizon, n_origins)
    with warnings.catch_warnings(action="ignore"):  # of fits that do not converge
        model = ETS(horizon, seasons).fit(train)
        found = np.concatenate([model.predict(y, origin) for origin in origins])
    season, levels = (*seasons[:1], 1)[0], np.moveaxis(found, 2, 0)
    errors = mase(
        true, levels[1], train, season_length=season, multioutput="raw_values"
    )
    flat = true.to_numpy()
    losses = [
        mean_pinball_loss(flat, of_one, alpha=quantile)
        for of_one, quantile in zip(levels, QUANTILES, strict=True)
    ]
    return errors, np.mean(losses), np.mean(coverage(flat, levels[0], levels[2]))


def others(y, horizon, seasons, n_origins):
    """The same of what is not skrnn."""
    values, train = y.to_numpy(), split(y, horizon, n_origins)[0]
    score = partial(errors_of, y, horizon, (*seasons[:1], 1)[0], n_origins)
    for season in seasons or (1,):
        if season > 168:
            continue
        ahead = np.arange(1, horizon + 1)
        back = ahead - season * -(-ahead // season)
        errors = score(lambda origin, back=back: values[origin + back])
        name = f"{season} steps before" if seasons else "the last value"
        yield name, errors, "", "", 0.0
    trees = HistGradientBoostingRegressor(loss="absolute_error", random_state=0)
    for name, model, is_linear in (("Ridge", None, True), ("trees", trees, False)):
        start = perf_counter()
        model = OnLags(model, horizon, seasons, is_linear)
        model.fit(train)
        errors = score(partial(model.predict, y))
        yield f"{name} on lags", errors, "", "", perf_counter() - start
    if find_spec("neuralforecast"):
        start = perf_counter()
        errors = score(partial(LSTM(horizon, seasons).fit(train).predict, y))
        yield "neuralforecast", errors, "", "", perf_counter() - start
    if find_spec("statsmodels"):
        start = perf_counter()
        yield "ETS", *of_ets(y, horizon, seasons, n_origins), perf_counter() - start


def of_skrnn(y, horizon, seasons, n_origins, quantiles, n_epochs):
    """MASE of each series, pinball loss, coverage, seconds."""
    start = perf_counter()
    forecaster = RNNForecaster(
        horizon, quantiles=quantiles, max_iter=n_epochs, random_state=0
    )
    if not seasons:  # so that the unit of errors is that of the others
        forecaster.set_params(season_length=None)
    scores = forecaster.backtest(y, n_origins=n_origins).scores
    more = (scores.get(name) for name in ("pinball", "coverage"))
    more = ["" if column is None else float(column.mean()) for column in more]
    return scores["mase"].to_numpy(), *more, perf_counter() - start


def forecasts(*panel_and_epochs):
    """Names, MASE of each series, pinball loss, coverage and seconds of all."""
    *panel, n_epochs = panel_and_epochs
    yield from others(*panel)
    yield "skrnn", *of_skrnn(*panel, None, n_epochs)
    yield "skrnn, quantiles", *of_skrnn(*panel, QUANTILES, n_epochs)


def panels_of(names, file):
    """Names and panels, one by one; the file is that of the traffic."""
    for name in names:
        load, package = PANELS.get(name, (partial(traffic, file), "skrnn"))
        if find_spec(package):
            yield name, load()
        else:
            print(f"{name} needs {package}, which is not installed.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traffic", type=Path, help="a CSV file of hourly traffic")
    parser.add_argument("--epochs", type=int, default=20, help="of skrnn")
    parser.add_argument("--panels", nargs="+", choices=[*PANELS, "traffic"])
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    args = parser.parse_args()
    names = args.panels or [*PANELS, *(["traffic"] if args.traffic else [])]
    if "traffic" in names and not args.traffic:
        parser.error("the panel traffic needs the file of --traffic")
    fields = ("panel", "forecast", "mean", "median", "pinball", "coverage", "seconds")
    table = Table(fields, args.csv, panel=12, forecast=18)
    for name, panel in panels_of(names, args.traffic):
        for kind, errors, *more in forecasts(*panel, args.epochs):
            means = float(errors.mean()), float(np.median(errors))
            table.add(name, kind, *means, *more)


if __name__ == "__main__":
    main()
