"""The same numbers as PyTorch: outputs, losses, gradients, steps of training."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import (
    DEEP,
    FRAMED,
    SHALLOW,
    TALL,
    all_rows,
    assert_close,
    assert_gradients_close,
    depths,
    dtypes,
    kinds,
    kinds_with,
    loss_gradient,
    losses,
    make_problem,
    of_rows,
    reference_loss_gradient,
    stacks,
    stacks_of,
    uneven_scales,
)

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import make_backend
from skrnn.backends.outputs import losses_of_rows
from skrnn.mathematics.gradients import shrink
from skrnn.mathematics.losses import Softmax
from skrnn.mathematics.optimizers import OPTIMIZERS

torch = pytest.importorskip("torch")
functional = torch.nn.functional
torch.set_num_threads(1)  # more of them wait for each other longer than they compute

TOLERANCES = {"float64": 1e-10, "float32": 1e-5}
LENGTHS = (9, 1, 4, 20, 2, 2, 7, 1, 13, 5, 3, 8, 1, 6, 11, 2, 17, 4, 1, 3)


#: Kinds for embeddings, of which layers know nothing.
EMBEDDED = [
    ("gru", "tanh", "softmax", "float64", "max"),
    ("lstm", "tanh", "squared_error", "float32", None),
]


class Attention(torch.nn.Linear):
    """Softmax over the steps of how much what the layer sees is like the query."""

    def __init__(self, n_states, hidden_size, dtype):
        super().__init__(n_states, hidden_size, dtype=dtype)
        self.query = torch.nn.Parameter(torch.empty(hidden_size, dtype=dtype))

    def pool(self, states):
        scores = torch.tanh(self(states)) @ self.query
        return torch.softmax(scores, 0) @ states


class TorchNetwork(torch.nn.Module):
    """PyTorch's layers and head, over packed sequences."""

    def __init__(self, problem):
        super().__init__()
        network = self.network = problem.network
        self.static = problem.sequences.static
        self.n_directions = 2 if network.bidirectional else 1
        self.n_states = network.hidden_size * self.n_directions
        self.dtype = getattr(torch, network.dtype)
        self.layers = self.new_layers(network.n_inputs, network.n_layers)
        tables = [
            torch.nn.Embedding(*sizes, dtype=self.dtype) for sizes in network.embeddings
        ]
        if tables:
            self.embedding = torch.nn.ModuleList(tables)
        for k in range(network.n_layers if network.layer_norm else 0):
            norm = torch.nn.LayerNorm(self.n_states, dtype=self.dtype)
            setattr(self, f"norm_l{k}", norm)
        if network.pooling == "attention":
            self.attention = Attention(self.n_states, network.hidden_size, self.dtype)
        self.head = torch.nn.Linear(self.n_states, network.n_outputs, dtype=self.dtype)
        self.load_weights(problem.weights)

    def new_layers(self, n_inputs, n_layers=1):
        network = self.network
        options = {"nonlinearity": network.activation}
        return getattr(torch.nn, network.cell_name.upper())(
            n_inputs,
            network.hidden_size,
            n_layers,
            bidirectional=network.bidirectional,
            batch_first=True,
            dtype=self.dtype,
            **(options if network.cell_name == "rnn" else {}),
        )

    def named_weights(self):
        """Parameters under the names that both packages use."""
        return {
            name.removeprefix("layers."): parameter
            for name, parameter in self.named_parameters()
        }

    def load_weights(self, weights):
        named = self.named_weights()
        assert named.keys() == weights.keys()
        with torch.no_grad():
            for name, parameter in named.items():
                parameter.copy_(torch.from_numpy(weights[name]))

    def states(self, X, bptt_steps=None):
        """For each sequence, the states of the last layer."""
        X = [self.frames(self.embed(torch.from_numpy(x))) for x in X]
        if self.static is not None:
            rows = torch.tensor(self.static)
            X = [
                torch.cat([x, row.expand(len(x), -1)], 1)
                for x, row in zip(X, rows, strict=True)
            ]
        if bptt_steps is not None:
            return [self.truncated_states(x, bptt_steps) for x in X]
        if not self.network.layer_norm:
            return self.run(self.layers, X)
        # PyTorch has nothing to put between its layers.
        for k, layer in enumerate(self.single_layers()):
            norm = getattr(self, f"norm_l{k}")
            X = [norm(states) for states in self.run(layer, X)]
        return X

    def embed(self, x):
        """The numbers of each step, and then rows in the place of its codes."""
        n_numbers = self.network.n_features
        rows = (
            [
                table(codes.long())
                for table, codes in zip(self.embedding, x[:, n_numbers:].T, strict=True)
            ]
            if self.network.embeddings
            else []
        )
        return torch.cat([x[:, :n_numbers], *rows], 1)

    def frames(self, x):
        """Stacked: those that the sequence fills, and one that ends where it does."""
        length, hop = self.network.frame_length, self.network.hop_length
        n_before = length - (1 if self.network.pooling is None else len(x))
        x = functional.pad(x, (0, 0, max(0, n_before), 0))
        frames = x.unfold(0, length, hop).mT.flatten(1)
        if (len(x) - length) % hop:
            frames = torch.cat([frames, x[-length:].flatten()[None]])
        return frames

    @staticmethod
    def run(layers, X):
        packed = torch.nn.utils.rnn.pack_sequence(X, enforce_sorted=False)
        return torch.nn.utils.rnn.unpack_sequence(layers(packed)[0])

    def single_layers(self):
        """The layers, each as one of its own with the same weights."""
        weights = dict(self.layers.named_parameters())
        for k in range(self.network.n_layers):
            layer = self.new_layers(self.n_states if k else self.network.n_inputs)
            named = {
                name: weights[name.replace("_l0", f"_l{k}")]
                for name, _ in layer.named_parameters()
            }
            yield partial(call_with, layer, named)

    def truncated_states(self, x, bptt_steps):
        parts, state = [], None
        for chunk in x.split(bptt_steps):
            states, state = self.layers(chunk, state)
            state = detached(state)
            parts.append(states)
        return torch.cat(parts)

    def pool(self, states):
        """Of one sequence: what the head sees, a row or one for each step."""
        pooling = self.network.pooling
        if pooling is None:
            return states
        if pooling == "attention":
            return self.attention.pool(states)[None]
        if pooling == "last":
            forward, *reverse = states.chunk(self.n_directions, 1)
            return torch.cat([forward[-1], *[part[0] for part in reverse]])[None]
        return states.mean(0)[None] if pooling == "mean" else states.max(0).values[None]

    def forward(self, X, bptt_steps=None):
        return self.head(torch.cat([*map(self.pool, self.states(X, bptt_steps))]))

    def loss(self, outputs, targets, scales):
        """Sum over the rows of outputs and targets of each one's loss and scale."""
        targets = torch.from_numpy(targets)
        losses = getattr(self, self.network.loss.name)(outputs, targets)
        return torch.from_numpy(scales).to(losses.dtype) @ losses.mean(1)

    def softmax(self, outputs, targets):
        groups = outputs.split(self.network.output_sizes, 1)
        compute = partial(functional.cross_entropy, ignore_index=-1, reduction="none")
        return torch.stack([*map(compute, groups, targets.T)], 1)

    def logistic(self, outputs, targets):
        known = ~targets.isnan()
        return known * functional.binary_cross_entropy_with_logits(
            outputs, torch.where(known, targets, 0), reduction="none"
        )

    def squared_error(self, outputs, targets):
        return 0.5 * torch.where(targets.isnan(), 0, outputs - targets) ** 2

    def absolute_error(self, outputs, targets):
        return where_known(functional.l1_loss, outputs, targets)

    def huber(self, outputs, targets):
        return where_known(functional.huber_loss, outputs, targets)

    def poisson(self, outputs, targets):
        return where_known(functional.poisson_nll_loss, outputs, targets)

    def gamma(self, outputs, targets):
        def compute(outputs, targets, reduction):
            return outputs + targets / outputs.exp()

        return where_known(compute, outputs, targets)

    def quantile(self, outputs, targets):
        levels = torch.tensor(self.network.loss.quantiles, dtype=outputs.dtype)
        starts, groups = torch.special.ndtri(levels), (len(targets), -1, len(levels))
        errors = targets[..., None] - outputs.reshape(groups) - starts
        losses = torch.maximum(levels * errors, (levels - 1) * errors)
        return torch.where(errors.isnan(), 0, losses).mean(2)

    def gaussian(self, outputs, targets):
        first = np.log(np.expm1(0.999))  # makes a deviation of 1
        deviations = 0.001 + functional.softplus(outputs[:, 1::2] + first)
        compute = functional.gaussian_nll_loss
        return where_known(compute, outputs[:, ::2], targets, deviations**2)

    def multi_task(self, outputs, targets):
        codes = torch.where(targets.isnan(), -1, targets).long()
        parts = [
            self.softmax(outputs, codes[:, :1]),
            self.logistic(outputs[:, -2:-1], targets[:, 1:2]),
            self.squared_error(outputs[:, -1:], targets[:, 2:]),
        ]
        return torch.cat(parts, 1)


