"""The judge is judged: by numerical differences and by scikit-learn.

Differences cannot tell a swapped gate from the right one; test_torch.py can.
"""

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

N_FEATURES, HIDDEN_SIZE, N_OUTPUTS = 3, 2, 4
LENGTHS = (3, 1, 2)

cells = pytest.mark.parametrize(("cell", "activation"), naive.CELLS)
poolings = pytest.mark.parametrize("pooling", ["last", "mean", "max"])
heads = pytest.mark.parametrize("head", naive.HEADS)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_weights(rng, cell, activation, dtype=float):
    gates = naive.CELLS[cell, activation].n_gates * HIDDEN_SIZE
    shapes = {
        "weight_ih_l0": (gates, N_FEATURES),
        "weight_hh_l0": (gates, HIDDEN_SIZE),
        "bias_ih_l0": (gates,),
        "bias_hh_l0": (gates,),
        "head.weight": (N_OUTPUTS, HIDDEN_SIZE),
        "head.bias": (N_OUTPUTS,),
    }
    return {name: rng.normal(size=s).astype(dtype) for name, s in shapes.items()}


def make_batch(rng, head, dtype=float):
    X = [rng.normal(size=(length, N_FEATURES)).astype(dtype) for length in LENGTHS]
    shape = (len(X), N_OUTPUTS)
    y = {
        "softmax": rng.integers(N_OUTPUTS, size=len(X)),
        "logistic": rng.integers(2, size=shape).astype(dtype),
        "squared": rng.normal(size=shape).astype(dtype),
    }[head]
    return X, y


def central_differences(function, array, step=1e-5):
    """Gradient of function(), which reads `array`, by shifting one entry at a time."""
    gradient = np.empty_like(array)
    for index, value in np.ndenumerate(array):
        array[index] = value + step
        above = function()
        array[index] = value - step
        gradient[index] = (above - function()) / (2 * step)
        array[index] = value
    return gradient


@cells
@poolings
@heads
def test_gradients_equal_central_differences(rng, cell, activation, pooling, head):
    weights = make_weights(rng, cell, activation)
    X, y = make_batch(rng, head)
    args = (X, y, rng.uniform(0.5, 2, len(X)), cell, activation, pooling, head, 0.1)
    _, gradients = naive.loss_and_gradients(weights, *args)
    assert gradients.keys() == weights.keys()
    for name, array in weights.items():
        expected = central_differences(
            lambda: naive.loss_and_gradients(weights, *args)[0], array
        )
        # atol is the rounding error of a difference of losses near 1, over the step.
        assert_allclose(gradients[name], expected, rtol=1e-6, atol=1e-10, err_msg=name)


@heads
def test_loss_is_weighted_mean(rng, head):
    weights = make_weights(rng, "gru", "tanh")
    X, y = make_batch(rng, head)

    def loss(rows, sample_weight=None):
        X_rows = [X[row] for row in rows]
        return naive.loss_and_gradients(
            weights, X_rows, y[rows], sample_weight, "gru", head=head
        )[0]

    assert_allclose(loss([0, 1, 2], [2, 0, 1]), loss([0, 0, 2]))


@cells
@poolings
@heads
def test_float32_stays_float32(rng, cell, activation, pooling, head):
    weights = make_weights(rng, cell, activation, np.float32)
    X, y = make_batch(rng, head, np.float32)
    kind = {"cell": cell, "activation": activation, "pooling": pooling}
    pooled, logits = naive.forward(weights, X, **kind)
    loss, gradients = naive.loss_and_gradients(weights, X, y, head=head, **kind)
    for result in (pooled, logits, loss, *gradients.values()):
        assert result.dtype == np.float32


def test_gradient_of_tied_maximum_goes_to_first_step():
    outputs = np.array([[1.0, 5.0], [2.0, 0.0], [2.0, 5.0]])
    gradient = naive.pool_backward(outputs, np.array([3.0, 7.0]), "max")
    assert_array_equal(gradient, [[0, 7], [3, 0], [0, 0]])


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_equals_scikit_learn(rng, nesterov):
    parameters, gathered = rng.normal(size=5), np.zeros(5)
    expected = parameters.copy()
    optimizer = SGDOptimizer([expected], 0.1, momentum=0.8, nesterov=nesterov)
    for gradient in rng.normal(size=(4, 5)):
        optimizer.update_params([expected], [gradient])
        parameters, gathered = naive.sgd(
            parameters, gradient, gathered, 0.1, 0.8, nesterov
        )
    assert_allclose(parameters, expected, rtol=1e-14)


def test_adam_without_epsilon_equals_scikit_learn(rng):
    parameters, mean, square = rng.normal(size=5), np.zeros(5), np.zeros(5)
    expected = parameters.copy()
    optimizer = AdamOptimizer([expected], 0.1, epsilon=0.0)
    for t, gradient in enumerate(rng.normal(size=(4, 5)), start=1):
        optimizer.update_params([expected], [gradient])
        parameters, mean, square = naive.adam(
            parameters, gradient, mean, square, 0.1, t, 0.9, 0.999, 0.0
        )
    assert_allclose(parameters, expected, rtol=1e-14)


def test_first_adam_step(rng):
    # Corrected, the first moments are the gradient and its square.
    parameters, gradient, zeros = rng.normal(size=5), rng.normal(size=5), np.zeros(5)
    actual, *_ = naive.adam(parameters, gradient, zeros, zeros, 0.1, 1, 0.9, 0.999, 0.5)
    expected = parameters - 0.1 * gradient / (np.abs(gradient) + 0.5)
    assert_allclose(actual, expected, rtol=1e-14)


def test_clip_by_norm():
    gradient = np.array([3.0, 4.0])
    assert_allclose(naive.clip_by_norm(gradient, 1.0), [0.6, 0.8])
    assert naive.clip_by_norm(gradient, 5.0) is gradient
