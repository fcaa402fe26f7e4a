"""The mean of the states of all steps."""

from skrnn.backends.cuda.poolings.base import OfSteps, add_exactly


class Mean(OfSteps):
    """It keeps sums, and what rounding has left out of them."""

    @staticmethod
    def take(value, rest, best, state, step):
        """The sum with one more term."""
        value, rest = add_exactly(value, rest, state)
        return value, rest, best

    @staticmethod
    def result(value, n_steps):
        """The pooled state after so many steps."""
        return value / n_steps

    @staticmethod
    def share(d, best, step, ends, n_steps):
        """The same for all steps."""
        return d * (1 / n_steps)