def where_known(compute, outputs, targets, *others):
    """One of PyTorch's losses, which know no missing targets; theirs is 0."""
    filled = torch.where(targets.isnan(), 0.5, targets)
    losses = compute(outputs, filled, *others, reduction="none")
    return torch.where(targets.isnan(), 0, losses)


def call_with(module, weights, *inputs):
    return torch.func.functional_call(module, weights, inputs)


def detached(state):
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()


def torch_loss_gradients(problem, scales, **options):
    """PyTorch's loss, and its gradients as a dict."""
    module = TorchNetwork(problem)
    loss = module.loss(module(problem.X, **options), problem.targets, scales)
    loss.backward()
    weights = module.named_weights().items()
    return loss.item(), {name: weight.grad.numpy() for name, weight in weights}


def make_torch_problem(kind, **options):
    """A problem with several columns of targets, of which some are missing."""
    sizes = (3, 1, 4) if "softmax" in kind else (4,)
    return make_problem(*kind, **{"output_sizes": sizes, "missing": 0.2} | options)


def in_float64(kind):
    cell, activation, loss, _, pooling = kind
    return cell, activation, loss, "float64", pooling


def check_reference(problem, **options):
    scales = uneven_scales(problem)
    value, gradients = reference_loss_gradient(
        problem, all_rows(problem), scales, **options
    )
    expected_value, expected = torch_loss_gradients(problem, scales, **options)
    assert_allclose(value, expected_value, 1e-12)
    for name, array in expected.items():
        assert_close(gradients[name], array, 1e-11, name)


