"""Kernels that share out the rows of a window: gather, dropout, layer normalisation.

`index` holds the batch's table (`backends/table.py`), and behind it two numbers for
each of all time steps: how many sequences it has, and its first row. As on the CPU,
sequences stand in order of falling length, so that the rows of a step are those of its
first sequences; and a step is one of the network, a frame of the sequence's own steps.
"""

from functools import lru_cache

import numpy as np
from numba import cuda

from skrnn.backends.table import (
    END,
    LENGTH,
    N_COLUMNS,
    NUMBER,
    OLDEST,
    START,
    table_of,
)
from skrnn.mathematics.dropout import (
    Dropout,
    factor,
    input_key,
    output_key,
    rate_of_input,
    recurrent_key,
)
from skrnn.mathematics.normalization import mean_products, moments


def index_of(offsets, rows, spans):
    """The index of some of the sequences, and its second part."""
    order = np.argsort(-spans.counts, kind="stable")
    shard = table_of(offsets, rows, spans, order)
    # How many sequences are longer than t, for each t.
    ended = np.searchsorted(-shard[:, LENGTH], -np.arange(shard[0, LENGTH] + 1))
    firsts = np.cumsum(ended) - ended
    steps = np.stack([ended, firsts], axis=1)
    return np.concatenate([shard.ravel(), steps.ravel()]), steps


def steps_of(table, window, frames):
    """Of each row of a window the steps of its frame, on the host; -1 if there is none.

    They are what `gather` copies, of the table that `index_of` gives.
    """
    (index, steps), (first, last) = table, window
    counts = steps[first:last, 0]
    t = np.repeat(np.arange(first, last), counts)
    i = np.arange(t.size) - np.repeat(steps[first:last, 1] - steps[first, 1], counts)
    shard = index[: index.size - steps.size].reshape(-1, N_COLUMNS)[i].T
    ends = np.minimum(shard[START] + t * frames.hop, shard[END] - 1)
    places = ends[:, None] + np.arange(1 - frames.length, 1)
    return np.where(places >= shard[OLDEST][:, None], places, -1)


