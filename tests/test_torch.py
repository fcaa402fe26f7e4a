"""The same numbers as PyTorch: outputs, losses, gradients, steps of training."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import (
    assert_close,
    assert_gradients_close,
    cells,
    dtypes,
    loss_gradient,
    losses,
    make_problem,
    poolings,
    reference_loss_gradient,
)

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import make_backend
from skrnn.mathematics.optimizers import OPTIMIZERS

torch = pytest.importorskip("torch")
functional = torch.nn.functional

TOLERANCES = {"float64": 1e-10, "float32": 1e-5}
LENGTHS = (9, 1, 4, 20, 2, 2, 7, 1, 13, 5, 3, 8, 1, 6, 11, 2, 17, 4, 1, 3)

TORCH_LOSSES = {
    "softmax": lambda outputs, y: functional.cross_entropy(outputs, y[:, 0]),
    "logistic": functional.binary_cross_entropy_with_logits,
    "squared": lambda outputs, y: 0.5 * functional.mse_loss(outputs, y),
}


class TorchNetwork(torch.nn.Module):
    """PyTorch's layer and head, over packed sequences."""

    def __init__(self, problem):
        super().__init__()
        network = problem.network
        layer = getattr(torch.nn, network.cell_name.upper())
        options = {"batch_first": True, "dtype": getattr(torch, network.dtype)}
        if network.cell_name == "rnn":
            options["nonlinearity"] = network.activation
        self.layer = layer(network.n_features, network.hidden_size, **options)
        self.head = torch.nn.Linear(
            network.hidden_size, network.n_outputs, dtype=options["dtype"]
        )
        self.pooling = network.pooling
        self.load_weights(problem.weights)

    def named_weights(self):
        """Parameters under the names that both packages use."""
        return {
            name.removeprefix("layer."): parameter
            for name, parameter in self.named_parameters()
        }

    def load_weights(self, weights):
        with torch.no_grad():
            for name, parameter in self.named_weights().items():
                parameter.copy_(torch.from_numpy(weights[name]))

    def forward(self, X):
        packed = torch.nn.utils.rnn.pack_sequence(
            [torch.from_numpy(x) for x in X], enforce_sorted=False
        )
        outputs = torch.nn.utils.rnn.unpack_sequence(self.layer(packed)[0])
        return self.head(torch.stack([self.pool(states) for states in outputs]))

    def loss(self, problem):
        compute = TORCH_LOSSES[problem.network.loss_name]
        return compute(self(problem.X), torch.from_numpy(problem.targets))

    def pool(self, states):
        if self.pooling == "last":
            return states[-1]
        return states.mean(0) if self.pooling == "mean" else states.max(0).values


def torch_loss_gradients(problem):
    """PyTorch's mean loss, and its gradients as a dict."""
    module = TorchNetwork(problem)
    loss = module.loss(problem)
    loss.backward()
    weights = module.named_weights().items()
    return loss.item(), {name: weight.grad.numpy() for name, weight in weights}


@cells
@poolings
@losses
def test_reference_equals_pytorch(cell, activation, pooling, loss):
    problem = make_problem(cell, activation, loss, pooling=pooling)
    n = len(problem.X)
    arguments = np.arange(n), np.full(n, 1 / n)
    value, gradients = reference_loss_gradient(problem, *arguments)
    expected_value, expected = torch_loss_gradients(problem)
    assert_allclose(value, expected_value, 1e-12)
    for name, array in expected.items():
        assert_close(gradients[name], array, 1e-12, name)


@cells
@dtypes
@poolings
@losses
def test_loss_and_gradient_equal_pytorch(cell, activation, dtype, pooling, loss):
    problem = make_problem(cell, activation, loss, dtype, pooling, lengths=LENGTHS)
    n, tolerance = len(problem.X), TOLERANCES[dtype]
    value, gradient = loss_gradient(problem, np.arange(n), np.full(n, 1 / n))
    expected_value, expected = torch_loss_gradients(problem)
    assert_allclose(value, expected_value, tolerance)
    assert_gradients_close(problem.network, gradient, expected, tolerance)


