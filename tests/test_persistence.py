"""Estimators that are copied, saved and opened again."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from small import RAGGED, TARGETS, X, first_partial_fit, make, output_of

both = pytest.mark.parametrize("estimator_class", TARGETS)

PREDICT = """
import sys
import joblib
estimators, X = joblib.load(sys.argv[1])
for estimator in estimators:
    print(estimator.predict(X).tobytes().hex())
"""


def trained(estimator_class, n_epochs=2, **parameters):
    """An estimator that partial_fit is to go on with."""
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, batch_size=5, **parameters)
    first_partial_fit(estimator, RAGGED, y)
    for _ in range(n_epochs - 1):
        estimator.partial_fit(RAGGED, y)
    return estimator


def pickled(estimator):
    return pickle.loads(pickle.dumps(estimator))


def test_a_fresh_process_predicts_the_same_bits(tmp_path):
    estimators = [
        make(estimator_class, cell=cell, dtype=dtype).fit(RAGGED, y)
        for estimator_class, y in TARGETS.items()
        for cell, dtype in (("rnn", "float32"), ("lstm", "float64"), ("gru", "float32"))
    ]
    joblib.dump((estimators, RAGGED), tmp_path / "saved.joblib")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREDICT, tmp_path / "saved.joblib"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [
        estimator.predict(RAGGED).tobytes().hex() for estimator in estimators
    ]


@pytest.mark.quick
@both
@pytest.mark.parametrize("copied", [pickled, copy.deepcopy, copy.copy])
def test_copies_predict_the_same_bits(estimator_class, copied):
    estimator = make(estimator_class).fit(RAGGED, TARGETS[estimator_class])
    other = copied(estimator)
    assert_array_equal(output_of(other, RAGGED), output_of(estimator, RAGGED))
    assert other.get_params() == estimator.get_params()
    assert other.loss_curve_ == estimator.loss_curve_


@both
@pytest.mark.parametrize("copied", [pickled, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_copy_goes_on_with_the_same_bits(estimator_class, copied, solver):
    y = TARGETS[estimator_class]
    expected = trained(estimator_class, 4, solver=solver)
    other = copied(trained(estimator_class, 2, solver=solver))
    other.partial_fit(RAGGED, y).partial_fit(RAGGED, y)
    assert_array_equal(output_of(other, RAGGED), output_of(expected, RAGGED))
    assert other.loss_curve_ == expected.loss_curve_


@both
@pytest.mark.parametrize("copied", [pickled, copy.deepcopy, copy.copy])
def test_a_copy_goes_its_own_way(estimator_class, copied):
    estimator = trained(estimator_class)
    expected = output_of(estimator, RAGGED)
    copied(estimator).partial_fit(RAGGED, TARGETS[estimator_class])
    assert_array_equal(output_of(estimator, RAGGED), expected)
    assert estimator.n_iter_ == 2


@both
@pytest.mark.parametrize("hidden_size", [8, 64])
def test_the_file_holds_weights_and_no_buffers(estimator_class, hidden_size, tmp_path):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, hidden_size=hidden_size)
    estimator.fit(np.tile(X, (10, 20, 1)), np.tile(y, 10))
    n_bytes = sum(weights.nbytes for weights in estimator.get_weights().values())
    estimator.predict(X)
    joblib.dump(estimator, tmp_path / "saved.joblib")
    assert (tmp_path / "saved.joblib").stat().st_size < n_bytes + 3000
    assert len(pickle.dumps(estimator)) < n_bytes + 3000


@both
def test_fit_forgets_what_partial_fit_keeps(estimator_class):
    y = TARGETS[estimator_class]
    fitted = make(estimator_class, hidden_size=32).fit(X, y)
    n_bytes = len(pickle.dumps(fitted))
    fitted.partial_fit(X, y)
    assert len(pickle.dumps(fitted)) > 2 * n_bytes
    assert len(pickle.dumps(fitted.fit(X, y))) == n_bytes


@both
def test_clone_is_not_fitted(estimator_class):
    estimator = trained(estimator_class, hidden_size=7)
    other = clone(estimator)
    assert other.get_params() == estimator.get_params()
    assert set(vars(other)) == set(estimator.get_params())
