"""The forecaster: forms of series, what it reads and does not read, what it refuses."""

import pickle
import re
from datetime import UTC, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from golden_forecasters import FOLDER, KINDS, forecasts_of, make_golden
from numpy.testing import assert_allclose, assert_array_equal
from pandas.tseries.frequencies import to_offset
from scipy.special import ndtri
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_pinball_loss

from skrnn import RNNForecaster, RNNRegressor
from skrnn.estimators.forecasting import saving
from skrnn.estimators.forecasting.panel import read_panel
from skrnn.estimators.forecasting.paths import values_at
from skrnn.estimators.forecasting.times import (
    calendar_features,
    calendar_of,
    season_lengths_of,
)
from skrnn.estimators.forecasting.windows import (
    WindowForm,
    future_of,
    origins_to_learn,
    windows_of,
)
from skrnn.metrics import coverage, mase, rmsse

pytestmark = pytest.mark.nojit

H = 3
TINY = {"hidden_size": 3, "max_iter": 1, "batch_size": 24, "random_state": 0}
TINY |= {"loss": "squared_error", "max_windows": 24, "context": 4}
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
WORKDAYS = pd.bdate_range("2024-01-01", periods=41)
WAVES = np.arange(40)[:, None] % 7 + RNG.normal(size=(40, 3)).cumsum(axis=0)
WIDE = pd.DataFrame(WAVES, DAYS, ["a", "b", "c"])


def make(**parameters):
    return RNNForecaster(H, **TINY | parameters)


@cache
def saved(with_covariates=False, with_static=False):
    """A fitted one, as bytes."""
    if with_covariates:
        return pickle.dumps(make(known=["price"]).fit(WIDE, X))
    return pickle.dumps(make().fit(WIDE, static=STATIC if with_static else None))


def long_of(wide, name="y"):
    """A long Series, one series below the other."""
    parts = {column: wide[column] for column in wide}
    return pd.concat(parts, names=["id", "day"]).rename(name)


# Forms


def test_a_wide_frame():
    forecast = pickle.loads(saved()).predict()
    assert list(forecast) == ["a", "b", "c"]
    after = pd.date_range("2024-02-10", periods=H, freq="D")
    pd.testing.assert_index_equal(forecast.index, after)
    assert np.isfinite(forecast.to_numpy()).all()


def test_all_forms_say_the_same():
    wide = pickle.loads(saved()).predict()
    long = long_of(WIDE)
    found = make().fit(long).predict()
    assert found.index.names == ["id", "day"]
    pd.testing.assert_series_equal(
        found, long_of(wide), check_names=False, check_freq=False
    )
    # By time first, as tables often come; with columns in the place of an index.
    table = long.reset_index().sort_values(["day", "id"], kind="stable")
    columns = {"series": "id", "time": "day"}
    for more, y in (({}, table), ({"target": "y"}, table.assign(other=1.0))):
        forecaster = make(**columns, **more).fit(y)
        assert_array_equal(forecaster.predict(), found)


LONG = long_of(WIDE)
TABLE = LONG.reset_index().assign(other=1.0)
KEYS = ("series", "time", "target")


@pytest.mark.parametrize(
    ("parameters", "y"),
    [
        ({"series": "id"}, TABLE.set_index("day")[["id", "y"]]),
        ({"series": "id", "target": "y"}, TABLE.set_index("day")),
        ({"time": "day", "target": "y"}, TABLE.set_index(["id", "day"])),
        ({"target": "y"}, TABLE.set_index(["id", "day"])),
        ({"series": "id"}, LONG.swaplevel()),
        ({"series": "id", "time": "day"}, LONG.swaplevel()),
        ({"series": "id", "time": "day", "target": "y"}, TABLE.set_index("id")),
    ],
)
def test_names_of_columns_are_independent(parameters, y):
    panel = read_panel(y, None, [parameters.get(k) for k in KEYS])
    assert (panel.form, panel.names.name) == ("long", "id")
    assert panel.grid.first == DAYS[0]
    assert_array_equal(panel.values, WAVES)


def test_a_target_of_a_wide_frame_is_one_series():
    panel = read_panel(WIDE, None, (None, None, "b"))
    assert (panel.form, panel.names.tolist()) == ("series", ["b"])
    assert_array_equal(panel.values[:, 0], WIDE["b"])
    one_shop = WIDE[["a"]].assign(shop=7)
    panel = read_panel(one_shop, None, ("shop", None, None))
    assert (panel.form, panel.names.tolist()) == ("long", [7])
    assert_array_equal(panel.values[:, 0], WIDE["a"])


def test_a_series_and_an_array():
    y = WIDE["a"]
    forecast = make().fit(y).predict()
    assert forecast.name == "a"
    assert forecast.index[0] == pd.Timestamp("2024-02-10")
    assert_array_equal(make().fit(WIDE[["a"]]).predict()["a"], forecast)
    table = y.rename_axis("day").reset_index()
    found = make(time="day").fit(table).predict()
    assert_array_equal(found, forecast)
    assert (found.index.name, forecast.index.name) == ("day", None)
    plain = make(season_length=7, calendar=None)
    of_array = plain.fit(y.to_numpy()).predict()
    assert of_array.index.tolist() == [40, 41, 42]
    assert_array_equal(of_array, clone(plain).fit(y).predict())


@pytest.mark.parametrize(
    ("index", "after"),
    [
        (DAYS.tz_localize("Europe/Paris"), "2024-02-10 00:00:00+01:00"),
        (pd.period_range("2020-01", periods=40, freq="M"), "2023-05"),
        (pd.RangeIndex(5, 5 + 40 * 3, 3), "125"),
        (pd.Index(np.arange(0, 400, 10)), "400"),
        (pd.date_range("2024-01-01", periods=40, freq="MS"), "2027-05-01 00:00:00"),
    ],
)
def test_kinds_of_times(index, after):
    y = WIDE.set_axis(index)
    forecast = make().fit(y).predict()
    assert str(forecast.index[0]) == after
    assert type(forecast.index) is type(index) or isinstance(
        forecast.index, pd.RangeIndex
    )
    assert forecast.index[1] - forecast.index[0] == index[1] - index[0] or (
        index.freq == pd.offsets.MonthBegin()
    )


@pytest.mark.parametrize("as_form", [lambda wide: wide, long_of])
def test_time_zones(as_form):
    """One zone by other names, and another zone: the times are the same."""
    wide = WIDE.tz_localize("Europe/Paris")
    forecaster = make().fit(as_form(wide))
    forecast = forecaster.predict()
    other = wide.tz_convert("Asia/Tokyo")
    assert_array_equal(forecaster.predict(y=as_form(other)), forecast)
    utc = WIDE.tz_localize("UTC")
    forecaster = make().fit(as_form(utc[:30]))
    later = forecaster.update(as_form(utc[30:].tz_convert(ZoneInfo("UTC")))).predict()
    assert_array_equal(later, forecaster.predict(y=as_form(utc)))
    with pytest.raises(ValueError, match="The times of y are datetime64"):
        forecaster.predict(y=as_form(WIDE))


