"""Truncated backpropagation through time, as the estimators train with it."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import LABELS, RAGGED, X, Y, make
from small_steps import (
    ARRAY_TARGETS,
    LEARNING,
    STILL,
    WEIGHTS,
    Y_ARRAY,
    make_steps,
    weights_of,
)
from small_steps import TARGETS as STEP_TARGETS
from small_steps import Y as STEP_Y

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}
both = pytest.mark.parametrize("estimator_class", TARGETS)
depths = pytest.mark.parametrize("n_layers", [1, 2])


@both
@depths
@pytest.mark.parametrize("bptt_steps", [5, 6, 10**6, 10**12])
def test_longer_than_the_sequences_is_the_same_as_none(
    estimator_class, n_layers, bptt_steps
):
    for maker, targets in ((make, TARGETS), (make_steps, STEP_TARGETS)):
        y = targets[estimator_class]
        parameters = {"n_layers": n_layers, "pooling": "last", "recurrent_dropout": 0.3}
        expected = maker(estimator_class, **parameters).fit(RAGGED, y)
        estimator = maker(estimator_class, bptt_steps=bptt_steps, **parameters)
        estimator.fit(RAGGED, y)
        assert_array_equal(weights_of(estimator), weights_of(expected))
        assert estimator.loss_curve_ == expected.loss_curve_


@both
@depths
@pytest.mark.parametrize("bptt_steps", [1, 2, 4])
def test_shorter_is_another_training(estimator_class, n_layers, bptt_steps):
    for maker, targets in ((make, TARGETS), (make_steps, STEP_TARGETS)):
        y = targets[estimator_class]
        parameters = {"n_layers": n_layers, "pooling": "last"}
        full = maker(estimator_class, **parameters).fit(RAGGED, y)
        estimator = maker(estimator_class, bptt_steps=bptt_steps, **parameters)
        estimator.fit(RAGGED, y)
        assert (weights_of(estimator) != weights_of(full)).any()
        assert np.isfinite(estimator.loss_curve_).all()
        again = maker(estimator_class, bptt_steps=bptt_steps, **parameters)
        again.fit(RAGGED, y)
        assert_array_equal(weights_of(estimator), weights_of(again))


def steps_of_the_solver(monkeypatch, maker, X, y, **parameters):
    """What the backend was told in each of one epoch."""
    real, calls = CPUBackend.loss_gradient, []

    def loss_gradient(*args, **kwargs):
        calls.append(kwargs)
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(CPUBackend, "loss_gradient", loss_gradient)
        maker(RNNRegressor, max_iter=1, shuffle=False, **parameters).fit(X, y)
    return calls


@pytest.mark.parametrize("bptt_steps", [1, 2, 3, 4, 5, 9])
def test_each_chunk_of_steps_is_a_step_of_the_solver(bptt_steps, monkeypatch):
    parameters = {"batch_size": 6, "bptt_steps": bptt_steps}
    calls = steps_of_the_solver(monkeypatch, make_steps, X, Y_ARRAY, **parameters)
    assert len(calls) == 4 * math.ceil(5 / bptt_steps)
    # As many chunks as the longest sequence of a batch has; here 1 to 3 in the first.
    calls = steps_of_the_solver(
        monkeypatch,
        make_steps,
        RAGGED[:3] + RAGGED[5:6],
        STEP_Y[:3] + STEP_Y[5:6],
        **parameters | {"batch_size": 3},
    )
    assert len(calls) == math.ceil(3 / bptt_steps) + 1
    # One target for each sequence: one step for each batch.
    assert len(steps_of_the_solver(monkeypatch, make, X, Y, **parameters)) == 4


def test_the_chunks_of_a_batch_leave_out_the_same_units(monkeypatch):
    parameters = {"batch_size": 6, "bptt_steps": 2, "recurrent_dropout": 0.5}
    calls = steps_of_the_solver(monkeypatch, make_steps, X, Y_ARRAY, **parameters)
    seeds = [call["dropout"].seed for call in calls]
    assert [call["steps"] for call in calls] == 4 * [(0, 2), (2, 4), (4, 6)]
    assert seeds == np.repeat(seeds[::3], 3).tolist()
    assert len(set(seeds)) == 4


@depths
@pytest.mark.parametrize("bptt_steps", [1, 2, 3])
def test_states_go_on_from_chunk_to_chunk(n_layers, bptt_steps):
    """The loss is that of the predictions for whole sequences."""
    parameters = {"n_layers": n_layers, "normalize_y": False, **STILL}
    regressor = make_steps(RNNRegressor, bptt_steps=bptt_steps, **parameters)
    regressor.fit(RAGGED, STEP_Y)
    residuals = np.concatenate(STEP_Y) - np.concatenate(regressor.predict(RAGGED))
    assert regressor.loss_ == pytest.approx(0.5 * np.mean(residuals**2), rel=1e-5)

    regressor.fit(RAGGED, STEP_Y, WEIGHTS)
    expected = np.average(0.5 * residuals**2, weights=np.concatenate(WEIGHTS))
    assert regressor.loss_ == pytest.approx(expected, rel=1e-5)

    regressor = make(RNNRegressor, bptt_steps=bptt_steps, **parameters).fit(RAGGED, Y)
    expected = 0.5 * np.mean((Y - regressor.predict(RAGGED)) ** 2)
    assert regressor.loss_ == pytest.approx(expected, rel=1e-5)


@both
@depths
def test_the_first_chunk_is_a_training_of_its_own(estimator_class, n_layers):
    """Where all later targets are missing, they leave no trace."""
    y = ARRAY_TARGETS[estimator_class]
    parameters = {"n_layers": n_layers, "batch_size": 6, "recurrent_dropout": 0.2}
    weights = np.ones(y.shape) * (np.arange(5) < 2)
    estimator = make_steps(estimator_class, bptt_steps=2, **parameters)
    arguments = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    estimator.partial_fit(X, y, *arguments, sample_weight=weights)
    expected = make_steps(estimator_class, **parameters)
    expected.partial_fit(X[:, :2], y[:, :2], *arguments)
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.loss_ == pytest.approx(expected.loss_, rel=1e-12)


@pytest.mark.parametrize("there", [slice(4, 5), slice(2, 4), slice(1, 5, 3)])
def test_chunks_without_targets_move_the_states_on(there):
    y = np.full_like(Y_ARRAY, np.nan)
    y[:, there] = Y_ARRAY[:, there]
    parameters = {"bptt_steps": 2, "normalize_y": False}
    regressor = make_steps(RNNRegressor, **parameters, **STILL).fit(X, y)
    residuals = (Y_ARRAY - regressor.predict(X))[:, there]
    assert regressor.loss_ == pytest.approx(0.5 * np.mean(residuals**2), rel=1e-5)
    trained = make_steps(RNNRegressor, **parameters).fit(X, y)
    assert np.isfinite(trained.loss_curve_).all()
    assert trained.loss_ < regressor.loss_


def test_sequences_of_which_some_have_no_target():
    y = [part + np.nan if i % 3 else part for i, part in enumerate(STEP_Y)]
    regressor = make_steps(RNNRegressor, bptt_steps=2, batch_size=2).fit(RAGGED, y)
    weights = [0 * part + (i % 3 == 0) for i, part in enumerate(STEP_Y)]
    expected = make_steps(RNNRegressor, bptt_steps=2, batch_size=2)
    expected.fit(RAGGED, STEP_Y, weights)
    assert_array_equal(weights_of(regressor), weights_of(expected))
    assert regressor.loss_curve_ == expected.loss_curve_


@both
def test_learns_what_lies_more_than_a_chunk_back(estimator_class):
    """At each step, the first value: states have to carry it over three borders."""
    rng = np.random.default_rng(0)
    sequences = np.zeros((64, 12, 1))
    sequences[:, 0, 0] = rng.choice([-1.0, 1.0], 64)
    y = np.repeat(sequences[:, 0], 12, axis=1)
    parameters = LEARNING | {"bptt_steps": 3}
    estimator = make_steps(estimator_class, **parameters).fit(sequences, y)
    assert estimator.score(sequences, y) > 0.95
    assert estimator.score(sequences[:, 9:], y[:, 9:]) < 0.6  # zeros say nothing


@depths
def test_learns_one_target_a_sequence(n_layers):
    parameters = LEARNING | {"bptt_steps": 2, "n_layers": n_layers}
    assert make(RNNRegressor, **parameters).fit(X, Y).score(X, Y) > 0.9


@both
@pytest.mark.parametrize("maker", [make, make_steps])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_two_directions_cannot_be_truncated(estimator_class, maker, method):
    targets = TARGETS if maker is make else STEP_TARGETS
    estimator = maker(estimator_class, bidirectional=True, bptt_steps=2, pooling="last")
    arguments = [RAGGED, targets[estimator_class]]
    if (estimator_class, method) == (RNNClassifier, "partial_fit"):
        arguments.append([0, 1, 2])
    match = "bptt_steps=2 needs a network that reads forward, .* Set bptt_steps=None or"
    with pytest.raises(ValueError, match=match):
        getattr(estimator, method)(*arguments)
    assert not hasattr(estimator, "n_features_in_")


@both
@pytest.mark.parametrize("maker", [make, make_steps])
def test_partial_fit_goes_on_as_fit_does(estimator_class, maker):
    targets = TARGETS if maker is make else STEP_TARGETS
    y = targets[estimator_class]
    parameters = {"bptt_steps": 2, "pooling": "last", "batch_size": 5}
    fit = maker(estimator_class, learning_rate="constant", **parameters)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        fit.fit(RAGGED, y)
    partial = maker(estimator_class, **parameters)
    arguments = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    partial.partial_fit(RAGGED, y, *arguments)
    partial.partial_fit(RAGGED, y).partial_fit(RAGGED, y)
    assert_array_equal(weights_of(partial), weights_of(fit))
    assert partial.loss_curve_ == fit.loss_curve_
    # It may change from call to call: the network is the same.
    partial.set_params(bptt_steps=None).partial_fit(RAGGED, y)
