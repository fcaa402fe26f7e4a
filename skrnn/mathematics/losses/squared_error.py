"""Real values: half the squared error, mean over the outputs."""

from dataclasses import dataclass

import numpy as np

from skrnn.mathematics.losses.base import Kind, Loss, register_formula


class SquaredErrorKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class SquaredError(Loss):
    """The outputs are the means of the targets."""

    name = "squared_error"
    kind_class = SquaredErrorKind
    out_activation = "identity"
    regresses = True


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


register_formula(SquaredError, _loss_gradient)
