"""The last matrix product, on pooled states or on those of every step, and the loss."""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK, product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.mathematics.losses import loss_gradient


class HeadPlan(NamedTuple):
    """Sizes of the last matrix product, and where its panels start."""

    n_outputs: int
    padded_outputs: int
    at: int  # weights and biases
    transposed_at: int


@njit(**INNER)
def apply_head(sizes, head, packed, m, at, n, outputs):
    """Outputs of n rows of states, each of which has a 1 after its features."""
    padded, n_k = head.padded_outputs, sizes.n_out + 1
    rows = (m, at, sizes.out_row, ZERO)
    c = (outputs, ZERO, padded)
    product(n, padded, c, rows, (packed, head.at), (ONE, n_k), ZERO)


@njit(**INNER)
def write_head_outputs(sizes, head, packed, m, rows, results):
    """Write the outputs of rows of states to their places; see `head_gradient`."""
    first, places, column = rows
    padded, n_rows = head.padded_outputs, places.shape[0]
    outputs = np.empty(min(CHUNK, n_rows) * padded, m.dtype)
    for done in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - done)
        apply_head(sizes, head, packed, m, first + done * sizes.out_row, n, outputs)
        for i in range(n):
            for o in range(head.n_outputs):
                results[places[done + i, column], o] = outputs[i * padded + o]


@njit(**INNER)
def head_gradient(sizes, head, kind, packed, learned, m, rows, gradient):
    """Loss of rows of states, which are replaced by their gradient.

    `rows` is ``(start, places, column)``: row r from `start` on has the target and the
    scale number ``places[r, column]``. The head's gradient is added to `gradient`.
    """
    first, places, column = rows
    targets, scales = learned
    padded, n_rows, loss = head.padded_outputs, places.shape[0], 0.0
    width = PANEL_BYTES // m.itemsize
    n_columns = -(-sizes.n_out // width) * width
    outputs = np.empty(min(CHUNK, n_rows) * padded, m.dtype)
    for done in range(0, n_rows, CHUNK):
        n, at = min(CHUNK, n_rows - done), first + done * sizes.out_row
        apply_head(sizes, head, packed, m, at, n, outputs)
        for i in range(n):
            place, row = places[done + i, column], outputs[i * padded :]
            loss += loss_gradient(kind, row, targets[place], scales[place])
            for o in range(head.n_outputs, padded):
                row[o] = 0
        block = (m, at, sizes.out_row)
        d_outputs = (outputs, ZERO, padded)
        n_a = sizes.n_out + 1
        weight_gradient(n, n_a, block, d_outputs, padded, gradient, head.at)
        d_outputs = (outputs, ZERO, padded, ZERO)
        panels = (packed, head.transposed_at)
        n_k = (ONE, head.n_outputs)
        product(n, n_columns, block, d_outputs, panels, n_k, ZERO)
    return loss
