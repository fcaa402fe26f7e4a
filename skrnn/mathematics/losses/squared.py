"""Real values: half the squared error, mean over the outputs."""

import numpy as np

from skrnn.mathematics.losses.base import Kind, make_loss


class SquaredKind(Kind):
    __slots__ = ()


def _loss_gradient(kind, outputs, target, scale):
    share = scale / kind.n_outputs
    loss = 0.0
    for o in range(kind.n_outputs):
        error = np.float64(outputs[o]) - target[o]
        if target[o] != target[o]:
            error = 0.0
        loss += 0.5 * share * error * error
        outputs[o] = share * error
    return loss


SQUARED = make_loss(
    "squared",
    SquaredKind,
    out_activation="identity",
    loss_gradient=_loss_gradient,
    link=lambda outputs: outputs,
)
