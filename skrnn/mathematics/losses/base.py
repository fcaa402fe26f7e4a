"""What a loss is: a link and the negative log-likelihood that belongs to it.

Compiled code receives a loss's `Kind` and chooses the formulas by its class.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.intrinsics import by_type

_LOSS_GRADIENT = {}


class Kind(NamedTuple):
    """What compiled code knows of a loss; each loss derives a class of its own."""

    n_outputs: int
    bounds: np.ndarray  # where the outputs of each target column start, and the end


class Loss(NamedTuple):
    """A loss as the network and the estimators see it."""

    name: str
    kind_class: type
    out_activation: str  # scikit-learn's name of the link
    link: Callable  # outputs (n, n_outputs) in float64 -> what they mean
    log_link: Callable | None  # its logarithm, exact where the link underflows


def make_loss(name, kind_class, *, out_activation, loss_gradient, link, log_link=None):
    """Register the formula, which is the body of the function below."""
    _LOSS_GRADIENT[kind_class] = loss_gradient
    return Loss(name, kind_class, out_activation, link, log_link)


#: loss_gradient(kind, outputs, target, scale): the loss of one sample times `scale`;
#: the first n_outputs of `outputs` become its gradient. A target may be missing (a
#: class below 0, a number that is NaN): it has no part in either.
loss_gradient = by_type(_LOSS_GRADIENT.__getitem__)