@kinds
@stacks
def test_reference_equals_pytorch(kind, stack):
    check_reference(make_torch_problem(in_float64(kind), **stack))


@kinds
@depths
def test_truncation_of_the_reference_equals_pytorch(kind, n_layers):
    problem = make_torch_problem(in_float64(kind), n_layers=n_layers)
    check_reference(problem, bptt_steps=2)


def check_loss_gradient(problem, **options):
    scales, tolerance = uneven_scales(problem), TOLERANCES[problem.network.dtype]
    value, gradient = loss_gradient(problem, all_rows(problem), scales, **options)
    expected_value, expected = torch_loss_gradients(problem, scales, **options)
    assert_allclose(value, expected_value, tolerance)
    assert_gradients_close(problem.network, gradient, expected, tolerance)


@kinds
@stacks
def test_loss_and_gradient_equal_pytorch(kind, stack):
    check_loss_gradient(make_torch_problem(kind, **stack, lengths=LENGTHS))


@losses
def test_formulas_of_losses_equal_pytorch(loss):
    kind = "gru", "tanh", loss, "float64", "last"
    problem, rng = make_torch_problem(kind), np.random.default_rng(3)
    network, targets, scales = (
        problem.network,
        problem.targets,
        uneven_scales(problem),
    )
    outputs = rng.normal(size=(len(targets), network.n_outputs))
    given = torch.tensor(outputs, requires_grad=True)
    expected = TorchNetwork(problem).loss(given, targets, scales)
    expected.backward()
    value = losses_of_rows(network.kind, outputs, targets, scales)
    assert_allclose(value, expected.item(), 1e-10)
    assert_close(outputs, given.grad.numpy(), 1e-10)


def test_smoothed_labels_equal_pytorch():
    rng = np.random.default_rng(4)
    outputs, y = rng.normal(size=(6, 5)), rng.integers(0, 5, (6, 1))
    there = torch.tensor(outputs, requires_grad=True)
    smoothed = {"label_smoothing": 0.1, "reduction": "sum"}
    loss = functional.cross_entropy(there, torch.from_numpy(y[:, 0]), **smoothed)
    loss.backward()
    kind = Softmax(label_smoothing=0.1).kind((5,))
    assert_allclose(losses_of_rows(kind, outputs, y, np.ones(6)), loss.item(), 1e-12)
    assert_allclose(outputs, there.grad.numpy(), 1e-12, 1e-15)


