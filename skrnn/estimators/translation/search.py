"""The search for the most probable sequence that a decoder can write."""

import numpy as np
from scipy import special

from skrnn.estimators.language.reading import check_finite
from skrnn.sequences import Sequences, read_only


def search(predictor, encoded, end, max_length, width, length_penalty):
    """Codes of the best sequence for each encoded one, without the end.

    A beam follows so many beginnings of each; a `width` of 1 is greedy. A sequence
    that has ended is worth its log-likelihood, divided by its number of tokens, the
    end among them, to the power of `length_penalty`. The search for one ends when none
    that goes on is worth more than the best that has ended.
    """
    return _Search(predictor, encoded, end, width, length_penalty).run(max_length)


class _Search:
    """Sequences that go on, each with the same number of beginnings.

    All arrays have one row for each of these sequences.
    """

    def __init__(self, predictor, encoded, end, width, length_penalty):
        self.predictor, self.encoded, self.end = predictor, encoded, end
        self.width, self.length_penalty = width, length_penalty
        n = len(encoded.memory)
        self.best = [(-np.inf, [])] * n  # worth and codes of the best that has ended
        self.numbers = np.arange(n)  # which of the encoded they are
        self.scores = np.zeros((n, 1))  # log-likelihood of each beginning
        self.written = np.empty((n, 1, 0), np.int64)
        self.memory = encoded.memory.copy()

    def run(self, max_length):
        """Go on until all have ended, or have so many tokens."""
        for _ in range(max_length):
            if not self.numbers.size:
                break
            self._step()
        for i, codes in zip(self.numbers, self.written[:, 0], strict=True):
            if not np.isfinite(self.best[i][0]):  # it did not end
                self.best[i] = 0.0, codes.tolist()
        return [codes for _, codes in self.best]

    def _step(self):
        """One token more for each beginning, of all tokens those that are best."""
        n, n_beams, length = self.written.shape
        values = self._log_likelihoods().reshape(n, -1)
        n_outputs = values.shape[1] // n_beams
        # Each beginning may end: then there are still as many others.
        top = _largest(values, min(2 * self.width, values.shape[1]))
        values = np.take_along_axis(values, top, axis=1)
        beams, tokens = np.divmod(top, n_outputs)
        has_ended = tokens == self.end
        self._note_ends(values, beams, has_ended)
        values[has_ended] = -np.inf
        kept = np.argsort(has_ended, axis=1, kind="stable")[:, : self.width]
        self.scores = np.take_along_axis(values, kept, axis=1)
        beams = np.take_along_axis(beams, kept, axis=1)
        tokens = np.take_along_axis(tokens, kept, axis=1)
        before = np.take_along_axis(self.written, beams[..., None], axis=1)
        self.written = np.concatenate([before, tokens[..., None]], axis=2)
        memory = self.memory.reshape(n, n_beams, -1)
        self.memory = np.take_along_axis(memory, beams[..., None], axis=1)
        goes_on = self.scores[:, 0] / (length + 1) ** self.length_penalty > [
            self.best[i][0] for i in self.numbers
        ]
        self.numbers, self.scores = self.numbers[goes_on], self.scores[goes_on]
        self.written, memory = self.written[goes_on], self.memory[goes_on]
        self.memory = memory.reshape(-1, memory.shape[2])

    def _log_likelihoods(self):
        """Of each beginning with each token more, or its end."""
        n, n_beams, length = self.written.shape
        last = self.written[:, :, -1] if length else np.full((n, n_beams), self.end)
        codes = last.reshape(-1, 1).astype(self.memory.dtype)
        steps = Sequences(read_only(codes), np.arange(len(codes) + 1))
        which = np.repeat(self.numbers, n_beams)
        outputs = self.predictor.outputs(self.encoded, which, steps, self.memory)
        outputs = check_finite(outputs).astype(np.float64)
        return self.scores.reshape(-1, 1) + special.log_softmax(outputs, axis=1)

    def _note_ends(self, values, beams, has_ended):
        """Those among the best that have ended, where they are worth more."""
        length = self.written.shape[2] + 1
        for row, k in np.argwhere(has_ended[:, : self.width]):
            worth = values[row, k] / length**self.length_penalty
            i = self.numbers[row]
            if worth > self.best[i][0]:
                self.best[i] = worth, self.written[row, beams[row, k]].tolist()


def _largest(values, n):
    """Places of the n largest of each row, in falling order."""
    places = np.argpartition(-values, n - 1, axis=1)[:, :n]
    largest = np.take_along_axis(values, places, axis=1)
    order = np.lexsort((places, -largest), axis=1)
    return np.take_along_axis(places, order, axis=1)
