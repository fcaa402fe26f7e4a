"""Random matrices to start from, input-first."""

import numpy as np

from skrnn.mathematics.blas import OneBlasThread


def glorot_uniform(random_state, n_inputs, n_outputs):
    """Uniform with variance 2 / (n_inputs + n_outputs).

    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward
    neural networks, AISTATS 2010.
    """
    bound = np.sqrt(6 / (n_inputs + n_outputs))
    return random_state.uniform(-bound, bound, (n_inputs, n_outputs))


def orthogonal(random_state, size):
    """A random orthogonal matrix, uniform by Haar's measure.

    A. M. Saxe, J. L. McClelland and S. Ganguli, Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks, ICLR 2014.
    """
    # The bits of a threaded factorisation may depend on the number of threads.
    with OneBlasThread():
        q, r = np.linalg.qr(random_state.standard_normal((size, size)))
    # The signs make the distribution uniform: F. Mezzadri, How to generate random
    # matrices from the classical compact groups, Notices of the AMS 54(5), 2007.
    return q * np.copysign(1.0, np.diag(r))
