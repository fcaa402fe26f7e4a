"""The optimizers, one file each, and their registry."""

from skrnn.mathematics.optimizers.adam import ADAM, ADAMW
from skrnn.mathematics.optimizers.base import Optimizer
from skrnn.mathematics.optimizers.rmsprop import RMSPROP
from skrnn.mathematics.optimizers.sgd import SGD

OPTIMIZERS = {optimizer.name: optimizer for optimizer in (SGD, ADAM, ADAMW, RMSPROP)}

__all__ = ["OPTIMIZERS", "Optimizer"]
