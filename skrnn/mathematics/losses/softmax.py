"""One of several classes: softmax and log loss. The target is a class index."""

from functools import partial
from math import exp, log

from numba import njit
from scipy import special

from skrnn.mathematics.losses.base import Kind, make_loss


class SoftmaxKind(Kind):
    __slots__ = ()


@njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def log_sum_exp(outputs, n):
    highest = outputs[0]
    for o in range(1, n):
        highest = max(highest, outputs[o])
    total = 0.0
    for o in range(n):
        total += exp(outputs[o] - highest)
    return highest + log(total)


def _loss_gradient(kind, outputs, target, scale):
    normalizer = log_sum_exp(outputs, kind.n_outputs)
    loss = scale * (normalizer - outputs[target[0]])
    for o in range(kind.n_outputs):
        outputs[o] = scale * exp(outputs[o] - normalizer)
    outputs[target[0]] -= scale
    return loss


SOFTMAX = make_loss(
    "softmax",
    SoftmaxKind,
    out_activation="softmax",
    loss_gradient=_loss_gradient,
    link=partial(special.softmax, axis=1),
    log_link=partial(special.log_softmax, axis=1),
)
