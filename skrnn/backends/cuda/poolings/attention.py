"""The mean of all steps weighted by the softmax of their scores.

The scores' formula and where it is from: `network/poolings/attention.py`.
"""

from math import exp
from typing import NamedTuple

import numpy as np
from numba import cuda

from skrnn.backends.cuda.poolings.base import Pooling, add_exactly, row_of
from skrnn.backends.cuda.products import Matrix
from skrnn.backends.table import LENGTH, N_COLUMNS
from skrnn.mathematics.activations import tanh

#: What is kept of a sequence behind its sums and what rounding has left out of them:
#: the sum of weights, what rounding has left out of it, and the highest score.
WEIGHTS, REST, HIGHEST, N_TOTALS = range(4)


class Room(NamedTuple):
    """Where in the memory of a window is what."""

    scores: int  # (rows)
    units: int  # (rows, units): the hidden layer
    shares: int  # (rows)
    d_units: int


class Attention(Pooling):
    """It keeps weighted sums, and what they were weighted by."""

    def __init__(self, output):
        super().__init__(output)
        n_rows, at = self.work.n_rows, self.work.room
        scores_end = at + n_rows
        units_end = scores_end + n_rows * self.hidden
        self.room_of = Room(at, scores_end, units_end, units_end + n_rows)
        starts, part = self.network.starts, self.network.pool
        self.weight_at, self.bias_at = starts[part.weight], starts[part.bias]
        self.query_at = starts[part.query]

    @classmethod
    def first_kept(cls, network):
        """Sums, their rests, and the totals of the softmax."""
        kept = [0.0] * (2 * network.n_states_out + N_TOTALS)
        kept[HIGHEST - N_TOTALS] = -np.inf
        return kept

    @classmethod
    def room(cls, network, n_rows, keep):
        """Scores and hidden layer, and for the way back as much again."""
        return n_rows * (network.hidden_size + 1) * (2 if keep else 1)

    def add_window(self):
        """Take in the last layer's outputs of a window."""
        batch, n_out = self.batch, self.n_out
        self.score()
        window = self.m, batch.index, batch.n, *batch.window
        places = self.states, self.work.kept, self.room_of.scores
        self.device.over(batch.n * n_out, add_weighted, *window, n_out, places)
        self.device.over(batch.n, add_scores, *window, n_out, places)

    def score(self):
        """The hidden layer for the rows of a window; returns where their scores are."""
        n, hidden, room = self.batch.n_here, self.hidden, self.room_of
        units = Matrix(self.m, room.units, hidden)
        self.products.product(
            units,
            Matrix(self.m, self.states, self.n_out),
            Matrix(self.w, self.weight_at, hidden),
            (n, hidden, self.n_out),
            bias=Matrix(self.w, self.bias_at, hidden),
        )
        arguments = self.m, room.units, n * hidden
        self.device.over(n * hidden, apply_tanh, *arguments)
        query = Matrix(self.w, self.query_at, 1)
        scores = Matrix(self.m, room.scores, 1)
        self.products.product(scores, units, query, (n, 1, hidden))
        return room.scores

    def finish(self):
        """Write the pooled states of all sequences."""
        n, n_out = self.batch.n, self.n_out
        places = self.work.kept, self.work.pooled
        self.device.over(n * n_out, divide_sums, self.m, n, n_out, places)

    def spread_window(self, gradient):
        """Replace the last layer's outputs of a window by their gradient."""
        batch, work, room, over = self.batch, self.work, self.room_of, self.device.over
        n, n_out, hidden = batch.n_here, self.n_out, self.hidden
        self.score()
        places = self.states, work.kept, work.pooled, room.scores, room.shares
        over(n, score_gradients, self.m, batch.rows, n, n_out, places)
        arguments = self.m, n, hidden, self.w, self.query_at, room.units, room.scores
        over(n * hidden, unit_gradients, *arguments, room.d_units)
        self._add_gradient(gradient, n)
        arguments = self.m, batch.rows, n, n_out, self.states, room.shares
        over(n * n_out, share_gradients, *arguments, work.pooled)
        states = Matrix(self.m, self.states, n_out)
        weights = Matrix(self.w, self.weight_at, hidden).transposed
        d_units = Matrix(self.m, room.d_units, hidden)
        self.products.product(states, d_units, weights, (n, n_out, hidden), adds=True)

    def _add_gradient(self, gradient, n):
        """Add that of the weights; the states are those of the window still."""
        room, hidden, products = self.room_of, self.hidden, self.products
        units, d_units = (
            Matrix(self.m, at, hidden) for at in (room.units, room.d_units)
        )
        scores = Matrix(self.m, room.scores, 1)
        states = Matrix(self.m, self.states, self.n_out).transposed
        sizes = self.n_out, hidden, n
        products.add_gradient(gradient, self.weight_at, states, d_units, sizes)
        sizes = hidden, 1, n
        products.add_gradient(gradient, self.query_at, units.transposed, scores, sizes)
        columns = self.m, room.d_units, n, hidden, hidden
        products.add_column_sums(gradient, self.bias_at, *columns)


