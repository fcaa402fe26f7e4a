"""A network reads sequences of any length, a few steps at a time.

So there is never an array of all steps with an output for each token of the vocabulary.
"""

import numpy as np

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
        longest = min(STEPS_AT_A_TIME, int(sequences.lengths.max(initial=1)))
        n_rows = max(1, AT_A_TIME // (width * max(1, longest)))
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
            yield places, self._compute(what, piece, memory[:n])

    def _compute(self, what, sequences, memory):
        compute = getattr(self.backend, what)
        return check_finite(compute(self.parameters, sequences, memory=memory))

    def log_likelihoods(self, steps, memory=None):
        """The logarithm of the probability of each step's target."""
        results = np.empty(len(steps.targets))
        for places, outputs in self.pieces(steps.inputs, "outputs", memory):
            results[places] = log_likelihoods_of(
                outputs, steps.targets[places], self.targets
            )
        return results

    def probabilities(self, sequences):
        """Of each token, and of the end, to be what follows, if it is one of these."""
        lengths, rows = sequences.lengths, np.arange(sequences.n_sequences)
        memory = self.backend.new_memory(rows.size)
        # The states alone, up to the last step: outputs may be many.
        places = sequences.places(rows, (0, lengths - 1))
        offsets = sequences.offsets - np.arange(rows.size + 1)
        before = Sequences(read_only(sequences.values[places]), offsets)
        self.advance(before, memory)
        return shares(self.outputs(sequences.values[sequences.offsets[1:] - 1], memory))

    def advance(self, sequences, memory):
        """Let the memory be where it is after these steps."""
        for _ in self.pieces(sequences, "features", memory):
            pass

    def outputs(self, codes, memory):
        """Outputs after one step more of each sequence, which reads these codes."""
        codes = np.asarray(codes, self.backend.dtype).reshape(-1, 1)
        steps = Sequences(read_only(codes), np.arange(len(codes) + 1))
        return self._compute("outputs", steps, memory)

    def states(self, sequences):
        """Those of the last layer after the last step of each sequence."""
        results = None
        for places, values in self.pieces(sequences, "features"):
            if results is None:
                shape = sequences.n_sequences, values.shape[1]
                results = np.empty(shape, values.dtype)
            i = np.searchsorted(sequences.offsets, places, side="right") - 1
            is_last = places == sequences.offsets[i + 1] - 1
            results[i[is_last]] = values[is_last]
        return results


def check_finite(values):
    """What a network computes; refuses what is infinite or NaN."""
    if not np.isfinite(values).all():
        raise ValueError(
            "What the network computes is not finite: its states grew without bound. "
            "Fit with layer_norm=True or another cell."
        )
    return values


def log_likelihoods_of(outputs, codes, targets):
    """The logarithm of the probability of each row's code; outputs are overwritten.

    `targets` say how many tokens are known, and how probable all others are.
    """
    p, end = targets.unknown_probability, targets.n_tokens
    largest, rows = outputs.max(axis=1), np.arange(codes.size)
    logs = (outputs[rows, np.minimum(codes, end)] - largest).astype(np.float64)
    # In place: a second array of this size would be the memory of a score.
    outputs -= largest[:, None]
    np.exp(outputs, out=outputs)
    logs += np.log1p(-p) - np.log(outputs.sum(axis=1, dtype=np.float64))
    return np.where(codes <= end, logs, np.log(p))


def sums(values, sequences):
    """The sum over the steps of each sequence."""
    n = sequences.n_sequences
    totals = np.bincount(np.repeat(np.arange(n), sequences.lengths), values, n)
    return totals.astype(np.float64)  # of no steps they are whole numbers


def shares(outputs):
    """Softmax of outputs, in their place if they have its precision."""
    values = outputs.astype(np.float64, copy=False)
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values
