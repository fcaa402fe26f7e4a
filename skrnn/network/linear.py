"""Arrays of a linear map: a matrix, input-first inside, and its bias."""

from skrnn.mathematics.initializers import glorot_uniform
from skrnn.network.part import Array, Part


def transposed(array):
    return array.T


def start_matrix(random_state, shape):
    return glorot_uniform(random_state, *shape)


def linear(n_inputs, n_outputs, outside):
    """The two arrays of a linear map, of which this is the name outside."""
    weight = Array(
        (n_inputs, n_outputs), f"{outside}.weight", transposed, start_matrix, True
    )
    return weight, Array((n_outputs,), f"{outside}.bias")


class Head(Part):
    """The outputs of a row of states."""

    weight, bias = "head", "head_bias"

    def __init__(self, level, n_inputs, n_outputs):
        weight, bias = linear(n_inputs, n_outputs, "head")
        super().__init__(level, {self.weight: weight, self.bias: bias})
