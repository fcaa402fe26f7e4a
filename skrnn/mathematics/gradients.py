"""What is done to a gradient before the optimizer takes it."""

from math import sqrt

import numpy as np

from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.denormals import flush_denormals, restore

# The order of a sum may be changed to vectorise it, the same way every time.
_OPTIONS = {"nogil": True, "fastmath": {"reassoc"}}


@cached_njit(**_OPTIONS)
def add_l2(parameters, mask, strength, gradient):
    """Add the gradient of ``0.5 * strength * sum(mask * parameters**2)``.

    Returns that penalty.
    """
    factor = parameters.dtype.type(strength)
    total, before = 0.0, flush_denormals()
    for p in range(parameters.size):
        weight = mask[p] * parameters[p]
        total += np.float64(weight) * weight
        gradient[p] += factor * weight
    restore(before)
    return 0.5 * strength * total


@cached_njit(**_OPTIONS)
def shrink(parameters, mask, share):
    """Take away a share of each weight (decoupled weight decay)."""
    factor, before = parameters.dtype.type(share), flush_denormals()
    for p in range(parameters.size):
        parameters[p] -= factor * (mask[p] * parameters[p])
    restore(before)


@cached_njit(**_OPTIONS)
def clip_norm(gradient, limit):
    """Scale the gradient so that its norm is at most `limit`; returns the norm.

    R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural
    networks, ICML 2013.
    """
    total, before = 0.0, flush_denormals()
    for p in range(gradient.size):
        total += np.float64(gradient[p]) * gradient[p]
    norm = sqrt(total)
    if norm > limit:
        factor = gradient.dtype.type(limit / norm)
        for p in range(gradient.size):
            gradient[p] *= factor
    restore(before)
    return norm
