"""From the values of a sequence's steps to the inputs of the first layer.

A step has numbers and, behind them, a code for each categorical feature, in the place
of which the row of an embedding is read. The class of what holds them says to compiled
code whether there are any. Behind the steps of a frame come the static features of its
sequence.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.layer import layer_plan, place_of
from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK, product
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.backends.cpu.window import OWNER, POSITION
from skrnn.backends.table import COMPACT, END, NUMBER, OLDEST, START
from skrnn.mathematics.dropout import (
    factor,
    input_key,
    rate_of_input,
    unless_no_dropout,
)
from skrnn.mathematics.intrinsics import by_type

#: Columns of `Embedded.tables`.
AT, SIZE = range(2)


class Numbers(NamedTuple):
    """Steps of numbers alone."""

    values: np.ndarray  # (steps * features)
    static: np.ndarray  # (sequences * static features)


class Embedded(NamedTuple):
    """Steps of numbers and codes."""

    values: np.ndarray  # (steps * (features + codes))
    static: np.ndarray  # (sequences * static features)
    rows: np.ndarray  # of all embeddings
    tables: np.ndarray  # for each code: where its first row is in `rows`, a row's size
    d_rows: np.ndarray  # (steps of the batch * all sizes): gradients of the rows read


@njit(**INNER)
def frame_of(sizes, shard, window, r):
    """The oldest step of a row's frame, and how many of its steps there are not."""
    if sizes.frame_length == 1:
        return window.rows[r, POSITION], ZERO
    i = window.rows[r, OWNER]
    hops = (window.rows[r, POSITION] - shard[i, START]) * sizes.hop_length
    end = min(shard[i, START] + hops + 1, shard[i, END])
    oldest = end - sizes.frame_length
    return oldest, max(ZERO, shard[i, OLDEST] - oldest)


@njit(**INNER)
def inputs_of_step(sizes):
    """Inputs of each step of a frame."""
    return (sizes.n_inputs - sizes.n_static) // sizes.frame_length


@njit(**INNER)
def end_row(inputs, sizes, shard, window, r, row):
    """What a row has behind its frame: static features and a 1."""
    if sizes.n_static > 0:
        n, number = sizes.n_inputs - sizes.n_static, window.rows[r, OWNER]
        source = inputs.static[shard[number, NUMBER] * sizes.n_static :]
        target = row[n:]
        for j in range(sizes.n_static):
            target[j] = source[j]
    row[sizes.n_inputs] = 1


def _gather_numbers(inputs, dropout, sizes, shard, window, work):
    n = sizes.n_inputs - sizes.n_static
    for r in range(window.rows.shape[0]):
        oldest, n_missing = frame_of(sizes, shard, window, r)
        n_zeros = n_missing * sizes.n_features
        source = inputs.values[oldest * sizes.n_features + n_zeros :]
        row = work.m[work.x + r * (sizes.n_inputs + 1) :]
        for f in range(n_zeros):
            row[f] = 0
        rest = row[n_zeros:]
        for f in range(n - n_zeros):
            rest[f] = source[f]
        end_row(inputs, sizes, shard, window, r, row)


def _drop_embedded(dropout, sizes, window, first, n, place, work):
    if dropout.embedding_rate == 0 and dropout.ngram_rate == 0:
        return
    (at, of_row), of_step = place, inputs_of_step(sizes)
    for r in range(n):
        key = input_key(dropout, window.rows[first + r, POSITION])
        for start in range(0, sizes.frame_length * of_step, of_step):
            row = work.m[at + r * of_row + start :]
            for j in range(sizes.n_features, of_step):
                rate = rate_of_input(dropout, j)
                row[j] *= row.dtype.type(factor(key, start + j, rate))


#: drop_embedded(dropout, sizes, window, first, n, place, work): drop numbers read of
#: embeddings, or of their gradients: the same ones. n rows of the window stand at
#: ``place[0]`` in the memory, ``place[1]`` apart.
drop_embedded = unless_no_dropout(_drop_embedded)


