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
def apply_head(sizes, head, packed, states, first, n, outputs):
    """Outputs of n rows of states, each of which has a 1 after its features."""
    padded, n_k = head.padded_outputs, sizes.n_out + 1
    rows = (states, first * sizes.out_row, sizes.out_row)
    c = (outputs, ZERO, padded)
    product(n, padded, c, rows, (packed, head.at), (ONE, n_k), ZERO)


@njit(**INNER)
def write_head_outputs(sizes, head, packed, rows, results):
    """Write the outputs of rows of states to their places."""
    states, first, places = rows
    padded = head.padded_outputs
    outputs = np.empty((1, min(CHUNK, places.size) * padded), states.dtype)
    for done in range(0, places.size, CHUNK):
        n = min(CHUNK, places.size - done)
        apply_head(sizes, head, packed, states, first + done, n, outputs)
        for i in range(n):
            for o in range(head.n_outputs):
                results[places[done + i], o] = outputs[0, i * padded + o]


@njit(**INNER)
def head_gradient(sizes, head, kind, weights, learned, rows, gradient):
    """Loss of rows of states, which are replaced by their gradient.

    `rows` is ``(array, first, places)``: row ``first + r`` of the array has the target
    and the scale number ``places[r]``. The head's gradient is added to `gradient`.
    """
    states, first, places = rows
    packed, packed_transposed = weights
    targets, scales = learned
    padded, loss = head.padded_outputs, 0.0
    width = PANEL_BYTES // states.itemsize
    n_columns = -(-sizes.n_out // width) * width
    outputs = np.empty((1, min(CHUNK, places.size) * padded), states.dtype)
    for done in range(0, places.size, CHUNK):
        n = min(CHUNK, places.size - done)
        apply_head(sizes, head, packed, states, first + done, n, outputs)
        for i in range(n):
            place, row = places[done + i], outputs[0, i * padded : (i + 1) * padded]
            loss += loss_gradient(kind, row, targets[place], scales[place])
            for o in range(head.n_outputs, padded):
                row[o] = 0
        block = (states, (first + done) * sizes.out_row, sizes.out_row)
        d_outputs = (outputs, ZERO, padded)
        n_a = sizes.n_out + 1
        weight_gradient(n, n_a, block, d_outputs, padded, gradient, head.at)
        panels = (packed_transposed, head.transposed_at)
        n_k = (ONE, head.n_outputs)
        product(n, n_columns, block, d_outputs, panels, n_k, ZERO)
    return loss
