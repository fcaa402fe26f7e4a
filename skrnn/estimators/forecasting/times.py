"""Times of series: at equal distances, in their order, each once; and what follows."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

_KINDS = "a DatetimeIndex, a PeriodIndex, or an index of whole numbers"


@dataclass(frozen=True)
class Grid:
    """Times at equal distances, from the first one on."""

    first: Any
    step: Any  # an offset of pandas, or an int
    name: Any = None  # what the user calls the times

    def times(self, start, stop):
        """An index of those from one position to before another one."""
        if isinstance(self.first, pd.Timestamp):
            times = pd.date_range(self.first, periods=stop, freq=self.step)
        elif isinstance(self.first, pd.Period):
            times = pd.period_range(self.first, periods=stop, freq=self.step)
        else:
            end = self.first + stop * self.step
            times = pd.RangeIndex(self.first, end, self.step)
        return times[start:].rename(self.name)

    def places(self, times, name):
        """Positions of some times, all of them from the first one on."""
        if not len(times):
            return np.empty(0, int)
        if isinstance(self.first, int):
            places, rest = np.divmod(np.asarray(times) - self.first, self.step)
            places = np.where(rest == 0, places, -1)
        else:
            places = self.times(0, self._enough(times.max())).get_indexer(times)
        if (places < 0).any():
            raise ValueError(
                f"{name} has the time {times[int((places < 0).argmax())]}, which is "
                f"none of those from {self.times(0, 1)[0]} on at a distance of "
                f"{self.step_name}."
            )
        return places

    def _enough(self, last):
        """How many times reach the last one."""
        if isinstance(last, pd.Period):
            return max(0, (last - self.first).n) + 1
        return len(pd.date_range(self.first, max(self.first, last), freq=self.step))

    def aligned(self, times, name):
        """Times in the time zone of these; refuse those of another kind."""
        is_other = isinstance(self.first, pd.Period) != isinstance(
            times, pd.PeriodIndex
        ) or isinstance(self.first, pd.Timestamp) != isinstance(times, pd.DatetimeIndex)
        zone, other = getattr(self.first, "tz", None), getattr(times, "tz", None)
        if is_other or (zone is None) != (other is None):
            of = "fit" if name == "y" else "y"
            raise ValueError(
                f"The times of {name} are {times.dtype}, but those of {of} are "
                f"{self.times(0, 1).dtype}."
            )
        # One zone has several objects, which need not be equal: those are as others.
        return times if zone is None else times.tz_convert(zone)

    @property
    def step_name(self):
        """The distance, as pandas names it."""
        return getattr(self.step, "freqstr", self.step)

    def cut(self, start):
        """The grid that starts at another position."""
        return replace(self, first=self.times(start, start + 1)[0])


def check_times(times, name, grid=None):
    """Times, as those of a grid; refuse an index of none, or of missing ones."""
    if isinstance(times, pd.DatetimeIndex | pd.PeriodIndex):
        if times.hasnans:
            raise ValueError(f"{name} has a time that is missing (NaT).")
        return times if grid is None else grid.aligned(times, name)
    if pd.api.types.is_integer_dtype(times.dtype):
        return times if grid is None else grid.aligned(times, name)
    zones = ""
    if {type(time) for time in times[:1000]} <= {pd.Timestamp} and len(times):
        zones = ", Timestamps of several time zones"
    raise ValueError(
        f"The times of {name} must be {_KINDS}, got an index of {times.dtype}{zones}. "
        "pandas.to_datetime makes times of texts (with utc=True also of several time "
        "zones)."
    )


def check_order(times, name, of="", more=""):
    """Refuse times that come twice, or not one after the other."""
    if times.has_duplicates:
        (first, *_) = times[times.duplicated()]
        raise ValueError(f"{name} has the time {first}{of} more than once{more}.")
    if not times.is_monotonic_increasing:
        later = int((times[1:] < times[:-1]).argmax())
        raise ValueError(
            f"The times of {name} must be in order, but {times[later + 1]} stands "
            f"behind {times[later]}{of}. Sort {name} by time: sort_values if a "
            "column has the times, sort_index if the index has."
        )


def grid_of(times, freq, name, known=None):
    """The grid of times, sorted and each once; at the distance of a known one."""
    first, is_clock = times[0], isinstance(times, pd.DatetimeIndex | pd.PeriodIndex)
    if known is not None:
        step = known.step
    elif not is_clock:
        step = _whole_step(times, freq)
    elif isinstance(times, pd.PeriodIndex):
        step = times.freq
    else:
        step = _offset_of(times) if freq is None else _offset_named(freq)
    if step is None:
        raise ValueError(
            f"{name} has no frequency: its times, {times[0]} and on, are not at equal "
            f"distances. Set freq to the distance{_least_of(times)}; what has no row "
            "is missing then. Times of no rhythm get one from pandas' resample."
        )
    return Grid(first if is_clock else int(first), step, times.name)


def _least_of(times):
    """The words for a distance of which all others are multiples, if there is one."""
    step = _least_of_months(times) or _least_of_clock(times)
    if step is not None:
        return f", {step.freqstr!r} it seems"
    if (times[1:] - times[:-1]).min() < pd.Timedelta(days=28):
        return ", such as 'D' for days"
    return ", such as pandas.DateOffset(months=1) for the same day of each month"


def _least_of_months(times):
    months = int(np.gcd.reduce(np.diff(12 * times.year + times.month)))
    for step in [kind(months) for kind in _OF_MONTHS if months]:
        if times.isin(pd.date_range(times[0], times[-1], freq=step)).all():
            return step
    return None


def _least_of_clock(times):
    distances = times[1:] - times[:-1]
    least = distances.min()
    if any(distances % least):
        return None
    days, rest = divmod(least, pd.Timedelta(days=1))
    if rest:
        return to_offset(least)
    if days == 1 and max(times.day_of_week) < 5:  # no day of a weekend
        return pd.offsets.BDay()
    return pd.offsets.Day(days)


def _offset_named(freq):
    """An offset of pandas, or its name."""
    try:
        if isinstance(freq, Integral):
            raise ValueError("a number is a distance of whole numbers")
        return to_offset(freq)
    except ValueError as error:
        raise ValueError(
            f"freq={freq!r} is no distance of dates ({error}). Pass what pandas knows, "
            "such as 'h', 'D' or an offset."
        ) from error


def _whole_step(times, freq):
    if freq is not None:
        if not isinstance(freq, Integral) or freq < 1:
            raise ValueError(
                f"freq={freq!r}, but the times are whole numbers. Pass their distance, "
                "a whole number above 0, or None."
            )
        return int(freq)
    if isinstance(times, pd.RangeIndex):
        return times.step
    distances = np.diff(np.asarray(times))
    return int(np.gcd.reduce(distances)) if distances.size else 1


def _offset_of(times):
    """The distance of all, or None."""
    if times.freq is not None or len(times) < 2:
        return times.freq
    first, second = times[:2]
    distance = second - first
    is_steady = np.unique(np.diff(times.asi8)).size == 1
    if is_steady and distance % pd.Timedelta(days=1):
        return to_offset(distance)
    # Days of a calendar first: one of a time zone may have 23 or 25 hours.
    days = max(1, round(distance / pd.Timedelta(days=1)))
    months = 12 * (second.year - first.year) + second.month - first.month
    steps = [pd.offsets.Day(days)]
    if days % 7 == 0:
        steps = [pd.offsets.Week(days // 7, weekday=first.weekday())]
    steps += [kind(months) for kind in _OF_MONTHS if months > 0]
    for step in (*steps, pd.offsets.BDay()):
        if times.equals(pd.date_range(first, periods=len(times), freq=step)):
            return step
    return pd.offsets.Hour(24 * days) if is_steady else None


_OF_MONTHS = (
    *(pd.offsets.MonthBegin, pd.offsets.MonthEnd),
    *(pd.offsets.BMonthBegin, pd.offsets.BMonthEnd),
)
_DAY = 24 * 3600
_WEEK = 7 * _DAY
#: Steps in a season, by the letter that pandas' names of longer distances begin with.
_OF_YEAR = {"W": 52, "M": 12, "B": 5, "Q": 4, "Y": 1, "A": 1}


def seconds_of(step):
    """Seconds from one time to the next, or None where it has no fixed length."""
    try:
        return pd.Timedelta(step).total_seconds()
    except (ValueError, TypeError):
        # A day may be one of another length in a time zone.
        return step.n * _DAY if code_of(step) == "D" else None


def code_of(step):
    """The letters by which pandas names a distance; none of one without a name."""
    try:
        return step.rule_code
    except NotImplementedError:
        return ""


def seasons_of(season_length, step, length):
    """Lengths of seasons as given, "auto" resolved, rising."""
    if isinstance(season_length, str):
        return season_lengths_of(step, length)
    seasons = np.atleast_1d([] if season_length is None else season_length)
    if not all(isinstance(n, Integral | np.integer) and n > 0 for n in seasons):
        raise ValueError(
            "season_length must be a whole number above 0, or several, got "
            f"{season_length!r}."
        )
    return tuple(sorted({int(n) for n in seasons if n > 1}))


def season_lengths_of(step, length):
    """After how many steps series of this length may repeat themselves, by the clock.

    Only what has been seen twice; a year of days three times.
    """
    if isinstance(step, int):
        return ()
    seconds = seconds_of(step)
    if seconds is None:
        code = code_of(step)
        name = code if code in ("B", "C") else code.removeprefix("B")
        seasons = {_OF_YEAR.get(name[:1], 1) / step.n: 2}
    else:
        seasons = {_DAY / seconds: 2, _WEEK / seconds: 2}
        if seconds in (_DAY, _WEEK):  # of less, a year is beyond any window
            seasons |= {365 * _DAY // seconds: 3 if seconds == _DAY else 2}
    return tuple(
        int(n)
        for n, times in seasons.items()
        if n > 1 and n == int(n) and times * n <= length
    )


#: Where a time stands in a cycle, from 0 to 1.
CALENDAR = {
    "hour": lambda t: (t.hour + t.minute / 60) / 24,
    "dayofweek": lambda t: t.day_of_week / 7,
    "day": lambda t: (t.day - 1) / t.days_in_month,
    "month": lambda t: (t.month - 1) / 12,
    "dayofyear": lambda t: (t.day_of_year - 1) / 365.25,
}


def calendar_of(calendar, grid, length):
    """Names of the features of times, "auto" resolved."""
    is_clock = isinstance(grid.first, pd.Timestamp | pd.Period)
    if calendar is None or (isinstance(calendar, str) and not is_clock):
        return ()
    if isinstance(calendar, str):
        return _useful(grid, length)
    unknown = [name for name in calendar if name not in CALENDAR]
    if unknown:
        raise ValueError(
            f"calendar has {unknown[0]!r}; there are {', '.join(CALENDAR)}."
        )
    if not is_clock:
        raise ValueError(
            f"calendar={list(calendar)} needs times of a calendar, but those of y are "
            "whole numbers. Set calendar=None."
        )
    return tuple(calendar)


def _useful(grid, length):
    """Features that differ from time to time, and have been seen often enough."""
    seconds, code = seconds_of(grid.step), code_of(grid.step)
    is_short = seconds is not None and seconds < _DAY
    is_daily = code in ("B", "C") or seconds == _DAY
    first, last = grid.times(0, max(length, 1))[[0, -1]]
    years = last.year - first.year + (last.month - first.month) / 12
    found = {
        "hour": is_short,
        "dayofweek": is_short or is_daily,
        "dayofyear": years >= 2,
    }
    return tuple(name for name, is_useful in found.items() if is_useful)


def calendar_features(times, names):
    """Sine and cosine of where each time stands in each cycle."""
    angles = [2 * np.pi * np.asarray(CALENDAR[name](times), float) for name in names]
    return np.column_stack([f(angle) for angle in angles for f in (np.sin, np.cos)])
