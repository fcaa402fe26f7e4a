"""The loss of outputs that are on the host, of a loss that reads sequences."""

import numpy as np

from skrnn.backends.table import LENGTH, NUMBER
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.losses import sequence_gradient


@cached_njit(nogil=True, error_model="numpy")
def losses_of_outputs(kind, outputs, steps, table, targets, scales):
    """Loss of all sequences of a table; the outputs become their gradient.

    Parameters
    ----------
    kind : Kind
    outputs : ndarray of shape (n_rows * n_outputs,)
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
    labels, offsets = targets
    loss = 0.0
    for i in range(len(table)):
        number, rows = table[i, NUMBER], np.empty(table[i, LENGTH], np.int64)
        for t in range(rows.size):
            rows[t] = (steps[t, 1] + i) * kind.n_outputs
        own = labels[offsets[number] : offsets[number + 1]]
        loss += sequence_gradient(kind, outputs, rows, own, scales[number])
    return loss