@kinds
@pytest.mark.parametrize("frame_length", [3, 8])
def test_frames_equal_pytorch(kind, frame_length):
    sizes = {"frame_length": frame_length, "hop_length": 3}
    check_loss_gradient(make_torch_problem(kind, **DEEP, **sizes, lengths=LENGTHS))


@pytest.mark.parametrize("kind", EMBEDDED, ids=str)
@stacks_of(SHALLOW, TALL, FRAMED)
def test_embeddings_equal_pytorch(kind, stack):
    sizes = {"embeddings": ((6, 3), (4, 2)), "n_features": 2}
    check_loss_gradient(make_torch_problem(kind, **stack, **sizes, lengths=LENGTHS))


@kinds
@stacks_of(DEEP, FRAMED)
def test_static_features_equal_pytorch(kind, stack):
    check_loss_gradient(make_torch_problem(kind, **stack, n_static=4, lengths=LENGTHS))


@kinds
@depths
def test_truncation_equals_pytorch(kind, n_layers):
    problem = make_torch_problem(kind, n_layers=n_layers, lengths=LENGTHS)
    check_loss_gradient(problem, bptt_steps=3)


@kinds
@stacks
def test_outputs_and_features_equal_pytorch(kind, stack):
    problem = make_torch_problem(kind, **stack, lengths=LENGTHS)
    module, network = TorchNetwork(problem), problem.network
    with torch.no_grad():
        features = torch.cat([*map(module.pool, module.states(problem.X))])
        outputs = module.head(features)
    backend = make_backend("cpu", network)
    for name, expected in (("features", features), ("outputs", outputs)):
        actual = getattr(backend, name)(problem.parameters, problem.sequences)
        assert_close(actual, expected.numpy(), TOLERANCES[network.dtype], name)


# Training, where the estimators take the same steps as PyTorch's optimizer.

LEARNING_RATE, N_EPOCHS = 0.3, 10


def train_pytorch(problem, bptt_steps=None):
    """Plain gradient descent; returns the mean loss of each epoch, and the weights.

    Where one bias of ours stands for PyTorch's two, each of the two gets its gradient,
    so that their sum would move twice as far as ours. The second is therefore held
    still, wherever it has no place of its own.
    """
    module, network = TorchNetwork(problem), problem.network
    has_own = network.export_weights(np.ones(network.n_parameters))
    for name, parameter in module.named_weights().items():
        if name.startswith("bias_hh"):
            parameter.register_hook(torch.from_numpy(has_own[name]).mul)
    optimizer = torch.optim.SGD(module.parameters(), LEARNING_RATE)
    step = chunk_losses if bptt_steps and not network.pooling else whole_loss
    curve = []
    for _ in range(N_EPOCHS):
        total = 0.0
        for loss, n in step(module, problem, bptt_steps):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += n * loss.item()
        curve.append(total / len(problem.targets))
    weights = module.named_weights()
    return curve, {name: p.detach().numpy() for name, p in weights.items()}


def whole_loss(module, problem, bptt_steps):
    """The mean loss of all targets, and how many they are."""
    n = len(problem.targets)
    outputs = module(problem.X, bptt_steps=bptt_steps)
    yield module.loss(outputs, problem.targets, np.full(n, 1 / n)), n


def chunk_losses(module, problem, bptt_steps):
    """That of some steps after the other, which go on from the states so far."""
    targets = of_rows(problem, problem.targets, all_rows(problem))
    states = [None] * len(targets)
    for first in range(0, max(map(len, targets)), bptt_steps):
        outputs, learned = [], []
        for i, (x, y) in enumerate(zip(problem.X, targets, strict=True)):
            if first < len(x):
                chunk = torch.from_numpy(x[first : first + bptt_steps])
                steps, state = module.layers(chunk, states[i])
                states[i] = detached(state)
                outputs.append(module.head(steps))
                learned.append(y[first : first + bptt_steps])
        outputs, learned = torch.cat(outputs), np.concatenate(learned)
        n = len(learned)
        yield module.loss(outputs, learned, np.full(n, 1 / n)), n


