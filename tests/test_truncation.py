"""Truncated backpropagation through time, in the kernels."""

import numpy as np
import pytest
from kernel_cases import (  # noqa: F401
    test_a_small_truncated_network_equals_the_reference,
    test_chunks_add_up_to_the_truncated_gradient,
)
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    TOLERANCES,
    all_rows,
    check_loss_gradient,
    depths,
    kinds,
    loss_gradient,
    make_problem,
    uneven_scales,
)

from skrnn.mathematics.dropout import Dropout


@kinds
@depths
@pytest.mark.parametrize("bptt_steps", [1, 2, 3])
def test_loss_and_gradient_equal_the_reference(kind, n_layers, bptt_steps):
    problem = make_problem(*kind, n_layers=n_layers)
    rows = np.random.default_rng(2).permutation(len(problem.X))
    check_loss_gradient(problem, rows, bptt_steps=bptt_steps)


@kinds
@pytest.mark.parametrize("bptt_steps", [7, 64, 299])
def test_long_sequences(kind, bptt_steps):
    problem = make_problem(*kind, n_layers=2, layer_norm=True, lengths=(300, 1, 190))
    check_loss_gradient(problem, relax=5, bptt_steps=bptt_steps)


@kinds
@depths
def test_truncation_with_dropout(kind, n_layers):
    problem = make_problem(*kind, n_layers=n_layers)
    check_loss_gradient(problem, dropout=Dropout(0.3, 0.4, 5), bptt_steps=2)


@kinds
@depths
def test_truncation_beyond_the_end_changes_nothing(kind, n_layers):
    problem = make_problem(*kind, n_layers=n_layers)
    arguments = problem, all_rows(problem), uneven_scales(problem)
    expected_loss, expected = loss_gradient(*arguments)
    for bptt_steps in (5, 6, 10**9):
        loss, gradient = loss_gradient(*arguments, bptt_steps=bptt_steps)
        assert loss == expected_loss
        assert_array_equal(gradient, expected)


@kinds
@depths
def test_the_loss_is_that_of_the_whole(kind, n_layers):
    problem = make_problem(*kind, n_layers=n_layers)
    arguments = problem, all_rows(problem), uneven_scales(problem)
    expected, full = loss_gradient(*arguments)
    loss, gradient = loss_gradient(*arguments, bptt_steps=2)
    assert_allclose(loss, expected, TOLERANCES[problem.network.dtype])
    assert not np.allclose(gradient, full, 1e-3)
