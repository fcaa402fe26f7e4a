"""Futures drawn at random, each as a whole: what comes next depends on what was drawn.

A forecast of quantiles says of each time by itself what may come. Here its first time
is drawn, stands behind the series as if it had been observed, and the next one is
forecast from there, and so on (as in Salinas et al., DeepAR, International Journal of
Forecasting 36, 2020).
"""

from dataclasses import replace

import numpy as np
from scipy.special import ndtri


def paths_of(panel, n_samples, horizon, forecast, levels, random_state):
    """Values behind the end of each series, (n_series, horizon, n_samples).

    ``forecast(panel, series, origins)`` gives the quantiles of these levels, (n,
    any horizon, n_levels).
    """
    panel = _repeated(panel, n_samples, horizon)
    series = np.arange(len(panel.names))
    scores = random_state.normal(size=(len(series), horizon))
    for z in scores.T:
        quantiles = forecast(panel, series, panel.ends - 1)[:, 0]
        z[:] = values_at(z, quantiles, levels)
        panel.values[panel.ends - panel.starts, series] = z
        panel = replace(panel, ends=panel.ends + 1)
    return scores.reshape(-1, n_samples, horizon).swapaxes(1, 2)


def _repeated(panel, n_samples, horizon):
    """Each series so many times, with room for what comes behind their ends."""
    of = np.repeat(np.arange(len(panel.names)), n_samples)
    of_each = ("starts", "ends", "names", "numbers", "codes")
    parts = {name: getattr(panel, name) for name in of_each}
    repeated = {k: part[of] for k, part in parts.items() if part is not None}
    room = np.full((horizon, of.size), np.nan)
    repeated["values"] = np.vstack([panel.values[:, of], room])
    if panel.covariates is not None:
        repeated["covariates"] = panel.of_each(panel.covariates)[:, of]
    return replace(panel, **repeated)


def values_at(z, quantiles, levels):
    """Values at normal scores (n,), of rows with these quantiles (n, n_levels).

    Between two of them, and beyond the outer ones, the distribution is the normal one
    that has both.
    """
    known = ndtri(levels)
    upper = np.clip(np.searchsorted(known, z), 1, len(known) - 1)
    rows, lower = np.arange(len(quantiles)), upper - 1
    low, high = quantiles[rows, lower], quantiles[rows, upper]
    return low + (high - low) * (z - known[lower]) / (known[upper] - known[lower])
