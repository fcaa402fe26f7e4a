"""Small seeded problems for the kernels: a network, its weights and a ragged batch."""

from typing import NamedTuple

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skrnn.backends import make_backend
from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.losses import LOSSES
from skrnn.mathematics.poolings import POOLINGS
from skrnn.network import Network
from skrnn.sequences import Sequences

#: What two orders of the same sums may differ by, relative to the largest value.
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}
#: More than one shard of a batch.
LENGTHS = (3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 5, 1, 2, 1, 3, 1, 2, 1, 4)

cells = pytest.mark.parametrize(
    ("cell", "activation"), [(name, kind or "tanh") for name, kind in CELLS]
)
dtypes = pytest.mark.parametrize("dtype", TOLERANCES)
poolings = pytest.mark.parametrize("pooling", POOLINGS)
losses = pytest.mark.parametrize("loss", LOSSES)


class Problem(NamedTuple):
    network: Network
    weights: dict  # with PyTorch's names and both biases
    X: list
    sequences: Sequences
    targets: np.ndarray

    @property
    def parameters(self):
        return self.network.import_weights(self.weights)


def make_problem(
    cell="gru",
    activation="tanh",
    loss="softmax",
    dtype="float64",
    pooling="last",
    *,
    lengths=LENGTHS,
    n_features=3,
    hidden_size=5,
    n_outputs=4,
):
    rng = np.random.default_rng(0)
    network = Network(
        cell, activation, n_features, hidden_size, pooling, n_outputs, loss, dtype
    )
    X = [rng.normal(size=(length, n_features)).astype(dtype) for length in lengths]
    return Problem(
        network,
        random_weights(network, rng),
        X,
        Sequences.from_list(X, dtype),
        random_targets(network, len(X), rng),
    )


def random_weights(network, rng):
    """As PyTorch draws them: small enough for stable states."""
    zeros = np.zeros(network.n_parameters)
    bound = network.hidden_size**-0.5
    return {
        name: rng.uniform(-bound, bound, array.shape).astype(network.dtype)
        for name, array in network.export_weights(zeros).items()
    }


def random_targets(network, n, rng):
    shape = (n, network.n_outputs)
    if network.loss_name == "softmax":
        return rng.integers(network.n_outputs, size=(n, 1))
    if network.loss_name == "logistic":
        return rng.integers(2, size=shape).astype(network.dtype)
    return rng.normal(size=shape).astype(network.dtype)


def loss_gradient(problem, rows, scales, backend=None):
    """The CPU backend's loss and gradient, the latter a flat vector."""
    backend = backend or make_backend("cpu", problem.network)
    parameters = problem.parameters
    gradient = np.full_like(parameters, np.nan)
    loss = backend.loss_gradient(
        parameters, problem.sequences, rows, problem.targets, scales, gradient
    )
    return loss, gradient


def reference_loss_gradient(problem, rows, scales):
    """What `loss_gradient` must give, in float64; the gradients as a dict."""
    network, targets = problem.network, problem.targets[rows]
    mean, gradients = naive.loss_and_gradients(
        {name: array.astype(np.float64) for name, array in problem.weights.items()},
        [problem.X[row].astype(np.float64) for row in rows],
        targets[:, 0] if network.loss_name == "softmax" else targets,
        scales[rows],
        network.cell_name,
        network.activation,
        network.pooling,
        network.loss_name,
    )
    total = scales[rows].sum()
    return total * mean, {name: total * array for name, array in gradients.items()}


def assert_close(actual, expected, tolerance, name=""):
    """Compare relative to the largest value."""
    largest = np.abs(expected).max()
    assert_allclose(actual, expected, 0, tolerance * largest, err_msg=name)


def assert_gradients_close(network, gradient, expected, tolerance):
    """Compare a flat gradient with a dict of gradients under PyTorch's names."""
    # Where one bias stands for two, it has the gradient of either.
    has_own = network.export_weights(np.ones_like(gradient))["bias_hh_l0"]
    expected = expected | {"bias_hh_l0": expected["bias_hh_l0"] * has_own}
    actual = network.export_weights(gradient)
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert_close(actual[name], array, tolerance, name)
