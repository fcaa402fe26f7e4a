"""The losses, one file each, and their registry."""

from skrnn.mathematics.losses.base import Loss, loss_gradient
from skrnn.mathematics.losses.logistic import Logistic
from skrnn.mathematics.losses.softmax import Softmax
from skrnn.mathematics.losses.squared_error import SquaredError

#: Name -> what makes a loss of its hyperparameters.
LOSSES = {
    "softmax": Softmax,
    "logistic": Logistic,
    "squared_error": SquaredError,
}


def loss_of(description):
    """The loss that gave this description."""
    hyperparameters = dict(description)
    return LOSSES[hyperparameters.pop("name")](**hyperparameters)


__all__ = [
    "LOSSES",
    "Logistic",
    "Loss",
    "Softmax",
    "SquaredError",
    "loss_gradient",
    "loss_of",
]
