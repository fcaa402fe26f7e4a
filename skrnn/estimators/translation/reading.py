"""What a translator computes of sequences, some of them at a time.

So there is never an array of all steps with an output for each token.
"""

import numpy as np

from skrnn.estimators.language.reading import (
    AT_A_TIME,
    check_finite,
    log_likelihoods_of,
    sums,
)
from skrnn.estimators.translation.search import search


class PairReader:
    """Reads with the networks of a model.

    Parameters
    ----------
    predictor : object
        The backend's, of the model's parameters.
    targets : Translations
    """

    def __init__(self, predictor, targets):
        self.predictor, self.targets = predictor, targets

    def states(self, sequences):
        """Where the decoder starts: the state of its last layer, of each sequence."""
        parts = [
            (rows, self.predictor.starts(encoded))
            for rows, encoded in self._encoded(sequences, sequences.lengths)
        ]
        return _joined(parts, sequences.n_sequences)

    def best(self, sequences, max_length, width, length_penalty):
        """Codes of the best translations that a search finds."""
        results = [None] * sequences.n_sequences
        how = self.targets.n_tokens, max_length, width, length_penalty
        counts = np.full(sequences.n_sequences, width)
        for rows, encoded in self._encoded(sequences, counts):
            found = search(self.predictor, encoded, *how)
            for i, codes in zip(rows, found, strict=True):
                results[i] = codes
        return results

    def log_likelihoods(self, sequences, steps):
        """Of each sequence's translation, the logarithm of its probability."""
        parts, lengths = [], steps.inputs.lengths
        for rows, encoded in self._encoded(sequences, lengths):
            inputs, which = steps.inputs.take(rows), np.arange(rows.size)
            memory = encoded.memory.copy()
            outputs = self.predictor.outputs(encoded, which, inputs, memory)
            targets = steps.targets[steps.inputs.places(rows)]
            logs = log_likelihoods_of(check_finite(outputs), targets, self.targets)
            parts.append((rows, sums(logs, inputs)))
        return _joined(parts, sequences.n_sequences)

    def shares(self, sequences, steps):
        """Of each step of a translation, the share of each step of the sequence."""
        results = [None] * sequences.n_sequences
        for rows, encoded in self._encoded(sequences, steps.inputs.lengths):
            inputs, which = steps.inputs.take(rows), np.arange(rows.size)
            memory = encoded.memory.copy()
            found = self.predictor.shares(encoded, which, inputs, memory)
            for i, shares in zip(rows, found, strict=True):
                results[i] = check_finite(shares)
        return results

    def _encoded(self, sequences, counts):
        """Which sequences, and what the decoder reads of them; of all in turn.

        A sequence has so many rows of outputs at a time.
        """
        # Sequences of one length end about as late.
        order = np.argsort(-sequences.lengths, kind="stable")
        n_rows = max(1, AT_A_TIME // self.targets.output_sizes[0])
        pieces = (np.cumsum(counts[order]) - 1) // n_rows
        for rows in np.split(order, np.flatnonzero(np.diff(pieces)) + 1):
            yield rows, self.predictor.encode(sequences.take(rows))


def _joined(parts, n):
    """Rows for all sequences, of those of some at a time."""
    results = None
    for rows, values in parts:
        if results is None:
            results = np.empty((n, *values.shape[1:]), values.dtype)
        results[rows] = values
    return results
