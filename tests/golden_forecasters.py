"""Forecasters of all kinds, as the golden files of their saved format have them.

``python tests/golden_forecasters.py`` writes the file of the present format, with the
lowest versions of NumPy and pandas, since later ones read what earlier ones wrote. It
is made once for each format and never again: later versions must open it. It has
forecasters, what they forecast, and what they forecast after an update.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from skrnn import RNNForecaster
from skrnn.estimators.forecasting.saving import FORMAT

FOLDER = Path(__file__).parent / "golden"
TINY = {"hidden_size": 3, "max_iter": 1, "batch_size": 24, "random_state": 0}
TINY |= {"loss": "squared_error", "max_windows": 24, "context": 4}
N, H, MORE = 40, 3, 2
DAYS = pd.date_range("2024-01-01", periods=N + H + MORE, freq="D")
VALUES = np.random.default_rng(0).normal(size=(N + MORE, 2)).cumsum(axis=0)
WIDE = pd.DataFrame(VALUES, DAYS[: N + MORE], ["a", "b"])
HOLIDAYS = pd.DataFrame({"holiday": np.arange(len(DAYS)) % 9 / 9}, DAYS)
STATIC = pd.DataFrame({"kind": ["x", "y"], "size": [1.0, 3.0]}, ["a", "b"])
MONTHS = pd.period_range("2020-01", periods=N + MORE, freq="M")
BERLIN = pd.date_range("2024-03-20", periods=N + MORE, freq="D", tz="Europe/Berlin")


def _rows(frame):
    """A table with a row for each series and time."""
    long = frame.rename_axis("day").melt(
        ignore_index=False, var_name="id", value_name="y"
    )
    return long.reset_index()


def _of_columns(index):
    return pd.DataFrame(VALUES, index, [("x", 1), ("y", 2)])


#: Parameters, y of fit, what comes after, and what fit takes with it.
KINDS = {
    "days": ({"quantiles": [0.1, 0.9]}, WIDE[:N], WIDE[N:], {}),
    "covariates": (
        {"known": ["holiday"]},
        WIDE[:N],
        WIDE[N:],
        {"X": HOLIDAYS[:N], "static": STATIC},
    ),
    "rows": (
        {"series": "id", "time": "day", "target": "y", "series_ids": True},
        _rows(WIDE[:N]),
        _rows(WIDE[N:]),
        {},
    ),
    "months": ({}, _of_columns(MONTHS)[:N], _of_columns(MONTHS)[N:], {}),
    "zone": ({}, pd.Series(VALUES[:N, 0], BERLIN[:N]), VALUES[N:, 0], {}),
    "numbers": ({}, VALUES[:N], VALUES[N:], {}),
}


def make_golden(kind):
    """A forecaster of a kind."""
    parameters, y, _, beside = KINDS[kind]
    return RNNForecaster(H, **TINY | parameters).fit(y, **beside)


def forecasts_of(kind, forecaster):
    """What it forecasts, and after an update; the labels, too, as texts."""
    parameters, _, new, beside = KINDS[kind]
    later = HOLIDAYS if "known" in parameters else None
    first = forecaster.predict(X_future=later)
    forecaster.update(new, HOLIDAYS[N : N + MORE] if "X" in beside else None)
    second = forecaster.predict(X_future=later)
    labels = [*map(str, second.index), *map(str, getattr(second, "columns", []))]
    return first.to_numpy(), second.to_numpy(), labels


def _write():
    saved = {}
    for kind in KINDS:
        forecasts = forecasts_of(kind, make_golden(kind))
        saved[kind] = make_golden(kind), *forecasts
    joblib.dump(saved, FOLDER / f"forecaster_{FORMAT}.joblib", compress=9)


if __name__ == "__main__":
    _write()
