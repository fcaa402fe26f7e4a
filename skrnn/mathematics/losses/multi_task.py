"""Targets of several kinds: the mean of their losses, weighted.

Each column has outputs and a loss of its own, of which one formula knows all: so for
other columns nothing is compiled anew. A target is a class index, 0 or 1, or a real
value, all of one float type; what is missing is NaN.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.losses.base import Loss, loss_gradient, register_formula
from skrnn.mathematics.losses.logistic import Logistic, LogisticKind
from skrnn.mathematics.losses.softmax import Softmax, SoftmaxKind
from skrnn.mathematics.losses.squared_error import SquaredError, SquaredErrorKind

#: Compiled code knows a loss by its place.
_LOSSES = [Softmax.name, Logistic.name, SquaredError.name]
_SOFTMAX, _LOGISTIC, _ = range(len(_LOSSES))


class MultiTaskKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    losses: np.ndarray  # of each column, its place above
    weights: np.ndarray  # of each column; their sum is 1


@dataclass(frozen=True)
class MultiTask(Loss):
    """The outputs of a column are those of its loss."""

    losses: tuple = ("softmax", "logistic", "squared_error")  # names, of each column
    weights: tuple = (1.0, 1.0, 1.0)

    name = "multi_task"
    kind_class = MultiTaskKind
    out_activation = "mixed"
    has_groups = True

    def __post_init__(self):
        for name in ("losses", "weights"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def kind(self, output_sizes):
        """As of every loss; compiled code has arrays."""
        bounds = np.cumsum([0, *output_sizes], dtype=np.int64)
        losses = np.array([_LOSSES.index(name) for name in self.losses])
        weights = np.array(self.weights) / sum(self.weights)
        return MultiTaskKind(int(bounds[-1]), bounds, losses, weights)


def _loss_gradient(kind, outputs, target, scale):
    loss = 0.0
    for column in range(kind.losses.size):
        bounds, y = kind.bounds[column : column + 2], target[column:]
        n, row = bounds[1] - bounds[0], outputs[bounds[0] :]
        share = scale * kind.weights[column]
        if kind.losses[column] == _SOFTMAX:
            loss += loss_gradient(SoftmaxKind(n, bounds, 0.0), outputs, y, share)
        elif kind.losses[column] == _LOGISTIC:
            loss += loss_gradient(LogisticKind(n, bounds, 0.0), row, y, share)
        else:
            loss += loss_gradient(SquaredErrorKind(n, bounds), row, y, share)
    return loss


register_formula(MultiTask, _loss_gradient)
