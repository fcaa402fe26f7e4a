"""Mean and standard deviation of real values: the negative log-likelihood.

Without what does not depend on the outputs, and mean over the target columns, as
PyTorch's GaussianNLLLoss. Each column has two outputs; the deviation is a softplus of
the second one.
"""

from dataclasses import dataclass
from math import exp, expm1, log, log1p

import numpy as np
from scipy import special

from skrnn.mathematics.losses.base import Kind, Loss, register_formula

#: Deviations are above this part of their unit: else the likelihood of what is learned
#: by heart would grow without bound. PyTorch's least variance is its square.
LEAST = 1e-3
#: An output of 0 means a deviation of 1.
_FIRST = log(expm1(1 - LEAST))
_COVERAGE = 0.9


class GaussianKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class Gaussian(Loss):
    """The outputs are mean and deviation of each target, the latter before the link."""

    name = "gaussian"
    kind_class = GaussianKind
    out_activation = "identity"
    regresses = True
    has_groups = True
    group_size = 2
    has_deviations = True
    has_intervals = True

    def link(self, outputs):
        """Mean and standard deviation of each column."""
        values = np.array(outputs)
        values[:, 1::2] = LEAST + np.logaddexp(0, outputs[:, 1::2] + _FIRST)
        return values

    def centre(self, values):
        """The mean."""
        return values[..., :1]

    def deviations(self, values):
        """The standard deviation."""
        return values[..., 1:]

    def interval(self, values, coverage):
        """Around the mean; None: of a coverage of 0.9."""
        half = special.ndtri(0.5 + 0.5 * (_COVERAGE if coverage is None else coverage))
        return values[..., :1] + values[..., 1:] * np.array([-half, half])


def _loss_gradient(kind, outputs, target, scale):
    n_columns = kind.n_outputs // 2
    share, loss = scale / n_columns, 0.0
    for column in range(n_columns):
        pair, y = outputs[2 * column :], np.float64(target[column])
        if y != y:
            pair[0] = pair[1] = 0
            continue
        x = np.float64(pair[1]) + _FIRST
        # Softplus, and its derivative, the logistic function, by one exponential.
        small = exp(-abs(x))
        deviation = LEAST + max(x, 0.0) + log1p(small)
        slope = (1.0 if x > 0 else small) / (1 + small)
        z = (pair[0] - y) / deviation
        loss += share * (log(deviation) + 0.5 * z * z)
        pair[0] = share * z / deviation
        pair[1] = share * (1 - z * z) / deviation * slope
    return loss


register_formula(Gaussian, _loss_gradient)
