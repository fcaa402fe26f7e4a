"""Adam, and AdamW, which also shrinks the weights by a part of themselves.

D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR 2015,
algorithm 1; I. Loshchilov and F. Hutter, Decoupled weight decay regularization,
ICLR 2019, with the learning rate in the decay, as in PyTorch.
"""

from math import sqrt

from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.denormals import flush_denormals, restore
from skrnn.mathematics.optimizers.base import Optimizer


@cached_njit(nogil=True, error_model="numpy")
def adam_step(parameters, gradient, state, learning_rate, t, beta_1, beta_2, epsilon):
    # In the vector's own precision, so that the loop runs on whole registers.
    kind = parameters.dtype.type
    rate = kind(learning_rate / (1 - beta_1**t))
    scale = kind(1 / (1 - beta_2**t) ** 0.5)
    keep_1, keep_2, epsilon = kind(beta_1), kind(beta_2), kind(epsilon)
    take_1, take_2 = kind(1 - beta_1), kind(1 - beta_2)
    mean, square, before = state[0], state[1], flush_denormals()
    for p in range(parameters.size):
        g = gradient[p]
        mean[p] = keep_1 * mean[p] + take_1 * g
        square[p] = keep_2 * square[p] + take_2 * (g * g)
        parameters[p] -= rate * mean[p] / (sqrt(square[p]) * scale + epsilon)
    restore(before)


ADAM = Optimizer("adam", 2, ("beta_1", "beta_2", "epsilon"), adam_step)
ADAMW = ADAM._replace(name="adamw", decays=True)
