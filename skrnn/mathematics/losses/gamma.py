"""Positive values, whose spread grows with their mean: the gamma deviance.

Half of it, mean over the outputs, without what does not depend on these. They are the
logarithms of the means.
"""

from dataclasses import dataclass

import numpy as np

from skrnn.mathematics.activations import exp
from skrnn.mathematics.losses.base import Kind, register_formula
from skrnn.mathematics.losses.poisson import LogLink


class GammaKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class Gamma(LogLink):
    """No target may be 0."""

    name = "gamma"
    kind_class = GammaKind
    domain = "(0, infinity)"

    def accepts(self, targets):
        """Positive ones only."""
        return targets > 0


def _loss_gradient(kind, outputs, target, scale):
    share, loss = scale / kind.n_outputs, 0.0
    for o in range(kind.n_outputs):
        x, y = np.float64(outputs[o]), np.float64(target[o])
        if y != y:
            outputs[o] = 0
            continue
        ratio = y * exp(-x)
        loss += share * (x + ratio)
        outputs[o] = share * (1 - ratio)
    return loss


register_formula(Gamma, _loss_gradient)