def test_series_of_unequal_length():
    """Those of a long frame end each by itself; leading NaN of a wide one are none."""
    long = long_of(WIDE).drop([("b", day) for day in DAYS[-5:]])
    forecast = make().fit(long).predict()
    firsts = forecast.index.to_frame()["day"].groupby("id").first()
    assert firsts.tolist() == [DAYS[-1] + DAYS.freq, DAYS[-5], DAYS[-1] + DAYS.freq]
    wide = WIDE.copy()
    wide.loc[: DAYS[20], "c"] = np.nan
    short = long_of(WIDE).drop([("c", day) for day in DAYS[:21]])
    assert_array_equal(
        make().fit(short).predict(), make().fit(wide).predict().T.to_numpy().ravel()
    )


def test_missing_values():
    holes = WIDE.mask(RNG.uniform(size=WIDE.shape) < 0.2)
    holes["none"] = np.nan
    holes["one"] = np.nan
    holes.loc[DAYS[35], "one"] = 5.0
    forecast = make().fit(holes).predict()
    assert forecast["none"].isna().all()
    assert np.isfinite(forecast.drop(columns="none").to_numpy()).all()
    # All that is known of it is its level; units are a thousandth of that.
    assert_allclose(forecast["one"], 5, atol=0.05)
    rows = WIDE.drop(DAYS[7])
    gap = WIDE.copy()
    gap.loc[DAYS[7]] = np.nan
    assert_array_equal(make(freq="D").fit(rows).predict(), make().fit(gap).predict())


def test_the_last_value_is_the_last_that_was_seen():
    """Also behind a long gap; with what is kept as with the whole history."""
    wide = WIDE.copy()
    wide.iloc[-1, 0] = wide.iloc[-18:, 1] = wide.iloc[3:, 2] = np.nan
    panel = read_panel(wide, None, (None,) * 3)
    form = WindowForm(context=5, horizon=2, seasons=(), calendar=())
    windows = windows_of(panel, np.arange(3), np.full(3, 39), form)
    last = [WAVES[38, 0], WAVES[21, 1], WAVES[2, 2]]
    assert_array_equal(windows.base, np.repeat(last, 2).reshape(3, 2))
    forecaster = make().fit(WIDE)
    forecaster = forecaster.update(wide[20:].set_axis(LATER[:20]))
    whole = pd.concat([WIDE, wide[20:].set_axis(LATER[:20])])
    assert_array_equal(forecaster.predict(), forecaster.predict(y=whole))
    # A level near the last value, not that of other series.
    silent = forecaster.update((WIDE * np.nan).set_axis(LATER[20:])).predict()
    assert_allclose(silent["b"], WAVES[21, 1], rtol=0.05)
    rest = (WIDE * np.nan).set_axis(LATER[20:])
    assert_array_equal(silent, forecaster.predict(y=pd.concat([whole, rest])))


LATER = pd.date_range(DAYS[-1], periods=61, freq="D")[1:]


def test_a_constant_series():
    wide = WIDE.assign(same=300.0, zero=0.0)
    forecast = make().fit(wide).predict()
    assert_allclose(forecast["same"], 300, atol=3)
    forecast = (
        make(max_iter=20, max_windows=8).fit(pd.Series(np.full(40, 300.0))).predict()
    )
    assert_allclose(forecast, 300, atol=1)


@pytest.mark.parametrize("factor", [8.0, 2.0**-900, 2.0**900])
def test_the_unit_does_not_matter(factor):
    forecast = pickle.loads(saved()).predict()
    assert_array_equal(make().fit(WIDE * factor).predict(), forecast * factor)


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
def test_nor_does_it_where_most_values_are_zero(factor):
    """Windows of zeros have the unit of others, and those no part in it."""
    demand = pd.DataFrame(0.0, DAYS, ["a", "b"])
    demand.iloc[30:, 0] = np.arange(10) % 3
    forecaster = make().fit(demand)
    found = make().fit(demand * factor)
    assert found._form.unit == forecaster._form.unit * factor
    assert_array_equal(found.predict(), forecaster.predict() * factor)
    assert (forecaster.predict()["b"] != 0).any()


# Past and future


def test_the_future_is_not_read():
    """Of each origin, bit by bit: other values behind it change nothing."""
    whole = make().backtest(WIDE, n_origins=3).forecasts
    other = WIDE.copy()
    other.iloc[-2 * H :] += 100 * RNG.normal(size=(2 * H, 3))
    changed = make().backtest(other, n_origins=3).forecasts
    first, second, third = whole.index.unique("origin")
    assert_array_equal(whole["y_pred"][first], changed["y_pred"][first])
    assert_array_equal(whole["y_pred"][second], changed["y_pred"][second])
    assert (whole["y_pred"][third] != changed["y_pred"][third]).any()
    # Nor is it in a fit, or in the forecasts of one that has seen the past only.
    forecaster = make().fit(WIDE[:first])
    of_first = forecaster.predict().T.to_numpy().ravel()
    assert_array_equal(of_first, whole["y_pred"][first])
    of_second = forecaster.predict(y=WIDE[:second]).T.to_numpy().ravel()
    assert_array_equal(of_second, whole["y_pred"][second])


def test_refits_see_what_is_before_their_origin():
    found = make().backtest(WIDE, n_origins=2, step=5, window=20, refit=True).forecasts
    for origin in found.index.unique("origin"):
        forecaster = make().fit(WIDE[:origin][-20:])
        forecast = forecaster.predict(y=WIDE[:origin])
        assert_array_equal(found["y_pred"][origin], forecast.T.to_numpy().ravel())


@pytest.mark.parametrize("form", ["wide", "long"])
def test_updates(form):
    """New observations, a few at a time: as if all had been known."""
    as_form = long_of if form == "long" else lambda wide: wide
    forecaster = make().fit(as_form(WIDE[:20]))
    whole = forecaster.predict(y=as_form(WIDE))
    weights = forecaster.regressor_.get_weights()
    for start, stop in ((20, 21), (21, 33), (33, 40)):
        assert forecaster.update(as_form(WIDE[start:stop])) is forecaster
    found = forecaster.predict()
    assert_array_equal(found, whole)
    assert found.index.equals(whole.index)
    for name, weight in forecaster.regressor_.get_weights().items():
        assert_array_equal(weight, weights[name])


def test_an_update_of_some_series():
    forecaster = make().fit(long_of(WIDE[:30]))
    before = forecaster.predict()
    after = forecaster.update(long_of(WIDE[["b"]][30:32])).predict()
    assert_array_equal(after[["a", "c"]], before[["a", "c"]])
    assert after["b"].index[0] == DAYS[32]
    one = make().fit(WIDE["a"][:30]).update(WIDE["a"][30:].rename("other"))
    assert one.predict().name == "a"


