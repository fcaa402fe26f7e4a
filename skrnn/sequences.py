"""The ragged batch that everything above speaks: values and offsets.

As in Arrow's lists: sequence i is ``values[offsets[i]:offsets[i + 1]]``.
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
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_array(cls, array):
        """Sequences of one length, from (n_sequences, n_timesteps, n_features)."""
        n_sequences, n_timesteps, n_features = array.shape
        values = np.ascontiguousarray(array).reshape(-1, n_features)
        return cls(_read_only(values), np.arange(n_sequences + 1) * n_timesteps)

    @classmethod
    def from_list(cls, arrays, dtype):
        """Sequences from arrays (n_timesteps_i, n_features)."""
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(array) for array in arrays], out=offsets[1:])
        # NumPy keeps the order of columns where all arrays have it.
        values = np.ascontiguousarray(
            np.concatenate(arrays, dtype=dtype, casting="unsafe")
        )
        return cls(_read_only(values), offsets)

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
        return Sequences(_read_only(self.values[self.places(rows)]), offsets)


def _read_only(values):
    view = values.view(np.ndarray)
    view.flags.writeable = False
    return view
