"""From the states of all steps to one vector a sequence, a window at a time.

A pooling keeps, for each sequence, a row of sums or of the best so far, and two more
numbers (`Work`); so the steps may come in any pieces, with the same bits in the end.

Compiled code chooses the formulas by the class of the plan, so that it compiles those
of one pooling only.
"""

from math import exp
from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.layer import copy
from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK, product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.backends.cpu.window import (
    LENGTH,
    NUMBER,
    OWNER,
    POSITION,
    START,
    TOTAL,
)
from skrnn.mathematics.activations import tanh
from skrnn.mathematics.intrinsics import by_type


class PoolingPlan(NamedTuple):
    """Where the panels of attention start; each pooling derives a class of its own."""

    at: int  # weights and biases
    query_at: int
    transposed_at: int


class NoPooling(PoolingPlan):
    """Outputs for every step."""

    __slots__ = ()


class LastPooling(PoolingPlan):
    """Of each direction the state after its last step."""

    __slots__ = ()


class MeanPooling(PoolingPlan):
    __slots__ = ()


class MaxPooling(PoolingPlan):
    __slots__ = ()


class AttentionPooling(PoolingPlan):
    """Mean weighted by the softmax of ``query . tanh(weight @ h + bias)``.

    D. Bahdanau, K. Cho and Y. Bengio, Neural machine translation by jointly learning to
    align and translate, ICLR 2015, with a learned query.
    """

    __slots__ = ()


PLANS = {
    None: NoPooling,
    "last": LastPooling,
    "mean": MeanPooling,
    "max": MaxPooling,
    "attention": AttentionPooling,
}


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


def _add_nothing(pooling, sizes, packed, window, shard, work):
    pass


def _add_last(pooling, sizes, packed, window, shard, work):
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], work.last + r * sizes.out_row
        row = work.pooled + i * sizes.out_row
        step = window.rows[r, POSITION] - shard[i, START]
        forward = sizes.hidden_size
        if step == shard[i, LENGTH] - 1:
            copy(work.m, state, row, forward)
        if step == 0:
            copy(work.m, state + forward, row + forward, sizes.n_out - forward)


def _add_mean(pooling, sizes, packed, window, shard, work):
    m = work.m
    for r in range(window.rows.shape[0]):
        row = m[work.pooled + window.rows[r, OWNER] * sizes.out_row :]
        state = m[work.last + r * sizes.out_row :]
        for j in range(sizes.n_out):
            row[j] += state[j]


def _add_max(pooling, sizes, packed, window, shard, work):
    for r in range(window.rows.shape[0]):
        i = window.rows[r, OWNER]
        row, state = (
            work.m[work.pooled + i * sizes.out_row :],
            work.m[work.last + r * sizes.out_row :],
        )
        best = work.best[i * sizes.out_row :]
        step = np.int32(window.rows[r, POSITION] - shard[i, START])
        for j in range(sizes.n_out):
            # A NaN is the largest, and stays.
            if state[j] > row[j] or state[j] != state[j]:
                row[j], best[j] = state[j], step


def _add_attention(pooling, sizes, packed, window, shard, work):
    """A softmax without its sum known, which is why the sums so far may shrink."""
    m = work.m
    width = PANEL_BYTES // m.itemsize
    n_rows = window.rows.shape[0]
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), work.last + done * sizes.out_row
        _, scores = score_rows(pooling, sizes, packed, work, at, n)
        for r in range(n):
            i, state = window.rows[done + r, OWNER], m[at + r * sizes.out_row :]
            row, extra = m[work.pooled + i * sizes.out_row :], m[work.extra + 2 * i :]
            score = m[scores + r * width]
            if not score <= extra[0]:  # written so that a NaN passes
                shrink = exp(extra[0] - score)
                extra[0] = score
                extra[1] *= shrink
                for j in range(sizes.n_out):
                    row[j] *= shrink
            weight = exp(score - extra[0])
            extra[1] += weight
            for j in range(sizes.n_out):
                row[j] += weight * state[j]


#: is_pooled(pooling): whether there is one output a sequence, rather than one a step.
is_pooled = by_type(
    lambda kind: (
        (lambda pooling: False) if kind is NoPooling else (lambda pooling: True)
    )
)


def _rows_of_steps(pooling, at, work, shard, window):
    return work.last, window.rows, POSITION


def _rows_of_sequences(pooling, at, work, shard, window):
    return at, shard, NUMBER


#: head_rows(pooling, at, work, shard, window): what the head takes, where the pooled
#: rows start at `at`: the start of the rows, and a table and its column with the number
#: of each one's output.
head_rows = by_type(
    lambda kind: _rows_of_steps if kind is NoPooling else _rows_of_sequences
)