@pytest.mark.parametrize("levels", [None, [0.1, 0.9]])
@pytest.mark.parametrize("n", [2, 8])
def test_a_wide_forecast_after_an_update_of_some_series(levels, n):
    """Each series goes on from its own end."""
    forecaster = make(quantiles=levels).fit(WIDE[:30])
    found = forecaster.update(WIDE[["b"]][30 : 30 + n]).predict()
    for name in WIDE:
        end = 30 + n if name == "b" else 30
        later = pd.date_range(DAYS[end - 1], periods=H + 1, freq="D")[1:]
        forecast = found[name].dropna()
        assert forecast.index.equals(later)
        expected = forecaster.predict(y=WIDE[name][:end])
        assert_array_equal(forecast, expected)
    assert found.notna().any(axis=1).all()


def test_other_series_than_those_of_fit():
    forecaster = pickle.loads(saved())
    other = (WIDE["a"] * 3).rename("new")
    forecast = forecaster.predict(2, y=other)
    assert forecast.name == "new"
    assert_array_equal(forecaster.predict(y=other)[:2], forecast)
    assert_allclose(forecast / 3, forecaster.predict(2)["a"], rtol=1e-5)


def test_what_is_kept_is_what_forecasts_read():
    forecaster = pickle.loads(saved())
    n = forecaster.n_reads_
    assert n < 40
    assert_array_equal(forecaster.predict(y=WIDE[-n:]), forecaster.predict())
    assert (forecaster.predict(y=WIDE[1 - n :]) != forecaster.predict()).any(axis=None)


# Covariates and static features

LONGER = pd.date_range(DAYS[0], periods=40 + H, freq="D")
X = pd.DataFrame(RNG.normal(size=(40 + H, 2)), LONGER, ["price", "visits"])


def test_covariates():
    """Those that are known in advance are read at the times of the forecast."""
    forecaster = make(known=["price"]).fit(WIDE, X[:40])
    future = X[["price"]][40:]
    forecast = forecaster.predict(X_future=future)
    assert (forecaster.predict(X_future=future + 1) != forecast).all(axis=None)
    assert_array_equal(forecaster.predict(2, X_future=future), forecast[:2])
    assert_array_equal(forecaster.predict(X_future=X), forecast)
    # For each series; in other units.
    of_series = pd.concat(dict.fromkeys(WIDE, X)) * 4.0
    other = make(known=["price"]).fit(long_of(WIDE), of_series)
    found = other.predict(X_future=of_series).to_numpy()
    assert_allclose(found, forecast.T.to_numpy().ravel(), rtol=1e-5)


@pytest.mark.parametrize("kind", ["id", "day", "index"])
def test_covariates_of_tables(kind):
    """With the names of columns, those that they have."""
    forecaster = make(series="id", time="day", target="y", known=["price"])
    table = TABLE[["id", "day", "y"]]
    shared = X.rename_axis("day").reset_index()
    tables = {
        "id": pd.concat([shared.assign(id=name) for name in "abc"]),
        "day": shared,
        "index": X,
    }
    found = forecaster.fit(table, tables[kind])
    assert found._covariates.names == ("price", "visits")
    forecast = found.predict(X_future=tables[kind])
    expected = make(known=["price"]).fit(LONG, X).predict(X_future=X)
    assert_array_equal(forecast, expected)


def test_the_future_of_covariates_is_not_read():
    forecaster = make(known=["price"])
    whole = forecaster.backtest(WIDE, X, n_origins=2).forecasts["y_pred"]
    first = whole.index[0][0]
    for column, is_read in (("visits", False), ("price", True)):
        other = X.copy()
        other.loc[DAYS[first < DAYS], column] += 5
        found = forecaster.backtest(WIDE, other, n_origins=2).forecasts["y_pred"]
        assert (found[first] != whole[first]).any() == is_read
    fitted = make(known=["price"]).fit(WIDE[:first], X[:first])
    forecast = fitted.predict(X_future=X).T.to_numpy().ravel()
    assert_array_equal(forecast, whole[first])


def test_a_future_that_is_not_read_is_refused():
    """What `known` does not name would be of no effect, with no word."""
    forecaster = make().fit(WIDE, X)
    assert np.isfinite(forecaster.predict().to_numpy()).all()
    with pytest.raises(ValueError, match="name those that are in the parameter known"):
        forecaster.predict(X_future=X)


@pytest.mark.parametrize("with_covariates", [False, True])
def test_what_is_kept_does_not_grow(with_covariates):
    """Once a series has ended, and where it goes on much later."""
    forecaster = pickle.loads(saved(with_covariates))
    n, size = forecaster.n_reads_ + 1, len(pickle.dumps(forecaster))
    times = pd.date_range(DAYS[-1], periods=160, freq="D")[1:]
    prices = pd.DataFrame({"price": np.arange(162.0) % 5, "visits": 1.0}, None)
    prices = prices.set_index(pd.date_range(times[0], periods=162, freq="D"))
    more, future = ({}, {})
    if with_covariates:
        more, future = {"X": prices}, {"X_future": pd.concat([X[:40], prices])}
    new = pd.DataFrame(RNG.normal(size=(159, 3)), times, list(WIDE))
    for start in range(0, 159, 53):
        forecaster.update(new[["a", "c"]][start : start + 53], **more)
    assert forecaster._panel.values.shape == (n, 3)
    assert len(pickle.dumps(forecaster)) < 1.5 * size + 100
    found = forecaster.predict(**future)
    history = {"X": future["X_future"]} if with_covariates else {}
    for name in WIDE:
        whole = WIDE if name == "b" else pd.concat([WIDE, new])
        expected = forecaster.predict(y=whole[[name]], **history, **future)
        assert_array_equal(found[name].dropna(), expected[name])
    later = forecaster.update(new[["b"]][-9:], **more).predict(**future)
    whole = pd.concat([WIDE, new])
    whole.loc[times[:-9], "b"] = np.nan
    assert_array_equal(later, forecaster.predict(y=whole, **history, **future))


def test_updates_with_covariates():
    forecaster = make(known=["price"]).fit(WIDE[:20], X[:20])
    whole = forecaster.predict(X_future=X, y=WIDE, X=X)
    forecaster.update(WIDE[20:30], X).update(WIDE[30:], X)
    assert_array_equal(forecaster.predict(X_future=X), whole)


STATIC = pd.DataFrame({"size": [1.0, 2.0, 4.0], "kind": ["x", "y", "x"]}, list("abc"))


def test_static_features():
    forecaster = pickle.loads(saved(with_static=True))
    forecast = forecaster.predict()
    assert_array_equal(forecaster.predict(y=WIDE, static=STATIC[::-1]), forecast)
    other = forecaster.predict(y=WIDE, static=STATIC.assign(size=2.0))
    assert_array_equal(other["b"], forecast["b"])
    assert (other["a"] != forecast["a"]).all()
    # A category that is new is the unknown one.
    for kind in ("new", None):
        new = forecaster.predict(y=WIDE, static=STATIC.assign(kind=kind))
        assert (new != forecast).all(axis=None)
        assert np.isfinite(new.to_numpy()).all()


