"""The compiled kernels against the plain NumPy reference, and bit against bit."""

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    LENGTHS,
    TOLERANCES,
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

from skrnn.backends import make_backend
from skrnn.sequences import Sequences

#: What a kernel could get wrong at one size and not at another.
SHAPES = {
    "one_unit": {"hidden_size": 1},
    "part_of_a_panel": {"hidden_size": 7},
    "whole_panels": {"hidden_size": 32},
    "panels_and_a_part": {"hidden_size": 33},
    "one_feature": {"n_features": 1},
    "many_features": {"n_features": 19},
    "two_outputs": {"n_outputs": 2},
    "many_outputs": {"n_outputs": 35},
    "one_sequence": {"lengths": (9,)},
    "one_step": {"lengths": (1,)},
    "one_length": {"lengths": (6,) * 37},
    "long": {"lengths": (700, 1, 290)},
}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def uneven_scales(n):
    return np.random.default_rng(1).uniform(0.1, 1, n)


def check_loss_gradient(problem, rows, scales):
    tolerance = TOLERANCES[problem.network.dtype]
    loss, gradient = loss_gradient(problem, rows, scales)
    expected_loss, expected = reference_loss_gradient(problem, rows, scales)
    assert_allclose(loss, expected_loss, tolerance)
    assert_gradients_close(problem.network, gradient, expected, tolerance)


def check_outputs(problem):
    network = problem.network
    outputs = make_backend("cpu", network).outputs(
        problem.parameters, problem.sequences
    )
    _, expected = naive.forward(
        {name: array.astype(np.float64) for name, array in problem.weights.items()},
        [x.astype(np.float64) for x in problem.X],
        network.cell_name,
        network.activation,
        network.pooling,
    )
    assert outputs.dtype == network.dtype
    assert_close(outputs, expected, TOLERANCES[network.dtype])


@pytest.mark.nojit
@cells
@dtypes
@poolings
@losses
def test_loss_and_gradient_equal_reference(cell, activation, dtype, pooling, loss):
    problem = make_problem(cell, activation, loss, dtype, pooling)
    rows = np.random.default_rng(2).permutation(len(LENGTHS))
    check_loss_gradient(problem, rows, uneven_scales(rows.size))


@pytest.mark.nojit
@cells
@dtypes
@poolings
def test_outputs_equal_reference(cell, activation, dtype, pooling):
    check_outputs(make_problem(cell, activation, dtype=dtype, pooling=pooling))


@shapes
@cells
@dtypes
def test_shapes(shape, cell, activation, dtype):
    problem = make_problem(cell, activation, dtype=dtype, **shape)
    n = len(problem.X)
    check_outputs(problem)
    check_loss_gradient(problem, np.arange(n), uneven_scales(n))


@losses
@dtypes
def test_extreme_outputs(loss, dtype):
    problem = make_problem("rnn", loss=loss, dtype=dtype)
    problem.weights["head.bias"][:] = [1e3, -1e3, 0, 0]
    check_loss_gradient(problem, np.arange(len(LENGTHS)), uneven_scales(len(LENGTHS)))


@losses
def test_one_output(loss):
    problem = make_problem("rnn", loss=loss, n_outputs=1)
    check_loss_gradient(problem, np.arange(len(LENGTHS)), uneven_scales(len(LENGTHS)))


@cells
@poolings
@losses
def test_gradient_equals_central_differences(cell, activation, pooling, loss):
    problem = make_problem(cell, activation, loss, pooling=pooling, hidden_size=3)
    n, parameters = len(problem.X), problem.parameters
    rows, scales = np.arange(n), uneven_scales(n)
    backend = make_backend("cpu", problem.network)
    unused = np.empty_like(parameters)

    def loss_at(p, value):
        moved = parameters.copy()
        moved[p] = value
        return backend.loss_gradient(
            moved, problem.sequences, rows, problem.targets, scales, unused
        )

    step = 1e-5
    expected = [
        (loss_at(p, value + step) - loss_at(p, value - step)) / (2 * step)
        for p, value in enumerate(parameters)
    ]
    _, gradient = loss_gradient(problem, rows, scales)
    # atol is the rounding error of a difference of losses near 10, over the step.
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


def test_a_tied_maximum_counts_at_its_first_step():
    problem = make_problem("rnn", pooling="max")
    problem.weights["weight_hh_l0"][:] = 0  # the state follows the input alone
    X = [np.ones_like(x) for x in problem.X]
    problem = problem._replace(X=X, sequences=Sequences.from_list(X, "float64"))
    check_loss_gradient(problem, np.arange(len(X)), uneven_scales(len(X)))


@cells
def test_only_the_rows_of_the_batch_are_read(cell, activation):
    problem = make_problem(cell, activation)
    rows, scales = np.array([7, 2, 3]), uneven_scales(len(problem.X))
    expected_loss, expected = loss_gradient(problem, rows, scales)

    X = [x if i in rows else np.full_like(x, np.nan) for i, x in enumerate(problem.X)]
    others_nan = problem._replace(sequences=Sequences.from_list(X, "float64"))
    loss, gradient = loss_gradient(others_nan, rows, scales)
    assert loss == expected_loss
    assert_array_equal(gradient, expected)


@cells
@dtypes
@poolings
def test_an_output_has_the_same_bits_in_any_batch(cell, activation, dtype, pooling):
    rng = np.random.default_rng(0)
    problem = make_problem(
        cell,
        activation,
        dtype=dtype,
        pooling=pooling,
        lengths=rng.integers(1, 12, 70),
        hidden_size=19,
    )
    backend, parameters = make_backend("cpu", problem.network), problem.parameters

    def outputs(rows):
        batch = Sequences.from_list([problem.X[row] for row in rows], dtype)
        return backend.outputs(parameters, batch)

    alone = np.concatenate([outputs([row]) for row in range(70)])
    for n in range(1, 71):
        rows = rng.permutation(70)[:n]
        assert outputs(rows).tobytes() == alone[rows].tobytes()


@poolings
def test_a_nan_stays_in_its_sequence(pooling):
    problem = make_problem(pooling=pooling)
    backend = make_backend("cpu", problem.network)
    expected = backend.outputs(problem.parameters, problem.sequences)
    problem.X[4][2] = np.nan
    batch = Sequences.from_list(problem.X, "float64")
    outputs = backend.outputs(problem.parameters, batch)
    assert np.isnan(outputs[4]).all()
    assert_array_equal(np.delete(outputs, 4, 0), np.delete(expected, 4, 0))


@dtypes
def test_a_backend_forgets_the_last_batch(dtype):
    problem = make_problem(dtype=dtype)
    doubled = {name: 2 * array for name, array in problem.weights.items()}
    scales = uneven_scales(len(LENGTHS))
    backend = make_backend("cpu", problem.network)
    loss_gradient(
        problem._replace(weights=doubled), np.arange(len(LENGTHS)), scales, backend
    )
    loss, gradient = loss_gradient(problem, np.array([3, 0]), scales, backend)
    expected_loss, expected = loss_gradient(problem, np.array([3, 0]), scales)
    assert loss == expected_loss
    assert_array_equal(gradient, expected)


@cells
def test_an_array_gives_the_same_bits_as_a_list(cell, activation):
    problem = make_problem(cell, activation, lengths=(6,) * 5)
    backend = make_backend("cpu", problem.network)
    array = Sequences.from_array(np.array(problem.X))
    assert_array_equal(
        backend.outputs(problem.parameters, array),
        backend.outputs(problem.parameters, problem.sequences),
    )
