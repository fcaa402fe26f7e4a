"""Frames of forecasts, in the form of the series."""

import numpy as np
import pandas as pd


def forecasts_as_frame(values, panel, quantiles):
    """Forecasts (n_series, horizon[, n_quantiles]) that follow the end of each series.

    A Series, a wide frame, or a long Series; quantiles are columns.
    """
    if panel.form == "long":
        return _long(values, panel, quantiles)
    if panel.form == "wide":
        return _wide(values, panel, quantiles)
    end = panel.ends[0]
    times = panel.grid.times(end, end + values.shape[1])
    if quantiles is None:
        return pd.Series(values[0], times, name=panel.names[0])
    return pd.DataFrame(values[0], times, _columns(quantiles))


def _wide(values, panel, quantiles):
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
    if quantiles is None:
        return pd.DataFrame(flat, times, panel.names)
    columns = pd.MultiIndex.from_tuples(
        [(*_as_tuple(name), q) for name in panel.names for q in quantiles],
        names=[*panel.names.names, "quantile"],
    )
    return pd.DataFrame(flat, times, columns)


def _as_tuple(name):
    return name if isinstance(name, tuple) else (name,)


def _columns(quantiles):
    return pd.Index(quantiles, name="quantile")


def _long(values, panel, quantiles):
    index = index_of(panel, np.arange(len(panel.names)), panel.ends, values.shape[1])
    flat = values.reshape(len(index), -1)
    if quantiles is None:
        return pd.Series(flat[:, 0], index, name=panel.target)
    return pd.DataFrame(flat, index, _columns(quantiles))


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
