"""The mean of all steps weighted by the softmax of their scores.

The scores' formula and where it is from: `network/poolings/attention.py`.
"""

from math import exp
from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.poolings.base import make_pooling
from skrnn.backends.cpu.poolings.sums import add_exactly
from skrnn.backends.cpu.products import CHUNK, product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.backends.cpu.window import OWNER, POSITION
from skrnn.mathematics.activations import tanh

#: What is kept of a sequence behind its sums and what rounding has left out of them:
#: the sum of weights, what rounding has left out of it, and the highest score.
WEIGHTS, REST, HIGHEST, N_TOTALS = range(4)


class AttentionPooling(NamedTuple):
    """It keeps weighted sums, and what they were weighted by."""

    n_kept: int
    n_scratch: int
    at: int  # where the panels start: weights and biases
    query_at: int
    transposed_at: int


def _lay_out(network, forward, backward):
    part, n_out, hidden = network.pool, network.n_states_out, network.hidden_size
    return AttentionPooling(
        n_kept=2 * n_out + N_TOTALS,
        n_scratch=forward.padded(hidden) + forward.width,  # units, and a score
        at=forward.add(part.weight, n_out, hidden, bias=part.bias),
        query_at=forward.add(part.query, hidden, 1),
        transposed_at=backward.add_transposed(part.weight, n_out, hidden),
    )


def _start(pooling, kept):
    for j in range(pooling.n_kept):
        kept[j] = 0
    kept[pooling.n_kept - N_TOTALS + HIGHEST] = -np.inf


@njit(**INNER)
def score_rows(pooling, sizes, packed, work, at, n):
    """Attention's hidden layer for n rows, and their scores.

    Returns where these are: a row of units each, and a panel, whose first number it is.
    """
    m, padded, k = work.m, sizes.padded_size, sizes.hidden_size
    width = PANEL_BYTES // m.itemsize
    at_units, at_scores = work.scratch, work.scratch + n * padded
    rows, units = (m, at, sizes.out_row, ZERO), (m, at_units, padded, ZERO)
    panels, shape = (packed, pooling.at), (ONE, padded, ONE, sizes.n_out + 1)
    product(n, units, rows, panels, shape, ZERO)
    hidden = m[at_units:]
    for j in range(n * padded):
        hidden[j] = tanh(hidden[j])
    # The query is a matrix of one column.
    query, scores = (packed, pooling.query_at), (m, at_scores, width, ZERO)
    product(n, scores, units, query, (ONE, width, ONE, k), ZERO)
    return at_units, at_scores


def _add(pooling, sizes, packed, window, shard, work):
    """A softmax without its sum known, which is why the sums so far may shrink."""
    m, n_out = work.m, sizes.n_out
    width, one = PANEL_BYTES // m.itemsize, m.dtype.type(1)
    n_rows = window.rows.shape[0]
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), work.last + done * sizes.out_row
        _, scores = score_rows(pooling, sizes, packed, work, at, n)
        for r in range(n):
            i, state = window.rows[done + r, OWNER], m[at + r * sizes.out_row :]
            sums = m[work.kept + i * pooling.n_kept :]
            total, score = sums[2 * n_out :], m[scores + r * width :]
            if not score[0] <= total[HIGHEST]:  # written so that a NaN passes
                shrink = exp(total[HIGHEST] - score[0])
                total[HIGHEST] = score[0]
                for j in range(2 * n_out + HIGHEST):
                    sums[j] *= shrink
            score[0] = exp(score[0] - total[HIGHEST])
            add_exactly(total, total[REST:], score, one, 1)
            add_exactly(sums, sums[n_out:], state, score[0], n_out)


def _finish(pooling, sizes, kept, n_steps, row):
    weights = kept[2 * sizes.n_out + WEIGHTS]
    for j in range(sizes.n_out):
        row[j] = kept[j] / weights


@njit(**INNER)
def dot(a, b, n):
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


def _spread(pooling, sizes, packed, window, shard, work, gradient):
    """With shares p: d(score) = p (d . h - d . pooled), d(h) = p d + W d(hidden)."""
    m, padded, n_out, out_row = work.m, sizes.padded_size, sizes.n_out, sizes.out_row
    width = PANEL_BYTES // m.itemsize
    n_columns = -(-n_out // width) * width
    n_rows = window.rows.shape[0]
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), work.last + done * out_row
        hidden, scores = score_rows(pooling, sizes, packed, work, at, n)
        for r in range(n):
            i, state = window.rows[done + r, OWNER], m[at + r * out_row :]
            d, pooled = m[work.d_pooled + i * out_row :], m[work.pooled + i * out_row :]
            total = m[work.kept + i * pooling.n_kept + 2 * n_out :]
            share = exp(m[scores + r * width] - total[HIGHEST]) / total[WEIGHTS]
            m[scores + r * width] = share
            d_score = share * (dot(d, state, n_out) - dot(d, pooled, n_out))
            units = m[hidden + r * padded :]
            for j in range(sizes.hidden_size):
                u, at_query = units[j], pooling.query_at + j * width
                gradient[at_query] += d_score * u
                units[j] = d_score * packed[at_query] * (1 - u * u)
        rows, d_units = (m, at, out_row), (m, hidden, padded)
        weight_gradient(
            n, n_out + 1, rows, d_units, padded, work.panels, gradient, pooling.at
        )
        for r in range(n):
            d = m[work.d_pooled + window.rows[done + r, OWNER] * out_row :]
            state, share = m[at + r * out_row :], m[scores + r * width]
            for j in range(n_out):
                state[j] = share * d[j]
        panels = (packed, pooling.transposed_at)
        states, d_rows = (*rows, ZERO), (*d_units, ZERO)
        shape = (ONE, n_columns, ONE, sizes.hidden_size)
        product(n, states, d_rows, panels, shape, ONE)


def _write_scores(pooling, sizes, packed, window, work, results):
    width = PANEL_BYTES // work.m.itemsize
    n_rows = window.rows.shape[0]
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), work.last + done * sizes.out_row
        _, scores = score_rows(pooling, sizes, packed, work, at, n)
        for r in range(n):
            results[window.rows[done + r, POSITION], 0] = work.m[scores + r * width]


ATTENTION = make_pooling(
    AttentionPooling,
    lay_out=_lay_out,
    start=_start,
    add=_add,
    finish=_finish,
    spread=_spread,
    write_scores=_write_scores,
)
