"""One of several classes: softmax and log loss, mean over the target columns.

A target is a class index, and each column has outputs of its own. With label smoothing,
a share of each target is divided among all classes of its column (C. Szegedy et al.,
Rethinking the inception architecture for computer vision, CVPR 2016).
"""

from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from scipy import special

from skrnn.mathematics.activations import exp
from skrnn.mathematics.compilation import formula
from skrnn.mathematics.losses.base import Loss, register_formula


class SoftmaxKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Softmax(Loss):
    """The outputs are log-probabilities, up to a number that is added to all."""

    label_smoothing: float = 0.0  # of 1

    name = "softmax"
    kind_class = SoftmaxKind
    out_activation = "softmax"
    has_groups = True

    def link(self, outputs):
        """Probabilities of the classes of a column."""
        return special.softmax(outputs, axis=1)

    def log_link(self, outputs):
        """Their logarithms, exact where the probabilities underflow."""
        return special.log_softmax(outputs, axis=1)


@formula
def largest(row, n):
    """The largest of n numbers."""
    a = b = c = d = row[0]
    whole = n - n % 4
    for o in range(0, whole, 4):
        a, b = max(a, row[o]), max(b, row[o + 1])
        c, d = max(c, row[o + 2]), max(d, row[o + 3])
    for o in range(whole, n):
        a = max(a, row[o])
    return max(max(a, b), max(c, d))


@formula
def total(row, n):
    """The sum of n numbers: as four, of which none waits for another."""
    a = b = c = d = 0.0
    whole = n - n % 4
    for o in range(0, whole, 4):
        a, b, c, d = a + row[o], b + row[o + 1], c + row[o + 2], d + row[o + 3]
    for o in range(whole, n):
        a += row[o]
    return (a + b) + (c + d)


def _loss_gradient(kind, outputs, target, scale):
    n_columns = kind.bounds.size - 1
    share = scale / n_columns
    loss = 0.0
    for column in range(n_columns):
        first = kind.bounds[column]
        row, n = outputs[first:], kind.bounds[column + 1] - first
        if not target[column] >= 0:  # below, or NaN
            for o in range(n):
                row[o] = 0
            continue
        code = int(target[column])
        highest, expected = largest(row, n), np.float64(row[code])
        if kind.label_smoothing > 0:
            expected += kind.label_smoothing * (total(row, n) / n - expected)
        for o in range(n):
            row[o] = exp(row[o] - highest)
        normalizer = total(row, n)
        loss += share * (np.float64(highest) - expected + log(normalizer))
        factor = row.dtype.type(share / normalizer)
        for o in range(n):
            row[o] *= factor
        row[code] -= share * (1 - kind.label_smoothing)
        if kind.label_smoothing > 0:
            of_each = row.dtype.type(share * kind.label_smoothing / n)
            for o in range(n):
                row[o] -= of_each
    return loss


register_formula(Softmax, _loss_gradient)
