"""What a pooling is to the network: a part, perhaps without any weights."""

from skrnn.network.part import Part


class Pooling(Part):
    """A pooling of rows of `n_out` states."""

    #: Whether it is a mean with a weight for each step.
    has_step_weights = False

    def __init__(self, level, n_out, hidden_size):
        super().__init__(level, self.make_arrays(n_out, hidden_size))

    @staticmethod
    def make_arrays(n_out, hidden_size):
        """As `Part` takes them."""
        return {}
