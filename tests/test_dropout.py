"""Dropout in the kernels: the reference's gradients, and masks that are random."""

import numpy as np
import pytest
from kernel_cases import (  # noqa: F401
    test_a_small_network_with_dropout_equals_the_reference,
)
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    DEEP,
    SHALLOW,
    TOLERANCES,
    all_rows,
    assert_close,
    check_loss_gradient,
    kinds_of_dropout,
    loss_gradient,
    make_problem,
    output_factors,
    recurrent_factors,
    stacks,
    stacks_of,
    uneven_scales,
)

from skrnn.backends import make_backend
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout

DROPOUT = Dropout(0.3, 0.4, 123)
LARGEST_SEED = 2**31 - 1


@kinds_of_dropout
@stacks
@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.3, 0.4)])
def test_loss_and_gradient_equal_the_reference(kind, stack, rates):
    problem = make_problem(*kind, **stack, hidden_size=9)
    rows = np.random.default_rng(2).permutation(len(problem.X))[:12]
    check_loss_gradient(problem, rows, dropout=Dropout(*rates, LARGEST_SEED))


@kinds_of_dropout
def test_long_sequences(kind):
    problem = make_problem(*kind, **DEEP, lengths=(300, 1, 190))
    check_loss_gradient(problem, relax=5, dropout=DROPOUT)


@kinds_of_dropout
@stacks_of(SHALLOW, DEEP)
def test_masks_do_not_depend_on_the_batch(kind, stack):
    problem = make_problem(*kind, **stack, lengths=(3, 1, 5, 2) * 6)
    rows, scales = all_rows(problem), uneven_scales(problem)
    loss, gradient = loss_gradient(problem, rows, scales, dropout=DROPOUT)
    losses, gradients = zip(
        *[
            loss_gradient(problem, part, scales, dropout=DROPOUT)
            for part in np.split(rows[::-1], [1, 5])
        ],
        strict=True,
    )
    tolerance = TOLERANCES[problem.network.dtype]
    assert_allclose(sum(losses), loss, tolerance)
    assert_close(sum(gradients), gradient, tolerance)


@kinds_of_dropout
def test_masks_do_not_depend_on_the_threads(kind, monkeypatch):
    monkeypatch.setattr("skrnn.backends.cpu.backend.WORTH_A_THREAD", 1)
    problem = make_problem(*kind, **DEEP, lengths=(3, 1, 5, 2) * 20)
    backend, results = make_backend("cpu", problem.network), set()
    for n_threads in (1, 2) * 3:
        backend.n_threads = n_threads
        loss, gradient = loss_gradient(
            problem, all_rows(problem), uneven_scales(problem), backend, dropout=DROPOUT
        )
        results.add((loss, gradient.tobytes()))
    assert len(results) == 1


@kinds_of_dropout
@stacks_of(SHALLOW, DEEP)
def test_seeds_matter_where_there_is_dropout(kind, stack):
    problem = make_problem(*kind, **stack)
    rows, scales = all_rows(problem), uneven_scales(problem)

    def result(*dropout):
        return loss_gradient(problem, rows, scales, dropout=Dropout(*dropout))

    loss, gradient = result(*NO_DROPOUT)
    other_loss, other = result(0.0, 0.0, 7)
    assert other_loss == loss
    assert_array_equal(other, gradient)
    assert result(0.0, 0.5, 7)[0] != loss
    assert result(0.0, 0.5, 7)[0] == result(0.0, 0.5, 7)[0]
    assert result(0.0, 0.5, 7)[0] != result(0.0, 0.5, 8)[0]
    # One layer has nothing above it.
    is_stacked = stack["n_layers"] > 1
    assert (result(0.5, 0.0, 7)[0] != loss) == is_stacked
    assert (result(0.5, 0.0, 7)[0] != result(0.5, 0.0, 8)[0]) == is_stacked


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_factors_keep_the_expected_value(rate):
    dropout = Dropout(rate, rate, 0)
    kept = 1 / (1 - rate)
    rows = [recurrent_factors(dropout, 0, row, 100) for row in range(1000)]
    for factors in (output_factors(dropout, 0, 0, 1000, 100), np.array(rows)):
        assert set(np.unique(factors)) <= {0, kept}
        # Five standard deviations of the mean of 100 000 draws.
        deviation = np.sqrt(rate / (1 - rate))
        assert abs(factors.mean() - 1) <= 5 * deviation / np.sqrt(factors.size)
        # Of the mean over one axis, none strays further than chance lets it.
        for axis in (0, 1):
            means = factors.mean(axis)
            n = factors.shape[axis]
            assert np.abs(means - 1).max() <= 5 * deviation / np.sqrt(n)


def test_masks_have_nothing_in_common():
    """Of two seeds, layers, steps, sequences, directions, or kinds of dropout."""
    a, b, n = Dropout(0.5, 0.5, 0), Dropout(0.5, 0.5, 1), 4096
    masks = [
        *(
            output_factors(d, layer, 0, 3, n)[i]
            for d in (a, b)
            for layer in (0, 1, 2)
            for i in range(3)
        ),
        *(
            recurrent_factors(d, q, row, n)
            for d in (a, b)
            for q in range(4)
            for row in range(3)
        ),
    ]
    agreement = np.corrcoef(masks)
    # Five standard deviations of the correlation of n independent pairs.
    assert np.abs(agreement - np.eye(len(masks))).max() < 5 / np.sqrt(n)
