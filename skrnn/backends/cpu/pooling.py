"""From the states of all steps to one vector a sequence, a window at a time.

A pooling keeps, for each sequence, a row of sums or of the best so far, and two more
numbers (`Pool`); so the steps may come in any pieces, with the same bits in the end.

Compiled code chooses the formulas by the class of the plan, so that it compiles those
of one pooling only.
"""

from math import exp
from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.layer import last_outputs
from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK, product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
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


class Pool(NamedTuple):
    """What a pooling remembers of the sequences of a shard."""

    rows: np.ndarray  # (sequences, out_row): sums or the best; in the end the result
    extra: np.ndarray  # (sequences, 2): attention's highest score and sum of weights
    best: np.ndarray  # (sequences, out_row): max pooling's step


@njit(**INNER)
def score_rows(pooling, sizes, packed, outs, first, n, hidden, scores):
    """Attention's hidden layer for n rows, and their scores, one a panel."""
    padded, k = sizes.padded_size, sizes.hidden_size
    width = PANEL_BYTES // outs.itemsize
    rows = (outs, first * sizes.out_row, sizes.out_row)
    units = (hidden, ZERO, padded)
    product(n, padded, units, rows, (packed, pooling.at), (ONE, sizes.n_out + 1), ZERO)
    for j in range(n * padded):
        hidden[0, j] = tanh(hidden[0, j])
    # The query is a matrix of one column.
    query = (packed, pooling.query_at)
    product(n, width, (scores, ZERO, width), units, query, (ONE, k), ZERO)


@njit(**INNER)
def chunk_memory(sizes, outs):
    """Attention's hidden layer and scores for a chunk of rows."""
    width = PANEL_BYTES // outs.itemsize
    return (
        np.empty((1, CHUNK * sizes.padded_size), outs.dtype),
        np.empty((1, CHUNK * width), outs.dtype),
    )


def _add_nothing(pooling, sizes, packed, window, shard, work, pool):
    pass


@njit(**INNER)
def copy(source, target, first, last):
    """Copy the entries from `first` on and before `last`."""
    for j in range(first, last):
        target[j] = source[j]


def _add_last(pooling, sizes, packed, window, shard, work, pool):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        i = window.owners[r]
        step = window.positions[r] - shard.starts[i]
        if step == shard.lengths[i] - 1:
            copy(outs[first + r], pool.rows[i], ZERO, sizes.hidden_size)
        if step == 0:
            copy(outs[first + r], pool.rows[i], sizes.hidden_size, sizes.n_out)


def _add_mean(pooling, sizes, packed, window, shard, work, pool):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        row, state = pool.rows[window.owners[r]], outs[first + r]
        for j in range(sizes.n_out):
            row[j] += state[j]


def _add_max(pooling, sizes, packed, window, shard, work, pool):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        i = window.owners[r]
        row, best, state = pool.rows[i], pool.best[i], outs[first + r]
        step = np.int32(window.positions[r] - shard.starts[i])
        for j in range(sizes.n_out):
            # A NaN is the largest, and stays.
            if state[j] > row[j] or state[j] != state[j]:
                row[j], best[j] = state[j], step


def _add_attention(pooling, sizes, packed, window, shard, work, pool):
    """A softmax without its sum known, which is why the sums so far may shrink."""
    outs, first = last_outputs(work)
    hidden, scores = chunk_memory(sizes, outs)
    width = PANEL_BYTES // outs.itemsize
    n_rows = window.owners.size
    for done in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - done)
        score_rows(pooling, sizes, packed, outs, first + done, n, hidden, scores)
        for r in range(n):
            i, state = window.owners[done + r], outs[first + done + r]
            row, extra, score = pool.rows[i], pool.extra[i], scores[0, r * width]
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


def _rows_of_steps(pooling, pooled, work, shard, window):
    outs, first = last_outputs(work)
    return outs, first, window.positions


def _rows_of_sequences(pooling, pooled, work, shard, window):
    return pooled, ZERO, shard.rows


#: head_rows(pooling, pooled, work, shard, window): what the head takes: an array, the
#: first row, and for each row from there on the number of its output.
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

#: add_window(pooling, sizes, packed, window, shard, work, pool): take in the
#: outputs of a window, the rows of `outs` from `first` on.
add_window = by_type(_ADD.__getitem__)


_DIVISORS = {
    MeanPooling: lambda pooling, total, extra: total,
    AttentionPooling: lambda pooling, total, extra: extra[1],
}

#: pool_divisor(pooling, total, extra): by what a sequence's row is to be divided.
pool_divisor = by_type(
    lambda kind: _DIVISORS.get(kind, lambda pooling, total, extra: 1)
)


@njit(**INNER)
def finish_pool(pooling, sizes, shard, pool):
    """Turn sums into means; a 1 behind each row, for the biases of the head."""
    for i in range(shard.rows.size):
        row = pool.rows[i]
        divisor = row.dtype.type(pool_divisor(pooling, shard.totals[i], pool.extra[i]))
        for j in range(sizes.n_out):
            row[j] /= divisor
        row[sizes.n_out] = 1


def _spread_nothing(
    pooling, sizes, weights, window, shard, work, pool, d_rows, gradient
):
    pass


