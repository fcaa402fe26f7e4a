"""The loss of transcripts: the sum over all ways to say them, and its gradient."""

from dataclasses import replace
from itertools import groupby, product

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose
from problems import TOLERANCES, all_rows, loss_gradient, make_problem, stacks_of

from skrnn.backends import make_backend
from skrnn.mathematics.losses import CTC, SquaredError
from skrnn.mathematics.losses.ctc import BLANK, ctc_gradient, steps_needed
from skrnn.sequences import Sequences

compiled = njit(error_model="numpy")(ctc_gradient)


def loss_and_gradient(logits, labels, scale=1.0):
    """As the kernels compute it, of outputs that stand in another order in memory.

    Of the sum, not the mean over the labels.
    """
    n_steps, n_outputs = logits.shape
    order = np.random.default_rng(0).permutation(n_steps)
    m, rows = logits[np.argsort(order)].ravel(), order * n_outputs
    labels = np.array(labels, np.int64).reshape(-1, 1)
    scale *= max(1, len(labels))
    loss = compiled(CTC().kind((n_outputs,)), m, rows, labels, scale)
    return loss, m.reshape(logits.shape)[order]


def said(path):
    """What a path of outputs says: no neighbour twice, and then no blank."""
    return [label for label, _ in groupby(path) if label != BLANK]