def make_estimator(problem, y, bptt_steps):
    """An estimator that takes the steps of `train_pytorch`."""
    network = problem.network
    options = {
        "cell": network.cell_name,
        "hidden_size": network.hidden_size,
        "n_layers": network.n_layers,
        "bidirectional": network.bidirectional,
        "add_time": False,
        "layer_norm": network.layer_norm,
        "activation": network.activation,
        "pooling": network.pooling or "last",
        "return_sequences": network.pooling is None,
        "bptt_steps": bptt_steps,
        "solver": "sgd",
        "alpha": 0,
        "batch_size": len(problem.X),
        "learning_rate_init": LEARNING_RATE,
        "shuffle": False,
        "momentum": 0,
        "max_grad_norm": None,
        "dtype": network.dtype,
    }
    if network.loss.regresses:
        options |= {"loss": network.loss.name, "normalize_y": False}
        return RNNRegressor(**options).partial_fit(problem.X, y)
    classes = np.arange(max(2, network.n_outputs))
    return RNNClassifier(**options).partial_fit(problem.X, y, classes=classes)


def check_training(problem, bptt_steps=None):
    """The estimator's losses and weights, with each epoch a call of `partial_fit`."""
    y = problem.targets[:, 0] if problem.targets.shape[1] == 1 else problem.targets
    if not problem.network.pooling:
        y = of_rows(problem, y, all_rows(problem))
    estimator = make_estimator(problem, y, bptt_steps)
    assert estimator.get_weights().keys() == problem.weights.keys()
    estimator.set_weights(problem.weights)
    for _ in range(N_EPOCHS):
        estimator.partial_fit(problem.X, y)

    network = problem.network
    curve, expected = train_pytorch(problem, bptt_steps)
    # Added up by the import where they count as one.
    expected = network.export_weights(network.import_weights(expected))
    assert_allclose(estimator.loss_curve_[-N_EPOCHS:], curve, 1e-10)
    weights = estimator.get_weights()
    for name, array in expected.items():
        assert_close(weights[name], array, 1e-10, name)
    assert not np.allclose(weights["head.weight"], problem.weights["head.weight"])


@kinds_with("float64")
@pytest.mark.parametrize("n_outputs", [1, 4])
@stacks_of(SHALLOW, DEEP)
def test_training_equals_pytorch(kind, n_outputs, stack):
    if "softmax" in kind:  # two classes have one output, and another loss
        n_outputs = max(3, n_outputs)
    options = {"lengths": LENGTHS, "output_sizes": (n_outputs,)}
    check_training(make_problem(*kind, **stack, **options))


@kinds_with("float64")
@pytest.mark.parametrize("n_layers", [1, 2])
def test_truncated_training_equals_pytorch(kind, n_layers):
    problem = make_problem(*kind, n_layers=n_layers, lengths=LENGTHS)
    check_training(problem, bptt_steps=3)


@dtypes
@pytest.mark.parametrize(
    ("name", "hyperparameters", "torch_options"),
    [
        ("sgd", (0.0, False), {}),
        ("sgd", (0.9, False), {"momentum": 0.9}),
        ("sgd", (0.9, True), {"momentum": 0.9, "nesterov": True}),
        ("adam", (0.9, 0.999, 1e-8), {}),
        ("adam", (0.5, 0.9, 1e-1), {"betas": (0.5, 0.9), "eps": 1e-1}),
        ("adamw", (0.9, 0.999, 1e-8), {"weight_decay": 0.1}),
        ("rmsprop", (0.99, 1e-8), {}),
        ("rmsprop", (0.5, 1e-1), {"alpha": 0.5, "eps": 1e-1}),
    ],
)
def test_optimizers_equal_pytorch(dtype, name, hyperparameters, torch_options):
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=37).astype(dtype)
    state = np.zeros((OPTIMIZERS[name].n_state_rows, 37), dtype)
    expected = torch.tensor(parameters)
    optimizers = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
    }
    optimizer = optimizers[name]([expected], 0.1, **torch_options)
    for t in range(1, 51):
        gradient = rng.normal(size=37).astype(dtype)
        rate = optimizer.param_groups[0]["lr"] = 0.1 / t  # a schedule
        if OPTIMIZERS[name].decays:
            decay = torch_options["weight_decay"]
            shrink(parameters, np.ones(37, dtype), rate * decay)
        OPTIMIZERS[name].step(parameters, gradient, state, rate, t, *hyperparameters)
        expected.grad = torch.from_numpy(gradient)
        optimizer.step()
    assert_close(parameters, expected.numpy(), 1e-6 if dtype == "float32" else 1e-13)
