"""Yes or no for each output: logistic function and log loss, mean over the outputs."""

from math import exp, log1p

import numpy as np
from scipy import special

from skrnn.mathematics.compilation import formula
from skrnn.mathematics.losses.base import Kind, make_loss


class LogisticKind(Kind):
    __slots__ = ()


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


LOGISTIC = make_loss(
    "logistic",
    LogisticKind,
    out_activation="logistic",
    loss_gradient=_loss_gradient,
    link=special.expit,
    log_link=special.log_expit,
)
