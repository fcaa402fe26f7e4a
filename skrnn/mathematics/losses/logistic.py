"""Yes or no for each output: logistic function and log loss, mean over the outputs."""

from dataclasses import dataclass
from math import exp, log1p

import numpy as np
from scipy import special

from skrnn.mathematics.compilation import formula
from skrnn.mathematics.losses.base import Kind, Loss, register_formula


class LogisticKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class Logistic(Loss):
    """The outputs are log-odds."""

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
        loss += share * (softplus(x) - target[o] * x)
        outputs[o] = share * (exp(-softplus(-x)) - target[o])
    return loss


register_formula(Logistic, _loss_gradient)
