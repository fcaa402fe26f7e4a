"""From the states of all steps to one vector a sequence, and back.

A thread takes one output of one sequence and goes through the steps of the window in
their order; so the steps may come in any pieces, with the same bits in the end.
"""

from functools import lru_cache
from math import exp

import numpy as np
from numba import cuda

from skrnn.backends.cuda.rows import LENGTH, N_COLUMNS, START, TOTAL
from skrnn.mathematics.activations import tanh

#: What a sequence's row holds before its first step.
POOL_STARTS = {"max": -np.inf}


@cuda.jit(device=True)
def soften(highest, weights, score):
    """One more score of a softmax without its sum known.

    Returns the highest score so far, the sum of weights relative to it, by what sums so
    far shrink, and the weight of this score.
    """
    shrink = weights - weights + 1
    if not score <= highest:  # written so that a NaN passes
        shrink = exp(highest - score)
        highest = score
        weights *= shrink
    weight = exp(score - highest)
    return highest, weights + weight, shrink, weight


def _mean(value, best, state, step):
    return value + state, best


def _max(value, best, state, step):
    # A NaN is the largest, and stays.
    if state > value or state != state:
        return state, step
    return value, best


_ADD = {"mean": _mean, "max": _max}


@cuda.jit(device=True)
def end_of(index, i, j, hidden):
    """The step of a sequence that is the last one for the direction of output j."""
    return index[N_COLUMNS * i + LENGTH] - 1 if j < hidden else 0


@cuda.jit(device=True)
def row_of(index, n, i, step, first):
    """The row of a sequence's step in the window from step `first` on."""
    steps = N_COLUMNS * n
    return index[steps + 2 * step + 1] - index[steps + 2 * first + 1] + i


@lru_cache
def add_kernel(pooling):
    """The kernel that takes in the outputs of the last layer in a window."""
    if pooling in _ADD_WINDOW:
        return _ADD_WINDOW[pooling]
    take = cuda.jit(device=True)(_ADD[pooling])

    @cuda.jit
    def add_window(m, index, n, first, last, sizes, places, best):
        n_out, _ = sizes
        states, pooled = places[0], places[1]
        for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
            i, j = p // n_out, p % n_out
            value, at = m[pooled + p], best[p]
            for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
                r = row_of(index, n, i, t, first)
                value, at = take(value, at, m[states + r * n_out + j], t)
            m[pooled + p], best[p] = value, at

    return add_window


@cuda.jit
def _add_last(m, index, n, first, last, sizes, places, best):
    n_out, hidden = sizes
    states, pooled = places[0], places[1]
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i, j = p // n_out, p % n_out
        t = end_of(index, i, j, hidden)
        if first <= t < last:
            r = row_of(index, n, i, t, first)
            m[pooled + p] = m[states + r * n_out + j]


@cuda.jit
def _add_attention(m, index, n, first, last, sizes, places, best):
    n_out, hidden = sizes
    states, pooled, extra, scores = places
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i, j = p // n_out, p % n_out
        value, highest, weights = m[pooled + p], m[extra + 2 * i], m[extra + 2 * i + 1]
        for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
            r = row_of(index, n, i, t, first)
            highest, weights, shrink, weight = soften(highest, weights, m[scores + r])
            value = value * shrink + weight * m[states + r * n_out + j]
        m[pooled + p] = value


_ADD_WINDOW = {"last": _add_last, "attention": _add_attention}


@cuda.jit
def add_scores(m, index, n, first, last, places):
    """The highest score and the sum of weights, after those who need the old ones."""
    _, _, extra, scores = places
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        highest, weights = m[extra + 2 * i], m[extra + 2 * i + 1]
        for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
            r = row_of(index, n, i, t, first)
            highest, weights, _, _ = soften(highest, weights, m[scores + r])
        m[extra + 2 * i], m[extra + 2 * i + 1] = highest, weights