@cuda.jit(device=True)
def soften(highest, weights, rest, score):
    """One more score of a softmax without its sum known.

    Returns the highest score so far, the sum of weights relative to it and what
    rounding left out of that, by what sums so far shrink, and this score's weight.
    """
    shrink = weights - weights + 1
    if not score <= highest:  # written so that a NaN passes
        shrink = exp(highest - score)
        highest = score
        weights *= shrink
        rest *= shrink
    weight = exp(score - highest)
    weights, rest = add_exactly(weights, rest, weight)
    return highest, weights, rest, shrink, weight


@cuda.jit
def add_weighted(m, index, n, first, last, n_out, places):
    states, kept, scores = places
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i, j = p // n_out, p % n_out
        at = kept + i * (2 * n_out + N_TOTALS)
        value, value_rest = m[at + j], m[at + n_out + j]
        total = at + 2 * n_out
        weights, rest, highest = m[total], m[total + REST], m[total + HIGHEST]
        for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
            r = row_of(index, n, i, t, first)
            highest, weights, rest, shrink, weight = soften(
                highest, weights, rest, m[scores + r]
            )
            term = weight * m[states + r * n_out + j]
            value, value_rest = add_exactly(value * shrink, value_rest * shrink, term)
        m[at + j], m[at + n_out + j] = value, value_rest


@cuda.jit
def add_scores(m, index, n, first, last, n_out, places):
    """The totals of the softmax, after those who need the old ones."""
    _, kept, scores = places
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        total = kept + i * (2 * n_out + N_TOTALS) + 2 * n_out
        weights, rest, highest = m[total], m[total + REST], m[total + HIGHEST]
        for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
            r = row_of(index, n, i, t, first)
            highest, weights, rest, _, _ = soften(highest, weights, rest, m[scores + r])
        m[total], m[total + REST], m[total + HIGHEST] = weights, rest, highest


@cuda.jit
def divide_sums(m, n, n_out, places):
    kept, pooled = places
    for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
        i, j = p // n_out, p % n_out
        at = kept + i * (2 * n_out + N_TOTALS)
        m[pooled + p] = m[at + j] / m[at + 2 * n_out + WEIGHTS]


@cuda.jit
def apply_tanh(m, at, n):
    """The hidden layer, of its pre-activations."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        m[at + p] = tanh(m[at + p])


@cuda.jit
def score_gradients(m, rows, n_rows, n_out, places):
    """Of each score of a window the gradient, beside the share that it has.

    With shares p: d(score) = p (d . h - d . pooled).
    """
    states, kept, d_pooled, scores, shares = places
    for r in range(cuda.grid(1), n_rows, cuda.gridsize(1)):
        i = rows[2 * r + 1]
        sums = kept + i * (2 * n_out + N_TOTALS)
        weights, highest = m[sums + 2 * n_out], m[sums + 2 * n_out + HIGHEST]
        share = exp(m[scores + r] - highest) / weights
        along = 0.0
        for j in range(n_out):
            mean = m[sums + j] / weights
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
