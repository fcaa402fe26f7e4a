"""Rows of embeddings on the device: where they are, and sums of their gradients.

Kernels read rows where they stand, in the flat vector. The host says which inputs of a
window have read the same row, and kernels add up their gradients in the order of the
steps. So the bits of two runs are the same, and a step costs the same however many rows
there are.
"""

from typing import NamedTuple

import numpy as np
from numba import cuda

from skrnn.backends.cuda.products import PORTION
from skrnn.backends.cuda.rows import steps_of
from skrnn.backends.reads import by_row


class Table(NamedTuple):
    """An embedding that is trained."""

    k: int  # its number among all
    channel: int  # where its code is among the values of a step
    column: int  # where its row is among the inputs of a step
    start: int  # where its first row is in the flat vector
    n_rows: int
    size: int


class Lookup:
    """The embeddings of a network; there may be none.

    `needed` are the names of the arrays whose gradients are needed.
    """

    def __init__(self, network, needed, device, memory):
        self.network, self.device, self.memory = network, device, memory
        self.trained, columns = [], [(f, 0, 0) for f in range(network.n_features)]
        for k, part in enumerate(network.embedded):
            channel, start = network.n_features + k, network.starts[part.name]
            table = Table(k, channel, len(columns), start, *network.embeddings[k])
            columns += [(channel, start + j, table.size) for j in range(table.size)]
            if part.name in needed:
                self.trained.append(table)
        #: What the flat vector begins with.
        self.n_numbers = sum(n_rows * size for n_rows, size in network.embeddings)
        # Of each input of a step: its channel; if that is a code, where the input
        # stands in the first row, and the distance between rows.
        memory.put("columns", np.array(columns, np.int64))
        self.n_columns = len(columns)
        self.begin(None)

    def begin(self, values):
        """Start a batch of sequences with these values, on the host."""
        self.values = values
        #: Of each embedding the rows that the batch has read, if they are trained.
        self.rows_read = [np.empty(0, np.int64) for _ in self.network.embeddings]

    def add_gradient(self, batch, gradient):
        """Add that of a window, whose gradients of inputs stand in their place.

        Of rows that the batch had not read before, whatever was there is replaced.
        """
        network = self.network
        steps = steps_of(batch.table, batch.window, network.frames).ravel()
        inputs = np.flatnonzero(steps >= 0)  # counted in steps
        rows, places = np.divmod(inputs, network.frame_length)
        at = batch.work.x + rows * network.n_inputs + places * self.n_columns
        for table in self.trained:
            codes = self.values[steps[inputs], table.channel].astype(np.int64)
            order, rows, firsts = by_row(codes, table.n_rows)
            sources = at[order] + table.column
            read = self.rows_read[table.k]
            starts = table.start + rows * table.size, np.isin(rows, read)
            self._add_sums(batch.m, table.size, sources, firsts, starts, gradient)
            self.rows_read[table.k] = np.union1d(read, rows)

    def _add_sums(self, m, size, sources, firsts, starts, gradient):
        """Add up rows of m, which begin at `sources`.

        Those of a sum stand side by side, from one of `firsts` on; `starts` are where
        the sums go, and whether they are added to what is there.
        """
        # Many steps may read the same row: no thread takes more than a portion of them.
        lengths = np.diff(firsts, append=sources.size)
        places = np.arange(sources.size) - np.repeat(firsts, lengths)
        pieces = np.flatnonzero(places % PORTION == 0)
        bounds = np.append(np.searchsorted(pieces, firsts), pieces.size)
        tables = np.append(pieces, sources.size), sources, bounds, *starts
        reads = self.memory.put_numbers("reads", np.concatenate(tables))
        n_pieces, n_rows, over = pieces.size, firsts.size, self.device.over
        sums = self.memory.vector("piece_sums", n_pieces * size, m.dtype)
        over(n_pieces * size, sum_pieces, m, reads, n_pieces, size, sums)
        at = n_pieces + 1 + sources.size
        over(n_rows * size, add_pieces, sums, reads, at, n_rows, size, gradient)


@cuda.jit
def sum_pieces(m, reads, n_pieces, size, sums):
    """Sums of some rows of `size` numbers.

    `reads` has where each piece begins among what comes then: where the rows are.
    """
    rows = n_pieces + 1
    for p in range(cuda.grid(1), n_pieces * size, cuda.gridsize(1)):
        q, j = p // size, p % size
        first, last = rows + reads[q], rows + reads[q + 1]
        total = m[reads[first] + j]
        for i in range(first + 1, last):
            total += m[reads[i] + j]
        sums[p] = total


@cuda.jit
def add_pieces(sums, reads, at, n_rows, size, gradient):
    """Add the sums of each row's pieces to its gradient, or put them in its place.

    `reads` has from `at` on which are the first pieces of the rows, the places of
    these, and whether there is something to add to.
    """
    starts, adds = at + n_rows + 1, at + 2 * n_rows + 1
    for p in range(cuda.grid(1), n_rows * size, cuda.gridsize(1)):
        u, j = p // size, p % size
        total = sums[reads[at + u] * size + j]
        for q in range(reads[at + u] + 1, reads[at + u + 1]):
            total += sums[q * size + j]
        place = reads[starts + u] + j
        gradient[place] = gradient[place] + total if reads[adds + u] else total