def naive_loss(logits, labels):
    """The negative logarithm of the sum over all paths, one by one."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    steps = np.arange(len(p))
    paths = product(range(p.shape[1]), repeat=len(p))
    return -np.log(sum(p[steps, path].prod() for path in paths if said(path) == labels))


def differences(function, x, step=1e-6):
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient


@pytest.mark.nojit
@pytest.mark.parametrize(
    "labels", [[], [1], [2, 1], [1, 1], [1, 2, 1], [2, 2, 1]], ids=str
)
def test_it_is_the_sum_over_all_paths(labels):
    logits = np.random.default_rng(0).normal(size=(5, 3))
    loss, gradient = loss_and_gradient(logits, labels)
    assert_allclose(loss, naive_loss(logits, labels), rtol=1e-13)
    expected = differences(lambda x: naive_loss(x, labels), logits)
    assert_allclose(gradient, expected, atol=1e-9)


@pytest.mark.nojit
def test_as_many_steps_as_are_needed():
    logits = np.random.default_rng(0).normal(size=(3, 4))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    # There is but one way.
    for labels, path in ([1, 2, 3], [1, 2, 3]), ([2, 2], [2, BLANK, 2]):
        assert steps_needed(labels) == 3
        loss, gradient = loss_and_gradient(logits, labels)
        assert_allclose(loss, -log_p[np.arange(3), path].sum(), rtol=1e-14)
        assert_allclose(gradient, np.exp(log_p) - np.eye(4)[path], atol=1e-15)
    assert steps_needed([]) == 0
    assert steps_needed([3, 3, 3, 1]) == 6


def test_a_transcript_less_probable_than_any_number():
    # Blanks are e^40 times as probable as labels, of which there are 100.
    logits = np.zeros((400, 3))
    logits[:, BLANK] = 40
    loss, gradient = loss_and_gradient(logits, [1, 2] * 50)
    # 400 steps of which 100 begin a label, in any way: those that stay are rare.
    ways = np.log(np.arange(301, 401)).sum() - np.log(np.arange(1, 101)).sum()
    assert_allclose(loss, 40 * 100 - ways, rtol=1e-12)
    assert_allclose(gradient[:, 1:].sum(), -100, rtol=1e-12)


def test_what_is_no_number_gives_no_number():
    logits = np.zeros((4, 3))
    for value in (np.nan, np.inf):
        logits[2, 1] = value
        assert np.isnan(loss_and_gradient(logits, [1])[0])


def test_single_precision_computes_in_double():
    logits = np.random.default_rng(0).normal(size=(300, 30)).astype(np.float32)
    labels = np.random.default_rng(1).integers(1, 30, 100)
    loss, gradient = loss_and_gradient(logits, labels, 0.5)
    expected, in_double = loss_and_gradient(logits.astype(float), labels, 0.5)
    assert loss == expected
    assert gradient.dtype == np.float32
    assert_allclose(gradient, in_double, rtol=1e-6, atol=1e-30)


def transcript_problem(dtype="float64", **stack):
    """A small problem whose targets are transcripts of up to 3 of 4 labels."""
    problem = make_problem("gru", "tanh", "softmax", dtype, None, **stack)
    network = replace(problem.network, output_sizes=(5,), loss=CTC())
    rng = np.random.default_rng(0)
    counts = network.frames.counts(problem.sequences.lengths)
    labels = [rng.integers(1, 5, rng.integers(0, min(n, 3) + 1)) for n in counts]
    labels = [own[: n // 2] for own, n in zip(labels, counts, strict=True)]
    targets = Sequences.from_list([own[:, None] for own in labels], np.int64)
    rng = np.random.default_rng(0)
    weights = {
        name: rng.uniform(-1, 1, array.shape).astype(dtype)
        for name, array in network.export_weights(
            np.zeros(network.n_parameters)
        ).items()
    }
    return problem._replace(network=network, weights=weights, targets=targets)


STACKS = [
    {},
    {"n_layers": 2, "bidirectional": True, "layer_norm": True},
]


@pytest.mark.nojit
@pytest.mark.parametrize("dtype", TOLERANCES)
@stacks_of(*STACKS)
def test_the_network_learns_by_the_gradient_of_its_outputs(stack, dtype):
    problem = transcript_problem(dtype, **stack)
    network, offsets = problem.network, problem.sequences.offsets
    scales = np.random.default_rng(1).uniform(0.1, 1, len(problem.X))
    loss, gradient = loss_gradient(problem, all_rows(problem), scales)
    backend = make_backend("cpu", network)
    outputs = backend.outputs(problem.parameters, problem.sequences)
    total, of_outputs = 0.0, np.empty_like(outputs)
    for i, scale in enumerate(scales):
        here = slice(offsets[i], offsets[i + 1])
        labels = problem.targets.values[slice(*problem.targets.offsets[i : i + 2])]
        arguments = outputs[here], labels, scale / max(1, len(labels))
        one, of_outputs[here] = loss_and_gradient(*arguments)
        total += one
    tolerance = TOLERANCES[dtype]
    assert_allclose(loss, total, rtol=tolerance)
    # Squared errors from targets that are so far off have the same gradient.
    squared = replace(network, loss=SquaredError())
    targets = outputs - of_outputs * network.n_outputs
    other = problem._replace(network=squared, targets=targets)
    _, expected = loss_gradient(other, all_rows(problem), np.ones(len(outputs)))
    atol = 10 * tolerance * np.abs(expected).max()
    assert_allclose(gradient, expected, rtol=0, atol=atol)


@pytest.mark.nojit
def test_frames_are_its_steps():
    lengths = (9, 4, 12, 7)
    problem = make_problem("gru", pooling=None, lengths=lengths)
    network = replace(
        problem.network,
        output_sizes=(3,),
        loss=CTC(),
        frame_length=3,
        hop_length=2,
    )
    assert network.frames.first == 2
    labels = [np.array([[1]]), np.empty((0, 1)), np.array([[2], [1]]), np.array([[2]])]
    problem = transcript_problem()._replace(
        network=network,
        X=problem.X,
        sequences=problem.sequences,
        targets=Sequences.from_list(labels, np.int64),
    )
    flat = np.random.default_rng(0).uniform(-1, 1, network.n_parameters)
    problem = problem._replace(weights=network.export_weights(flat))
    scales = np.array([0.3, 1, 0.5, 2])
    loss, gradient = loss_gradient(problem, all_rows(problem), scales)
    backend, parameters = make_backend("cpu", network), problem.parameters

    def total(parameters):
        outputs = backend.outputs(parameters, problem.sequences)
        spans, losses = network.frames.spans(problem.sequences.lengths), 0.0
        for i, scale in enumerate(scales):
            first = problem.sequences.offsets[i] + spans.firsts[i]
            own = outputs[first : first + spans.counts[i]]
            n_labels = len(labels[i])
            loss = naive_loss(own, labels[i][:, 0].tolist())
            losses += loss * scale / max(1, n_labels)
        return losses

    assert_allclose(loss, total(parameters), rtol=1e-12)
    direction = np.random.default_rng(2).normal(size=parameters.size)
    step = 1e-6 * direction
    slope = (total(parameters + step) - total(parameters - step)) / 2e-6
    assert_allclose(gradient @ direction, slope, rtol=1e-7)
