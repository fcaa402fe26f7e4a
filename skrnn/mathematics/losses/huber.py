"""Real values: Huber's loss, mean over the outputs.

Half the squared error up to `delta`; from there on it grows as the absolute error does
(P. J. Huber, Annals of Mathematical Statistics, 1964).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.losses.base import Loss, register_formula


class HuberKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    delta: float


@dataclass(frozen=True)
class Huber(Loss):
    """The outputs lie between the means and the medians of the targets."""

    delta: float = 1.0

    name = "huber"
    kind_class = HuberKind
    out_activation = "identity"
    regresses = True


def _loss_gradient(kind, outputs, target, scale):
    share, delta, loss = scale / kind.n_outputs, kind.delta, 0.0
    for o in range(kind.n_outputs):
        error = np.float64(outputs[o]) - target[o]
        if target[o] != target[o]:
            error = 0.0
        slope = max(-delta, min(delta, error))
        # slope * slope / 2 where both are equal.
        loss += share * slope * (error - 0.5 * slope)
        outputs[o] = share * slope
    return loss


register_formula(Huber, _loss_gradient)