def test_a_column_of_static_features_names_the_series():
    table, static = long_of(WIDE).reset_index(), STATIC.rename_axis("id").reset_index()
    forecaster = make(series="id", time="day", target="y").fit(table, static=static)
    forecast = forecaster.predict()
    assert (forecast.name, forecast.index.names) == ("y", ["id", "day"])
    assert_array_equal(
        forecast, pickle.loads(saved(with_static=True)).predict().T.stack()
    )


@pytest.mark.parametrize("column", ["size", "kind"])
def test_static_features_of_one_kind(column):
    forecaster = make().fit(WIDE, static=STATIC[[column]])
    forecast = forecaster.predict(y=WIDE, static=STATIC[[column]])
    assert_array_equal(forecast, forecaster.predict())


def test_embeddings_of_series():
    forecaster = make(series_ids=True).fit(WIDE)
    forecast = forecaster.predict()
    assert len(forecaster.regressor_.embeddings_[0]) == 4
    swapped = forecaster.predict(y=WIDE.rename(columns={"a": "b", "b": "a"}))
    assert (swapped["b"].to_numpy() != forecast["a"].to_numpy()).all()


# Backtests


def test_backtest_frames():
    forecaster = make()
    forecasts, scores = forecaster.backtest(WIDE, n_origins=3, step=2)
    assert not hasattr(forecaster, "regressor_")
    assert forecasts.index.names == ["origin", "series", "time"]
    assert len(forecasts) == 3 * 3 * H
    origins = forecasts.index.unique("origin")
    assert origins.tolist() == [*DAYS[[-8, -6, -4]]]
    for (origin, name), part in forecasts.groupby(["origin", "series"]):
        expected = WIDE.loc[origin:, name].iloc[1 : 1 + H]
        assert_array_equal(part["y_true"], expected)
        assert_array_equal(part.index.get_level_values("time"), expected.index)
    assert scores.index.tolist() == ["a", "b", "c"]
    for name, of_series in forecasts.groupby("series"):
        y = of_series["y_true"], of_series["y_pred"]
        train = WIDE.loc[: origins[0], name]
        for metric in (mase, rmsse):
            expected = metric(*y, train, season_length=7)
            assert scores.loc[name, metric.__name__] == pytest.approx(expected)


def test_quantiles():
    levels = [0.1, 0.5, 0.9]
    forecaster = make(quantiles=levels).fit(WIDE)
    wide = forecaster.predict()
    expected = pd.MultiIndex.from_product([list("abc"), levels])
    assert wide.columns.equals(expected)
    assert wide.columns.names == [None, "quantile"]
    in_order = wide.to_numpy().reshape(H, 3, 3)
    assert (np.diff(in_order, axis=2) >= 0).all()
    long = forecaster.predict(y=long_of(WIDE))
    assert long.columns.tolist() == levels
    assert_array_equal(long.loc["b"], wide["b"])
    one = forecaster.predict(y=WIDE["b"])
    assert_array_equal(one, wide["b"])
    assert one.columns.name == "quantile"

    forecasts, scores = make(quantiles=levels).backtest(WIDE, n_origins=2)
    assert list(forecasts) == ["y_true", *levels]
    for name, of_series in forecasts.groupby("series"):
        true = of_series["y_true"]
        losses = [mean_pinball_loss(true, of_series[q], alpha=q) for q in levels]
        assert scores.loc[name, "pinball"] == pytest.approx(np.mean(losses))
        found = coverage(true, of_series[0.1], of_series[0.9])
        assert scores.loc[name, "coverage"] == pytest.approx(found)
        train = WIDE.loc[: forecasts.index[0][0], name]
        expected = mase(true, of_series[0.5], train, season_length=7)
        assert scores.loc[name, "mase"] == pytest.approx(expected)


# Paths


@cache
def with_quantiles(as_form=lambda wide: wide):
    """A fitted one that forecasts quantiles, as bytes."""
    return pickle.dumps(make(quantiles=[0.1, 0.5, 0.9]).fit(as_form(WIDE)))


@pytest.mark.parametrize("levels", [[0.2, 0.6], [0.01, 0.1, 0.4, 0.9]])
def test_draws_of_a_normal_distribution(levels):
    mean, deviation, z = RNG.normal(size=(3, 50, 1))
    quantiles = mean + abs(deviation) * ndtri(levels)
    found = values_at(z[:, 0], quantiles, levels)
    assert_allclose(found, (mean + abs(deviation) * z)[:, 0])


def test_draws_between_quantiles():
    quantiles = np.sort(RNG.normal(size=(400, 3)), axis=1)
    found = values_at(RNG.normal(size=400), quantiles, [0.25, 0.5, 0.75])
    shares = (found[:, None] < quantiles).mean(axis=0)
    assert_allclose(shares, [0.25, 0.5, 0.75], atol=0.07)  # three deviations


def test_a_path_goes_on_from_itself():
    forecaster = pickle.loads(with_quantiles())
    paths = forecaster.sample(1, H + 2, random_state=0)
    assert list(paths.columns.names) == [None, "sample"]
    scores = np.random.RandomState(0).normal(size=(3, H + 2))
    for (time, path), z in zip(paths.iterrows(), scores.T, strict=True):
        quantiles = forecaster.predict(1).to_numpy().reshape(3, 3)
        expected = values_at(z, quantiles, [0.1, 0.5, 0.9])
        assert_allclose(path, expected, rtol=1e-5)
        forecaster.update(pd.DataFrame([path.to_numpy()], [time], list(WIDE)))


def test_paths_in_all_forms():
    forecaster = pickle.loads(with_quantiles())
    before = forecaster.predict()
    paths = forecaster.sample(4, 2, random_state=1)
    assert paths.shape == (2, 3 * 4)
    pd.testing.assert_frame_equal(forecaster.predict(), before)
    pd.testing.assert_frame_equal(forecaster.sample(4, 2, random_state=1), paths)
    assert not forecaster.sample(4, 2, random_state=2).equals(paths)
    assert not (paths["a"].std(axis=1) == 0).any()

    long = pickle.loads(with_quantiles(long_of)).sample(4, 2, random_state=1)
    assert long.index.names == ["id", "day"]
    for name in WIDE:
        of_series = paths[name]
        assert_allclose(long.loc[name], of_series, rtol=1e-5)
    other = forecaster.sample(4, 2, y=WIDE["a"], random_state=1)
    assert other.columns.equals(pd.RangeIndex(4, name="sample"))
    assert_allclose(other, paths["a"], rtol=1e-5)