@cuda.jit
def fill(m, at, n, value):
    """Set n numbers."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        m[at + p] = value


@cuda.jit
def fill_rows(index, n, first, last, rows):
    """Of each row of a window its place (`table.py`), and its sequence."""
    steps = N_COLUMNS * n
    before = index[steps + 2 * first + 1]
    for p in range(cuda.grid(1), (last - first) * n, cuda.gridsize(1)):
        t, i = first + p // n, p % n
        if i < index[steps + 2 * t]:
            r = index[steps + 2 * t + 1] - before + i
            rows[2 * r] = index[N_COLUMNS * i + START] + t
            rows[2 * r + 1] = i


@cuda.jit
def gather(values, static, w, columns, index, rows, n_rows, frames, m, at):
    """Copy the frames of a window out of the values, and rows of embeddings.

    What lies before the first step of a sequence is zeros. `frames` are the numbers of
    steps of a frame and from one to the next, of a step without codes, and of the
    static features of a sequence, which stand behind a frame; `columns` says where the
    inputs of a step are (`Lookup`).
    """
    (length, hop, n_numbers, n_static), n_columns = frames, columns.shape[0]
    n_inputs = length * n_columns + n_static
    for p in range(cuda.grid(1), n_rows * n_inputs, cuda.gridsize(1)):
        r, f = p // n_inputs, p % n_inputs
        step, table = rows[2 * r], N_COLUMNS * rows[2 * r + 1]
        if f >= n_inputs - n_static:
            m[at + p] = static[index[table + NUMBER], f - n_inputs + n_static]
            continue
        if length > 1:
            hops = (step - index[table + START]) * hop
            end = min(index[table + START] + hops + 1, index[table + END])
            step = end - length + f // n_columns
        c = f % n_columns
        if step < index[table + OLDEST]:
            m[at + p] = 0
        elif c < n_numbers:
            m[at + p] = values[step, c]
        else:
            code = np.int64(values[step, columns[c, 0]])
            m[at + p] = w[columns[c, 1] + code * columns[c, 2]]


@cuda.jit
def move_memory(memory, n_columns, index, n, m, places, save):
    """Take what the memory holds of the sequences, or `save` it there.

    `places` are (final, distance between its places, numbers of a sequence there, kept,
    numbers of a sequence there).
    """
    final, plane, n_states, kept, n_kept = places
    for p in range(cuda.grid(1), n * n_columns, cuda.gridsize(1)):
        i, c = p // n_columns, p % n_columns
        if c < n_states:
            at = final + (c // plane * n + i) * plane + c % plane
        else:
            at = kept + i * n_kept + c - n_states
        saved = index[N_COLUMNS * i + NUMBER] * n_columns + c
        if save:
            memory[saved] = m[at]
        else:
            m[at] = memory[saved]


@cuda.jit
def write_rows(m, at, n, n_columns, places, column, width, results):
    """Write n rows to their places among the results; see `fill_losses`."""
    for p in range(cuda.grid(1), n * n_columns, cuda.gridsize(1)):
        r, j = p // n_columns, p % n_columns
        results[places[r * width + column] * n_columns + j] = m[at + p]


@lru_cache
def dropout_kernels(dtype):
    """The kernels that multiply by dropout's factors, and that write them."""
    kind = np.dtype(dtype).type

    @cuda.jit
    def drop_outputs(m, at, n_out, rows, n_rows, layer, dropout):
        drop = Dropout(dropout[0], dropout[1], dropout[2], dropout[3])
        for p in range(cuda.grid(1), n_rows * n_out, cuda.gridsize(1)):
            key = output_key(drop, layer, rows[2 * (p // n_out)])
            m[at + p] *= kind(factor(key, p % n_out, drop.rate))

    @cuda.jit
    def fill_masks(m, at, hidden, index, n, n_places, dropout):
        drop = Dropout(dropout[0], dropout[1], dropout[2], dropout[3])
        for p in range(cuda.grid(1), n_places * n * hidden, cuda.gridsize(1)):
            q, i, j = p // hidden // n, p // hidden % n, p % hidden
            key = recurrent_key(drop, q, index[N_COLUMNS * i + NUMBER])
            m[at + p] = kind(factor(key, j, drop.recurrent_rate))

    @cuda.jit
    def drop_embedded(m, at, sizes, rows, n_rows, dropout):
        drop = Dropout(0.0, 0.0, dropout[2], dropout[3], dropout[4], dropout[5])
        n_inputs, n_static, of_step, n_numbers = sizes
        for p in range(cuda.grid(1), n_rows * n_inputs, cuda.gridsize(1)):
            f = p % n_inputs
            if f < n_inputs - n_static and f % of_step >= n_numbers:
                key = input_key(drop, rows[2 * (p // n_inputs)])
                rate = rate_of_input(drop, f % of_step)
                m[at + p] *= kind(factor(key, f, rate))

    return drop_outputs, fill_masks, drop_embedded


@cuda.jit
def normalize(m, at, n, n_rows, w, weights_at, biases_at, kept):
    """Normalise rows; `kept` says where `normalize_back` finds them and their scales.

    y = weight * (h - mean) / deviation + bias. The first place is below 0 where there
    is no way back.
    """
    normal, scales = kept
    weights, biases = w[weights_at:], w[biases_at:]
    for r in range(cuda.grid(1), n_rows, cuda.gridsize(1)):
        row = m[at + r * n : at + (r + 1) * n]
        mean, scale = moments(row, n)
        for j in range(n):
            normed = (row[j] - mean) * scale
            if normal >= 0:
                m[normal + r * n + j] = normed
            row[j] = normed * weights[j] + biases[j]
        if normal >= 0:
            m[scales + r] = scale


@cuda.jit
def normalize_back(m, at, n, n_rows, w, weights_at, kept):
    """Turn the gradient of normalised outputs into that of the outputs."""
    normal, scales = kept
    weights = w[weights_at:]
    for r in range(cuda.grid(1), n_rows, cuda.gridsize(1)):
        row, normed = m[at + r * n : at + (r + 1) * n], m[normal + r * n :]
        mean, along = mean_products(row, weights, normed, n)
        for j in range(n):
            d_normed = row[j] * weights[j] - mean - normed[j] * along
            row[j] = m[scales + r] * d_normed
