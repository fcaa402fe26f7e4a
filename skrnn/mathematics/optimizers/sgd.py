"""Stochastic gradient descent with momentum, plain or Nesterov's.

I. Sutskever, J. Martens, G. Dahl and G. Hinton, On the importance of initialization and
momentum in deep learning, ICML 2013, in PyTorch's form: the momentum gathers gradients,
and the learning rate of the day multiplies what it has gathered.
"""

from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.denormals import flush_denormals, restore
from skrnn.mathematics.optimizers.base import Optimizer


@cached_njit(nogil=True, error_model="numpy")
def sgd_step(parameters, gradient, state, learning_rate, t, momentum, nesterov):
    kind = parameters.dtype.type
    rate, keep = kind(learning_rate), kind(momentum)
    look_ahead = keep if nesterov else kind(1)
    own = kind(1) if nesterov else kind(0)
    gathered, before = state[0], flush_denormals()
    for p in range(parameters.size):
        gathered[p] = keep * gathered[p] + gradient[p]
        parameters[p] -= rate * (own * gradient[p] + look_ahead * gathered[p])
    restore(before)


SGD = Optimizer("sgd", 1, ("momentum", "nesterovs_momentum"), sgd_step)
