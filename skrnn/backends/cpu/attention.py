"""Attention of the rows of a decoder to those of an encoder, a pair at a time.

The formula and where it is from: `network/attention.py`. All rows of a decoder are
there before it, so there is no loop over time: a pair has a few matrix products, of as
many rows as its sequences have steps.

Here the rows of a pair are neighbours, unlike those of a window, and are copied from
there and back. All that is computed stands in one vector, as in `Work`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.layer import copy_row, reserve
from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, padded_columns
from skrnn.mathematics.activations import exp, tanh
from skrnn.mathematics.cache import cached_unit

#: Columns of `Pairs.bounds`.
READ, WRITTEN = range(2)


class AttentionPlan(NamedTuple):
    """Where the panels of attention's weights start."""

    is_general: int  # whether there are weights of the scores
    score_at: int
    score_transposed_at: int
    output_at: int
    output_transposed_at: int


class Pairs(NamedTuple):
    """Rows of states that are read, and of those that read them, pair after pair."""

    bounds: np.ndarray  # of each pair its first rows, (READ, WRITTEN); and the end
    read: np.ndarray  # where each row is in its vector
    written: np.ndarray
    targets: np.ndarray  # (rows, 1): the number of each row's target or result


class Room(NamedTuple):
    """Where in a vector is what attention computes; rows are those of the decoder."""

    row: int  # distance between rows
    both_row: int  # and between those of contexts and states
    states: int
    queries: int  # what is compared with states that are read
    both: int  # contexts, each with the state behind it; later their gradients
    attended: int  # what the head reads, with a 1 behind it; later its gradient
    spare: int  # a copy of that; later gradients of queries
    read: int  # what a pair reads; later its gradient
    across: int  # the same in panels of neighbouring rows
    along: int  # and of neighbouring columns
    scores: int  # of a pair; then shares
    d_scores: int
    end: int


