"""What belongs to series: covariates at each time, and static features of each."""

from dataclasses import dataclass, replace
from reprlib import repr as short

import numpy as np
import pandas as pd

from skrnn.estimators.forecasting.panel import (
    as_table,
    check_rows,
    numbers_of,
    of_levels,
    shown,
)
from skrnn.estimators.forecasting.times import check_order, check_times
from skrnn.estimators.inputs import Categories, read_table
from skrnn.mathematics.forecast_errors import mean_of


@dataclass(frozen=True)
class Covariates:
    """Names of covariates, and which of them are known in advance."""

    names: tuple
    is_known: tuple

    @classmethod
    def of(cls, X, known, columns):
        """Those of fit; None, if there are none."""
        known = [] if known is None else list(known)
        if X is None:
            if known:
                raise ValueError(
                    f"known={short(known)} are columns of X, which is None."
                )
            return None
        names = list(_table_of(X, columns, "X").columns)
        unknown = [name for name in known if name not in names]
        if unknown:
            raise ValueError(f"known has {unknown[0]!r}, which is no column of X.")
        return cls(tuple(names), tuple(name in known for name in names))

    def attach(self, X, panel, columns):
        """The panel with the covariates at its times."""
        if X is None:
            raise ValueError(f"X is None, but fit was given {short(list(self.names))}.")
        values = self._read(X, panel, columns, self.names, "X")[: len(panel.values)]
        lacks = np.isnan(values).all(axis=2) & ~np.isnan(panel.values)
        if lacks.any():
            place, series = np.argwhere(lacks)[0]
            raise ValueError(
                f"X has no values for the series {shown(panel.names[series])} at "
                f"{panel.grid.times(place, place + 1)[0]}, where y has one."
            )
        return replace(panel, covariates=values, is_known=np.array(self.is_known))

    def attach_future(self, X, panel, horizon, columns):
        """The panel with what is known in advance of the times behind its ends."""
        known = [name for name, k in zip(self.names, self.is_known, strict=True) if k]
        if not known:
            if X is not None:
                raise ValueError(
                    "X_future is passed, but no covariate was known in advance: name "
                    "those that are in the parameter known, and fit."
                )
            return panel
        if X is None:
            raise ValueError(
                f"X_future is None, but {short(known)} are known in advance: pass "
                f"their values at the {horizon} times of the forecast."
            )
        new = self._read(X, panel, columns, known, "X_future")
        n_series, ends = len(panel.names), panel.ends - panel.starts
        values = np.full((ends.max() + horizon, n_series, len(self.names)), np.nan)
        values[: len(panel.covariates)] = panel.covariates[: len(values)]
        for series, (end, row) in enumerate(zip(panel.ends, ends, strict=True)):
            part = new[end : end + horizon, series if new.shape[1] > 1 else 0]
            _check_future(part, panel, series, horizon)
            values[row : row + horizon, series, np.array(self.is_known)] = part
        return replace(panel, covariates=values)

    def _read(self, X, panel, columns, names, name):
        """Values (times, series or 1, names), also of times behind the panel's end."""
        table = _table_of(X, columns, name)
        missing = [column for column in names if column not in table.columns]
        if missing:
            raise ValueError(f"{name} has no column {missing[0]!r}, which fit had.")
        values = numbers_of(table[list(names)], name)
        own, n_series, times = self._series_of(table.index, panel, name)
        is_in = (own >= 0) & (times >= panel.grid.first)
        own, values, places = (
            own[is_in],
            values[is_in],
            panel.grid.places(times[is_in], name),
        )
        if n_series > 1 or isinstance(table.index, pd.MultiIndex):
            check_rows(own, places, panel.names, times[is_in], name)
        length = max(len(panel.values), places.max(initial=-1) + 1)
        found = np.full((length, n_series, len(names)), np.nan)
        found[places, own] = values
        return found

    def _series_of(self, index, panel, name):
        """Which series each row belongs to, of how many, and its time."""
        if isinstance(index, pd.MultiIndex):
            codes, names, times = of_levels(index, name, panel.grid)
            return panel.names.get_indexer(names)[codes], len(panel.names), times
        times = check_times(index, name, panel.grid)
        check_order(times, name)
        return np.zeros(len(times), int), 1, times


