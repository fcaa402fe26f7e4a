"""Real values: the absolute error, mean over the outputs."""

from dataclasses import dataclass

import numpy as np

from skrnn.mathematics.losses.base import Kind, Loss, register_formula


class AbsoluteErrorKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """The outputs are the medians of the targets."""

    name = "absolute_error"
    kind_class = AbsoluteErrorKind
    out_activation = "identity"
    regresses = True


def _loss_gradient(kind, outputs, target, scale):
    share, loss = scale / kind.n_outputs, 0.0
    for o in range(kind.n_outputs):
        error, slope = np.float64(outputs[o]) - target[o], 0.0
        if error > 0:
            slope = share
        elif error < 0:
            slope = -share
        if target[o] != target[o]:
            error = 0.0
        loss += slope * error
        outputs[o] = slope
    return loss


register_formula(AbsoluteError, _loss_gradient)
