"""The last matrix product, on pooled states or on those of every step, and the loss."""

from typing import NamedTuple

from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK, product, weight_gradient
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.backends.outputs import sequence_losses
from skrnn.mathematics.cache import cached_unit
from skrnn.mathematics.intrinsics import by_type
from skrnn.mathematics.losses import SequenceKind, loss_gradient


class HeadPlan(NamedTuple):
    """Sizes of the last matrix product, and where its panels start."""

    n_outputs: int
    padded_outputs: int
    takes_all_rows: int  # of a window at once, as a loss that reads sequences does
    at: int  # weights and biases
    transposed_at: int


@njit(**INNER)
def apply_head(sizes, head, packed, work, at, n):
    """Outputs of n rows of states, each of which has a 1 after its features."""
    padded, m = head.padded_outputs, work.m
    rows, outputs = (m, at, sizes.out_row, ZERO), (m, work.scratch, padded, ZERO)
    shape = (ONE, padded, ONE, sizes.n_out + 1)
    product(n, outputs, rows, (packed, head.at), shape, ZERO)


@cached_unit(**INNER)
def write_head_outputs(sizes, head, packed, work, rows, results):
    """Write the outputs of rows of states to their places; see `head_gradient`."""
    first, places, column = rows
    n_rows = places.shape[0]
    for done in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - done)
        apply_head(sizes, head, packed, work, first + done * sizes.out_row, n)
        for i in range(n):
            outputs = work.m[work.scratch + i * head.padded_outputs :]
            for o in range(head.n_outputs):
                results[places[done + i, column], o] = outputs[o]


def _losses_of_rows(kind, learned, padded, work, done, n, rows, shard, window):
    _, places, column = rows
    targets, scales = learned
    loss = 0.0
    for i in range(n):
        place = places[done + i, column]
        row = work.m[work.scratch + i * padded :]
        loss += loss_gradient(kind, row, targets[place], scales[place])
    return loss


def _losses_of_sequences(kind, learned, padded, work, done, n, rows, shard, window):
    outputs = work.m, work.scratch, padded
    return sequence_losses(kind, outputs, window.steps, shard, *learned)


#: head_losses(kind, learned, padded, work, done, n, rows, shard, window): loss of n
#: rows of outputs from number `done` on, which become their gradient; or of all.
head_losses = by_type(
    lambda kind: (
        _losses_of_sequences if issubclass(kind, SequenceKind) else _losses_of_rows
    )
)


@cached_unit(**INNER)
def head_gradient(
    sizes, head, kind, packed, learned, work, rows, shard, window, gradient
):
    """Loss of rows of states, which are replaced by their gradient.

    `rows` is ``(start, places, column)``: row r from `start` on has the target and the
    scale number ``places[r, column]``, unless the loss reads sequences. The head's
    gradient is added to `gradient`.
    """
    first, places, _ = rows
    m, padded, n_rows, loss = work.m, head.padded_outputs, places.shape[0], 0.0
    width = PANEL_BYTES // m.itemsize
    n_a, n_columns = sizes.n_out + 1, -(-sizes.n_out // width) * width
    at_once = max(n_rows, CHUNK) if head.takes_all_rows else CHUNK
    for done in range(0, n_rows, at_once):
        n, at = min(at_once, n_rows - done), first + done * sizes.out_row
        apply_head(sizes, head, packed, work, at, n)
        loss += head_losses(kind, learned, padded, work, done, n, rows, shard, window)
        for i in range(n):
            row = m[work.scratch + i * padded :]
            for o in range(head.n_outputs, padded):
                row[o] = 0
        block, d_outputs = (m, at, sizes.out_row), (m, work.scratch, padded)
        weight_gradient(
            n, n_a, block, d_outputs, padded, work.panels, gradient, head.at
        )
        to, d_rows = (*block, ZERO), (*d_outputs, ZERO)
        panels = (packed, head.transposed_at)
        shape = (ONE, n_columns, ONE, head.n_outputs)
        product(n, to, d_rows, panels, shape, ZERO)
    return loss