@pytest.mark.parametrize("known", [["price"], None])
def test_a_path_reads_no_covariate_behind_the_end(known):
    """Of a series that ends before others, what others have in common with it."""
    forecaster = make(quantiles=[0.1, 0.9], known=known, bidirectional=True)
    forecaster.fit(WIDE, X[:40])
    y = pd.concat([long_of(WIDE[["b"]][:9]), long_of(WIDE[["a"]])])
    future = {"X_future": X[["price"]]} if known else {}
    found = []
    for change in (0.0, 9.0):
        read = X[:40] + change * (np.arange(40) >= 9)[:, None]
        found.append(forecaster.sample(1, H, y=y, X=read, random_state=0, **future))
    assert_array_equal(*(paths.loc["b"] for paths in found))
    assert (found[0].loc["a"] != found[1].loc["a"]).any(axis=None)


def test_paths_go_on_from_the_end_of_each_series():
    forecaster = pickle.loads(with_quantiles())
    lengths = {"a": 40, "b": 9, "c": 0}
    y = long_of(WIDE.assign(c=np.nan))
    y = pd.concat([y[name][: n or 1] for name, n in lengths.items()], keys=lengths)
    paths = forecaster.sample(2, H + 1, y=y, random_state=0)
    firsts = [time for _, time in paths.index[:: H + 1]]
    assert firsts == [LONGER[40], DAYS[9], DAYS[1]]
    assert paths.drop("c").notna().all(axis=None)
    assert paths.loc["c"].isna().all(axis=None)


def test_counts_are_whole_numbers_of_any_kind():
    forecaster = pickle.loads(with_quantiles())
    one = forecaster.sample(1, 1, random_state=0)
    for kind in (bool, np.int8, np.uint64):
        found = forecaster.sample(kind(1), kind(1), random_state=0)
        pd.testing.assert_frame_equal(found, one)


def test_paths_with_covariates():
    forecaster = make(quantiles=[0.1, 0.9], known=["price"]).fit(WIDE, X)
    future = X.loc[WIDE.index[-1] :, ["price"]].iloc[1:]
    paths = forecaster.sample(2, H, future, random_state=0)
    changed = future.copy()
    changed.iloc[1] += 100  # of the second time
    others = forecaster.sample(2, H, changed, random_state=0)
    assert (paths.iloc[1] != others.iloc[1]).all()
    with pytest.raises(ValueError, match="X_future"):
        forecaster.sample(2, H + 1, future)


@pytest.mark.parametrize(
    ("quantiles", "arguments", "message"),
    [
        (None, {}, "fitted with none. Set quantiles="),
        ([0.5], {}, "fitted with one. Set quantiles="),
        ([0.1, 0.9], {"n_samples": 0}, "n_samples == 0, must be >= 1"),
        ([0.1, 0.9], {"horizon": 0}, "horizon == 0, must be >= 1"),
    ],
)
def test_paths_that_cannot_be_drawn(quantiles, arguments, message):
    forecaster = make(quantiles=quantiles).fit(WIDE)
    with pytest.raises(ValueError, match=message):
        forecaster.sample(**arguments)


# Seasons and times


@pytest.mark.parametrize(
    "freq",
    [pd.offsets.Day(), pd.offsets.MonthEnd(), pd.offsets.DateOffset(months=1), "D"],
)
def test_frequencies(freq):
    times = pd.date_range("2024-01-31", periods=40, freq=freq)
    seen = np.array([0, 1, 3, *range(5, 40)])  # with gaps, so that freq must say it
    y = pd.Series(np.arange(40.0), times)
    whole = make().fit(y)
    assert whole.predict().index.equals(
        pd.date_range(times[-1], periods=H + 1, freq=freq)[1:]
    )
    panel = read_panel(y.iloc[seen], freq, (None,) * 3)
    assert_array_equal(np.flatnonzero(~np.isnan(panel.values[:, 0])), seen)
    assert make(freq=freq).fit(y).season_lengths_ == whole.season_lengths_


@pytest.mark.parametrize(
    ("times", "freq", "message"),
    [
        (np.arange(40), "h", "freq='h', but the times are whole numbers"),
        (np.arange(40), 0, "freq=0, but the times are whole numbers"),
        (DAYS, 2, "freq=2 is no distance of dates"),
        (DAYS, "fortnight", "freq='fortnight' is no distance of dates"),
    ],
)
def test_bad_frequencies(times, freq, message):
    with pytest.raises(ValueError, match=message):
        make(freq=freq).fit(WIDE.set_axis(times))


@pytest.mark.parametrize(
    ("step", "first"),
    [
        *((pd.offsets.MonthBegin(), "2024-01-01"), (pd.offsets.MonthEnd(), "2024-01")),
        *((pd.offsets.MonthBegin(3), "2024-01-01 06:00"), (pd.offsets.Day(2), DAYS[0])),
        *((pd.offsets.Hour(36), "2024-03-18"), (pd.offsets.BDay(), "2024-03-18")),
        (pd.offsets.BMonthEnd(), "2024-01-31"),
    ],
)
def test_the_distance_that_is_advised(step, first):
    """With it the times are those of a grid with gaps."""
    times = pd.date_range(first, periods=30, freq=step).delete([2, 5])
    if step == pd.offsets.Hour(36):
        times = times[times.day_of_week < 5]
    (freq,) = _advised(times)
    assert to_offset(freq) == step
    panel = read_panel(pd.Series(1.0, times), freq, (None,) * 3)
    assert panel.grid.times(0, len(panel.values))[-1] == times[-1]


def _advised(times):
    with pytest.raises(ValueError, match="has no frequency") as error:
        read_panel(pd.Series(1.0, times), None, (None,) * 3)
    return re.findall("to the distance, '(.*)' it seems", str(error.value))


@pytest.mark.parametrize("form", ["array", "wide", "long", "series"])
def test_an_array_has_the_times_that_follow(form):
    as_form = {
        "array": lambda wide: wide.to_numpy(),
        "wide": lambda wide: wide,
        "long": long_of,
        "series": lambda wide: wide["b"],
    }[form]
    forecaster = make().fit(as_form(WIDE[:30]))
    more = WAVES[30:, 1] if form == "series" else WAVES[30:]
    found = forecaster.update(more).predict()
    expected = forecaster.predict(y=as_form(WIDE))
    assert_array_equal(found, expected)
    assert found.index.equals(expected.index)
    with pytest.raises(ValueError, match="y is an array with 2 columns, but there are"):
        forecaster.update(WAVES[:, :2])


@pytest.mark.parametrize(
    ("freq", "n", "seasons"),
    [
        ("h", 400, (24, 168)),
        ("h", 300, (24,)),
        ("15min", 2000, (96, 672)),
        ("D", 40, (7,)),
        ("D", 1100, (7, 365)),
        ("B", 40, (5,)),
        ("W", 120, (52,)),
        ("7D", 120, (52,)),
        ("MS", 40, (12,)),
        ("QS", 40, (4,)),
        ("2MS", 40, (6,)),
        ("YS", 40, ()),
        ("s", 40, ()),
    ],
)
def test_seasons(freq, n, seasons):
    times = pd.date_range("2024-01-01", periods=n, freq=freq)
    for index in (times, pd.DatetimeIndex(times.to_numpy())):
        grid = read_panel(pd.Series(0, index), None, (None,) * 3).grid
        assert season_lengths_of(grid.step, n) == seasons
        assert grid.times(0, n).equals(times)


