"""Of each direction the state after its last step."""

from skrnn.backends.cpu.layer import copy
from skrnn.backends.cpu.poolings.base import PoolingPlan, make_pooling
from skrnn.backends.cpu.window import OWNER, POSITION
from skrnn.backends.table import LENGTH, START


class LastPooling(PoolingPlan):
    """It keeps these states."""

    __slots__ = ()


def _lay_out(network, forward, backward):
    return LastPooling(network.n_states_out)


def _add(pooling, sizes, packed, window, shard, work):
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], work.last + r * sizes.out_row
        kept = work.kept + i * pooling.n_kept
        step = window.rows[r, POSITION] - shard[i, START]
        forward = sizes.hidden_size
        if step == shard[i, LENGTH] - 1:
            copy(work.m, state, kept, forward)
        if step == 0:
            copy(work.m, state + forward, kept + forward, sizes.n_out - forward)


def _finish(pooling, sizes, kept, n_steps, row):
    for j in range(sizes.n_out):
        row[j] = kept[j]


def _spread(pooling, sizes, packed, window, shard, work, gradient):
    m, forward = work.m, sizes.hidden_size
    for r in range(window.rows.shape[0]):
        i, row = window.rows[r, OWNER], work.last + r * sizes.out_row
        d = work.d_pooled + i * sizes.out_row
        step = window.rows[r, POSITION] - shard[i, START]
        d_state = m[row:]
        for j in range(sizes.n_out):
            d_state[j] = 0
        if step == shard[i, LENGTH] - 1:
            copy(m, d, row, forward)
        if step == 0:
            copy(m, d + forward, row + forward, sizes.n_out - forward)


LAST = make_pooling(
    LastPooling, lay_out=_lay_out, add=_add, finish=_finish, spread=_spread
)