@cells
@dtypes
@poolings
def test_outputs_equal_pytorch(cell, activation, dtype, pooling):
    problem = make_problem(cell, activation, "softmax", dtype, pooling, lengths=LENGTHS)
    expected = TorchNetwork(problem)(problem.X).detach()
    outputs = make_backend("cpu", problem.network).outputs(
        problem.parameters, problem.sequences
    )
    assert_close(outputs, expected.numpy(), TOLERANCES[dtype])


def train_pytorch(problem, has_own, n_steps, learning_rate):
    """Plain gradient descent; returns the losses before each step, and the weights.

    Where one bias of ours stands for PyTorch's two, each of the two gets its gradient,
    so that their sum would move twice as far as ours. The second is therefore held
    still, wherever `has_own` is 0.
    """
    module = TorchNetwork(problem)
    mask = torch.from_numpy(has_own)
    module.layer.bias_hh_l0.register_hook(lambda gradient: gradient * mask)
    optimizer = torch.optim.SGD(module.parameters(), learning_rate)
    curve = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss = module.loss(problem)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    weights = module.named_weights()
    return curve, {name: p.detach().numpy() for name, p in weights.items()}


def make_estimator(problem, y, learning_rate):
    """An estimator that takes the steps of `train_pytorch`."""
    network = problem.network
    options = {
        "cell": network.cell_name,
        "hidden_size": network.hidden_size,
        "activation": network.activation,
        "pooling": network.pooling,
        "solver": "sgd",
        "alpha": 0,
        "batch_size": len(problem.X),
        "learning_rate_init": learning_rate,
        "shuffle": False,
        "momentum": 0,
        "max_grad_norm": None,
        "dtype": network.dtype,
    }
    if network.loss_name == "squared":
        return RNNRegressor(**options, normalize_y=False).partial_fit(problem.X, y)
    classes = np.arange(max(2, network.n_outputs))
    return RNNClassifier(**options).partial_fit(problem.X, y, classes=classes)


@cells
@pytest.mark.parametrize(
    ("loss", "n_outputs"),
    [("softmax", 4), ("logistic", 4), ("logistic", 1), ("squared", 4), ("squared", 1)],
)
def test_training_equals_pytorch(cell, activation, loss, n_outputs):
    problem = make_problem(cell, activation, loss, lengths=LENGTHS, n_outputs=n_outputs)
    y = problem.targets[:, 0] if problem.targets.shape[1] == 1 else problem.targets
    estimator = make_estimator(problem, y, learning_rate=0.3)
    estimator.set_weights(problem.weights)
    for _ in range(20):
        estimator.partial_fit(problem.X, y)

    network = problem.network
    has_own = network.export_weights(np.ones(network.n_parameters))["bias_hh_l0"]
    curve, expected = train_pytorch(problem, has_own, n_steps=20, learning_rate=0.3)
    # Added up by the import where they count as one.
    expected = network.export_weights(network.import_weights(expected))
    assert_allclose(estimator.loss_curve_[-20:], curve, 1e-10)
    weights = estimator.get_weights()
    for name, array in expected.items():
        assert_close(weights[name], array, 1e-10, name)
    assert not np.allclose(weights["head.weight"], problem.weights["head.weight"])


@dtypes
@pytest.mark.parametrize(
    ("name", "hyperparameters", "torch_options"),
    [
        ("sgd", (0.0, False), {}),
        ("sgd", (0.9, False), {"momentum": 0.9}),
        ("sgd", (0.9, True), {"momentum": 0.9, "nesterov": True}),
        ("adam", (0.9, 0.999, 1e-8), {}),
        ("adam", (0.5, 0.9, 1e-1), {"betas": (0.5, 0.9), "eps": 1e-1}),
    ],
)
def test_optimizers_equal_pytorch(dtype, name, hyperparameters, torch_options):
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=37).astype(dtype)
    state = np.zeros((OPTIMIZERS[name].n_state_rows, 37), dtype)
    expected = torch.tensor(parameters)
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = optimizers[name]([expected], 0.1, **torch_options)
    for t in range(1, 51):
        gradient = rng.normal(size=37).astype(dtype)
        rate = optimizer.param_groups[0]["lr"] = 0.1 / t  # a schedule
        OPTIMIZERS[name].step(parameters, gradient, state, rate, t, *hyperparameters)
        expected.grad = torch.from_numpy(gradient)
        optimizer.step()
    assert_close(parameters, expected.numpy(), 1e-6 if dtype == "float32" else 1e-13)
