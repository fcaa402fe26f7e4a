"""Yes or no for each output: logistic function and log loss, mean over the outputs.

With label smoothing, a share of each target is one half: as of a softmax over two.
"""

from dataclasses import dataclass
from math import exp, log1p
from typing import NamedTuple

import numpy as np
from scipy import special

from skrnn.mathematics.compilation import formula
from skrnn.mathematics.losses.base import Loss, register_formula


class LogisticKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Logistic(Loss):
    """The outputs are log-odds."""

    label_smoothing: float = 0.0  # of 1

    name = "logistic"
    kind_class = LogisticKind
    out_activation = "logistic"

    def link(self, outputs):
        """Probabilities of yes."""
        return special.expit(outputs)

    def log_link(self, outputs):
        """Their logarithms, exact where the probabilities underflow."""
        return special.log_expit(outputs)


@formula
def softplus(x):
    """log(1 + exp(x)) without overflow."""
    return max(x, 0.0) + log1p(exp(-abs(x)))


def _loss_gradient(kind, outputs, target, scale):
    share = scale / kind.n_outputs
    loss = 0.0
    for o in range(kind.n_outputs):
        if target[o] != target[o]:
            outputs[o] = 0
            continue
        x = np.float64(outputs[o])
        expected = target[o] + kind.label_smoothing * (0.5 - target[o])
        loss += share * (softplus(x) - expected * x)
        outputs[o] = share * (exp(-softplus(-x)) - expected)
    return loss


register_formula(Logistic, _loss_gradient)
