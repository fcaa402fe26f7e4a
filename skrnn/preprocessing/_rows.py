"""Rows of a long frame: to which sequence each belongs, and their order in time."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrnn.estimators.names import suggestion

#: What pandas calls the values of a column of objects that are numbers or dates.
_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean"}
_DATES = {"datetime", "datetime64", "date"}
_DURATIONS = {"timedelta", "timedelta64"}
#: A time between steps that is longer than so many usual ones is a gap.
LONG = 1.5


class Rows(NamedTuple):
    """The rows of a frame in the order of sequences and, within each, of times."""

    order: NDArray[np.intp]
    offsets: NDArray[np.int64]  # where in the order each sequence starts, and the end
    ids: Any  # an index of pandas, in the order of sequences
    id_name: Any
    times: Any  # a Series of pandas as the user has it, in this order; or None
    instants: Any  # an array of what can be subtracted, in this order; or None

    @classmethod
    def of(cls, frame, sequence, time):
        """Those of a frame; refuses what has no order."""
        found = _key(frame, sequence, "sequence", 0)
        _check_not_missing(found, sequence, "belongs to no sequence")
        codes, ids = factorized(found, sequence)
        ids = pd.Index(ids)
        times, keys, is_number = None, np.arange(len(codes)), False
        if time is not None:
            times = _key(frame, time, "time", 1)
            _check_not_missing(times, time, "has no place in its sequence")
            keys, is_number = _as_times(times, time)
        order = np.lexsort((keys, codes))
        codes, keys = codes[order], keys[order]
        if times is not None:
            times = times.iloc[order]
            _check_no_doubles(codes, keys, ids, times, order)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))])
        name = sequence if found.name is None else found.name
        return cls(order, offsets, ids, name, times, keys if is_number else None)

    @property
    def lengths(self):
        """Number of rows of each sequence."""
        return np.diff(self.offsets)

    @property
    def starts(self):
        """Where in the order each sequence starts."""
        return self.offsets[:-1]

    def parts(self, ordered):
        """A native frame of the rows of each sequence."""
        return cut(ordered.to_native(), self.offsets)

    def step_and_gaps(self):
        """The usual time between two rows, and a frame of what is longer."""
        if self.instants is None:
            return None, None
        waits = pd.Series(np.diff(self.instants))
        ends = np.arange(1, len(self.instants))
        is_within = ~np.isin(ends, self.starts)
        waits, ends = waits[is_within], ends[is_within]
        step = waits.median()
        is_gap = (waits > LONG * step).to_numpy()
        waits, ends = waits[is_gap], ends[is_gap]
        steps = waits / step if is_gap.any() else np.zeros(0)
        sequences = np.searchsorted(self.offsets, ends, side="right") - 1
        is_taken = self.id_name in ("start", "end", "missing")
        gaps = {
            "id" if is_taken else self.id_name: self.ids[sequences],
            "start": self.times.iloc[ends - 1].array,
            "end": self.times.iloc[ends].array,
            "missing": np.round(np.asarray(steps)).astype(int) - 1,
        }
        step = step.item() if isinstance(step, np.generic) else step
        return None if pd.isna(step) else step, pd.DataFrame(gaps)

    def changing(self, values, name):
        """The first sequence within which the values of a column change, or None."""
        codes, _ = factorized(values, name)  # what is missing has one code
        least = np.minimum.reduceat(codes, self.starts)
        changes = np.maximum.reduceat(codes, self.starts) > least
        return int(np.argmax(changes)) if changes.any() else None


def factorized(values, name):
    """The code of each value of a column, and what the codes stand for."""
    try:
        return pd.factorize(values)
    except (TypeError, ValueError):
        value = next(iter(values))
        raise TypeError(
            f"{short(name)} has values of type {type(value).__name__}, such as "
            f"{short(value)}, but one number, text or date is expected in each row."
        ) from None


def cut(frame, offsets):
    """The frames of pandas or polars from each offset to the next."""
    # What narwhals does beside it takes ten times as long.
    rows = frame.iloc if isinstance(frame, pd.DataFrame) else frame
    ends = offsets.tolist()
    return [rows[start:end] for start, end in zip(ends[:-1], ends[1:], strict=True)]


def checked_frame(df):
    """The frame for narwhals; refuses what is none, or has names twice."""
    advice = ""
    if hasattr(df, "collect"):
        advice = " Pass df.collect()."
    elif getattr(getattr(df, "columns", None), "nlevels", 1) > 1:
        advice = ' Its columns have several levels: make one, as by "_".join.'
    frame = None if advice else df
    if hasattr(frame, "columns") and hasattr(frame, "shape"):
        _check_names(list(df.columns))
        frame = nw.from_native(df, eager_only=True, pass_through=True)
    library = getattr(frame, "implementation", nw.Implementation.UNKNOWN)
    if not (library.is_pandas() or library.is_polars()):
        raise TypeError(
            "df must be a DataFrame of pandas or polars with a row for each sequence "
            f"and time, got an object of type {type(df).__name__}.{advice}"
        )
    if len(frame) == 0:
        raise ValueError("df has no rows, so there are no sequences.")
    return frame


def _check_names(names):
    double = [name for name in names if names.count(name) > 1]
    if double:
        raise ValueError(
            f"The columns of df must have different names, but {short(double[0])} is "
            "that of several. Rename them."
        )


def _key(frame, name, parameter, place):
    """A column, or a level of the index, as a Series of pandas."""
    columns, is_pandas = frame.columns, frame.implementation.is_pandas()
    is_name = name is not None and not hasattr(name, "__array__")
    if is_name and name in columns:
        series = frame[:, columns.index(name)]
        return series.to_native() if is_pandas else _of_polars(series)
    levels = list(frame.to_native().index.names) if is_pandas else []
    is_default = is_name and name == {"sequence": "id", "time": "t"}[parameter]
    if is_name and name in levels:
        place = levels.index(name)
    elif not (is_default and len(levels) == 2):
        names = [str(name) for name in (*columns, *levels) if name is not None]
        raise ValueError(
            f"df has no column or level of its index with the name {short(name)} "
            f"({parameter}={short(name)}); it has {short(names)}."
            f"{suggestion(str(name), names, {})}"
        )
    values = frame.to_native().index.get_level_values(place)
    return pd.Series(values.array, name=levels[place])


def _of_polars(series):
    """A column of polars as a Series of pandas."""
    if isinstance(series.dtype, nw.Enum):  # its categories are in order
        categories = list(series.dtype.categories)
        return pd.Series(pd.Categorical(series.to_list(), categories, ordered=True))
    array = series.to_numpy()
    return pd.Series(array if array.ndim == 1 else list(array))


def _check_not_missing(values, name, what):
    missing = np.flatnonzero(values.isna())
    if missing.size:
        raise ValueError(
            f"{short(name)} is missing in {missing.size} row(s) of df, first in row "
            f"{missing[0]}: such a row {what}. Leave it out, or fill it in."
        )


def _check_no_doubles(codes, keys, ids, times, order):
    double = np.flatnonzero((np.diff(codes) == 0) & (keys[1:] == keys[:-1]))
    if double.size:
        k = double[0]
        raise ValueError(
            f"Several rows of df have the same sequence and time ({double.size} more "
            f"than one): first rows {order[k]} and {order[k + 1]}, of sequence "
            f"{ids[codes[k]]} at {times.iloc[k]}. Keep one, or take their mean."
        )


def _as_times(times, name):
    """An array in the order of times, and whether its values may be subtracted."""
    if isinstance(times.dtype, pd.CategoricalDtype) and times.dtype.ordered:
        return times.cat.codes.to_numpy(), False
    if isinstance(times.dtype, pd.PeriodDtype):
        times = times.dt.to_timestamp()
    kind = pd.api.types.infer_dtype(times, skipna=False)
    if kind in _DATES:
        return _instants(times, name), True
    if kind in _DURATIONS:
        return pd.to_timedelta(times).to_numpy(), True
    if kind not in _NUMBERS:
        raise TypeError(
            f"{short(name)} has {kind} values such as {short(times.iloc[0])}, no "
            "times. Pass numbers or dates: pd.to_datetime or pd.to_numeric makes "
            "them of texts."
        )
    values = times.to_numpy()
    # Differences of small integers would overflow.
    if values.dtype.kind not in "iuf" or values.dtype.itemsize < 8:
        try:
            values = values.astype(np.int64 if kind == "integer" else np.float64)
        except OverflowError:
            raise ValueError(
                f"{short(name)} has integers beyond those of int64. Pass floats, or "
                "subtract the first."
            ) from None
    if not np.isfinite(values).all():
        row = np.flatnonzero(~np.isfinite(values))[0]
        raise ValueError(f"{short(name)} is infinite, first in row {row} of df.")
    return values, True


def _instants(times, name):
    """Dates as those of UTC; without a time zone as they are."""
    if times.dtype == object:
        have_zones = {getattr(value, "tzinfo", None) is not None for value in times}
        if len(have_zones) > 1:
            raise ValueError(
                f"{short(name)} has times with a time zone and others without one. "
                "Give all of them one: tz_localize, say."
            )
        times = pd.to_datetime(times, utc=True)
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times.to_numpy()