@njit(**INNER)
def whole_panels(n, like):
    """Columns of the panels that n columns take."""
    width = PANEL_BYTES // like.itemsize
    return -(-n // width) * width


@njit(**INNER)
def of_pair(bounds, p, which):
    """The first row of a pair, and how many it has."""
    return bounds[p, which], bounds[p + 1, which] - bounds[p, which]


@njit(**INNER)
def rows_of_pair(pairs, p):
    """The same of what a pair reads, and of what reads it."""
    return of_pair(pairs.bounds, p, READ), of_pair(pairs.bounds, p, WRITTEN)


@njit(**INNER)
def room_of(sizes, attention, bounds, like, free, keep):
    """A place for all from `free` on; with `keep` there is room for gradients."""
    k, columns = sizes.n_out, whole_panels(sizes.n_out, like)
    both_row = padded_columns(2 * k, PANEL_BYTES // like.itemsize)
    n, n_read, n_scores = bounds.shape[0] - 1, ZERO, ZERO
    for p in range(n):
        n_here, n_written = of_pair(bounds, p, READ)[1], of_pair(bounds, p, WRITTEN)[1]
        n_read = max(n_read, n_here)
        n_scores = max(n_scores, n_written * whole_panels(n_here, like))
    n_rows = bounds[n, WRITTEN]
    of_rows = n_rows * sizes.out_row
    states, free = reserve(free, of_rows)
    queries, free = reserve(free, attention.is_general * of_rows)
    both, free = reserve(free, n_rows * both_row)
    attended, free = reserve(free, of_rows)
    spare, free = reserve(free, keep * of_rows)
    read, free = reserve(free, n_read * columns)
    across, free = reserve(free, whole_panels(n_read, like) * k)
    along, free = reserve(free, n_read * columns)
    scores, free = reserve(free, n_scores)
    d_scores, free = reserve(free, keep * n_scores)
    return Room(
        row=sizes.out_row,
        both_row=both_row,
        states=states,
        queries=max(queries, states),
        both=both,
        attended=attended,
        spare=spare,
        read=read,
        across=across,
        along=along,
        scores=scores,
        d_scores=d_scores,
        end=free,
    )


@njit(**INNER)
def load_pair(sizes, pairs, p, source, m, room):
    """What a pair reads, in both kinds of panels."""
    (first, n), k = of_pair(pairs.bounds, p, READ), sizes.n_out
    columns, width = whole_panels(k, m), PANEL_BYTES // m.itemsize
    for r in range(n):
        at = room.read + r * columns
        copy_row(source, pairs.read[first + r], m, at, k)
        for j in range(k, columns):
            m[at + j] = 0
        for j in range(0, columns, width):
            copy_row(m, at + j, m, room.along + j * n + r * width, width)
    for r in range(n):  # lanes behind the last row make columns that nobody reads
        row = m[room.read + r * columns :]
        panel = m[room.across + r // width * width * k + r % width :]
        for j in range(k):
            panel[j * width] = row[j]


@njit(**INNER)
def compare(sizes, pairs, p, rows, m, room, scores):
    """Products of the pair's rows, ``(start, distance)``, with all that it reads."""
    (first, n), n_read = (
        of_pair(pairs.bounds, p, WRITTEN),
        of_pair(pairs.bounds, p, READ)[1],
    )
    (start, row), columns = rows, whole_panels(n_read, m)
    to, left = (m, scores, columns, ZERO), (m, start + first * row, row, ZERO)
    product(n, to, left, (m, room.across), (ONE, columns, ONE, sizes.n_out), ZERO)


@njit(**INNER)
def mix(sizes, pairs, p, scores, rows, m, room):
    """Sums of what the pair reads, each of them times its score."""
    (first, n), n_read = (
        of_pair(pairs.bounds, p, WRITTEN),
        of_pair(pairs.bounds, p, READ)[1],
    )
    (start, row), columns = rows, whole_panels(n_read, m)
    to, left = (m, start + first * row, row, ZERO), (m, scores, columns, ZERO)
    shape = (ONE, whole_panels(sizes.n_out, m), ONE, n_read)
    product(n, to, left, (m, room.along), shape, ZERO)


@njit(**INNER)
def find_shares(sizes, pairs, p, source, m, room):
    """The share of each row that the pair reads, for each of the rows that read it."""
    (_, n_read), (_, n) = rows_of_pair(pairs, p)
    load_pair(sizes, pairs, p, source, m, room)
    compare(sizes, pairs, p, (room.queries, room.row), m, room, room.scores)
    for r in range(n if n_read > 0 else ZERO):
        soften(m[room.scores + r * whole_panels(n_read, m) :], n_read)


@njit(**INNER)
def soften(row, n):
    """Replace n numbers by their softmax."""
    highest, total = row[0], 0.0
    for j in range(1, n):
        highest = max(highest, row[j])
    for j in range(n):
        row[j] = exp(row[j] - highest)
    for j in range(n):
        total += row[j]
    scale = row.dtype.type(1 / total)
    for j in range(n):
        row[j] *= scale


@njit(**INNER)
def find_queries(sizes, attention, packed, pairs, states, m, room):
    """The decoder's states, and what is compared with those of the encoder."""
    n_rows, k = pairs.written.size, sizes.n_out
    for r in range(n_rows):
        copy_row(states, pairs.written[r], m, room.states + r * room.row, k)
    if attention.is_general:
        to, left = (m, room.queries, room.row, ZERO), (m, room.states, room.row, ZERO)
        panels, shape = (packed, attention.score_at), (ONE, whole_panels(k, m), ONE, k)
        product(n_rows, to, left, panels, shape, ZERO)


@cached_unit(**INNER)
def attend(sizes, attention, packed, pairs, source, states, m, room):
    """What the head reads, of states of the decoder and, in `source`, the encoder."""
    n_rows, k = pairs.written.size, sizes.n_out
    find_queries(sizes, attention, packed, pairs, states, m, room)
    for p in range(pairs.bounds.shape[0] - 1):
        find_shares(sizes, pairs, p, source, m, room)
        mix(sizes, pairs, p, room.scores, (room.both, room.both_row), m, room)
    for r in range(n_rows):
        at = room.both + r * room.both_row + k
        copy_row(m, room.states + r * room.row, m, at, k)
    to, left = (m, room.attended, room.row, ZERO), (m, room.both, room.both_row, ZERO)
    panels, shape = (packed, attention.output_at), (ONE, whole_panels(k, m), ONE, 2 * k)
    product(n_rows, to, left, panels, shape, ZERO)
    for r in range(n_rows):
        row = m[room.attended + r * room.row :]
        for j in range(k):
            row[j] = tanh(row[j])
        row[k] = 1


@cached_unit(**INNER)
def attend_back(sizes, attention, packed, pairs, source, states, work, room, gradient):
    """Replace states of both by their gradient, from that of what the head reads.

    `spare` has what it read. The gradient of the weights is added to `gradient`.
    """
    m, n_rows, k, padded = work.m, pairs.written.size, sizes.n_out, sizes.padded_size
    for r in range(n_rows):
        d, row = m[room.attended + r * room.row :], m[room.spare + r * room.row :]
        for j in range(k):
            d[j] *= 1 - row[j] * row[j]
        for j in range(k, padded):
            d[j] = 0
    both, d = (m, room.both, room.both_row), (m, room.attended, room.row)
    at, panels = attention.output_at, (packed, attention.output_transposed_at)
    weight_gradient(n_rows, 2 * k, both, d, padded, work.panels, gradient, at)
    shape = (ONE, whole_panels(2 * k, m), ONE, k)
    product(n_rows, (*both, ZERO), (*d, ZERO), panels, shape, ZERO)
    for p in range(pairs.bounds.shape[0] - 1):
        pair_back(sizes, pairs, p, source, work, room)
    d_queries = room.spare
    if attention.is_general:
        d_queries = room.attended
        rows, d = (m, room.states, room.row), (m, room.spare, room.row)
        at, panels = attention.score_at, (packed, attention.score_transposed_at)
        weight_gradient(n_rows, k, rows, d, padded, work.panels, gradient, at)
        shape = (ONE, whole_panels(k, m), ONE, k)
        product(n_rows, (m, d_queries, room.row, ZERO), (*d, ZERO), panels, shape, ZERO)
    for r in range(n_rows):
        d_state = m[room.both + r * room.both_row + k :]
        d_query, state = m[d_queries + r * room.row :], states[pairs.written[r] :]
        for j in range(k):
            state[j] = d_state[j] + d_query[j]


@njit(**INNER)
def pair_back(sizes, pairs, p, source, work, room):
    """Gradients of a pair's queries, and of what it reads, which they replace."""
    m, (_, n_read), (_, n) = work.m, *rows_of_pair(pairs, p)
    row = whole_panels(n_read, m)
    find_shares(sizes, pairs, p, source, m, room)
    compare(sizes, pairs, p, (room.both, room.both_row), m, room, room.d_scores)
    for r in range(n):
        soften_back(m[room.scores + r * row :], m[room.d_scores + r * row :], n_read)
    mix(sizes, pairs, p, room.d_scores, (room.spare, room.row), m, room)
    read_back(sizes, pairs, p, source, work, room)


@njit(**INNER)
def read_back(sizes, pairs, p, source, work, room):
    """Replace what a pair reads by its gradient, from its shares and their gradients.

    Each row was both mixed into contexts and compared with queries.
    """
    m, (first_read, n_read), (first, n) = work.m, *rows_of_pair(pairs, p)
    columns, row = whole_panels(sizes.n_out, m), whole_panels(n_read, m)
    for j in range(n_read * columns):
        m[room.read + j] = 0
    at, queries = room.both + first * room.both_row, room.queries + first * room.row
    for scores, rows in (
        ((m, room.scores, row), (m, at, room.both_row)),
        ((m, room.d_scores, row), (m, queries, room.row)),
    ):
        weight_gradient(n, n_read, scores, rows, columns, work.panels, m, room.read)
    width = PANEL_BYTES // m.itemsize
    for r in range(n_read):
        to = pairs.read[first_read + r]
        for j in range(0, sizes.n_out, width):
            at = room.read + j * n_read + r * width
            copy_row(m, at, source, to + j, min(width, sizes.n_out - j))


@njit(**INNER)
def soften_back(shares, d, n):
    """Replace the gradient of a softmax by that of what it was of."""
    along = 0.0
    for j in range(n):
        along += shares[j] * d[j]
    along = shares.dtype.type(along)
    for j in range(n):
        d[j] = shares[j] * (d[j] - along)
