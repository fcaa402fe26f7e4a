"""Dropout in the kernels: the reference's gradients, and masks that are random."""

import naive
import numpy as np
import pytest
from kernel_cases import (  # noqa: F401
    test_a_small_network_with_dropout_equals_the_reference,
)
from numba import njit
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
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout, factor, input_key

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
    monkeypatch.setattr("skrnn.backends.cpu.packing.WORTH_A_THREAD", 1)
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


def dropped_inputs(problem, dropout):
    """Of each sequence the frames that the network reads, as numbers."""
    network, all_frames = problem.network, []
    n, length = network.n_features, network.frame_length
    tables = [problem.weights[f"embedding.{k}.weight"] for k in range(2)]
    for x, first in zip(problem.X, problem.sequences.offsets, strict=False):
        codes = x[:, n:].astype(int).T
        rows = [e[c] for e, c in zip(tables, codes, strict=True)]
        steps = np.hstack([x[:, :n], *rows])
        frames = naive.frames(steps, length, network.hop_length, True)
        first += min(length, len(x)) - 1
        factors = input_factors(dropout, first, *frames.shape, steps.shape[1])
        is_number = np.arange(frames.shape[1]) % steps.shape[1] < n
        all_frames.append(np.where(is_number, frames, factors * frames))
    return all_frames


@pytest.mark.parametrize("of_embeddings", [(0.4,), (0.4, 0.7, 5), (0.0, 0.7, 5)])
def test_embeddings_with_dropout_equal_the_reference(of_embeddings):
    """Numbers are not dropped; neighbouring frames have masks of their own.

    Perhaps the second embedding is that of n-grams, with a rate of its own.
    """
    sizes = {"n_features": 2, "embeddings": ((6, 3), (4, 2))}
    stack = {"frame_length": 3, "hop_length": 2, "bidirectional": True}
    problem, dropout = (
        make_problem(**sizes, **stack),
        Dropout(0, 0, 123, *of_embeddings),
    )
    rows, scales = all_rows(problem), uneven_scales(problem)

    def result(**changes):
        problem.weights.update(changes)
        loss, gradient = loss_gradient(problem, rows, scales, dropout=dropout)
        return loss, problem.network.export_weights(gradient)

    loss, gradients = result()
    weights = {k: w for k, w in problem.weights.items() if "embedding" not in k}
    mean, expected = naive.loss_and_gradients(
        weights,
        dropped_inputs(problem, dropout),
        problem.targets,
        scales,
        *("gru", "tanh", "last", "softmax"),
        output_sizes=problem.network.output_sizes,
    )
    assert_allclose(loss, scales.sum() * mean, 1e-12)
    for name, gradient in expected.items():
        if "bias_hh" not in name:  # of both biases, the gradient is the other's
            assert_allclose(gradients[name], scales.sum() * gradient, 1e-9, 1e-12)
    for name in ("embedding.0.weight", "embedding.1.weight"):
        start = problem.weights[name]
        ahead = 1e-5 * np.random.default_rng(3).normal(size=start.shape)
        slope = result(**{name: start + ahead})[0] - result(**{name: start - ahead})[0]
        result(**{name: start})
        assert_allclose(slope / 2, (gradients[name] * ahead).sum(), 1e-6)


@njit
def input_factors(dropout, first, n_steps, n_inputs, of_step):
    """Of the frames from position `first` on: (n_steps, n_inputs)."""
    factors = np.empty((n_steps, n_inputs))
    for t in range(n_steps):
        key = input_key(dropout, first + t)
        for j in range(n_inputs):
            is_of_ngram = j % of_step >= dropout.first_of_ngrams
            rate = dropout.ngram_rate if is_of_ngram else dropout.embedding_rate
            factors[t, j] = factor(key, j, rate)
    return factors


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