@cuda.jit
def start_pool(m, n, n_out, pooled, extra, best, value):
    """What a pooling remembers before the first step."""
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        m[pooled + p], best[p] = value, 0
        if p % n_out == 0:
            i = p // n_out
            m[extra + 2 * i], m[extra + 2 * i + 1] = -np.inf, 0


@cuda.jit
def divide_sums(m, index, n, n_out, pooled, extra, target, is_mean):
    """Turn sums into means, written to `target`."""
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i = p // n_out
        divisor = m[extra + 2 * i + 1]
        if is_mean:
            divisor = m.dtype.type(index[N_COLUMNS * i + TOTAL])
        m[target + p] = m[pooled + p] / divisor


def _spread_last(d, best, step, ends, n_steps):
    return d if ends else d - d


def _spread_mean(d, best, step, ends, n_steps):
    return d * (1 / n_steps)


def _spread_max(d, best, step, ends, n_steps):
    return d if best == step else d - d


_SPREAD = {"last": _spread_last, "mean": _spread_mean, "max": _spread_max}


@lru_cache
def spread_kernel(pooling):
    """The kernel that replaces outputs of a window by their gradient."""
    part = cuda.jit(device=True)(_SPREAD[pooling])

    @cuda.jit
    def spread_window(m, index, rows, n_rows, sizes, states, d_pooled, best):
        n_out, hidden = sizes
        for p in range(cuda.grid(1), n_rows * n_out, cuda.gridsize(1)):
            r, j = p // n_out, p % n_out
            i = rows[2 * r + 1]
            step = rows[2 * r] - index[N_COLUMNS * i + START]
            q = i * n_out + j
            ends = step == end_of(index, i, j, hidden)
            total = m.dtype.type(index[N_COLUMNS * i + TOTAL])
            m[states + p] = part(m[d_pooled + q], best[q], step, ends, total)

    return spread_window


@cuda.jit
def apply_tanh(m, at, n):
    """Attention's hidden layer, of its pre-activations."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        m[at + p] = tanh(m[at + p])


@cuda.jit
def score_gradients(m, rows, n_rows, n_out, places):
    """Of each score of a window the gradient, beside the share that it has.

    With shares p: d(score) = p (d . h - d . pooled).
    """
    states, pooled, extra, scores, d_pooled, shares = places
    for r in range(cuda.grid(1), n_rows, cuda.gridsize(1)):
        i = rows[2 * r + 1]
        weights = m[extra + 2 * i + 1]
        share = exp(m[scores + r] - m[extra + 2 * i]) / weights
        along = 0.0
        for j in range(n_out):
            mean = m[pooled + i * n_out + j] / weights
            along += m[d_pooled + i * n_out + j] * (m[states + r * n_out + j] - mean)
        m[shares + r] = share
        m[scores + r] = share * along


@cuda.jit
def unit_gradients(m, n, hidden, w, query, at, scores, to):
    """The gradient of the hidden layer's pre-activations, written beside it."""
    for p in range(cuda.grid(1), n * hidden, cuda.gridsize(1)):
        r, j = p // hidden, p % hidden
        u = m[at + p]
        m[to + p] = m[scores + r] * w[query + j] * (1 - u * u)


@cuda.jit
def share_gradients(m, rows, n_rows, n_out, states, shares, d_pooled):
    """Replace outputs by their share of the gradient of what is pooled."""
    for p in range(cuda.grid(1), n_rows * n_out, cuda.gridsize(1)):
        r, j = p // n_out, p % n_out
        m[states + p] = m[shares + r] * m[d_pooled + rows[2 * r + 1] * n_out + j]


@cuda.jit
def write_rows(m, at, n, n_columns, places, column, width, results):
    """Write n rows to their places among the results; see `loss_kernel`."""
    for p in range(cuda.grid(1), n * n_columns, cuda.gridsize(1)):
        r, j = p // n_columns, p % n_columns
        results[places[r * width + column] * n_columns + j] = m[at + p]
