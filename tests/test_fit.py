"""Fitting, as both estimators do it: going on, stopping, failing, repeating itself."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from small import (
    LABELS,
    RAGGED,
    TARGETS,
    WEIGHTS,
    AfterEpoch,
    X,
    Y,
    first_partial_fit,
    make,
    output_of,
    state_of,
)

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend

CELLS = ["rnn", "lstm", "gru"]
# Every step sees all samples, in float64: the order of sums is all that may differ.
EXACT = {"dtype": "float64", "batch_size": 1000}

both = pytest.mark.parametrize("estimator_class", TARGETS)


def fitted(estimator_class, X=X, **parameters):
    return make(estimator_class, **parameters).fit(X, TARGETS[estimator_class])


# Sample weights


@both
@pytest.mark.parametrize("cell", CELLS)
def test_weight_is_repetition(estimator_class, cell):
    y = TARGETS[estimator_class]
    counts = np.arange(24) % 4  # none, once, twice, three times
    rows = np.repeat(np.arange(24), counts)
    weighted = make(estimator_class, cell=cell, **EXACT).fit(RAGGED, y, counts)
    repeated = make(estimator_class, cell=cell, **EXACT).fit(
        [RAGGED[i] for i in rows], y[rows]
    )
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    assert_allclose(
        output_of(weighted, X), output_of(repeated, X), rtol=1e-7, atol=1e-9
    )


@both
def test_weights_of_one_are_no_weights(estimator_class):
    y = TARGETS[estimator_class]
    expected = output_of(make(estimator_class).fit(X, y), X)
    for ones in (np.ones(24), np.ones(24, int), [1] * 24, 1.0):
        estimator = make(estimator_class).fit(X, y, sample_weight=ones)
        assert_array_equal(output_of(estimator, X), expected)


@both
def test_penalty_is_divided_by_the_weight_of_the_batch(estimator_class):
    y = TARGETS[estimator_class]
    parameters = {"alpha": 1.0, **EXACT}
    expected = make(estimator_class, **parameters).fit(X, y)
    estimator = make(estimator_class, **parameters | {"alpha": 4.0})
    estimator.fit(X, y, np.full(24, 4.0))
    assert_allclose(estimator.loss_curve_, expected.loss_curve_, rtol=1e-12)
    without = make(estimator_class, **parameters | {"alpha": 0}).fit(X, y)
    assert without.loss_ < expected.loss_


@both
def test_batches_without_weight_are_left_out(estimator_class):
    y = TARGETS[estimator_class]
    parameters = {"dtype": "float64", "batch_size": 4, "shuffle": False}
    weighted = make(estimator_class, **parameters)
    first_partial_fit(weighted, X, y, sample_weight=np.repeat([0, 1], 12))
    expected = make(estimator_class, **parameters)
    first_partial_fit(expected, X[12:], y[12:])
    assert weighted.loss_ == pytest.approx(expected.loss_, rel=1e-12)
    assert_allclose(output_of(weighted, X), output_of(expected, X), rtol=1e-9)


# Going on


@both
def test_partial_fit_is_one_epoch(estimator_class):
    y = TARGETS[estimator_class]
    fit = make(estimator_class, max_iter=1, learning_rate="constant")
    with pytest.warns(ConvergenceWarning):
        fit.fit(X, y, WEIGHTS)
    partial = make(estimator_class)
    first_partial_fit(partial, X, y, sample_weight=WEIGHTS)
    assert_array_equal(output_of(fit, X), output_of(partial, X))
    assert partial.n_iter_ == fit.n_iter_ == 1
    assert partial.loss_curve_ == fit.loss_curve_


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_goes_on_as_fit_does(estimator_class, solver):
    y = TARGETS[estimator_class]
    fit = make(estimator_class, solver=solver, learning_rate="constant", max_iter=5)
    with pytest.warns(ConvergenceWarning):
        fit.fit(X, y)
    partial = make(estimator_class, solver=solver)
    first_partial_fit(partial, X, y)
    for _ in range(4):
        partial.partial_fit(X, y)
    assert_array_equal(output_of(fit, X), output_of(partial, X))
    assert partial.loss_curve_ == fit.loss_curve_
    assert partial.n_iter_ == 5


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_after_the_solver_was_changed(estimator_class, solver):
    other = {"adam": "sgd", "sgd": "adam"}[solver]
    y = TARGETS[estimator_class]
    estimator = fitted(estimator_class, solver=solver).partial_fit(X, y)
    weights = estimator.get_weights()
    estimator.set_params(solver=other).partial_fit(X, y)
    # It starts with an empty memory, as after set_weights.
    expected = fitted(estimator_class, solver=other).set_weights(weights)
    expected.partial_fit(X, y)
    assert_array_equal(output_of(estimator, X), output_of(expected, X))


@both
def test_partial_fit_goes_on_from_weights_that_were_set(estimator_class):
    y = TARGETS[estimator_class]
    estimator = fitted(estimator_class)
    weights = estimator.get_weights()
    expected = output_of(estimator.partial_fit(X, y), X)
    estimator.partial_fit(X, y).set_weights(weights).partial_fit(X, y)
    assert_array_equal(output_of(estimator, X), expected)


@both
def test_partial_fit_takes_lengths_never_seen(estimator_class):
    y = TARGETS[estimator_class]
    estimator = fitted(estimator_class).partial_fit(np.tile(X, (1, 3, 1)), y)
    estimator.partial_fit(RAGGED, y).partial_fit(X[:, :1], y)
    assert estimator.n_iter_ == 6


@both
def test_warm_start_goes_on(estimator_class):
    y = TARGETS[estimator_class]
    estimator = fitted(estimator_class, warm_start=True)
    first = estimator.loss_curve_
    estimator.fit(X, y)
    assert estimator.n_iter_ == 6
    assert estimator.loss_curve_[:3] == first
    assert estimator.loss_curve_[3] < first[0]
    estimator.set_params(warm_start=False).fit(X, y)
    assert estimator.loss_curve_ == first


@both
def test_warm_start_on_harder_data_goes_on_to_the_end(estimator_class):
    easy = np.zeros_like(TARGETS[estimator_class])
    easy[0] = 1
    estimator = make(estimator_class, warm_start=True, n_iter_no_change=2, max_iter=20)
    y = TARGETS[estimator_class] > 0 if estimator_class is RNNClassifier else Y
    estimator.fit(X, easy)
    n_iter = estimator.n_iter_
    estimator.fit(X, y)
    assert estimator.n_iter_ == n_iter + 20
    assert estimator.best_loss_ == min(estimator.loss_curve_)


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "changed",
    [{"hidden_size": 4}, {"cell": "lstm"}, {"pooling": "mean"}, {"dtype": "float64"}],
    ids=str,
)
def test_another_network_cannot_go_on(estimator_class, method, changed):
    estimator = fitted(estimator_class, warm_start=True).set_params(**changed)
    ((name, value),) = changed.items()
    name = {"cell": "cell_name"}.get(name, name)
    match = rf"with another network: now it has {name}={value!r} \(was [^ ]+\)\. Use"
    with pytest.raises(ValueError, match=match):
        getattr(estimator, method)(X, TARGETS[estimator_class])


@both
def test_new_parameters_do_not_touch_what_is_fitted(estimator_class):
    estimator = fitted(estimator_class, RAGGED)
    expected = output_of(estimator, X)
    estimator.set_params(
        cell="lstm", hidden_size=9, pooling="last", dtype="float64", solver="sgd"
    )
    assert_array_equal(output_of(estimator, X), expected)


# Stopping


@both
def test_stops_when_the_loss_no_longer_falls(estimator_class):
    estimator = fitted(estimator_class, max_iter=50, tol=1e9, n_iter_no_change=4)
    # The first epoch improves on nothing at all; five do not improve on it.
    assert estimator.n_iter_ == 6
    assert estimator.loss_ == estimator.loss_curve_[-1]
    assert estimator.best_loss_ == min(estimator.loss_curve_)


@both
def test_convergence_warning_names_the_line_of_the_user(estimator_class):
    estimator = make(estimator_class, learning_rate="constant")
    with pytest.warns(ConvergenceWarning, match=r"iterations \(3\) reached") as record:
        estimator.fit(X, TARGETS[estimator_class])
    assert record[0].filename == __file__
    assert estimator.n_iter_ == 3


@both
def test_the_cosine_schedule_ends_without_a_warning(estimator_class):
    assert fitted(estimator_class, learning_rate="cosine").n_iter_ == 3


@both
def test_verbose(estimator_class, capsys):
    estimator = fitted(estimator_class, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    for i, (line, loss) in enumerate(zip(lines, estimator.loss_curve_, strict=True)):
        start, end = (
            f"Iteration {i + 1}, loss = {loss:.8f}, ",
            r"\d+\.\d\d s, \d+ steps/s",
        )
        assert re.fullmatch(re.escape(start) + end, line)
    fitted(estimator_class, verbose=True, early_stopping=True)
    assert "validation score = " in capsys.readouterr().out
    fitted(estimator_class)
    assert capsys.readouterr().out == ""


def interrupt_in_epoch(monkeypatch, number):
    """Interrupt training in an epoch (of one batch each)."""
    real, calls = CPUBackend.loss_gradient, []

    def loss_gradient(*args, **kwargs):
        calls.append(None)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(CPUBackend, "loss_gradient", loss_gradient)


@both
def test_interrupt_keeps_the_last_whole_epoch(estimator_class, monkeypatch):
    expected = make(estimator_class, max_iter=10)
    expected.set_callbacks(AfterEpoch(lambda n_epochs: n_epochs == 2))
    expected.fit(X, TARGETS[estimator_class])
    interrupt_in_epoch(monkeypatch, 3)
    estimator = make(estimator_class, max_iter=10)
    with pytest.warns(UserWarning, match="Training interrupted by user.") as record:
        estimator.fit(X, TARGETS[estimator_class])
    assert record[0].filename == __file__
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 2
    assert_array_equal(output_of(estimator, X), output_of(expected, X))
    estimator.partial_fit(X, TARGETS[estimator_class])


@both
def test_interrupt_in_a_callback(estimator_class):
    def interrupt(n_epochs):
        if n_epochs == 2:
            raise KeyboardInterrupt

    estimator = make(estimator_class, max_iter=10).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        estimator.fit(X, TARGETS[estimator_class])
    assert estimator.n_iter_ == 2


@both
def test_interrupt_in_the_first_epoch_leaves_the_estimator(
    estimator_class, monkeypatch
):
    estimator, new = fitted(estimator_class), make(estimator_class)
    before = state_of(estimator)
    interrupt_in_epoch(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, TARGETS[estimator_class])
    assert state_of(estimator) == before
    monkeypatch.undo()
    interrupt_in_epoch(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        new.fit(X, TARGETS[estimator_class])
    with pytest.raises(NotFittedError):
        new.predict(X)


# Failing


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_divergence_is_an_error(estimator_class, method):
    estimator = fitted(estimator_class)
    before = state_of(estimator)
    estimator.set_params(learning_rate_init=1e300)
    with pytest.raises(ValueError, match="Scale the data, or try a lower learning_rat"):
        getattr(estimator, method)(X, TARGETS[estimator_class])
    estimator.set_params(learning_rate_init=before["learning_rate_init"])
    assert state_of(estimator) == before


# With poolings that the tests of the kernels compile, too.
HUGE = {"cell": "rnn", "activation": "relu"}


def test_huge_values_overflow_the_squared_error():
    regressor = make(RNNRegressor, pooling="mean", **HUGE)
    with pytest.raises(ValueError, match="The loss became"):
        regressor.fit(1e38 * X, Y)
    assert not hasattr(regressor, "n_features_in_")


def test_huge_values_leave_probabilities_finite():
    classifier = make(RNNClassifier, pooling="last", **HUGE).fit(1e38 * X, LABELS > 0)
    assert np.isfinite(classifier.predict_proba(X)).all()


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failed_fit_changes_nothing(estimator_class, method):
    new, estimator = make(estimator_class), fitted(estimator_class)
    before = state_of(new), vars(estimator).copy()
    bad_targets = {
        "target y is None": None,
        "inconsistent numbers of samples": TARGETS[estimator_class][1:],
        "Input y contains NaN|without any value|target is missing": Y + np.nan,
    }
    for match, bad_y in bad_targets.items():
        for failing in (new, estimator):
            with pytest.raises(ValueError, match=match):
                getattr(failing, method)(RAGGED, bad_y)
    assert state_of(new) == before[0]
    assert vars(estimator) == before[1]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("predict", [X]),
        ("predict_proba", [X]),
        ("predict_log_proba", [X]),
        ("score", [X, TARGETS[RNNClassifier]]),
        ("get_weights", []),
        ("set_weights", [{}]),
    ],
)
def test_not_fitted(method, arguments):
    with pytest.raises(NotFittedError, match="This RNNClassifier instance is not fit"):
        getattr(make(RNNClassifier), method)(*arguments)


# Weights


@both
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_go_out_and_in(estimator_class, cell, dtype):
    estimator = fitted(estimator_class, cell=cell, dtype=dtype)
    other = fitted(estimator_class, cell=cell, dtype=dtype, random_state=1)
    weights = estimator.get_weights()
    assert all(array.dtype == dtype for array in weights.values())
    assert other.set_weights(weights) is other
    assert_array_equal(output_of(other, X), output_of(estimator, X))
    for name, array in other.get_weights().items():
        assert_array_equal(array, weights[name])


@both
def test_weights_are_copies(estimator_class):
    estimator = fitted(estimator_class)
    expected = output_of(estimator, X)
    weights = estimator.get_weights()
    estimator.set_weights(weights)
    for array in (*weights.values(), *estimator.get_weights().values()):
        array[:] = 0
    assert_array_equal(output_of(estimator, X), expected)


@pytest.mark.parametrize("weights", [None, ["head.bias"], "head.bias"], ids=str)
def test_set_weights_takes_a_dict(weights):
    with pytest.raises(TypeError, match="weights must be a dict of names .* got"):
        fitted(RNNRegressor).set_weights(weights)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"head.bias": [[1.0]]}, r"'head.bias'\] must have shape \(1,\), got \(1, 1\)"),
        ({"head.bias": [np.nan]}, r"'head.bias'\] contains NaN or infinity"),
        (
            {"head.bias": [1 + 5j]},
            "'head.bias'.* real numbers, got .*complex",
        ),
        (
            {"head.bias": ["7.5"]},
            "'head.bias'.* real numbers, got dtype <U",
        ),
        (
            {"head.bias": np.array(["2020"], "M8[Y]")},
            "real numbers.* datetime",
        ),
        ({"head.bias": np.ma.masked_array([7.0], [True])}, "masked values"),
        ({"head.bias": [[1.0], [1.0, 2.0]]}, "no array of numbers"),
        (
            {f"bias_{kind}_l0": np.full(9, 3e38) for kind in ("ih", "hh")},
            "two biases .* whose sum is infinite",
        ),
        ({"tail": [1.0]}, "weights must have the names .* unknown .*'tail'"),
    ],
)
def test_errors_of_set_weights(changes, match):
    regressor = fitted(RNNRegressor)
    before = state_of(regressor)
    with pytest.raises(ValueError, match=match):
        regressor.set_weights(regressor.get_weights() | changes)
    with pytest.raises(ValueError, match="weights must have the names"):
        regressor.set_weights({})
    assert state_of(regressor) == before


# The same again


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_random_state_decides_every_bit(estimator_class, cell, dtype):
    def outputs(random_state):
        estimator = make(
            estimator_class, cell=cell, dtype=dtype, random_state=random_state
        )
        return output_of(estimator.fit(RAGGED, TARGETS[estimator_class]), RAGGED)

    assert_array_equal(outputs(3), outputs(3))
    assert_array_equal(outputs(3), outputs(np.random.RandomState(3)))
    assert (outputs(3) != outputs(4)).any()


def test_without_random_state_fits_differ():
    first, second = (fitted(RNNRegressor, random_state=None) for _ in range(2))
    assert (first.predict(X) != second.predict(X)).any()


def test_shuffle_changes_the_order_only():
    shuffled = fitted(RNNRegressor, batch_size=4)
    in_order = fitted(RNNRegressor, batch_size=4, shuffle=False)
    assert (shuffled.predict(X) != in_order.predict(X)).any()
    # The order of a full batch matters no more than rounding does.
    shuffled = fitted(RNNRegressor, **EXACT)
    in_order = fitted(RNNRegressor, shuffle=False, **EXACT)
    assert_allclose(shuffled.predict(X), in_order.predict(X), rtol=1e-9)


# Large enough for a second thread to be worth it.
FIT_AND_PRINT = """
from small import *
for cell in ("rnn", "lstm", "gru"):
    for estimator_class, y in TARGETS.items():
        estimator = make(estimator_class, cell=cell, hidden_size=64, batch_size=240)
        estimator.fit(10 * RAGGED, np.tile(y, 10))
        print(output_of(estimator, 10 * RAGGED).tobytes().hex())
"""


def test_the_same_bits_on_any_number_of_threads():
    def run(n_threads):
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", FIT_AND_PRINT],
            cwd=os.path.dirname(__file__),
            env=os.environ | {"NUMBA_NUM_THREADS": str(n_threads)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert run(1) == run(2)
