"""The time as one more channel: at which step of its sequence each step is."""

from typing import NamedTuple

import numpy as np

from skrnn.sequences import read_only


class Clock(NamedTuple):
    """Writes the number of a step beside its features, standardised.

    Steps are numbered from 0. What is later than all that `lengths` had reads as the
    last of them, since a network knows nothing of larger values.
    """

    mean: float
    scale: float
    last: int

    @classmethod
    def of(cls, lengths):
        """Mean 0 and variance 1 over all steps of sequences of these lengths."""
        n, total = np.asarray(lengths, np.float64), float(np.sum(lengths))
        mean = float((n * (n - 1) / 2).sum()) / total
        square = float((n * (n - 1) * (2 * n - 1) / 6).sum()) / total
        # Where all have one step, its number says nothing.
        return cls(mean, (square - mean**2) ** 0.5 or 1.0, int(lengths.max()) - 1)

    def added(self, sequences, n_before, place):
        """The sequences with the time before feature `place`; `n_before` are past."""
        values = sequences.values
        firsts = np.repeat(sequences.offsets[:-1] - n_before, sequences.lengths)
        steps = np.minimum(np.arange(len(values)) - firsts, self.last)
        timed = np.empty((len(values), values.shape[1] + 1), values.dtype)
        timed[:, :place] = values[:, :place]
        timed[:, place] = (steps - self.mean) / self.scale
        timed[:, place + 1 :] = values[:, place:]
        return sequences._replace(values=read_only(timed))
