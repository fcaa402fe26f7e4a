"""A panel of series: one frame or another as one array, with what belongs to them."""

from dataclasses import dataclass, replace
from reprlib import repr as short
from typing import Any

import numpy as np
import pandas as pd

from skrnn.estimators.forecasting.times import Grid, check_order, check_times, grid_of


@dataclass(frozen=True)
class Panel:
    """Series on one grid of times: a row a time, a column a series; NaN where missing.

    What belongs to the series: covariates (times, series or 1, names), which may go on
    after the ends; numbers and codes of categories of each series. What is kept of
    series starts at another position of the grid for each.
    """

    values: Any
    starts: Any  # position of the first row of each series
    ends: Any  # before which position each series ends
    grid: Grid
    names: pd.Index
    form: str  # "series", "wide" or "long"
    target: Any = None  # what the user calls the values of a long one
    covariates: Any = None
    is_known: Any = None  # which of them are known in advance
    numbers: Any = None
    codes: Any = None

    @property
    def firsts(self):
        """Position of the first value of each series; its end if it has none."""
        there = ~np.isnan(self.values)
        return np.where(there.any(axis=0), there.argmax(axis=0), self.ends)

    def last_seen(self):
        """At each time the last value of each series up to it; NaN before the first."""
        places = np.arange(len(self.values))[:, None]
        places = np.where(np.isnan(self.values), 0, places)
        return np.take_along_axis(self.values, np.maximum.accumulate(places), axis=0)

    def last(self, n):
        """The last values of each series: so many, and before the last seen then."""
        starts = np.maximum(self.starts, self.ends - n - 1)
        rows = np.arange((self.ends - starts).max()) + (starts - self.starts)[:, None]
        rows = np.minimum(rows, len(self.values) - 1).T
        is_in = rows + self.starts < self.ends
        values = np.where(is_in, np.take_along_axis(self.values, rows, axis=0), np.nan)
        seen = np.take_along_axis(self.last_seen(), rows[:1], axis=0)[0]
        values[0] = np.where(is_in[0], seen, np.nan)
        covariates = self.covariates
        if covariates is not None:
            covariates = self.of_each(covariates)[rows, np.arange(len(starts))]
            # Not what others, which end later, have in common with a series.
            covariates = np.where(is_in[:, :, None], covariates, np.nan)
        cut = int(starts.min())
        return replace(
            self,
            values=values,
            starts=starts - cut,
            ends=self.ends - cut,
            grid=self.grid.cut(cut) if cut else self.grid,
            covariates=covariates,
        )

    def of_each(self, covariates):
        """Covariates (times, series, names) of one that all have, or of each."""
        times, _, names = covariates.shape
        return np.broadcast_to(covariates, (times, len(self.names), names))

    def until(self, place, start=0):
        """The panel as it was before a position; or only from another one on."""
        ends = np.clip(self.ends - start, 0, place - start)
        covariates = self.covariates
        if covariates is not None:
            covariates = covariates[start:place]
        grid = self.grid.cut(start) if start else self.grid
        values = self.values[start:place]
        return replace(self, values=values, ends=ends, grid=grid, covariates=covariates)

    def table_behind(self, y, name):
        """A table; of an array that of all series, from their end on."""
        if isinstance(y, pd.Series | pd.DataFrame):
            return y
        table = pd.DataFrame(_table_of_array(y, name))
        (end, *others), n = np.unique(self.ends), len(self.names)
        if table.shape[1] != n or others:
            raise ValueError(
                f"{name} is an array with {table.shape[1]} columns, but there are {n} "
                f"series{', which end at several times' if others else ''}. Pass a "
                "Series or DataFrame of pandas."
            )
        times = self.grid.times(end, end + len(table))
        if self.form == "long":
            index = pd.MultiIndex.from_product([self.names, times])
            return pd.Series(table.to_numpy().T.ravel(), index)
        if self.form == "series":
            return table[0].set_axis(times)
        return table.set_axis(times).set_axis(self.names, axis=1)

    def with_more(self, new, name):
        """The panel with what came after: another one, of some of its series."""
        own = self.names.get_indexer(new.names)
        if (own < 0).any():
            unknown = new.names[own < 0][0]
            raise ValueError(
                f"{name} has the series {shown(unknown)}, which is not one of fit. To "
                "forecast it, pass its history: predict(y=...)."
            )
        first = self._place_behind(new, own, name)
        self._check_is_later(new, first, own, name)
        rows = np.arange(len(new.values))[:, None] + first - self.starts[own]
        values = _joined(self.values, new.values, rows, own)
        ends = self.ends.copy()
        ends[own] = np.maximum(ends[own], first + new.ends)
        covariates = self.covariates
        if covariates is not None:
            known, more = self.of_each(covariates), new.of_each(new.covariates)
            covariates = _joined(known, more[: len(rows)], rows, own)
        return replace(self, values=values, ends=ends, covariates=covariates)

    def _place_behind(self, new, own, name):
        """Position of the first time of new values of some series."""
        if new.grid.first >= self.grid.first:
            return self.grid.places(new.grid.times(0, 1), name)[0]
        raise ValueError(
            f"{name} must have times after those that are known, but it begins at "
            f"{new.grid.first}, and the series {shown(new.names[0])} ends at "
            f"{self.last_time(own[0])}."
        )

    def _check_is_later(self, new, first, own, name):
        """Refuse observations of times that are known, from a position on."""
        # What a long frame has of a series begins with its first row.
        starts = first + (new.firsts if new.form == "long" else 0 * new.ends)
        is_early = starts < self.ends[own]
        if is_early.any():
            i = int(is_early.argmax())
            raise ValueError(
                f"{name} must have times after those that are known, but the series "
                f"{shown(new.names[i])} ends at {self.last_time(own[i])}."
            )

    def last_time(self, series):
        """The last time of a series."""
        return self.grid.times(self.ends[series] - 1, self.ends[series])[0]