def _table_of(X, columns, name):
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"{name} must be a DataFrame of pandas, a column each covariate, got "
            f"{_type_of(X)}. The series come first: fit(y, X)."
        )
    return as_table(X, columns, name)


def _type_of(table):
    return f"{type(table).__module__}.{type(table).__name__}"


def units_of(columns):
    """Mean and scale of each column."""
    mean = np.nan_to_num(mean_of(columns))
    scale = np.nan_to_num(np.sqrt(mean_of((columns - mean) ** 2)))
    return mean, np.where(scale > 0, scale, 1.0)


def _check_future(values, panel, series, horizon):
    """Refuse a future that lacks a time of the forecast."""
    n = int((~np.isnan(values)).any(axis=1).sum())
    if n < horizon:
        begin = panel.ends[series]
        raise ValueError(
            f"X_future has {n} of the {horizon} times of the forecast of the series "
            f"{shown(panel.names[series])}, which begins at "
            f"{panel.grid.times(begin, begin + 1)[0]}. Pass the others, or a shorter "
            "horizon."
        )


@dataclass(frozen=True)
class Statics:
    """Static features: numbers and their units, and the categories of others.

    Of these the network learns embeddings, where the regressor's own static features
    have a number for each category: there may be many shops.
    """

    names: tuple
    mean: np.ndarray
    scale: np.ndarray
    categories: Categories
    series: tuple  # those of fit, if each has an embedding

    @classmethod
    def of(cls, static, panel, key, with_series):
        """Those of fit; `key` names their column of the series, if there is one."""
        series = tuple(panel.names) if with_series else ()
        if static is None:
            return cls((), np.zeros(0), np.ones(0), Categories((), ()), series)
        rows = _rows_of(static, panel, key)
        table = read_table(rows, len(panel.names), "static")
        places = [j for j, has in enumerate(table.are_categories) if has]
        columns = [table.categories(j) for j in places]
        mean, scale = units_of(_numbers_of(table, places))
        categories = Categories.of(places, columns)
        return cls(tuple(rows.columns), mean, scale, categories, series)

    def attach(self, static, panel, key):
        """The panel with the static features of its series."""
        if (static is None) != (not self.names):
            given = "None" if static is None else "passed"
            known = short(list(self.names)) if self.names else "none"
            raise ValueError(f"static is {given}, but fit was given {known}.")
        n = len(panel.names)
        numbers, codes = np.empty((n, 0)), []
        if static is not None:
            rows = _rows_of(static, panel, key)
            missing = [name for name in self.names if name not in rows.columns]
            if missing:
                raise ValueError(f"static has no column {missing[0]!r}, which fit had.")
            table = read_table(rows[list(self.names)], n, "static")
            places = self.categories.features
            numbers = (_numbers_of(table, places) - self.mean) / self.scale
            columns = [table.categories(j) for j in places]
            codes = [*self.categories.coded(columns)]
        if self.series:
            codes.append(pd.Index(self.series).get_indexer(panel.names))
        codes = np.array(codes, float).reshape(-1, n).T
        return replace(panel, numbers=numbers, codes=codes)


def _numbers_of(table, places):
    """The columns that are not at these places, (n_series, n_numbers)."""
    others = [j for j in range(len(table.columns)) if j not in places]
    columns = [table.numbers(j) for j in others]
    return np.array(columns).reshape(len(columns), len(table.columns[0])).T


def _rows_of(static, panel, key):
    """The rows of a table of static features, in the order of the series."""
    if not isinstance(static, pd.DataFrame):
        raise TypeError(
            "static must be a DataFrame of pandas with a row for each series, indexed "
            f"by their names, got {_type_of(static)}."
        )
    if key is not None and key in static.columns:
        static = static.set_index(key)
    if static.index.has_duplicates:
        (twice, *_) = static.index[static.index.duplicated()]
        raise ValueError(f"static has the series {shown(twice)} more than once.")
    places = static.index.get_indexer(panel.names)
    if (places < 0).any():
        name = panel.names[int((places < 0).argmax())]
        raise ValueError(
            f"static has no row for the series {shown(name)}; its rows are of "
            f"{short(static.index.tolist())}."
        )
    return static.iloc[places]
