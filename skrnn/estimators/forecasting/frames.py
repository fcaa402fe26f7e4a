"""Frames of forecasts, in the form of the series."""

import numpy as np
import pandas as pd


def forecasts_as_frame(values, panel, columns):
    """Forecasts (n_series, horizon[, n_columns]) that follow the end of each series.

    A Series, a wide frame, or a long Series; or frames with these columns, an Index
    that has a name.
    """
    if panel.form == "long":
        return _long(values, panel, columns)
    if panel.form == "wide":
        return _wide(values, panel, columns)
    end = panel.ends[0]
    times = panel.grid.times(end, end + values.shape[1])
    if columns is None:
        return pd.Series(values[0], times, name=panel.names[0])
    return pd.DataFrame(values[0], times, columns)


def _wide(values, panel, columns):
    """A row for each time of any forecast; NaN where a series has none."""
    n_series, horizon = values.shape[:2]
    first = panel.ends.min()
    places = panel.ends[:, None] - first + np.arange(horizon)
    times = panel.grid.times(first, first + places.max() + 1)
    spread = np.full((len(times), n_series, *values.shape[2:]), np.nan)
    spread[places, np.arange(n_series)[:, None]] = values
    there = np.unique(places)
    if len(there) < len(times):  # what no series has
        times, spread = times[there], spread[there]
    flat = spread.reshape(len(times), -1)
    if columns is None:
        return pd.DataFrame(flat, times, panel.names)
    return pd.DataFrame(flat, times, _below_each(panel.names, columns))


def _below_each(names, columns):
    """A MultiIndex of names and of all columns for each; a name may be a tuple."""
    of_each = names.repeat(len(columns))
    levels = [of_each.get_level_values(i) for i in range(names.nlevels)]
    levels.append(columns.take(np.tile(np.arange(len(columns)), len(names))))
    return pd.MultiIndex.from_arrays(levels, names=[*names.names, columns.name])


def _long(values, panel, columns):
    index = index_of(panel, np.arange(len(panel.names)), panel.ends, values.shape[1])
    flat = values.reshape(len(index), -1)
    if columns is None:
        return pd.Series(flat[:, 0], index, name=panel.target)
    return pd.DataFrame(flat, index, columns)


def index_of(panel, series, starts, horizon):
    """A MultiIndex of some series and the times from a position of each on."""
    times = panel.grid.times(0, int(starts.max()) + horizon)
    places = starts[:, None] + np.arange(horizon)
    names = panel.names.take(np.repeat(series, horizon))
    name = panel.names.names[0] if panel.names.nlevels == 1 else None
    if panel.names.nlevels > 1:
        names = pd.Index(names.to_flat_index())
    return pd.MultiIndex.from_arrays(
        [names, times.take(places.ravel())],
        names=[name or "series", times.name or "time"],
    )
