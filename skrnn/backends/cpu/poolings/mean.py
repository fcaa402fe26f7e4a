"""The mean of the states of all steps."""

from skrnn.backends.cpu.poolings.base import PoolingPlan, make_pooling
from skrnn.backends.cpu.poolings.sums import add_exactly
from skrnn.backends.cpu.window import OWNER
from skrnn.backends.table import TOTAL


class MeanPooling(PoolingPlan):
    """It keeps sums, and what rounding has left out of them."""

    __slots__ = ()


def _lay_out(network, forward, backward):
    return MeanPooling(2 * network.n_states_out)


def _add(pooling, sizes, packed, window, shard, work):
    m = work.m
    for r in range(window.rows.shape[0]):
        sums = m[work.kept + window.rows[r, OWNER] * pooling.n_kept :]
        state = m[work.last + r * sizes.out_row :]
        one = m.dtype.type(1)
        add_exactly(sums, sums[sizes.n_out :], state, one, sizes.n_out)


def _finish(pooling, sizes, kept, n_steps, row):
    divisor = row.dtype.type(n_steps)
    for j in range(sizes.n_out):
        row[j] = kept[j] / divisor


def _spread(pooling, sizes, packed, window, shard, work, gradient):
    m = work.m
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], m[work.last + r * sizes.out_row :]
        d = m[work.d_pooled + i * sizes.out_row :]
        share = m.dtype.type(1 / shard[i, TOTAL])
        for j in range(sizes.n_out):
            state[j] = d[j] * share


MEAN = make_pooling(
    MeanPooling, lay_out=_lay_out, add=_add, finish=_finish, spread=_spread
)