@pytest.mark.parametrize("freq", ["M", "Q", "W", "D", "h"])
def test_seasons_of_periods(freq):
    seasons = {"M": (12,), "Q": (4,), "W": (52,), "D": (7,), "h": (24, 168)}
    times = pd.period_range("2024-01-01", periods=700, freq=freq)
    step = read_panel(pd.Series(0, times), None, (None,) * 3).grid.step
    assert season_lengths_of(step, 700) == seasons[freq]


@pytest.mark.parametrize(
    ("freq", "n", "step"),
    [("D", 60, "D"), ("2D", 30, "2D"), ("W", 12, "W-SUN"), ("24h", 60, "24h")],
)
def test_days_are_those_of_a_calendar(freq, n, step):
    """Also where the clock is set forward, seen in the times or behind them."""
    times = pd.date_range("2024-03-03", periods=n, freq=freq, tz="Europe/Paris")
    for begin in (times[:12], times) if freq != "24h" else (times,):
        index = pd.DatetimeIndex(list(begin))  # without a frequency
        grid = read_panel(pd.Series(0, index), None, (None,) * 3).grid
        assert grid.step_name.lower() == step.lower()
        assert grid.times(0, n).equals(times)


def test_calendar():
    hours = pd.date_range("2024-01-01 06:00", periods=20000, freq="h")
    grid = read_panel(pd.Series(0, hours), None, (None,) * 3).grid
    assert calendar_of("auto", grid, 48) == ("hour", "dayofweek")
    assert calendar_of("auto", grid, 20000) == ("hour", "dayofweek", "dayofyear")
    found = calendar_features(hours[:13], ("hour", "dayofweek"))
    # Six o'clock is a quarter of a day, Monday the begin of a week.
    assert_allclose(found[0], [1, 0, 0, 1], atol=1e-12)
    assert_allclose(found[12], [-1, 0, 0, 1], atol=1e-12)
    months = pd.date_range("2024-01-31", periods=9, freq=pd.offsets.MonthEnd())
    monthly = read_panel(pd.Series(0, months), None, (None,) * 3)
    assert calendar_of("auto", monthly.grid, 9) == ()


# Windows


def test_windows_are_what_they_say():
    """Against loops, for each step: residuals of the base, in units of a window."""
    panel = read_panel(WIDE, None, (None,) * 3)
    form = WindowForm(context=5, horizon=9, seasons=(4, 7), calendar=(), base=2)
    assert form.reach <= 26
    windows = windows_of(panel, [1], [25], form)
    y = WAVES[:, 1]
    recent = y[25 - form.span + 1 : 26]
    unit = recent.std()
    assert windows.unit[0, 0] == pytest.approx(unit)
    steps = range(-4, 10)
    for row, step in zip(windows.X[0], steps, strict=True):
        seasons = [p * max(1, -(-step // p)) for p in (1, 4, 7)]
        one, four, seven = seasons
        lags = [one, four, seven, four + 4, seven + 7, four + seven]
        base = y[25 + step - seven]
        others = [y[25 + step - lag] for i, lag in enumerate(lags) if i != 2]
        expected = [
            step > 0,
            0 if step > 0 else (y[25 + step] - base) / unit,
            (base - recent.mean()) / unit,
            max(step, 0) / 9,
            *((np.array(others) - base) / unit),
        ]
        assert_allclose(row, expected, atol=1e-12)
    future = future_of(panel, [1], [25], 9)
    assert_array_equal(future[0], y[26:35])
    outputs = windows.targets(future)
    assert_allclose(windows.values(outputs), future)


def test_a_level_far_away_hides_nothing():
    form = WindowForm(context=5, horizon=9, seasons=(), calendar=())
    windows = [
        windows_of(read_panel(WIDE + level, None, (None,) * 3), [0, 1], [39, 30], form)
        for level in (0.0, 1e4)
    ]
    assert_allclose(windows[1].X, windows[0].X, atol=1e-8)
    assert_allclose(windows[1].unit, windows[0].unit, rtol=1e-8)


def test_the_base_is_the_best_lag():
    n = 60
    weekly = pd.Series(np.tile(RNG.normal(size=7), 9)[:n])
    walk = pd.Series(RNG.normal(size=n).cumsum())
    for y, base in ((weekly, 1), (walk, 0)):
        forecaster = make(season_length=7).fit(y)
        assert forecaster._form.base == base


@pytest.mark.parametrize("max_windows", [10, 1000])
def test_windows_to_learn_from(max_windows):
    panel = read_panel(WIDE.assign(d=np.nan), None, (None,) * 3)
    form = WindowForm(context=5, horizon=9, seasons=(7,), calendar=())
    random_state = np.random.RandomState(0)
    series, origins = origins_to_learn(panel, form, max_windows, random_state)
    # From the origin that has a season, to that before the last value.
    all_of_one = range(6, 39)
    assert len(series) == min(max_windows, 3 * len(all_of_one))
    pairs = {*zip(series.tolist(), origins.tolist(), strict=True)}
    assert len(pairs) == len(series)
    assert pairs <= {(i, origin) for i in range(3) for origin in all_of_one}
    assert {i for i, _ in pairs} == {0, 1, 2}


@pytest.mark.parametrize(("n", "first"), [(2, 0), (3, 1), (6, 2), (30, 7)])
def test_windows_to_learn_from_have_a_unit(n, first):
    """One value has none; what follows it would be ten units away."""
    panel = read_panel(pd.Series(np.arange(n) + 10.0), None, (None,) * 3)
    form = WindowForm(context=5, horizon=2, seasons=(), calendar=())
    _, origins = origins_to_learn(panel, form, 100, np.random.RandomState(0))
    assert_array_equal(origins, np.arange(first, n - 1))


@pytest.mark.parametrize(("solver", "alpha"), [("adam", 10 * 8 / 24), ("lbfgs", 10)])
def test_the_penalty_counts_for_the_whole_fit(monkeypatch, solver, alpha):
    seen = []
    monkeypatch.setattr(RNNRegressor, "fit", lambda self, *_: seen.append(self.alpha))
    make(solver=solver, batch_size=8).fit(WIDE)
    assert seen == [pytest.approx(alpha)]


# As scikit-learn's users know estimators


def test_clone_and_pickle():
    forecaster = make(quantiles=None, series_ids=True, season_length=[7])
    copy = clone(forecaster)
    assert copy.get_params() == forecaster.get_params()
    forecast = forecaster.fit(WIDE).predict()
    again = pickle.loads(pickle.dumps(forecaster))
    assert_array_equal(again.predict(), forecast)
    later = WIDE[:2].set_axis(LONGER[40:42])
    found = again.update(later).predict()
    assert_array_equal(found, forecaster.update(later).predict())
    assert_array_equal(copy.fit(WIDE).predict(), forecast)
    assert isinstance(forecaster.regressor_, RNNRegressor)


def test_errors_show_names_as_they_are():
    y = WIDE.set_axis([1, 2, 3], axis=1)
    with pytest.raises(ValueError, match=r"the series 1; its rows are of \['1', '2'"):
        make().fit(y, static=STATIC.set_axis(["1", "2", "3"]))


@pytest.mark.parametrize("kind", KINDS)
def test_golden_files(kind):
    for number in range(1, saving.FORMAT + 1):
        golden = joblib.load(FOLDER / f"forecaster_{number}.joblib")
        forecaster, *expected, labels = golden[kind]
        *found, labels_found = forecasts_of(kind, forecaster)
        # Other machines may round otherwise.
        assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert labels_found == labels


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_plain(kind):
    """But for times and their distances, which are those of pandas."""
    forecaster = make_golden(kind)
    again = pickle.loads(pickle.dumps(forecaster))
    assert vars(again).keys() == vars(forecaster).keys()
    expected = forecasts_of(kind, forecaster)
    for found, of_first in zip(forecasts_of(kind, again), expected, strict=True):
        assert_array_equal(found, of_first)
    state = again.__getstate__()["_kept"]
    names = set(map(type, _values_of(state)))
    plain = {str, int, float, bool, type(None), np.ndarray, np.float64}
    assert {kind.__module__.split(".")[0] for kind in names - plain} <= {"pandas"}


def _values_of(state):
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, list | tuple):
        return [value for part in state for value in _values_of(part)]
    return [state]


def test_a_later_format_is_refused():
    state = pickle.loads(saved()).__getstate__()
    state["_kept"] |= {"format": saving.FORMAT + 1, "skrnn": "99.0"}
    match = "This forecaster was saved in format 2 by skrnn 99.0, but skrnn .* Install"
    with pytest.raises(ValueError, match=match):
        RNNForecaster().__setstate__(state)


@pytest.mark.parametrize(
    "zone",
    [
        *(UTC, timezone(timedelta(hours=1)), ZoneInfo("Asia/Tokyo")),
        *(
            timezone(timedelta(hours=1), "no name of a zone"),
            timezone(-timedelta(1) / 4),
        ),
        # Other times than those of the zone by the name, now, in summer, or by seconds.
        *(timezone(timedelta(hours=2), name) for name in ("EST", "UTC")),
        timezone(timedelta(hours=1), "Europe/Paris"),
        timezone(timedelta(hours=1, seconds=30)),
    ],
)
def test_time_zones_are_saved(zone):
    y = WIDE["a"].tz_localize(zone)
    forecaster = make().fit(y)
    again = pickle.loads(pickle.dumps(forecaster))
    assert_array_equal(again.predict().index, forecaster.predict().index)
    of_summer = pd.Timestamp("2024-07-01", tz="UTC")
    zones = [f.predict().index.tz for f in (forecaster, again)]
    offsets = {of_summer.tz_convert(zone).utcoffset() for zone in zones}
    assert len(offsets) == 1


def test_names_of_several_levels():
    """As they are, with quantiles: a number stays one."""
    names = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])
    forecaster = make(quantiles=[0.1, 0.9]).fit(WIDE.set_axis(names, axis=1))
    expected = [(*name, q) for name in names for q in (0.1, 0.9)]
    assert forecaster.predict().columns.tolist() == expected
    assert pickle.loads(pickle.dumps(forecaster)).predict().columns.tolist() == expected


