"""Counts, or other values from 0 on: Poisson's deviance, mean over the outputs.

Half of it, without what does not depend on the outputs, which are logarithms of the
means: as PyTorch's PoissonNLLLoss.
"""

from dataclasses import dataclass

import numpy as np

from skrnn.mathematics.activations import exp
from skrnn.mathematics.losses.base import Kind, Loss, register_formula

#: The formula takes no outputs beyond this for more, nor for less than its opposite.
_LIMIT = 80


class PoissonKind(Kind):
    __slots__ = ()


class LogLink(Loss):
    """The outputs are logarithms of the means of the targets."""

    out_activation = "exponential"
    regresses = True

    def link(self, outputs):
        """The means."""
        return np.exp(np.clip(outputs, -_LIMIT, _LIMIT))

    def units(self, mean, deviation):
        """The mean is the unit: then outputs of 0 mean it."""
        return np.zeros_like(mean), np.where(mean > 0, mean, 1)


@dataclass(frozen=True)
class Poisson(LogLink):
    """Targets may be 0."""

    name = "poisson"
    kind_class = PoissonKind
    domain = "[0, infinity)"

    def accepts(self, targets):
        """No negative ones."""
        return targets >= 0


def _loss_gradient(kind, outputs, target, scale):
    share, loss = scale / kind.n_outputs, 0.0
    for o in range(kind.n_outputs):
        x, y = np.float64(outputs[o]), np.float64(target[o])
        if y != y:
            outputs[o] = 0
            continue
        mean = exp(x)
        loss += share * (mean - y * x)
        outputs[o] = share * (mean - y)
    return loss


register_formula(Poisson, _loss_gradient)
