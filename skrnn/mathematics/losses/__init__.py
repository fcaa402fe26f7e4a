"""The losses, one file each, and their registry."""

from skrnn.mathematics.losses.base import Loss, loss_gradient
from skrnn.mathematics.losses.logistic import LOGISTIC
from skrnn.mathematics.losses.softmax import SOFTMAX
from skrnn.mathematics.losses.squared import SQUARED

LOSSES = {loss.name: loss for loss in (SOFTMAX, LOGISTIC, SQUARED)}

__all__ = ["LOSSES", "Loss", "loss_gradient"]
