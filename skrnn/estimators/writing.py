"""What the estimators share that write a sequence: what y is, and what it is worth."""

from reprlib import repr as short

import numpy as np

from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.inputs.forms import characters_of
from skrnn.estimators.labels import nothing_to_score
from skrnn.estimators.runs import TRAINING, Given, Scored, called, check_same_length
from skrnn.estimators.steps import check_weights
from skrnn.estimators.transcripts import read_classes, read_transcripts
from skrnn.mathematics.edits import error_rate


class WritesSequences:
    """Targets that are texts or sequences of labels, and their score."""

    def _read(self, X, form, dtype):
        return check_sequences(self, characters_of(X), dtype, form=form)

    def _given(self, X, y, weight, form, names=TRAINING):
        with called(names.X):
            sequences, form = self._read(X, form, self.dtype)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                f"the target {names.y} is None."
            )
        read = read_transcripts(y, names.y)
        check_same_length(X, read.transcripts, names)
        weights = check_weights(weight, sequences.lengths, False, names.weight)
        return Given(sequences, read, weights), form

    def _scored(self, targets, given, name="y"):
        targets.check_form(given.y, name)
        y = np.empty(len(given.y.transcripts), object)
        y[:] = given.y.transcripts
        return ScoredSequences(
            given.sequences, y, np.zeros(y.shape, bool), given.weights, name
        )

    def _score_of_nothing(self, draft, scored):
        return score_of(scored, [[]] * len(scored.y))

    def _predicts_the_same(self, draft, other):
        return super()._predicts_the_same(draft, other) and (
            draft.targets.labels == other.targets.labels
        )


class ScoredSequences(Scored):
    """What is compared with what is written, one of each sequence."""

    __slots__ = ()

    def take(self, rows, for_steps):
        """Those of some sequences."""
        return super().take(rows, False)


def score_of(scored, written):
    """1 less the rate of errors of what is written; NaN if there is no label."""
    return 1 - error_rate(list(zip(scored.y, written, strict=True)), scored.weights)


def score_of_some(scored, written):
    """The same, which is refused where there is no label to compare with."""
    score = score_of(scored, written)
    if np.isnan(score):
        raise nothing_to_score("y")
    return score


def check_classes(classes, y, known):
    """The labels that partial_fit is told, which must be those that are known."""
    labels = read_classes(classes, y)
    if known is not None and labels != known.labels:
        raise ValueError(
            f"`classes={short(list(labels))}` is not the same as on last call to "
            f"partial_fit, was: {short(list(known.labels))}"
        )
    return labels