_ADD = {
    NoPooling: _add_nothing,
    LastPooling: _add_last,
    MeanPooling: _add_mean,
    MaxPooling: _add_max,
    AttentionPooling: _add_attention,
}

#: add_window(pooling, sizes, packed, window, shard, work): take in the outputs of the
#: last layer in a window.
add_window = by_type(_ADD.__getitem__)


_DIVISORS = {
    MeanPooling: lambda pooling, total, weights: total,
    AttentionPooling: lambda pooling, total, weights: weights,
}

#: pool_divisor(pooling, total, weights): by what a sequence's row is to be divided.
pool_divisor = by_type(
    lambda kind: _DIVISORS.get(kind, lambda pooling, total, weights: 1)
)


@njit(**INNER)
def finish_pool(pooling, sizes, shard, work):
    """Turn sums into means; a 1 behind each row, for the biases of the head."""
    for i in range(shard.shape[0]):
        row, weights = work.m[work.pooled + i * sizes.out_row :], work.extra + 2 * i + 1
        divisor = pool_divisor(pooling, shard[i, TOTAL], work.m[weights])
        divisor = work.m.dtype.type(divisor)
        for j in range(sizes.n_out):
            row[j] /= divisor
        row[sizes.n_out] = 1


def _spread_nothing(pooling, sizes, packed, window, shard, work, gradient):
    pass


def _spread_last(pooling, sizes, packed, window, shard, work, gradient):
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


def _spread_mean(pooling, sizes, packed, window, shard, work, gradient):
    m = work.m
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], m[work.last + r * sizes.out_row :]
        d = m[work.d_pooled + i * sizes.out_row :]
        share = m.dtype.type(1 / shard[i, TOTAL])
        for j in range(sizes.n_out):
            state[j] = d[j] * share


def _spread_max(pooling, sizes, packed, window, shard, work, gradient):
    m = work.m
    for r in range(window.rows.shape[0]):
        i, state = window.rows[r, OWNER], m[work.last + r * sizes.out_row :]
        d = m[work.d_pooled + i * sizes.out_row :]
        best = work.best[i * sizes.out_row :]
        step = window.rows[r, POSITION] - shard[i, START]
        for j in range(sizes.n_out):
            state[j] = d[j] if best[j] == step else 0


@njit(**INNER)
def dot(a, b, n):
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


def _spread_attention(pooling, sizes, packed, window, shard, work, gradient):
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
            d, pooled = (
                m[work.d_pooled + i * out_row :],
                m[work.pooled + i * out_row :],
            )
            highest, weights = m[work.extra + 2 * i], m[work.extra + 2 * i + 1]
            share = exp(m[scores + r * width] - highest) / weights
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


_SPREAD = {
    NoPooling: _spread_nothing,
    LastPooling: _spread_last,
    MeanPooling: _spread_mean,
    MaxPooling: _spread_max,
    AttentionPooling: _spread_attention,
}

#: spread_window(pooling, sizes, packed, window, shard, work, gradient): replace the
#: last layer's outputs of a window by their gradient, from that of the pooled rows.
#: That of the pooling's own weights is added to `gradient`.
spread_window = by_type(_SPREAD.__getitem__)


def _write_no_scores(pooling, sizes, packed, window, work, results):
    pass


def _write_scores(pooling, sizes, packed, window, work, results):
    width = PANEL_BYTES // work.m.itemsize
    n_rows = window.rows.shape[0]
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), work.last + done * sizes.out_row
        _, scores = score_rows(pooling, sizes, packed, work, at, n)
        for r in range(n):
            results[window.rows[done + r, POSITION], 0] = work.m[scores + r * width]


#: write_scores(pooling, sizes, packed, window, work, results): attention's score of
#: each row of a window, written to the row's place.
write_scores = by_type(
    lambda kind: _write_scores if kind is AttentionPooling else _write_no_scores
)


_STARTS = {MaxPooling: lambda pooling: -np.inf}

#: pool_start(pooling): what a sequence's row holds before its first step.
pool_start = by_type(lambda kind: _STARTS.get(kind, lambda pooling: 0.0))


@njit(**INNER)
def start_pool(pooling, sizes, shard, work):
    """The memory of a pooling before the first step."""
    m, pooled = work.m, work.m[work.pooled :]
    for j in range(shard.shape[0] * sizes.out_row):
        pooled[j] = pool_start(pooling)
        work.best[j] = 0
    for i in range(shard.shape[0]):
        m[work.extra + 2 * i], m[work.extra + 2 * i + 1] = -np.inf, 0
