"""Some time steps of a shard, laid out so that the rows of a step are neighbours.

The shard's sequences stand in order of falling length, so the rows that are active at
step t are the first ``active[t]``; the rows of all steps follow each other in memory,
and nothing is stored or computed for a step that does not exist.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.tile import ZERO


class Shard(NamedTuple):
    """Some sequences, in order of falling length; each array has an entry for each."""

    starts: np.ndarray  # where it starts in the values
    lengths: np.ndarray
    totals: np.ndarray  # its number of steps, those before the first one here included
    rows: np.ndarray  # its number among all sequences


class Window(NamedTuple):
    """The steps of a shard from one step to another."""

    active: np.ndarray  # of each step: how many sequences it has
    firsts: np.ndarray  # of each step: its first row; then the number of all rows
    positions: np.ndarray  # of each row: where it is in the values
    owners: np.ndarray  # of each row: which of the shard's sequences it belongs to


@njit(**INNER)
def count_rows(shard, n_steps):
    """Rows of the first window, which has the most."""
    n_rows = ZERO
    for i in range(shard.lengths.size):
        n_rows += min(shard.lengths[i], n_steps)
    return n_rows


@njit(**INNER)
def window_of(shard, first, last):
    """The steps from `first` on and before `last`."""
    last = min(last, shard.lengths[0])
    active = np.empty(last - first, np.int64)
    firsts = np.zeros(last - first + 1, np.int64)
    n = shard.lengths.size
    for t in range(first, last):
        while shard.lengths[n - 1] <= t:
            n -= 1
        active[t - first] = n
        firsts[t - first + 1] = firsts[t - first] + n
    positions = np.empty(firsts[-1], np.int64)
    owners = np.empty(firsts[-1], np.int64)
    row = ZERO
    for t in range(first, last):
        for i in range(active[t - first]):
            positions[row] = shard.starts[i] + t
            owners[row] = i
            row += 1
    return Window(active, firsts, positions, owners)


@njit(**INNER)
def gather(values, positions, x):
    """Copy the rows of a window out of the values, each followed by a 1."""
    n_features = values.shape[1]
    for r in range(positions.size):
        source, target = values[positions[r]], x[r]
        for f in range(n_features):
            target[f] = source[f]
        target[n_features] = 1
