"""The losses, one file each, and their registry."""

from skrnn.mathematics.losses.absolute_error import AbsoluteError
from skrnn.mathematics.losses.base import (
    Loss,
    SequenceKind,
    loss_gradient,
    sequence_gradient,
)
from skrnn.mathematics.losses.ctc import CTC
from skrnn.mathematics.losses.gamma import Gamma
from skrnn.mathematics.losses.gaussian import Gaussian
from skrnn.mathematics.losses.huber import Huber
from skrnn.mathematics.losses.logistic import Logistic
from skrnn.mathematics.losses.multi_task import MultiTask
from skrnn.mathematics.losses.poisson import Poisson
from skrnn.mathematics.losses.quantile import Quantile
from skrnn.mathematics.losses.softmax import Softmax
from skrnn.mathematics.losses.squared_error import SquaredError

#: Name -> what makes a loss of its hyperparameters.
LOSSES = {
    "softmax": Softmax,
    "logistic": Logistic,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "poisson": Poisson,
    "gamma": Gamma,
    "quantile": Quantile,
    "gaussian": Gaussian,
    "multi_task": MultiTask,
    "ctc": CTC,
}


def loss_of(description):
    """The loss that gave this description."""
    hyperparameters = dict(description)
    return LOSSES[hyperparameters.pop("name")](**hyperparameters)


__all__ = [
    "CTC",
    "LOSSES",
    "AbsoluteError",
    "Gamma",
    "Gaussian",
    "Huber",
    "Logistic",
    "Loss",
    "MultiTask",
    "Poisson",
    "Quantile",
    "SequenceKind",
    "Softmax",
    "SquaredError",
    "loss_gradient",
    "loss_of",
    "sequence_gradient",
]
