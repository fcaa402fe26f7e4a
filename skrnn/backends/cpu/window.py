"""Some time steps of a shard, laid out so that the rows of a step are neighbours.

The shard's sequences stand in order of falling length, so the rows that are active at
step t are the first ones; the rows of all steps follow each other in memory, and
nothing is stored or computed for a step that does not exist.

A *shard* is a part of the batch's table (`backends/table.py`). Here a step is one of
the network: a frame of the sequence's own steps.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER, OWNING
from skrnn.backends.cpu.tile import ZERO
from skrnn.backends.table import LENGTH, START
from skrnn.mathematics.cache import cached_unit

#: Columns of `Window.steps`, and of `Window.rows`.
ACTIVE, FIRST = range(2)
POSITION, OWNER = range(2)


class Window(NamedTuple):
    """The steps of a shard from one step to another."""

    steps: np.ndarray  # for each: how many sequences it has, its first row; and the end
    rows: np.ndarray  # for each: its place (`table.py`), which of the shard's it is


@njit(**INNER)
def count_rows(shard, n_steps):
    """Rows of the first window, which has the most."""
    n_rows = ZERO
    for i in range(shard.shape[0]):
        n_rows += min(shard[i, LENGTH], n_steps)
    return n_rows


@cached_unit(**OWNING)
def window_of(shard, first, last):
    """The steps from `first` on and before `last`."""
    last = min(last, shard[0, LENGTH])
    steps = np.empty((last - first + 1, 2), np.int64)
    n, n_rows = shard.shape[0], ZERO
    for t in range(first, last):
        while shard[n - 1, LENGTH] <= t:
            n -= 1
        steps[t - first, ACTIVE], steps[t - first, FIRST] = n, n_rows
        n_rows += n
    steps[last - first, ACTIVE], steps[last - first, FIRST] = 0, n_rows
    rows = np.empty((n_rows, 2), np.int64)
    r = ZERO
    for t in range(first, last):
        for i in range(steps[t - first, ACTIVE]):
            rows[r, POSITION], rows[r, OWNER] = shard[i, START] + t, i
            r += 1
    return Window(steps, rows)
