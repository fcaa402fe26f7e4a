"""What a backend computed for X: given the form of X, and looked at for infinities."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from skrnn.estimators.model import Model
from skrnn.estimators.steps import like_input
from skrnn.sequences import Sequences


class Computed(NamedTuple):
    """Outputs or states for X."""

    model: Model
    what: str  # the backend's method
    values: np.ndarray  # of each sequence, or of all steps below each other
    sequences: Sequences
    X: Any

    def shaped(self, values):
        """What was made of the values, in the form of X."""
        if not self.model.has_step_outputs:
            return values
        n_features = self.model.inputs.n_features_per_step
        return like_input(values, self.X, self.sequences, n_features)

    def decoded(self, return_std=False):
        """Predicted targets; of real values, standard deviations as well if wanted."""
        targets = self.model.targets
        predicted = self.shaped(targets.decode(self.values))
        if not return_std:
            return predicted
        return predicted, self.shaped(targets.deviations(self.values))

    def intervals(self, coverage):
        """Intervals for real values, of this coverage."""
        return self.shaped(self.model.targets.intervals(self.values, coverage))

    def linked(self, name):
        """Probabilities, by one of the loss's links."""
        outputs = self.values.astype(np.float64)
        probabilities = self.model.targets.probabilities(outputs, name)
        if isinstance(probabilities, list):
            return [self.shaped(column) for column in probabilities]
        return self.shaped(probabilities)

    def check_finite(self, stacklevel):
        """Labels of outputs that are not finite mean nothing; values say so themselves.

        Raises
        ------
        ValueError
            If an output is infinite or NaN, and the targets are labels. For real values
            and states there is a warning, at this level of the stack.
        """
        # A sum would be finite too, but takes twice as long.
        are_finite = np.isfinite(self.values)
        if are_finite.all():
            return self
        rows = np.flatnonzero(~are_finite.all(axis=1))
        if self.model.has_step_outputs:
            rows = np.searchsorted(self.sequences.offsets, rows, side="right") - 1
        bad = np.unique(rows)
        message = (
            f"What the network computes for sequence {bad[0]} of X is not finite (so "
            f"for {bad.size} of {self.sequences.n_sequences} sequences): its states "
            f"grew without bound over {self.sequences.lengths[bad[0]]} steps. Scale "
            "the data, pass shorter sequences, or fit with layer_norm=True or another "
            "cell."
        )
        if self.what == "outputs" and self.model.targets.must_be_finite:
            raise ValueError(message)
        warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)
        return self


def of_frames(frames, values, sequences, spans=None):
    """What was computed for frames, of values with a row for each step.

    Returns the rows of the frames, which are all or those in `spans`, and sequences of
    as many.
    """
    if frames.hop == 1 and frames.first == 0:
        return values, sequences
    firsts, counts, _ = spans or frames.spans(sequences.lengths)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts = sequences.offsets[:-1] + firsts - offsets[:-1]
    values = values[np.repeat(starts, counts) + np.arange(offsets[-1])]
    return values, Sequences(values, offsets)
