"""The embedding of a categorical feature: a row of numbers for each category."""

from skrnn.network.part import Array, Part


class Embedding(Part):
    """Rows that stand for the codes of a feature, as inputs of the first layer.

    It lies below all layers. Rows start as PyTorch's do, standard normal.
    """

    def __init__(self, k, n, n_rows, size):
        self.name = f"embedding_{k}"
        outside = "embedding.weight" if n == 1 else f"embedding.{k}.weight"
        super().__init__(-1, {self.name: Array((n_rows, size), outside, start=_normal)})


def _normal(random_state, shape):
    return random_state.standard_normal(shape)