def _spread_last(pooling, sizes, weights, window, shard, work, pool, d_rows, gradient):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        i = window.owners[r]
        step = window.positions[r] - shard.starts[i]
        row = outs[first + r]
        for j in range(sizes.n_out):
            row[j] = 0
        if step == shard.lengths[i] - 1:
            copy(d_rows[i], row, ZERO, sizes.hidden_size)
        if step == 0:
            copy(d_rows[i], row, sizes.hidden_size, sizes.n_out)


def _spread_mean(pooling, sizes, weights, window, shard, work, pool, d_rows, gradient):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        i, state = window.owners[r], outs[first + r]
        d, share = d_rows[i], state.dtype.type(1 / shard.totals[i])
        for j in range(sizes.n_out):
            state[j] = d[j] * share


def _spread_max(pooling, sizes, weights, window, shard, work, pool, d_rows, gradient):
    outs, first = last_outputs(work)
    for r in range(window.owners.size):
        i, state = window.owners[r], outs[first + r]
        best, d, step = pool.best[i], d_rows[i], window.positions[r] - shard.starts[i]
        for j in range(sizes.n_out):
            state[j] = d[j] if best[j] == step else 0


@njit(**INNER)
def dot(a, b, n):
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


def _spread_attention(
    pooling, sizes, weights, window, shard, work, pool, d_rows, gradient
):
    """With shares p: d(score) = p (d . h - d . pooled), d(h) = p d + W d(hidden)."""
    outs, first = last_outputs(work)
    packed, packed_transposed = weights
    hidden, scores = chunk_memory(sizes, outs)
    width = PANEL_BYTES // outs.itemsize
    padded, n_out = sizes.padded_size, sizes.n_out
    n_columns = -(-n_out // width) * width
    n_rows = window.owners.size
    for done in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - done)
        score_rows(pooling, sizes, packed, outs, first + done, n, hidden, scores)
        for r in range(n):
            i, state = window.owners[done + r], outs[first + done + r]
            extra, d = pool.extra[i], d_rows[i]
            share = exp(scores[0, r * width] - extra[0]) / extra[1]
            scores[0, r * width] = share
            d_score = share * (dot(d, state, n_out) - dot(d, pool.rows[i], n_out))
            units = hidden[0, r * padded : (r + 1) * padded]
            for j in range(sizes.hidden_size):
                u, at_query = units[j], pooling.query_at + j * width
                gradient[0, at_query] += d_score * u
                units[j] = d_score * packed[0, at_query] * (1 - u * u)
        rows = (outs, (first + done) * sizes.out_row, sizes.out_row)
        d_units = (hidden, ZERO, padded)
        weight_gradient(n, n_out + 1, rows, d_units, padded, gradient, pooling.at)
        for r in range(n):
            d, state = d_rows[window.owners[done + r]], outs[first + done + r]
            share = scores[0, r * width]
            for j in range(n_out):
                state[j] = share * d[j]
        panels, n_k = (packed_transposed, pooling.transposed_at), sizes.hidden_size
        product(n, n_columns, rows, d_units, panels, (ONE, n_k), ONE)


_SPREAD = {
    NoPooling: _spread_nothing,
    LastPooling: _spread_last,
    MeanPooling: _spread_mean,
    MaxPooling: _spread_max,
    AttentionPooling: _spread_attention,
}

#: spread_window(pooling, sizes, weights, window, shard, work, pool, d_rows, gradient):
#: replace the last layer's outputs of a window by their gradient, where `d_rows` is
#: that of the pooled rows. That of the pooling's own weights is added to `gradient`.
spread_window = by_type(_SPREAD.__getitem__)


def _write_no_scores(pooling, sizes, packed, window, work, results):
    pass


def _write_scores(pooling, sizes, packed, window, work, results):
    outs, first = last_outputs(work)
    hidden, scores = chunk_memory(sizes, outs)
    width = PANEL_BYTES // outs.itemsize
    n_rows = window.owners.size
    for done in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - done)
        score_rows(pooling, sizes, packed, outs, first + done, n, hidden, scores)
        for r in range(n):
            results[window.positions[done + r], 0] = scores[0, r * width]


#: write_scores(pooling, sizes, packed, window, work, results): attention's score of
#: each row of a window, written to the row's place.
write_scores = by_type(
    lambda kind: _write_scores if kind is AttentionPooling else _write_no_scores
)


_STARTS = {MaxPooling: lambda pooling: -np.inf}

#: pool_start(pooling): what a sequence's row holds before its first step.
pool_start = by_type(lambda kind: _STARTS.get(kind, lambda pooling: 0.0))


@njit(**INNER)
def new_pool(pooling, sizes, n_sequences, like):
    """The memory of a pooling, before the first step."""
    rows = np.empty((n_sequences, sizes.out_row), like.dtype)
    extra = np.empty((n_sequences, 2), like.dtype)
    best = np.zeros((n_sequences, sizes.out_row), np.int32)
    for i in range(n_sequences):
        for j in range(sizes.out_row):
            rows[i, j] = pool_start(pooling)
        extra[i, 0], extra[i, 1] = -np.inf, 0
    return Pool(rows, extra, best)
