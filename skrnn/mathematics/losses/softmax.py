"""One of several classes: softmax and log loss, mean over the target columns.

A target is a class index, and each column has outputs of its own.
"""

from dataclasses import dataclass
from math import exp, log

from scipy import special

from skrnn.mathematics.compilation import formula
from skrnn.mathematics.losses.base import Kind, Loss, register_formula


class SoftmaxKind(Kind):
    __slots__ = ()


@dataclass(frozen=True)
class Softmax(Loss):
    """The outputs are log-probabilities, up to a number that is added to all."""

    name = "softmax"
    kind_class = SoftmaxKind
    out_activation = "softmax"

    def link(self, outputs):
        """Probabilities of the classes of a column."""
        return special.softmax(outputs, axis=1)

    def log_link(self, outputs):
        """Their logarithms, exact where the probabilities underflow."""
        return special.log_softmax(outputs, axis=1)


@formula
def log_sum_exp(outputs, first, last):
    highest = outputs[first]
    for o in range(first + 1, last):
        highest = max(highest, outputs[o])
    total = 0.0
    for o in range(first, last):
        total += exp(outputs[o] - highest)
    return highest + log(total)


def _loss_gradient(kind, outputs, target, scale):
    n_columns = kind.bounds.size - 1
    share = scale / n_columns
    loss = 0.0
    for column in range(n_columns):
        first, last = kind.bounds[column], kind.bounds[column + 1]
        if target[column] < 0:
            for o in range(first, last):
                outputs[o] = 0
            continue
        true = first + target[column]
        normalizer = log_sum_exp(outputs, first, last)
        loss += share * (normalizer - outputs[true])
        for o in range(first, last):
            outputs[o] = share * exp(outputs[o] - normalizer)
        outputs[true] -= share
    return loss


register_formula(Softmax, _loss_gradient)
