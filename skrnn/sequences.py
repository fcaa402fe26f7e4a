"""The ragged batch that everything above speaks: values and offsets.

As in Arrow's lists: sequence i is ``values[offsets[i]:offsets[i + 1]]``. And frames:
which of a sequence's steps a network takes together.
"""

from typing import NamedTuple

import numpy as np


class Sequences(NamedTuple):
    """Sequences of any lengths, one after the other.

    Parameters
    ----------
    values : ndarray of shape (n_steps_total, n_features)
        C-contiguous and read-only, so that compiled code sees one type of array
        whether the user's memory may be written or not.
    offsets : ndarray of shape (n_sequences + 1,)
        Where each sequence starts, and the end.
    static : ndarray of shape (n_sequences, n_static) or None
        What is the same at all steps of a sequence. Like the values.
    """

    values: np.ndarray
    offsets: np.ndarray
    static: np.ndarray | None = None

    @classmethod
    def from_array(cls, array):
        """Sequences of one length, from (n_sequences, n_timesteps, n_features)."""
        n_sequences, n_timesteps, n_features = array.shape
        values = np.ascontiguousarray(array).reshape(
            n_sequences * n_timesteps, n_features
        )
        return cls(read_only(values), np.arange(n_sequences + 1) * n_timesteps)

    @classmethod
    def from_list(cls, arrays, dtype):
        """Sequences from arrays (n_timesteps_i, n_features)."""
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(array) for array in arrays], out=offsets[1:])
        # NumPy keeps the order of columns where all arrays have it.
        values = np.ascontiguousarray(
            np.concatenate(arrays, dtype=dtype, casting="unsafe")
        )
        return cls(read_only(values), offsets)

    @property
    def lengths(self):
        """Number of steps of each sequence."""
        # Half of the time of np.diff.
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def n_sequences(self):
        """How many sequences there are."""
        return self.offsets.size - 1

    def places(self, rows, steps=None):
        """Where the steps of some sequences are; of the steps (first, last) only."""
        starts, ends = self.offsets[rows], self.offsets[rows + 1]
        if steps is not None:
            starts, ends = starts + steps[0], np.minimum(ends, starts + steps[1])
        lengths = ends - starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(lengths.sum())

    def take(self, rows):
        """Some of the sequences."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths[rows])])
        static = None if self.static is None else read_only(self.static[rows])
        return Sequences(read_only(self.values[self.places(rows)]), offsets, static)

    def newest(self, n):
        """Of each sequence the last n steps, or all where there are fewer."""
        lengths = self.lengths
        kept = np.minimum(lengths, n)
        places = self.places(np.arange(lengths.size), (lengths - kept, lengths))
        offsets = np.concatenate([[0], np.cumsum(kept)])
        return self._replace(values=read_only(self.values[places]), offsets=offsets)

    def followed_by(self, others):
        """Each sequence with one of the others behind it."""
        before, rows = self.lengths, np.arange(self.n_sequences)
        offsets = self.offsets + others.offsets
        values = np.empty((offsets[-1], self.values.shape[1]), self.values.dtype)
        joined = others._replace(values=values, offsets=offsets)
        values[joined.places(rows, (0, before))] = self.values
        values[joined.places(rows, (before, joined.lengths))] = others.values
        return joined._replace(values=read_only(values))


class SequencePairs(NamedTuple):
    """Sequences to read, and beside each what is read of the one to be written.

    Where its targets are says the latter: pairs have its steps.
    """

    source: Sequences
    target: Sequences

    @property
    def offsets(self):
        """Where the targets of each pair start, and the end."""
        return self.target.offsets

    @property
    def lengths(self):
        """Number of targets of each pair."""
        return self.target.lengths

    @property
    def n_sequences(self):
        """How many pairs there are."""
        return self.target.n_sequences

    def places(self, rows, steps=None):
        """Where the targets of some pairs are."""
        return self.target.places(rows, steps)

    def take(self, rows):
        """Some of the pairs."""
        return SequencePairs(*(sequences.take(rows) for sequences in self))


class Spans(NamedTuple):
    """Which frames of some sequences are computed."""

    firsts: np.ndarray | int  # the step of each sequence where the first of them ends
    counts: np.ndarray  # how many
    totals: np.ndarray  # how many with those before, which a mean divides by


class Frames(NamedTuple):
    """Neighbouring steps of a sequence that a network takes as one step.

    Frame t of a sequence of T steps has `length` steps and ends at the step
    ``min(first + t * hop, T - 1)``. So the last one always ends at the last step: it
    shares more steps with the one before than others do, and nothing is left out. What
    a frame would hold of the time before the first step reads as zeros.
    """

    length: int
    hop: int  # steps from a frame's end to that of the next one
    first: int  # the step where the first one ends

    def counts(self, lengths):
        """How many frames sequences of these lengths have."""
        more = -(-np.maximum(lengths - 1 - self.first, 0) // self.hop)
        return np.where(lengths > 0, 1 + more, 0)

    def spans(self, lengths, steps=None):
        """All frames; where each step ends one, perhaps of the steps (first, last)."""
        if steps is not None:
            counts = np.minimum(lengths, steps[1]) - steps[0]
            return Spans(steps[0], counts, counts)
        if self.hop == 1 and self.first == 0:
            return Spans(0, lengths, lengths)
        counts = self.counts(lengths)
        return Spans(np.minimum(self.first, lengths - 1), counts, counts)

    @property
    def n_kept(self):
        """Steps of the past that the next frames of a stream may hold."""
        return self.length if self.hop > 1 else self.length - 1

    def spans_of_piece(self, before, lengths):
        """Of `newest(n_kept)` of `before` steps, followed by so many new ones.

        Returns the frames that the new ones complete; and those that only end with the
        sequence, of which a longer one has others, or None where there are none.
        """
        if self.length == 1:
            return Spans(0, lengths, before + lengths), None
        kept, now = np.minimum(before, self.n_kept), before + lengths
        done, done_now = self._complete(before), self._complete(now)
        totals = self.counts(now)
        firsts = self.first + done * self.hop - (before - kept)
        spans, n_rest = Spans(firsts, done_now - done, totals), totals - done_now
        rest = Spans(kept + lengths - 1, n_rest, totals) if n_rest.any() else None
        return spans, rest

    def _complete(self, lengths):
        """How many frames end where they would in longer sequences as well."""
        return np.maximum((lengths - 1 - self.first) // self.hop + 1, 0)


def read_only(values):
    """A view that nobody can write to, of an array of NumPy's own class."""
    view = values.view(np.ndarray)
    view.flags.writeable = False
    return view
