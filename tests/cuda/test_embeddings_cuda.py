"""Embeddings on the device, beside the CPU."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    TOLERANCES,
    assert_close,
    loss_gradient,
    make_problem,
    uneven_scales,
)

from skrnn.backends import make_backend
from skrnn.backends.steps import Part, Solver
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout
from skrnn.training import Data, Trainable

TWO = {"embeddings": ((5, 2), (3, 4)), "lengths": (3, 1, 5, 2, 4)}
#: Of the first a row is read by more steps than a thread adds up.
STACKS = [
    {"embeddings": ((2, 3),), "lengths": (3, 1, 15, 2, 1), "n_features": 0}
    | {"cell": "lstm", "pooling": "attention"},
    TWO | {"dtype": "float32", "pooling": "max", "n_layers": 2, "bidirectional": True},
    TWO | {"pooling": "attention", "frame_length": 3, "hop_length": 2, "n_static": 2},
    TWO | {"cell": "rnn", "pooling": None, "frame_length": 3, "bidirectional": True},
]


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_a_network_with_embeddings_equals_the_cpu(stack, new_backend):
    problem = make_problem(**stack, hidden_size=3)
    network, tolerance = problem.network, TOLERANCES[problem.network.dtype]
    backends = new_backend(network), make_backend("cpu", network)
    methods = ["outputs", "features"]
    if network.pooling == "attention":
        methods.append("attention_weights")
    for name in methods:
        found, expected = (
            getattr(backend, name)(problem.parameters, problem.sequences)
            for backend in backends
        )
        assert_close(found, expected, tolerance, name)
    # What begins at the fourth input of a step is dropped as n-grams are.
    dropout = Dropout(0.2, 0.3, 1, 0.4, 0.6, 3)
    # The second batch does not read all rows that the first one has read.
    cut = {"bptt_steps": 2, "dropout": dropout}
    for rows, options in (([3, 1, 2, 0], {}), ([0, 3], cut)):
        arguments = problem, np.array(rows), uneven_scales(problem)
        (loss, found), (expected_loss, expected) = (
            loss_gradient(*arguments, backend, **options) for backend in backends
        )
        assert_allclose(loss, expected_loss, tolerance)
        expected = network.export_weights(expected)
        for name, array in network.export_weights(found).items():
            assert_close(array, expected[name], tolerance, name)
        _, again = loss_gradient(*arguments, backends[0], **options)
        assert_array_equal(again, found)


@pytest.mark.parametrize("frozen", [None, "embedding_0"])
@pytest.mark.parametrize("bptt_steps", [None, 2])
def test_steps_of_a_solver_are_those_of_the_cpu(frozen, bptt_steps, new_backend):
    """Adam's, which remembers the gradients of rows that later batches do not read."""
    problem = make_problem(**STACKS[3], hidden_size=3)
    network, start = problem.network, problem.parameters
    arrays = frozenset(network.shapes) - {frozen}
    trainable = Trainable(network, start, arrays)
    solver = Solver("adam", (0.9, 0.999, 1e-8), 0.0, 0.5)
    weights = uneven_scales(problem)
    data = Data(problem.sequences, problem.targets, weights, np.arange(5))
    results = []
    for backend in (new_backend(network), make_backend("cpu", network, arrays)):
        vector = trainable.start(start, None).copy()
        state = np.zeros((2, vector.size))
        steps = backend.begin(trainable, vector, state, solver, data, False)
        for t, rows in enumerate(np.array([[0, 1], [1, 3], [0, 3]]), start=1):
            places = problem.sequences.places(rows)
            total = weights[places].sum()
            part = Part(rows, None, places, total, NO_DROPOUT, bptt_steps)
            steps.take(part, 0.01, 0.1, t)
        results.append((vector, state, steps.finish()))
    for found, expected in zip(*results, strict=True):
        assert_allclose(found, expected, 1e-9, 1e-12)
    stays = trainable.parameters(results[0][0]) == start
    assert stays.any()  # a row that no batch has read
    assert_array_equal(stays, trainable.parameters(results[1][0]) == start)