def shown(name):
    """The name of a series, for errors: 1, where NumPy would say np.int64(1)."""
    return short(name.item() if isinstance(name, np.generic) else name)


def _joined(known, new, rows, own):
    """Arrays of times and series, the second at some rows of some of the series."""
    length = max(len(known), int(rows.max()) + 1)
    both = np.full((length, *known.shape[1:]), np.nan)
    both[: len(known)] = known
    # A time before the first row has nothing, or it would be refused.
    place, column = np.nonzero(rows >= 0)
    at = rows[place, column], own[column]
    part = new[place, column]
    both[at] = np.where(np.isnan(part), both[at], part)
    return both


def as_table(y, columns, name):
    """A Series or DataFrame indexed by time, or by series and time.

    What `columns` names may be columns or levels of the index; of covariates, which all
    series may have in common, some of it only.
    """
    series, time, target = columns
    if not isinstance(y, pd.Series | pd.DataFrame):
        return _table_of_array(y, name)
    there = [*getattr(y, "columns", ()), *y.index.names]
    keys = [key for key in (series, time) if key is not None]
    missing = [key for key in keys if key not in there]
    if missing and name == "y":
        raise ValueError(
            f"{name} has no column {missing[0]!r}, which series or time names."
        )
    # Whole numbers that nobody named are times only where no column has dates.
    has_times = time is not None or y.index.nlevels > 1
    has_times |= y.index.names[-1] not in (None, series)
    if len(missing) < len(keys):
        y = _indexed(y, series, time)
    if target is None or name != "y" or isinstance(y, pd.Series):
        return y
    if target not in y.columns:
        raise ValueError(f"{name} has no column {target!r}, which target names.")
    if not has_times and pd.api.types.is_integer_dtype(y.index.get_level_values(-1)):
        _check_dates(y, name)
    return y[target]


def _table_of_array(y, name):
    is_other = hasattr(y, "to_pandas")
    try:
        array = np.asarray(None if is_other else y)
    except ValueError:  # NumPy's, of series of unlike lengths
        raise ValueError(
            f"{name} has series of unlike lengths. Pass them below each other, as "
            "pandas.concat({'a': first, 'b': second}) of Series does."
        ) from None
    if array.dtype == object or array.ndim not in (1, 2):
        raise TypeError(
            f"{name} must be a Series or DataFrame of pandas, or an array with a "
            f"column for each series, got {type(y).__module__}.{type(y).__name__}."
        )
    return pd.Series(array) if array.ndim == 1 else pd.DataFrame(array)


def _indexed(table, series, time):
    """A table with its series and times as index, from columns or from its index."""
    index, keys = table.index, [key for key in (series, time) if key is not None]
    times, own = _values_of(table, time), _values_of(table, series)
    # What no parameter names is where a table without parameters has it.
    levels = [i for i, key in enumerate(index.names) if key is None or key not in keys]
    if times is None:
        times = index.get_level_values(levels.pop() if levels else -1)
    if own is None and index.nlevels == 2 and levels:
        own = index.get_level_values(levels[0])
    if own is not None:
        times = pd.MultiIndex.from_arrays([own, times])
    keys = [key for key in keys if key in getattr(table, "columns", ())]
    return (table.drop(columns=keys) if keys else table).set_axis(times)


def _values_of(table, key):
    """Those of a column, or of a level of the index, or None."""
    if key is None:
        return None
    if key in getattr(table, "columns", ()):
        return pd.Index(table[key])
    return table.index.get_level_values(key) if key in table.index.names else None