def _gather_embedded(inputs, dropout, sizes, shard, window, work):
    n, n_codes, n_numbers = sizes.n_inputs, inputs.tables.shape[0], sizes.n_features
    of_step = inputs_of_step(sizes)
    for r in range(window.rows.shape[0]):
        oldest, n_missing = frame_of(sizes, shard, window, r)
        row = work.m[work.x + r * (n + 1) :]
        for f in range(n_missing * of_step):
            row[f] = 0
        for s in range(n_missing, sizes.frame_length):
            step = inputs.values[(oldest + s) * (n_numbers + n_codes) :]
            target = row[s * of_step :]
            for f in range(n_numbers):
                target[f] = step[f]
            first = n_numbers
            for k in range(n_codes):
                size, code = inputs.tables[k, SIZE], np.int64(step[n_numbers + k])
                source = inputs.rows[inputs.tables[k, AT] + code * size :]
                place = target[first:]
                for j in range(size):
                    place[j] = source[j]
                first += size
        end_row(inputs, sizes, shard, window, r, row)
    place = work.x, n + 1
    drop_embedded(dropout, sizes, window, ZERO, window.rows.shape[0], place, work)


#: gather(inputs, dropout, sizes, shard, window, work): copy the frames of a window,
#: each followed by static features and a 1. The steps of a frame are neighbours; those
#: before the sequence's first are zeros.
gather = by_type(lambda kind: _gather_numbers if kind is Numbers else _gather_embedded)


@njit(**INNER)
def padded_inputs(sizes, like):
    """Numbers that a row of gradients of inputs takes, in whole panels."""
    width = PANEL_BYTES // like.itemsize
    return -(-sizes.n_inputs // width) * width


@njit(**INNER)
def add_row_gradients(inputs, sizes, shard, window, first, n, work):
    """Add gradients of n rows' inputs, in `scratch`, to those of what they read."""
    n_numbers, of_step = sizes.n_features, inputs_of_step(sizes)
    of_codes, of_row = of_step - n_numbers, padded_inputs(sizes, work.m)
    for i in range(n):
        oldest, n_missing = frame_of(sizes, shard, window, first + i)
        compact = shard[window.rows[first + i, OWNER], COMPACT]
        row = work.m[work.scratch + i * of_row :]
        for s in range(n_missing, sizes.frame_length):
            source = row[s * of_step + n_numbers :]
            target = inputs.d_rows[(compact + oldest + s) * of_codes :]
            for j in range(of_codes):
                target[j] += source[j]


def _spread_embedded(inputs, dropout, step, sizes, layers, packed, shard, window, work):
    # The gradients of the pre-activations of the first layer, its directions in turn.
    m, of_row, padded = work.m, padded_inputs(sizes, work.m), sizes.padded_size
    shape = (ONE, of_row, step.n_x, sizes.hidden_size)
    n_rows = window.rows.shape[0]
    for first in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - first)
        for q in range(sizes.n_directions):
            place, more = place_of(sizes, work, q, ONE), ONE if q > 0 else ZERO
            dz = (m, place.z + first * padded, padded, work.plane)
            panels = (packed, layer_plan(layers, q).x_transposed_at)
            product(n, (m, work.scratch, of_row, ZERO), dz, panels, shape, more)
        place = work.scratch, of_row
        drop_embedded(dropout, sizes, window, first, n, place, work)
        add_row_gradients(inputs, sizes, shard, window, first, n, work)


def _spread_numbers(inputs, dropout, step, sizes, layers, packed, shard, window, work):
    pass


#: spread(inputs, dropout, step, sizes, layers, packed, shard, window, work): after the
#: first layer's backward pass, add the gradients of the embeddings' rows that were
#: read.
spread = by_type(lambda kind: _spread_numbers if kind is Numbers else _spread_embedded)
