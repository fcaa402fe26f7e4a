"""The loss of outputs that are an array: of rows, or of whole sequences."""

import numpy as np
from numba import njit

from skrnn.backends.table import LENGTH, NUMBER
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.compilation import PART
from skrnn.mathematics.internals import COMPILER, has
from skrnn.mathematics.losses import loss_gradient, sequence_gradient

# It makes arrays; see `cpu/options.py`.
_OWNING = {"_nrt": True} if has(COMPILER) else {}


@njit(nogil=True, error_model="numpy", **PART, **_OWNING)
def sequence_losses(kind, outputs, steps, table, targets, scales):
    """Loss of all sequences of a table; the outputs become their gradient.

    Parameters
    ----------
    kind : Kind
    outputs : (vector, start, distance between rows)
        The rows of a step are neighbours, in the order of the table.
    steps : ndarray of shape (n_steps, 2)
        Of each step, in its second column, the first row.
    table : ndarray
        As `table_of` makes it.
    targets : Sequences
        Labels of all sequences.
    scales : ndarray
        Of each sequence.
    """
    (m, at, row_size), offsets = outputs, targets.offsets
    loss = 0.0
    for i in range(table.shape[0]):
        number, rows = table[i, NUMBER], np.empty(table[i, LENGTH], np.int64)
        for t in range(rows.size):
            rows[t] = at + (steps[t, 1] + i) * row_size
        own = targets.values[offsets[number] : offsets[number + 1]]
        loss += sequence_gradient(kind, m, rows, own, scales[number])
    return loss


@cached_njit(nogil=True, error_model="numpy")
def losses_of_outputs(kind, outputs, steps, table, targets, scales):
    """As `sequence_losses`, of outputs that are an array, one row after the other."""
    rows = outputs, 0, kind.n_outputs
    return sequence_losses(kind, rows, steps, table, targets, scales)


@cached_njit(nogil=True, error_model="numpy")
def losses_of_rows(kind, outputs, targets, scales):
    """The loss of all rows of outputs, which become their gradient."""
    loss = 0.0
    for i in range(outputs.shape[0]):
        loss += loss_gradient(kind, outputs[i], targets[i], scales[i])
    return loss