def test_names_that_are_tuples():
    """In an index of one level they stay as they are, in all forms."""
    names = pd.Index([("a", 1), ("a", 2), ("b", 1)], name="id", tupleize_cols=False)
    wide = WIDE.set_axis(names, axis=1)
    forecaster = make(quantiles=[0.1, 0.9], series_ids=True).fit(wide[:30])
    forecaster = pickle.loads(pickle.dumps(forecaster.update(wide[30:])))
    found = forecaster.predict()
    assert found.columns.tolist() == [(name, q) for name in names for q in (0.1, 0.9)]
    assert found.columns.names == ["id", "quantile"]
    assert_array_equal(forecaster.sample(1).columns.get_level_values(0), names)
    index = [names.repeat(len(DAYS)), np.tile(DAYS, 3)]
    long = forecaster.predict(y=pd.Series(wide.to_numpy().T.ravel(), index))
    assert long.index.get_level_values(0)[::H].tolist() == names.tolist()
    assert_array_equal(np.hstack(np.split(long, 3)), found)


def test_a_fit_that_fails_leaves_the_last_one():
    forecaster = pickle.loads(saved())
    forecast = forecaster.predict()
    with pytest.raises(ValueError, match="no rows"):
        forecaster.fit(WIDE[:0])
    assert_array_equal(forecaster.predict(), forecast)
    with pytest.raises(NotFittedError):
        make().predict()
    with pytest.raises(NotFittedError):
        make().update(WIDE)


MIXED = pd.Index(
    [
        pd.Timestamp("2024-01-01", tz="UTC"),
        pd.Timestamp("2024-01-02", tz="Europe/Paris"),
    ],
    dtype=object,
)


