"""Rows of embeddings: what compiled code reads of them, and their gradients.

Compiled code gathers rows where they stand, in the parameters, so that a step costs the
same however many there are. Their gradients are first those of each step that the batch
reads, and then sums over the steps that read the same row.
"""

from typing import NamedTuple

import numpy as np

from skrnn.backends.cpu.inputs import Embedded, Numbers
from skrnn.backends.reads import by_row
from skrnn.sequences import read_only


class Read(NamedTuple):
    """The steps that a batch reads."""

    #: In the values; None where nobody asks.
    places: np.ndarray | None
    #: Of each sequence: a step's place among these, less that in the values.
    compact: np.ndarray | int


class Lookup:
    """The embeddings of a network; there may be none.

    Parameters
    ----------
    network : Network
    trained : frozenset of str or None
        Names of the arrays whose gradients are needed; None: of all.
    whole : Network or EncoderDecoder
        Whose parameters are given; None: the network's.
    before : int
        How many numbers of these stand before the embeddings.
    """

    def __init__(self, network, trained=None, whole=None, before=0):
        self.network, sizes = network, network.embeddings
        self.whole, self.before = whole or network, before
        n_numbers = [n_rows * size for n_rows, size in sizes]
        firsts = [sum(n_numbers[:k]) for k in range(len(sizes))]
        #: Of the parameters.
        self.n_numbers = sum(n_numbers)
        self.tables = np.array(
            [(first, size) for first, (_, size) in zip(firsts, sizes, strict=True)],
            np.int64,
        ).reshape(-1, 2)
        #: Of each, the rows that the last batch read, if it was asked for gradients.
        self.rows_read = [np.empty(0, np.int64) for _ in sizes]
        self._gradient = None  # the one that has zeros in all other rows
        self._no_static = read_only(np.empty(0, network.dtype))
        self.embedded = [
            part
            for part in self.whole.embedded
            if before <= self.whole.starts[part.name] < before + self.n_numbers
        ]
        self.trains = [
            trained is None or not trained.isdisjoint(part.shapes)
            for part in self.embedded
        ]

    def steps_read(self, sequences, rows, spans):
        """The steps of these frames, if gradients of rows are needed."""
        if not any(self.trains):
            return Read(None, 0)
        frames, offsets = self.network.frames, sequences.offsets
        lengths = offsets[rows + 1] - offsets[rows]
        ends = np.minimum(spans.firsts + (spans.counts - 1) * frames.hop + 1, lengths)
        firsts = np.maximum(spans.firsts - frames.length + 1, 0)
        firsts = np.where(spans.counts > 0, firsts, ends)
        before = np.cumsum(ends - firsts) - (ends - firsts)
        places = sequences.places(rows, (firsts, ends))
        return Read(places, before - offsets[rows] - firsts)

    def inputs(self, parameters, sequences, read=None):
        """What compiled code reads; with room for gradients if they are needed."""
        values, static = sequences.values.reshape(-1), self._no_static
        if self.network.n_static > 0:
            static = sequences.static.reshape(-1)
        if not self.network.embeddings:
            return Numbers(values, static)
        n = 0 if read is None or read.places is None else read.places.size
        return Embedded(
            values,
            static,
            read_only(parameters[self.before :][: self.n_numbers]),
            self.tables,
            np.zeros(n * int(self.tables[:, 1].sum()), values.dtype),
        )

    def write_gradient(self, sequences, read, inputs, gradient):
        """Sums of the gradients of the steps that read the same row."""
        if read.places is None:
            return
        of_steps = inputs.d_rows.reshape(read.places.size, -1)
        codes = sequences.values[read.places, self.network.n_features :]
        codes = codes.astype(np.int64)
        views, last = self.whole.views(gradient), 0
        # Known again only when all is written: what interrupts this leaves old rows.
        is_known, self._gradient = gradient is self._gradient, None
        for k, part in enumerate(self.embedded):
            first, last = last, last + self.network.embeddings[k][1]
            if self.trains[k]:
                # To write zeros to all would take the longer the more rows there are.
                views[part.name][self.rows_read[k] if is_known else slice(None)] = 0
                n_rows = self.network.embeddings[k][0]
                order, rows, firsts = by_row(codes[:, k], n_rows)
                sums = np.add.reduceat(of_steps[order, first:last], firsts)
                self.rows_read[k], views[part.name][rows] = rows, sums
        self._gradient = gradient
