"""A network reads sequences of any length, a few steps at a time.

So there is never an array of all steps with an output for each token of the vocabulary.
"""

import numpy as np
from scipy.special import softmax

from skrnn.sequences import Sequences, read_only

#: Numbers that are computed at a time, 16 MB of them in float32, and the steps of a
#: sequence that should be among them: each call copies the weights once.
AT_A_TIME, STEPS_AT_A_TIME = 2**22, 64


class Reader:
    """Reads with the network of a model.

    Parameters
    ----------
    backend : object
        That of the model's network.
    parameters : ndarray
        The network's flat vector.
    targets : NextToken
    """

    def __init__(self, backend, parameters, targets):
        self.backend, self.parameters, self.targets = backend, parameters, targets

    def pieces(self, sequences, what, memory=None):
        """Places of some steps, and what the backend computes for them; of all in turn.

        `memory`, if there is one, is where the sequences stand, and is renewed.
        """
        n = sequences.n_sequences
        memory = self.backend.new_memory(n) if memory is None else memory
        # Those that end first are the last ones, and are left out when they have.
        order = np.argsort(-sequences.lengths, kind="stable")
        width = self.targets.n_tokens + 1 if what == "outputs" else memory.shape[1]
        n_rows = max(1, AT_A_TIME // (width * STEPS_AT_A_TIME))
        for first in range(0, n, n_rows):
            rows = order[first : first + n_rows]
            here = memory[rows]
            yield from self._of_rows(sequences, rows, what, here, width)
            memory[rows] = here

    def _of_rows(self, sequences, rows, what, memory, width):
        lengths = sequences.lengths[rows]
        n_steps = max(1, AT_A_TIME // (width * rows.size))
        for first in range(0, int(lengths[0]), n_steps):
            n = np.count_nonzero(lengths > first)
            places = sequences.places(rows[:n], (first, first + n_steps))
            counts = np.minimum(lengths[:n] - first, n_steps)
            offsets = np.concatenate([[0], np.cumsum(counts)])
            piece = Sequences(read_only(sequences.values[places]), offsets)
            compute = getattr(self.backend, what)
            values = compute(self.parameters, piece, memory=memory[:n])
            if not np.isfinite(values).all():
                raise ValueError(
                    "What the network computes for X is not finite: its states grew "
                    "without bound. Fit with layer_norm=True or another cell."
                )
            yield places, values

    def log_likelihoods(self, steps, memory=None):
        """The logarithm of the probability of each step's target."""
        results = np.empty(len(steps.targets))
        for places, outputs in self.pieces(steps.inputs, "outputs", memory):
            results[places] = self._of_targets(outputs, steps.targets[places])
        return results

    def _of_targets(self, outputs, targets):
        p, end = self.targets.unknown_probability, self.targets.n_tokens
        largest, rows = outputs.max(axis=1), np.arange(targets.size)
        logs = (outputs[rows, np.minimum(targets, end)] - largest).astype(np.float64)
        # In place: a second array of this size would be the memory of a score.
        outputs -= largest[:, None]
        np.exp(outputs, out=outputs)
        logs += np.log1p(-p) - np.log(outputs.sum(axis=1, dtype=np.float64))
        return np.where(targets <= end, logs, np.log(p))

    def probabilities(self, sequences, memory=None):
        """Of each token, and of the end, to be what follows, if it is one of these."""
        outputs = self.last(sequences, "outputs", memory)
        return softmax(outputs.astype(np.float64), axis=1)

    def last(self, sequences, what, memory=None):
        """What the backend computes for the last step of each sequence."""
        results = None
        for places, values in self.pieces(sequences, what, memory):
            if results is None:
                shape = sequences.n_sequences, values.shape[1]
                results = np.empty(shape, values.dtype)
            i = np.searchsorted(sequences.offsets, places, side="right") - 1
            is_last = places == sequences.offsets[i + 1] - 1
            results[i[is_last]] = values[is_last]
        return results


def sums(values, sequences):
    """The sum over the steps of each sequence."""
    n = sequences.n_sequences
    return np.bincount(np.repeat(np.arange(n), sequences.lengths), values, n)