HALF_DAYS = pd.date_range("2024-03-18", periods=7, freq=pd.offsets.Hour(36))[
    [0, 1, 2, 3, 6]
]
FIFTEENTHS = pd.to_datetime(["2024-01-15", "2024-02-15", "2024-04-15"])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (WIDE[::-1], "The times of y must be in order.* Sort y by time: sort_values"),
        (
            pd.concat([WIDE[:5], WIDE[4:]]),
            "y has the time 2024-01-05 .* more than once; .* set series",
        ),
        (long_of(WIDE)[::-1], "must be in order, .* of the series 'c'"),
        (
            pd.concat([long_of(WIDE), long_of(WIDE)[:1]]),
            "2024-01-01 00:00:00 of the series 'a' more than once",
        ),
        (pd.Series([1.0, 2.0], MIXED), "Timestamps of several time zones"),
        (WIDE.set_axis(DAYS.astype(str)), "The times of y must be a DatetimeIndex"),
        (WIDE.drop(DAYS[[3, 9]]), "y has no frequency.* Set freq .*, 'D' it seems"),
        (WIDE.set_axis(WORKDAYS.delete(9)), "Set freq .*, 'B' it seems"),
        (WIDE[:5].set_axis(HALF_DAYS), r"Set freq .*, '36[hH]' it seems"),
        (long_of(WIDE).swaplevel(), r"in this order, .* Pass y.swaplevel\(\)"),
        ([WAVES[:, 0], WAVES[:9, 0]], "series of unlike lengths"),
        (WIDE[:3].set_axis(DAYS[[0, 2, 5]]), "Set freq .*, such as 'D' for days"),
        (WIDE[:3].set_axis(FIFTEENTHS), r"such as pandas.DateOffset\(months=1\)"),
        (WIDE.rename_axis("day").reset_index(), r"column 'day' .* set time='day'"),
        (WIDE.astype(complex), "must have real numbers, but its column 'a'"),
        (WIDE[:0], "y has no rows"),
        (WIDE[[]], "y has no series"),
        (WIDE[["a", "a"]], "the series 'a' more than once"),
        (WIDE[:1].asfreq("D"), "no series has two values"),
        (WIDE * np.nan, "no series has two values"),
        (WIDE.replace(WAVES[3, 1], np.inf), "a value that is infinite"),
        (WIDE.assign(a="x"), "y must have numbers.* series, time and target"),
        (pd.concat([long_of(WIDE)] * 2, axis=1), "one column of values, found 2"),
        ("series", "y must be a Series or DataFrame of pandas, .* got builtins.str"),
        (pl.DataFrame({"a": WAVES[:, 0]}), r"got polars\..*DataFrame"),
        (WIDE.set_axis([*DAYS[:-1], pd.NaT]), "a time that is missing"),
    ],
)
def test_bad_series(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make().fit(y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"season_length": [0]}, "season_length must be a whole number"),
        ({"season_length": [2.5]}, "season_length must be a whole number"),
        ({"calendar": ["century"]}, "calendar has 'century'"),
        ({"known": ["price"]}, "are columns of X, which is None"),
        ({"time": "day"}, "y has no column 'day', which series or time names"),
        ({"target": "v"}, "y has no column 'v', which target names"),
        ({"freq": "W"}, "none of those from 2024-01-07 00:00:00 on at a distance"),
        ({"quantiles": [0.9, 0.1]}, "of which each is above the one before"),
        ({"quantiles": 0.5}, "The 'quantiles' parameter of RNNForecaster"),
        ({"context": 0}, "The 'context' parameter of RNNForecaster"),
        ({"horizon": 0}, "The 'horizon' parameter of RNNForecaster"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make().set_params(**parameters).fit(WIDE)


def test_times_that_no_parameter_names():
    table = long_of(WIDE).reset_index()
    with pytest.raises(ValueError, match="column 'day' .* set time='day'"):
        make(series="id", target="y").fit(table)


@pytest.mark.parametrize("extra", [DAYS, 1j])
@pytest.mark.parametrize("names", [["id", "step"], [None, None]])
def test_columns_that_are_not_used(names, extra):
    """They may have anything, where the index has the times."""
    y = WIDE.reset_index(drop=True).assign(other=extra)
    long = pd.concat(
        {name: y[[name, "other"]].set_axis(["y", "other"], axis=1) for name in WIDE},
        names=names,
    )
    panel = read_panel(long, None, (None, None, "y"))
    assert_array_equal(panel.values, WAVES)
    named = y.rename_axis("step")
    assert_array_equal(
        read_panel(named, None, (None, None, "b")).values[:, 0], WIDE["b"]
    )


@pytest.mark.parametrize("covariates", [WIDE["a"], WAVES[:, 0]])
def test_covariates_are_a_frame(covariates):
    """So that the order of scikit-learn's fit is an error."""
    with pytest.raises(TypeError, match=r"The series come first: fit\(y, X\)"):
        make().fit(WIDE, covariates)


def test_a_calendar_needs_one():
    with pytest.raises(ValueError, match="needs times of a calendar"):
        make(calendar=["hour"]).fit(WAVES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.predict(H + 1, X), "was fitted for 3 times at most"),
        (lambda f: f.predict(), r"X_future is None, but \['price'\] are known"),
        (lambda f: f.predict(X_future=X[:42]), "X_future has 2 of the 3 times"),
        (lambda f: f.predict(X_future=X[["visits"]]), "no column 'price'"),
        (lambda f: f.predict(X_future=X, y=WIDE), "X is None, but fit was given"),
        (lambda f: f.predict(X_future=X, X=X), "belong to y, which is None"),
        (
            lambda f: f.predict(X_future=X, y=WIDE, X=X[5:]),
            "X has no values for the series 'a' at 2024-01-01",
        ),
        (
            lambda f: f.predict(X_future=X, y=WIDE, X=X, static=STATIC),
            "static is passed, but fit was given none",
        ),
        (
            lambda f: f.predict(X_future=X.tz_localize("UTC")),
            r"The times of X_future are datetime64.*UTC\], but those of y are date",
        ),
        (
            lambda f: f.update(WIDE.tz_localize("UTC"), X),
            "The times of y are .* but those of fit are datetime64",
        ),
        (
            lambda f: f.predict(X_future=X.assign(price="cheap")),
            "X_future must have numbers.* pandas.get_dummies",
        ),
        (lambda f: f.update(WIDE, X), "it begins at 2024-01-01 .* ends at 2024-02-09"),
        (lambda f: f.update(WIDE[-2:], X), "must have times after those"),
        (
            lambda f: f.update(WIDE.rename(columns={"a": "new"}), X),
            "has the series 'new', which is not one of fit",
        ),
        (
            lambda f: f.update(WIDE[:1].set_axis(DAYS[-1:] + pd.Timedelta("36h")), X),
            "none of those|no values",
        ),
        (lambda f: f.backtest(WIDE, X, n_origins=14), "too few for n_origins=14"),
        (lambda f: f.backtest(WIDE, X, window=1), "window == 1, must be >= 2"),
    ],
)
def test_bad_calls(call, message):
    forecaster = pickle.loads(saved(with_covariates=True))
    state = pickle.dumps(forecaster)
    with pytest.raises(ValueError, match=message):
        call(forecaster)
    assert pickle.dumps(forecaster) == state


@pytest.mark.parametrize(
    ("static", "message"),
    [
        (STATIC[:2], r"no row for the series 'c'; its rows are of \['a', 'b'\]"),
        (pd.concat([STATIC, STATIC]), "the series 'a' more than once"),
        (STATIC.to_numpy(), "static must be a DataFrame"),
        (pl.DataFrame({"size": [1.0]}), r"of pandas .* got polars\..*DataFrame"),
        (STATIC[["size"]], "static has no column 'kind'"),
        (None, "static is None, but fit was given"),
        (STATIC.assign(kind=[1, 2, 1]), "values of type int, but fit saw str"),
        (STATIC.assign(size=["1", "2", "x"]), "'size' of static is not numeric"),
        (STATIC.assign(size=np.nan), "'size' of static has NaN in 3 of 3 rows"),
        (STATIC.assign(kind=[["x"], ["y"], ["x"]]), "'kind' of static"),
    ],
)
def test_bad_static_features(static, message):
    forecaster = pickle.loads(saved(with_static=True))
    with pytest.raises((ValueError, TypeError), match=message):
        forecaster.predict(y=WIDE, static=static)
