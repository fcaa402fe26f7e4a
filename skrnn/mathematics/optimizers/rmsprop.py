"""RMSprop.

T. Tieleman and G. Hinton, Lecture 6.5, Neural networks for machine learning, Coursera,
2012; epsilon is added to the root, as in PyTorch.
"""

from math import sqrt

from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.denormals import flush_denormals, restore
from skrnn.mathematics.optimizers.base import Optimizer


@cached_njit(nogil=True, error_model="numpy")
def rmsprop_step(parameters, gradient, state, learning_rate, t, rho, epsilon):
    kind = parameters.dtype.type
    rate, keep, take = kind(learning_rate), kind(rho), kind(1 - rho)
    epsilon, square, before = kind(epsilon), state[0], flush_denormals()
    for p in range(parameters.size):
        g = gradient[p]
        square[p] = keep * square[p] + take * (g * g)
        parameters[p] -= rate * g / (sqrt(square[p]) + epsilon)
    restore(before)


RMSPROP = Optimizer("rmsprop", 1, ("rho", "epsilon"), rmsprop_step)