def read_panel(y, freq, columns, known=None, name="y"):
    """The panel of a Series, a wide frame or a long one.

    Its times have the distance of those of a known panel, if there is one.
    """
    known = None if known is None else known.grid
    table = as_table(y, columns, name)
    if not len(table):
        raise ValueError(f"{name} has no rows.")
    if isinstance(table.index, pd.MultiIndex):
        return _read_long(table, freq, known, name)
    times = check_times(table.index, name, known)
    of_several = "; if rows are of several series, set series to the column of their "
    check_order(times, name, more=of_several + "names")
    grid = grid_of(times, freq, name, known)
    form, names = "wide", None
    if isinstance(table, pd.Series):
        form, names = "series", pd.Index([table.name])
    elif table.shape[1] == 1 and columns[1] is not None:
        form, names = "series", table.columns
    else:
        names = table.columns
    _check_names(names, name)
    places = grid.places(times, name)
    values = np.full((places[-1] + 1, len(names)), np.nan)
    values[places] = numbers_of(table, name)
    starts = np.zeros(len(names), int)
    return Panel(values, starts, starts + len(values), grid, names, form)


def _check_names(names, name):
    if not len(names):
        raise ValueError(f"{name} has no series: it is a DataFrame without a column.")
    if names.has_duplicates:
        (twice, *_) = names[names.duplicated()]
        raise ValueError(f"{name} has the series {shown(twice)} more than once.")


def numbers_of(table, name):
    """Values of a table as floats, (rows, columns); NaN and NA where missing."""
    frame = table.to_frame() if isinstance(table, pd.Series) else table
    _check_kinds(frame, name)
    try:
        values = frame.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        kinds = ", ".join(sorted({str(dtype) for dtype in frame.dtypes}))
        ways = "pandas.get_dummies makes numbers of categories."
        if name == "y":
            ways = "Of a long frame, the parameters series, time and target name what."
        raise ValueError(
            f"{name} must have numbers, found {kinds}: {error}. {ways}"
        ) from error
    if np.isinf(values).any():
        raise ValueError(f"{name} has a value that is infinite.")
    return values


def _check_kinds(frame, name):
    """Refuse columns that NumPy would make numbers of, though they are none."""
    for column, dtype in frame.dtypes.items():
        if getattr(dtype, "kind", "O") == "c":
            raise ValueError(
                f"{name} must have real numbers, but its column {short(column)} has "
                f"{dtype}."
            )
    _check_dates(frame, name)


def _check_dates(frame, name):
    for column, dtype in frame.dtypes.items():
        if getattr(dtype, "kind", "O") in "mM":
            raise ValueError(
                f"{name} must have numbers, but its column {short(column)} has {dtype}."
                f" If these are the times, set time={column!r}; otherwise leave it out."
            )


def _read_long(table, freq, known, name):
    if table.index.nlevels != 2:
        raise ValueError(
            f"A long {name} is indexed by series and time, but its index has "
            f"{table.index.nlevels} levels: {list(table.index.names)}."
        )
    if isinstance(table, pd.DataFrame):
        if table.shape[1] != 1:
            _check_kinds(table, name)
            raise ValueError(
                f"A long {name} has one column of values, found {table.shape[1]}: "
                f"{short(list(table.columns))}. Select one, or set target."
            )
        table = table.iloc[:, 0]
    codes, names, times = of_levels(table.index, name, known)
    distinct = times.drop_duplicates().sort_values()
    grid = grid_of(distinct, freq, name, known)
    places = grid.places(times, name)
    check_rows(codes, places, names, times, name)
    values = np.full((places.max() + 1, len(names)), np.nan)
    values[places, codes] = numbers_of(table, name)[:, 0]
    ends = np.zeros(len(names), int)
    np.maximum.at(ends, codes, places + 1)
    starts = np.zeros(len(names), int)
    return Panel(values, starts, ends, grid, names, "long", table.name)


def of_levels(index, name, grid=None):
    """Codes of the series of each row, their names as they come, and the times.

    Times are as those of a grid that is known.
    """
    series = index.get_level_values(0)
    if isinstance(series, pd.DatetimeIndex | pd.PeriodIndex):
        raise ValueError(
            f"A long {name} is indexed by series and time, in this order, but the "
            f"first level of its index has times. Pass {name}.swaplevel()."
        )
    if series.hasnans:
        raise ValueError(f"{name} has a row without the name of a series.")
    codes, names = pd.factorize(series)
    return (
        codes,
        pd.Index(names, name=index.names[0]),
        check_times(index.get_level_values(1), name, grid),
    )


def check_rows(codes, places, names, times, name):
    """Refuse a series that has a time twice, or an earlier one behind a later."""
    order = np.argsort(codes, kind="stable")
    step = np.diff(places[order])
    is_wrong = (np.diff(codes[order]) == 0) & (step <= 0)
    if is_wrong.any():
        of = codes[order[int(is_wrong.argmax())]]
        check_order(times[codes == of], name, f" of the series {shown(names[of])}")
