"""Of each unit the largest value, with the gradient to the first step that has it."""

import numpy as np

from skrnn.backends.cuda.poolings.base import OfSteps


class Max(OfSteps):
    """It keeps the largest values so far, and their steps."""

    start = -np.inf

    @staticmethod
    def take(value, rest, best, state, step):
        """The larger one; a NaN is the largest, and stays."""
        if state > value or state != state:
            return state, rest, step
        return value, rest, best

    @staticmethod
    def share(d, best, step, ends, n_steps):
        """All of it, or nothing."""
        return d if best == step else d - d
