"""Of each unit the largest value, with the gradient to the first step that has it."""

import numpy as np

from skrnn.backends.cpu.poolings.base import PoolingPlan, make_pooling
from skrnn.backends.cpu.window import OWNER, POSITION
from skrnn.backends.table import START


class MaxPooling(PoolingPlan):
    """It keeps the largest values so far."""

    __slots__ = ()


def _lay_out(network, forward, backward):
    return MaxPooling(network.n_states_out)


def _start(pooling, kept):
    for j in range(pooling.n_kept):
        kept[j] = -np.inf


def _add(pooling, sizes, packed, window, shard, work):
    for r in range(window.rows.shape[0]):
        i = window.rows[r, OWNER]
        largest = work.m[work.kept + i * pooling.n_kept :]
        state = work.m[work.last + r * sizes.out_row :]
        best = work.best[i * sizes.out_row :]
        step = np.int32(window.rows[r, POSITION] - shard[i, START])
        for j in range(sizes.n_out):
            # A NaN is the largest, and stays.
            if state[j] > largest[j] or state[j] != state[j]:
                largest[j], best[j] = state[j], step


def _finish(pooling, sizes, kept, n_steps, row):
    for j in range(sizes.n_out):
        row[j] = kept[j]


def _spread(pooling, sizes, packed, window, shard, work, gradient):
    m = work.m
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], m[work.last + r * sizes.out_row :]
        d = m[work.d_pooled + i * sizes.out_row :]
        best = work.best[i * sizes.out_row :]
        step = window.rows[r, POSITION] - shard[i, START]
        for j in range(sizes.n_out):
            state[j] = d[j] if best[j] == step else 0


MAX = make_pooling(
    MaxPooling, lay_out=_lay_out, start=_start, add=_add, finish=_finish, spread=_spread
)
