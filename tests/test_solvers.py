"""Solvers and learning rates, as the estimators use them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning
from small import LABELS, RAGGED, TARGETS, X, Y, first_partial_fit, make, output_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.exceptions import DivergenceError
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.training.lbfgs import _Run

both = pytest.mark.parametrize("estimator_class", TARGETS)
# A smooth function, with a minimum not too far away.
LBFGS = {"solver": "lbfgs", "dtype": "float64", "max_iter": 500, "tol": 1e-5}
LBFGS |= {"pooling": "last", "layer_norm": False, "alpha": 3.0}


def used_rates(monkeypatch, **parameters):
    """The learning rate of each step of a fit."""
    rates, real = [], OPTIMIZERS["adam"]

    def step(parameters, gradient, state, rate, t, *hyperparameters):
        rates.append(rate)
        real.step(parameters, gradient, state, rate, t, *hyperparameters)

    monkeypatch.setitem(OPTIMIZERS, "adam", real._replace(step=step))
    estimator = make(RNNRegressor, batch_size=12, **parameters)
    return estimator.fit(X, Y), np.array(rates)


@both
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_every_solver_lowers_the_loss(estimator_class, solver):
    estimator = make(estimator_class, solver=solver, max_iter=30, batch_size=6)
    estimator.fit(RAGGED, TARGETS[estimator_class])
    assert estimator.loss_ < 0.9 * estimator.loss_curve_[0]


def test_weight_decay_shrinks_weights_and_no_biases():
    # With a rate of the loss that is next to nothing, all that is left is the decay.
    before = make(RNNRegressor, learning_rate_init=1e-30).fit(X, Y).get_weights()
    settings = {"solver": "adamw", "learning_rate": "constant", "epsilon": 1e30}
    with pytest.warns(ConvergenceWarning):
        after = make(RNNRegressor, weight_decay=2.0, **settings).fit(X, Y).get_weights()
    for name, weight in before.items():
        factor = 1 if "bias" in name else (1 - 2 * 0.005) ** 3
        assert_allclose(after[name], factor * weight, 1e-6, 1e-20, err_msg=name)


# Learning rates


def test_constant_rate(monkeypatch):
    with pytest.warns(ConvergenceWarning):
        _, rates = used_rates(monkeypatch, learning_rate="constant")
    assert rates.tolist() == [0.005] * 6


def test_invscaling_counts_steps(monkeypatch):
    with pytest.warns(ConvergenceWarning):
        _, rates = used_rates(monkeypatch, learning_rate="invscaling", power_t=1)
    assert_allclose(rates, 0.005 / np.arange(1, 7))


def test_adaptive_rate_falls_and_then_ends(monkeypatch):
    regressor, rates = used_rates(
        monkeypatch, learning_rate="adaptive", tol=10.0, n_iter_no_change=2, max_iter=99
    )
    # The first epoch improves on none; then the rate falls every three epochs.
    epochs = rates[::2]
    levels = [0.005 / 5**i for i in range(6)]
    assert_allclose(epochs, np.repeat(levels, [4, 3, 3, 3, 3, 3]))
    assert regressor.n_iter_ == 19


def test_warm_up(monkeypatch):
    _, rates = used_rates(monkeypatch, max_iter=4, warmup_fraction=0.5)
    assert_allclose(rates[:4], 0.005 * np.array([0.25, 0.5, 0.75, 1]))
    assert rates[4] == 0.005
    assert rates[5] == pytest.approx(0.005 * (0.5 + 0.5**0.5 / 2))


@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_partial_fit_takes_every_schedule(learning_rate):
    parameters = {"learning_rate": learning_rate, "warmup_fraction": 0.5}
    regressor = make(RNNRegressor, **parameters).partial_fit(X, Y).partial_fit(X, Y)
    # What works towards an end is constant here.
    fallback = learning_rate if learning_rate == "invscaling" else "constant"
    expected = make(RNNRegressor, learning_rate=fallback)
    expected.partial_fit(X, Y).partial_fit(X, Y)
    assert_array_equal(regressor.predict(X), expected.predict(X))


@both
@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_a_warning_at_the_last_epoch(estimator_class, learning_rate, recwarn):
    estimator = make(estimator_class, learning_rate=learning_rate)
    estimator.fit(X, TARGETS[estimator_class])
    warned = [w for w in recwarn if w.category is ConvergenceWarning]
    if SCHEDULES[learning_rate].needs_end:
        assert not warned
    else:
        (warning,) = warned
        assert "Maximum iterations (3) reached and the optimization hasn't" in str(
            warning.message
        )
        assert warning.filename == __file__


# L-BFGS


@both
def test_lbfgs_finds_a_minimum(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, cell="rnn", **LBFGS).fit(RAGGED, y)
    assert estimator.n_iter_ < 500
    assert estimator.loss_ < 0.9 * estimator.loss_curve_[0]
    assert estimator.grad_norm_curve_[-1] < 0.01 * estimator.grad_norm_curve_[0]


def test_lbfgs_is_scipys(monkeypatch):
    calls, real = [], optimize.minimize

    def minimize(function, x0, **options):
        result = real(function, x0, **options)
        calls.append(result)
        return result

    monkeypatch.setattr(optimize, "minimize", minimize)
    regressor = make(RNNRegressor, **LBFGS).fit(X, Y)
    (result,) = calls
    assert result.success
    assert regressor.n_iter_ == result.nit
    assert regressor.loss_ == result.fun
    assert_array_equal(np.sort(regressor._model.parameters), np.sort(result.x))


@pytest.mark.quick
def test_lbfgs_warns_when_max_iter_ends_first():
    regressor = make(RNNRegressor, cell="rnn", **LBFGS | {"max_iter": 2})
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 it"):
        regressor.fit(X, Y)
    assert regressor.n_iter_ == 2


@both
def test_lbfgs_where_the_start_is_a_minimum(estimator_class):
    """An epoch all the same, which changes no weight."""
    y, settings = TARGETS[estimator_class], LBFGS | {"tol": 1e6}
    start = make(estimator_class, **LBFGS | {"max_iter": 1})
    with pytest.warns(ConvergenceWarning):
        weights = start.fit(X, y).get_weights()
    estimator = make(estimator_class, **settings).fit(X, y, init_weights=weights)
    for name, weight in estimator.get_weights().items():
        assert_array_equal(weight, weights[name])
    assert estimator.loss_curve_ == start.loss_curve_
    assert estimator.grad_norm_curve_ == start.grad_norm_curve_
    assert estimator.n_iter_ == 1


def test_lbfgs_where_nothing_can_be_learned():
    settings = LBFGS | {"alpha": 0.0, "early_stopping": True}
    regressor = make(RNNRegressor, **settings).fit(0 * X, 0 * Y)
    assert regressor.loss_curve_ == regressor.grad_norm_curve_ == [0]
    assert regressor.validation_scores_ == [regressor.best_validation_score_] == [1]
    assert_array_equal(regressor.predict(0 * X), 0 * Y)


def test_lbfgs_where_no_step_is_better_than_the_start(monkeypatch):
    """What is noted is the start, not the last try."""
    seen, real = [], _Run.loss_gradient

    def uphill(run, x):
        loss, gradient = real(run, x)
        seen.append((loss, run.norm, x.copy()))
        return loss, -gradient

    monkeypatch.setattr(_Run, "loss_gradient", uphill)
    with pytest.warns(ConvergenceWarning, match="in its line search"):
        regressor = make(RNNRegressor, **LBFGS).fit(X, Y)
    (loss, norm, start), *tries, _ = seen
    assert tries[-1][:2] != (loss, norm)
    assert regressor.loss_curve_ == [loss]
    assert regressor.grad_norm_curve_ == [norm]
    assert_array_equal(np.sort(regressor._model.parameters), np.sort(start))


def test_lbfgs_stops_early():
    classifier = make(RNNClassifier, **LBFGS, early_stopping=True)
    classifier.fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    scores = classifier.validation_scores_
    assert classifier.n_iter_ == len(scores) < 500
    assert classifier.score(X[:9], LABELS[:9]) == max(scores)


@pytest.mark.parametrize(
    "changes",
    [{"dropout": 0.5, "n_layers": 2}, {"recurrent_dropout": 0.5}, {"bptt_steps": 2}],
)
def test_lbfgs_needs_an_exact_gradient(changes):
    (name, value), *_ = changes.items()
    with pytest.raises(ValueError, match=f"exact gradient .* but {name}={value}"):
        make(RNNRegressor, solver="lbfgs", **changes).fit(X, Y)


@both
def test_lbfgs_has_no_partial_fit(estimator_class):
    estimator = make(estimator_class, solver="lbfgs")
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match="'partial_fit'"):
        estimator.partial_fit(X, TARGETS[estimator_class])


# Failing


@both
def test_divergence_names_the_epoch_and_keeps_the_last_good_weights(estimator_class):
    y = TARGETS[estimator_class]
    bad = [x.copy() for x in X]
    estimator = make(estimator_class, max_grad_norm=None, learning_rate_init=1e30)
    with pytest.raises(DivergenceError, match=r"in epoch \d\. Scale the data") as info:
        estimator.fit(bad, y)
    assert "norm" in str(info.value)
    weights = info.value.weights
    assert all(np.isfinite(weight).all() for weight in weights.values())
    estimator.set_params(learning_rate_init=0.005).fit(X, y, init_weights=weights)
    assert estimator.n_iter_ == 3
    with pytest.raises(DivergenceError):
        pickle.loads(pickle.dumps(estimator)).set_params(learning_rate_init=1e30).fit(
            X, y
        )


@both
def test_partial_fit_survives_divergence(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, max_grad_norm=None)
    first_partial_fit(estimator, X, y)
    expected = output_of(estimator, X)
    estimator.set_params(learning_rate_init=1e300)
    with pytest.raises(DivergenceError):
        estimator.partial_fit(X, y)
    assert_array_equal(output_of(estimator, X), expected)


@both
@pytest.mark.parametrize(
    "parameters",
    [{}, {"adapter_rank": 2}, {"layer_norm": True, "pooling": "attention"}],
    ids=["plain", "adapters", "attention"],
)
def test_what_overflows_is_one_error_and_no_warning(estimator_class, parameters):
    settings = {"solver": "sgd", "learning_rate_init": 1e38, "max_grad_norm": None}
    estimator = make(estimator_class, max_iter=9, **settings, **parameters)
    with pytest.raises(DivergenceError):
        estimator.fit(X, TARGETS[estimator_class])
