"""The share of each step in a mean, from the steps' scores."""

import numpy as np


def shares_of_steps(scores, sequences):
    """Softmax of the scores over the steps of each sequence, (n_steps,)."""
    firsts, lengths = sequences.offsets[:-1], sequences.lengths
    highest = np.maximum.reduceat(scores, firsts)
    with np.errstate(invalid="ignore"):  # the callers look at what is not finite
        weights = np.exp(scores - np.repeat(highest, lengths))
        return weights / np.repeat(np.add.reduceat(weights, firsts), lengths)
