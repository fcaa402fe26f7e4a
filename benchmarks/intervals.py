"""Intervals for 80 % of the targets: by quantiles, by a Gaussian, by residuals.

Of three series: the highest temperature of tomorrow in Seattle, of 14 days before; a
person's glucose in 30 minutes, of two hours before; the traffic of a road in three
hours, of 24 hours before. The last part of each (365 days, or a fifth) is for testing.
Of the squared error it lies between the quantiles 0.1 and 0.9 of the residuals in the
last fifth of the training part, which is then not learned from. Printed are the part of
the targets that lies in its interval (the least and the largest of all seeds), the
pinball loss, mean of the quantiles 0.1, 0.5 and 0.9, and R^2.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from report.tables import Table
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from skrnn import RNNRegressor
from skrnn.datasets import load_glucose, load_seattle_weather
from skrnn.metrics import coverage

QUANTILES = (0.1, 0.5, 0.9)
OPTIONS = {"hidden_size": 32, "max_iter": 30, "bidirectional": False}


def windows(values, column, length, ahead, step, n_test=None):
    """Inputs, standardised, targets, and how many are the training part; no gaps."""
    values = np.asarray(values, np.float64)
    starts = np.arange(0, len(values) - length - ahead + 1, step)
    X = values[starts[:, None] + np.arange(length)]
    y = values[starts + length + ahead - 1, column]
    there = ~np.isnan(X).any(axis=(1, 2)) & ~np.isnan(y)
    X, y = X[there], y[there]
    n = len(y) - n_test if n_test else int(0.8 * len(y))
    return (X - X[:n].mean((0, 1))) / X[:n].std((0, 1)), y, n


def seattle():
    frame = load_seattle_weather(as_frame=True).frame
    columns = ["temp_max", "temp_min", "precipitation", "wind"]
    return windows(frame[columns], 0, 14, ahead=1, step=1, n_test=365)


def glucose():
    return windows(load_glucose().data[:, None], 0, 24, ahead=6, step=12)


def traffic(file):
    """A table with the columns datetime and traffic_volume, hour by hour."""
    table = pd.read_csv(file, parse_dates=["datetime"], index_col="datetime")
    angle = table.index.hour * 2 * np.pi / 24
    is_weekend = table.index.day_of_week > 4
    columns = [table["traffic_volume"], np.sin(angle), np.cos(angle), is_weekend]
    return windows(np.column_stack(columns), 0, 24, ahead=3, step=3)


def quantiles_of(loss, X, y, n, seed):
    """Quantiles of the test part, (n_test, 3), and R^2."""
    regressor = RNNRegressor(loss=loss, random_state=seed, **OPTIONS)
    if loss == "squared_error":
        n_learned = int(0.8 * n)
        regressor.fit(X[:n_learned], y[:n_learned])
        residuals = y[n_learned:n] - regressor.predict(X[n_learned:n])
        found = regressor.predict(X[n:])[:, None] + np.quantile(residuals, QUANTILES)
    elif loss == "gaussian":
        mean, deviation = regressor.fit(X[:n], y[:n]).predict(X[n:], return_std=True)
        found = mean[:, None] + np.outer(deviation, stats.norm.ppf(QUANTILES))
    else:
        found = regressor.fit(X[:n], y[:n]).predict(X[n:])
    return found, regressor.score(X[n:], y[n:])


def measure(loss, X, y, n, seeds):
    """Coverage, pinball loss and R^2 with each seed."""
    for seed in seeds:
        found, r2 = quantiles_of(loss, X, y, n, seed)
        pairs = zip(QUANTILES, found.T, strict=True)
        losses = [mean_pinball_loss(y[n:], of_q, alpha=q) for q, of_q in pairs]
        yield coverage(y[n:], found[:, 0], found[:, 2]), np.mean(losses), r2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traffic", type=Path, help="a table of hours")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    sets = {"seattle": seattle(), "glucose": glucose()}
    if arguments.traffic:
        sets["traffic"] = traffic(arguments.traffic)
    fields = "set", "loss", "coverage", "least", "largest", "pinball", "R^2"
    table = Table(fields, set=8, loss=14)
    for name, data in sets.items():
        for loss in ("squared_error", "quantile", "gaussian"):
            rows = np.array([*measure(loss, *data, range(arguments.seeds))])
            covered, pinball, r2 = rows.mean(axis=0)
            ends = rows[:, 0].min(), rows[:, 0].max()
            table.add(name, loss, covered, *ends, pinball, r2)


if __name__ == "__main__":
    main()
