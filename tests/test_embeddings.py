"""Embeddings in the network and on the CPU.

To read row c of an embedding E is to multiply E with a vector of zeros and a one. So a
network with embeddings computes what one without does, of numbers that are such
vectors, with the input weights W E^T in the place of W: this is what it is compared
with, in values and in gradients.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import TOLERANCES, random_targets, random_weights

from skrnn.backends import make_backend
from skrnn.backends.steps import Part, Solver
from skrnn.mathematics.dropout import NO_DROPOUT
from skrnn.mathematics.losses import LOSSES
from skrnn.network import Network
from skrnn.sequences import Sequences, read_only
from skrnn.training import Data, Trainable

LENGTHS = [3, 9, 1, 6, 7]
#: Of each code: rows, and their size.
EMBEDDINGS = (5, 2), (3, 4)
N_NUMBERS = 2
#: Three poolings, since each is compiled, and a dtype each.
STACKS = [
    {"dtype": "float64", "pooling": "last", "bidirectional": False},
    {"dtype": "float32", "pooling": "max", "n_layers": 2, "bidirectional": True},
    {"dtype": "float64", "pooling": None, "bidirectional": True, "layer_norm": True},
    {"dtype": "float32", "pooling": "max", "frame_length": 3, "hop_length": 2},
    {"dtype": "float64", "pooling": "last", "frame_length": 4, "hop_length": 4}
    | {"n_layers": 2, "bidirectional": True},
    {"dtype": "float64", "pooling": None, "frame_length": 3},
    {"dtype": "float64", "pooling": "last", "frame_length": 3, "n_static": 2},
]
stacks = pytest.mark.parametrize("stack", STACKS, ids=str)


class Case:
    """A network, its weights and data; and the equal one without embeddings."""

    def __init__(self, dtype="float64", n_numbers=N_NUMBERS, **stack):
        rng = np.random.default_rng(0)
        self.n_numbers = n_numbers
        options = {"cell_name": "gru", "activation": "tanh", "hidden_size": 5}
        options |= {"output_sizes": (3,), "loss": LOSSES["softmax"](), "dtype": dtype}
        options |= stack
        self.network = Network(n_features=n_numbers, embeddings=EMBEDDINGS, **options)
        n_rows = [n for n, _ in EMBEDDINGS]
        self.plain = Network(n_features=n_numbers + sum(n_rows), **options)
        self.weights = random_weights(self.network, rng)
        codes = [
            np.column_stack([rng.integers(n, size=t) for n in n_rows]) for t in LENGTHS
        ]
        numbers = [rng.normal(size=(t, n_numbers)) for t in LENGTHS]
        ones = [
            np.hstack(
                [np.eye(n)[column] for n, column in zip(n_rows, c.T, strict=True)]
            )
            for c in codes
        ]
        n_static = self.network.n_static
        static = rng.normal(size=(len(LENGTHS), n_static)) if n_static else None
        self.sequences = _sequences(numbers, codes, static, dtype)
        self.plain_sequences = _sequences(numbers, ones, static, dtype)
        n = len(LENGTHS) if self.network.pooling else sum(LENGTHS)
        self.targets = random_targets(self.network, n, 0.0, rng)
        self.scales = rng.uniform(0.1, 1, n)

    @property
    def tables(self):
        return [self.weights[f"embedding.{k}.weight"] for k in range(len(EMBEDDINGS))]

    def split(self, matrix):
        """Input weights for each step of a frame: those of numbers, of each code."""
        sizes = [self.n_numbers, *(size for _, size in EMBEDDINGS)]
        steps = np.split(self.of_steps(matrix), self.network.frame_length, axis=1)
        return [np.split(step, np.cumsum(sizes)[:-1], axis=1) for step in steps]

    def of_steps(self, matrix):
        """Input weights without those of static features, which come last."""
        return matrix[:, : matrix.shape[1] - self.network.n_static]

    def of_static(self, matrix):
        return matrix[:, matrix.shape[1] - self.network.n_static :]

    @property
    def plain_weights(self):
        weights = {k: w for k, w in self.weights.items() if "embedding" not in k}
        for name in ("weight_ih_l0", "weight_ih_l0_reverse"):
            if name in weights:
                parts = [
                    [first, *(w @ e.T for w, e in zip(ws, self.tables, strict=True))]
                    for first, *ws in self.split(weights[name])
                ]
                parts = [part for step in parts for part in step]
                weights[name] = np.hstack([*parts, self.of_static(weights[name])])
        return weights

    def gradients(self, plain):
        """Those of all weights of the network, of those of the equal one."""
        gradients = {k: g for k, g in plain.items() if "weight_ih_l0" not in k}
        tables = [np.zeros_like(table, np.float64) for table in self.tables]
        n_rows = [n for n, _ in EMBEDDINGS]
        for name in ("weight_ih_l0", "weight_ih_l0_reverse"):
            if name not in plain:
                continue
            steps, pieces = self.split(self.weights[name]), []
            bounds = np.cumsum([self.n_numbers, *n_rows])[:-1]
            matrix, length = self.of_steps(plain[name]), self.network.frame_length
            parts = np.split(matrix, length, axis=1)
            for (_, *ws), part in zip(steps, parts, strict=True):
                first, *ones = np.split(part, bounds, axis=1)
                pieces.append(first)
                for table, e, w, one in zip(tables, self.tables, ws, ones, strict=True):
                    pieces.append(one @ e)
                    table += one.T @ w
            gradients[name] = np.hstack([*pieces, self.of_static(plain[name])])
        for k, table in enumerate(tables):
            gradients[f"embedding.{k}.weight"] = table
        return gradients

    def loss_gradient(self, rows, **options):
        return _loss_gradient(
            self, self.network, self.sequences, self.weights, rows, **options
        )

    def plain_loss_gradient(self, rows, **options):
        return _loss_gradient(
            self, self.plain, self.plain_sequences, self.plain_weights, rows, **options
        )


def _sequences(numbers, others, static, dtype):
    pairs = zip(numbers, others, strict=True)
    sequences = Sequences.from_list([np.hstack(pair) for pair in pairs], dtype)
    if static is None:
        return sequences
    return sequences._replace(static=read_only(static.astype(dtype)))


def _loss_gradient(case, network, sequences, weights, rows, trained=None, **options):
    parameters = network.import_weights(weights)
    gradient = np.full_like(parameters, np.nan)
    loss = make_backend("cpu", network, trained).loss_gradient(
        parameters, sequences, rows, case.targets, case.scales, gradient, **options
    )
    return loss, network.export_weights(gradient)


@stacks
def test_equals_a_network_of_ones(stack):
    case, tolerance = Case(**stack), TOLERANCES[stack["dtype"]]
    tolerance = {"rtol": tolerance, "atol": tolerance}
    for what in ("outputs", "features"):
        results = [
            getattr(make_backend("cpu", network), what)(
                network.import_weights(weights), sequences
            )
            for network, weights, sequences in (
                (case.network, case.weights, case.sequences),
                (case.plain, case.plain_weights, case.plain_sequences),
            )
        ]
        assert_allclose(*results, **tolerance)
    rows = np.array([4, 0, 2, 1])  # one of them is left out
    loss, gradients = case.loss_gradient(rows)
    plain_loss, plain = case.plain_loss_gradient(rows)
    assert_allclose(loss, plain_loss, **tolerance)
    expected = case.gradients(plain)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        assert_allclose(gradient, expected[name], **tolerance, err_msg=name)


def test_tokens_alone_and_frozen_rows():
    """A step without numbers; and what is not trained may have any gradient."""
    case = Case(n_numbers=0, pooling="last")
    rows = np.arange(5)
    expected = case.gradients(case.plain_loss_gradient(rows)[1])
    everything = case.loss_gradient(rows)[1]
    trained = frozenset(case.network.shapes) - {"embedding_1"}
    some = case.loss_gradient(rows, trained=trained)[1]
    alone = case.loss_gradient(rows, trained=frozenset(["embedding_1"]))[1]
    for name, gradient in expected.items():
        assert_allclose(everything[name], gradient, 1e-12, 1e-12, err_msg=name)
        if name != "embedding.1.weight":
            assert_allclose(some[name], gradient, 1e-12, 1e-12, err_msg=name)
        else:
            assert_allclose(alone[name], gradient, 1e-12, 1e-12)


def test_chunks_of_steps_add_up():
    """A part of the steps reads but its own, and those before that its frames have."""
    case = Case(pooling=None, frame_length=3, bidirectional=False)
    rows, n = np.array([0, 1, 3, 4]), len(LENGTHS)
    whole_loss, whole = case.loss_gradient(rows, bptt_steps=4)
    memory = make_backend("cpu", case.network).new_memory(n)
    loss, total = 0.0, dict.fromkeys(whole, 0.0)
    for first in (0, 4, 8):
        here = rows[np.array(LENGTHS)[rows] > first]
        steps = {"steps": (first, first + 4), "memory": memory}
        part_loss, gradients = case.loss_gradient(here, **steps)
        loss += part_loss
        total = {name: total[name] + g for name, g in gradients.items()}
    assert loss == pytest.approx(whole_loss, rel=1e-12)
    for name, gradient in whole.items():
        assert_allclose(total[name], gradient, 1e-10, 1e-13, err_msg=name)


@pytest.mark.parametrize("frozen", [None, "embedding_0", "head"])
def test_a_step_moves_the_rows_that_it_read(frozen):
    """Of Adam, which remembers those of earlier steps; all else moves each time."""
    case = Case(pooling="last")
    network, backend = case.network, make_backend("cpu", case.network)
    start = network.import_weights(case.weights)
    arrays = frozenset(network.shapes) - {frozen}
    trainable = Trainable(network, start, arrays)
    vector = trainable.start(start, None).copy()
    solver = Solver("adam", (0.9, 0.999, 1e-8), 0.0, np.inf)
    data = Data(case.sequences, case.targets, case.scales, np.arange(len(LENGTHS)))
    state = np.zeros((2, vector.size))
    steps = backend.begin(trainable, vector, state, solver, data, False)
    for t, row in enumerate([2, 0, 2], start=1):
        before = network.export_weights(trainable.parameters(vector).copy())
        rows = np.array([row])
        part = Part(rows, None, rows, case.scales[row], NO_DROPOUT, None)
        steps.take(part, 0.01, 0.1, t)
        after = network.export_weights(trainable.parameters(vector))
        of_row = slice(*case.sequences.offsets[row : row + 2])
        codes = case.sequences.values[of_row, N_NUMBERS:].astype(int)
        for k in range(len(EMBEDDINGS)):
            name = f"embedding.{k}.weight"
            moved = np.flatnonzero((before[name] != after[name]).all(axis=1))
            is_frozen = frozen == f"embedding_{k}"
            assert_array_equal(moved, [] if is_frozen else np.unique(codes[:, k]))
        assert (before["weight_ih_l0"] != after["weight_ih_l0"]).all()
        assert (before["head.bias"] != after["head.bias"]).any()
    assert len(steps.finish()) == 3


def test_the_gradient_of_rows_that_were_not_read_is_zero():
    """Whatever an array held before, and whoever asks for which gradient."""
    case = Case(pooling="last")
    parameters = case.network.import_weights(case.weights)
    backend = make_backend("cpu", case.network)
    arrays = [np.full_like(parameters, np.nan) for _ in range(2)]
    for row, gradient in zip([0, 1, 0, 2, 2], [0, 0, 1, 0, 1], strict=True):
        backend.loss_gradient(
            parameters,
            case.sequences,
            np.array([row]),
            case.targets,
            case.scales,
            arrays[gradient],
        )
        expected = case.loss_gradient(np.array([row]))[1]
        for name, array in case.network.export_weights(arrays[gradient]).items():
            assert_array_equal(array, expected[name], name)
