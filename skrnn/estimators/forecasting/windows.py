"""Windows of series: some steps that are known, and those to forecast, as one sequence.

A step of the horizon has no value, but all that is known of it before: the values one
season earlier, whatever the season, the calendar, covariates that are known in advance.
What the network learns is how far a step is from the one of these lags that is the best
forecast by itself (the *base*), in units of the window. So a series that changes its
level, or has another one than those of fit, looks as the others do.

A window reads nothing behind its *origin*, the last step that is known, but covariates
that are known in advance.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrnn.estimators.forecasting.times import calendar_features

#: Numbers in units of a window are cut off here: rare jumps from a long silence.
_LIMIT = 10.0


@dataclass(frozen=True)
class WindowForm:
    """What a window has; it does not depend on the data it is cut from."""

    context: int  # steps that are known
    horizon: int  # steps to forecast
    seasons: tuple  # lengths of seasons, in steps
    calendar: tuple  # names of features of times
    base: int = 0  # which of the lags is the base
    unit: float = np.nan  # of series that are constant at 0
    covariates: tuple = ()  # mean and scale of each covariate

    @property
    def steps(self):
        """Of a window, the origin being 0."""
        return np.arange(-self.context + 1, self.horizon + 1)

    @property
    def lags(self):
        """How far back, of each step: a row each lag, (n_lags, n_steps).

        First that of the last value, and those of one season each; then those of two
        seasons, of one kind or of two. They are as long as they must be to end at the
        origin.
        """
        one = [p * np.maximum(1, -(-self.steps // p)) for p in (1, *self.seasons)]
        two = [lag + p for lag, p in zip(one[1:], self.seasons, strict=True)]
        pairs = [a + b for i, a in enumerate(one[1:], 2) for b in one[i:]]
        return np.array([*one, *two, *pairs])

    @property
    def span(self):
        """Of how many values up to the origin level and unit are those of a window."""
        return max(2 * self.context, *self.seasons, 8)

    def fitted(self, windows, future):
        """The form with what is learned from windows: the base, and a unit.

        The base is the lag by whose values the errors are least, in units of windows
        that have one of their own; the unit of others is the median of these.
        """
        error = np.abs(future - windows.lags) / windows.unit
        there = ~np.isnan(error)
        errors = np.where(there, error, 0.0).sum(axis=(1, 2))
        means = errors / np.maximum(there.sum(axis=(1, 2)), 1)
        means[~there.any(axis=(1, 2))] = np.inf
        own = windows.unit[~np.isnan(windows.unit)]
        unit = float(np.median(own)) if own.size else 1.0
        return replace(self, base=int(means.argmin()), unit=unit)

    @property
    def reach(self):
        """How many values up to the origin a window reads, and the last one seen."""
        return int(max(self.span, (self.lags - self.steps).max() + 1))


@dataclass(frozen=True)
class Windows:
    """Windows as arrays: (n, n_steps, ...), and what makes values of outputs."""

    X: Any
    base: Any  # of the horizon, (n, horizon)
    unit: Any  # (n, 1)
    lags: Any  # all but the pairs of seasons, of the horizon: (n_lags, n, horizon)

    def values(self, outputs):
        """What outputs (n, horizon, ...) mean."""
        extra = (1,) * (outputs.ndim - 2)
        base = self.base.reshape(*self.base.shape, *extra)
        return base + outputs * self.unit.reshape(-1, 1, *extra)

    def targets(self, future):
        """Outputs that mean these values (n, horizon)."""
        return np.clip((future - self.base) / self.unit, -_LIMIT, _LIMIT)


def windows_of(panel, series, origins, form):
    """The windows of some series with these last known positions."""
    series, origins = np.asarray(series)[:, None], np.asarray(origins)[:, None]

    def at(places, values=panel.values):
        """Values, NaN where there are none."""
        rows = places - panel.starts[series]
        is_in = (rows >= 0) & (places <= origins)
        return np.where(is_in, values[np.where(is_in, rows, 0), series], np.nan)

    steps, lags = form.steps, form.lags
    places, is_known = origins + steps, steps <= 0
    recent = at(origins + np.arange(1 - form.span, 1))
    values = np.where(is_known, at(places), np.nan)
    lagged = np.stack([at(places - lag) for lag in lags])
    if np.isnan(recent).any() or np.isnan(lagged[0]).any():
        # The last value is the last that was seen, however long ago.
        seen = panel.last_seen()
        lagged[0] = at(places - lags[0], seen)
        silent = np.isnan(recent).all(axis=1)
        recent[silent, -1] = at(origins, seen)[silent, 0]
    level, unit = _level_and_unit(recent, form.unit)
    base = lagged[form.base]
    # A series that is shorter than the season has another one of the lags, or its mean.
    for other in (*lagged[1 + len(form.seasons) - 1 :: -1], level):
        base = np.where(np.isnan(base), other, base)
    features = [
        np.isnan(values),
        (values - base) / unit,
        (base - level) / unit,
        np.broadcast_to(np.maximum(steps, 0) / form.horizon, values.shape),
        *((np.delete(lagged, form.base, 0) - base) / unit),
    ]
    features = np.stack(features, axis=2)
    features = np.clip(np.nan_to_num(features), -_LIMIT, _LIMIT)
    others = _others(panel, series, places, is_known, form)
    X = np.concatenate([features, *others], axis=2)
    n_one = 1 + len(form.seasons)
    return Windows(X, base[:, form.context :], unit, lagged[:n_one, :, form.context :])


def _level_and_unit(values, unit_of_zeros):
    """Mean and standard deviation of each row, as columns; NaN for one without any."""
    there = ~np.isnan(values)
    n = there.sum(axis=1, keepdims=True)
    filled = np.where(there, values, 0.0)
    with np.errstate(invalid="ignore"):
        level = filled.sum(axis=1, keepdims=True) / n
    error = np.where(there, values - level, 0.0)
    # Squares of numbers around 1, whatever their unit.
    largest = np.abs(error).max(axis=1, keepdims=True)
    shares = error / np.where(largest > 0, largest, 1.0)
    square = (shares**2).sum(axis=1, keepdims=True) / np.maximum(n, 1)
    # What does not change has a unit, too: a thousandth of its level. What does has its
    # own, however far the level is, if that is more than rounding.
    unit, size = largest * np.sqrt(square), np.abs(np.nan_to_num(level))
    unit = np.where(unit > 1e-6 * size, unit, 1e-3 * size)
    return level, np.where(unit > 0, unit, unit_of_zeros)


def _others(panel, series, places, is_known, form):
    """Features that are no values of the series: (n, n_steps, n_features) each."""
    if form.calendar:
        times = panel.grid.times(0, int(places.max()) + 1)
        calendar = calendar_features(times, form.calendar)
        # Before the first time stand those of a window that is cut there.
        yield calendar[np.maximum(places, 0)] * (places >= 0)[:, :, None]
    shape = places.shape
    if panel.covariates is not None:
        n_times, n_series, _ = panel.covariates.shape
        own = series if n_series > 1 else 0
        rows = places - panel.starts[series]
        is_in = (rows >= 0) & (rows < n_times)
        mean, scale = form.covariates
        values = (panel.covariates[np.where(is_in, rows, 0), own] - mean) / scale
        may_know = is_known[:, None] | panel.is_known
        yield np.where(is_in[:, :, None] & may_know, np.nan_to_num(values), 0.0)
    for static in (panel.numbers, panel.codes):
        if static is not None and static.shape[1]:
            of_series = static[series[:, 0]][:, None]
            yield np.broadcast_to(of_series, (*shape, static.shape[1]))


def origins_to_learn(panel, form, max_windows, random_state):
    """Series and origins of windows to learn from, of all or of so many at random."""
    longest = max(form.seasons, default=8)
    firsts = panel.firsts
    lengths = panel.ends - firsts
    # The base should be known, and a unit, which one value does not have. Of short
    # series their first half, but more than one value if there are more than two.
    least = np.maximum(np.where(lengths > 2, 2, 1), lengths // 2)
    starts = firsts + np.minimum(longest, least) - 1
    counts = np.maximum(panel.ends - 1 - starts, 0)
    ends = np.cumsum(counts)
    n = int(ends[-1])
    if n > max_windows:
        # One of each of so many neighbours, so that all times have a part; which one is
        # random, or all could be of one time of the day.
        places = np.arange(max_windows) + random_state.uniform(size=max_windows)
        chosen = (places * (n / max_windows)).astype(int)
    else:
        chosen = np.arange(n)
    series = np.searchsorted(ends, chosen, side="right")
    origins = chosen - (ends - counts)[series] + starts[series]
    return series, origins


def future_of(panel, series, origins, horizon):
    """The values behind each origin, (n, horizon), NaN where there are none."""
    places = np.asarray(origins)[:, None] + np.arange(1, horizon + 1)
    is_in = places < len(panel.values)
    found = panel.values[np.where(is_in, places, 0), np.asarray(series)[:, None]]
    return np.where(is_in, found, np.nan)
