"""A target for every time step inside scikit-learn's tools; saving; read-only data."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from small import RAGGED, X, state_of
from small_steps import (
    ARRAY_TARGETS,
    INDICATOR,
    LABEL_COLUMNS,
    LABELS,
    TARGETS,
    TWO,
    WEIGHTS,
    WEIGHTS_ARRAY,
    Y,
    make_steps,
    weights_of,
)

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend
from skrnn.preprocessing import SequenceScaler

both = pytest.mark.parametrize("estimator_class", TARGETS)
LENGTHS = [len(x) for x in RAGGED]
TABLE = X.reshape(24, -1)


def score_by_hand(estimator, X, y, cv=3):
    """What cross_val_score must give: folds of neighbours."""
    scores = []
    for train, test in KFold(cv).split(np.arange(len(X))):
        fitted = clone(estimator).fit([X[i] for i in train], [y[i] for i in train])
        scores.append(fitted.score([X[i] for i in test], [y[i] for i in test]))
    return scores


# Model selection


@both
def test_cross_validation(estimator_class):
    y, estimator = TARGETS[estimator_class], make_steps(estimator_class)
    expected = score_by_hand(estimator, RAGGED, y)
    assert_array_equal(cross_val_score(estimator, RAGGED, y, cv=3), expected)
    objects = np.fromiter(y, dtype=object)
    assert_array_equal(cross_val_score(estimator, RAGGED, objects, cv=3), expected)
    y = ARRAY_TARGETS[estimator_class]
    expected = score_by_hand(estimator, X, y)
    for X_form in (X, list(X)):
        for y_form in (y, list(y)):
            scores = cross_val_score(estimator, X_form, y_form, cv=3)
            assert_array_equal(scores, expected)
    estimator.set_params(n_features_per_step=2)
    assert_array_equal(cross_val_score(estimator, TABLE, y, cv=3), expected)


@pytest.mark.parametrize(
    ("estimator_class", "y"),
    [
        (RNNRegressor, TWO),
        (RNNRegressor, [np.where(part > 1, np.nan, part) for part in Y]),
        (RNNClassifier, LABEL_COLUMNS),
        (RNNClassifier, INDICATOR),
        (RNNClassifier, [np.array(["a", "b", "c"])[part] for part in LABELS]),
        (RNNClassifier, [np.where(part == 1, -1, part) for part in LABELS]),
    ],
)
def test_cross_validation_of_other_targets(estimator_class, y):
    estimator = make_steps(estimator_class)
    if estimator_class is RNNClassifier:
        estimator.set_params(ignore_label=-1)
    scores = cross_val_score(estimator, RAGGED, y, cv=3)
    assert_array_equal(scores, score_by_hand(estimator, RAGGED, y))


@both
def test_grid_search_in_two_processes(estimator_class):
    grid = {"hidden_size": [2, 3], "bidirectional": [False, True]}
    y = TARGETS[estimator_class]
    searches = [
        GridSearchCV(make_steps(estimator_class), grid, cv=2, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    ]
    serial, parallel = (
        search.fit(RAGGED, y).cv_results_["mean_test_score"] for search in searches
    )
    assert np.isfinite(serial).all()
    assert_array_equal(parallel, serial)
    results = [search.predict(RAGGED) for search in searches]
    assert [len(part) for part in results[0]] == LENGTHS
    assert_array_equal(np.concatenate(results[0]), np.concatenate(results[1]))
    assert searches[0].score(RAGGED, y) == searches[1].score(RAGGED, y)


def test_lists_of_lists():
    """`fit` takes them; scikit-learn's choice of folds, those of regressors only."""
    lists = [part.tolist() for part in LABELS]
    classifier = make_steps(RNNClassifier)
    expected = weights_of(make_steps(RNNClassifier).fit(RAGGED, LABELS))
    assert_array_equal(weights_of(classifier.fit(RAGGED, lists)), expected)
    with pytest.raises(ValueError, match="legacy multi-label data representation"):
        cross_val_score(classifier, RAGGED, lists, cv=3)
    scores = cross_val_score(classifier, RAGGED, lists, cv=KFold(3))
    assert_array_equal(scores, score_by_hand(classifier, RAGGED, LABELS))
    regressor, lists = make_steps(RNNRegressor), [part.tolist() for part in Y]
    scores = cross_val_score(regressor, [x.tolist() for x in RAGGED], lists, cv=3)
    assert_array_equal(scores, score_by_hand(regressor, RAGGED, Y))


@both
def test_other_tools(estimator_class):
    y, estimator = TARGETS[estimator_class], make_steps(estimator_class)
    X_train, X_test, y_train, y_test = train_test_split(RAGGED, y, random_state=0)
    assert [len(part) for part in y_test] == [len(x) for x in X_test]
    assert np.isfinite(estimator.fit(X_train, y_train).score(X_test, y_test))
    _, scores, _ = learning_curve(estimator, RAGGED, y, cv=2, train_sizes=[0.5, 1.0])
    assert np.isfinite(scores).all()


@both
def test_predictions_of_a_cross_validation(estimator_class):
    """Of sequences of one length: scikit-learn makes one array of all predictions."""
    y, estimator = ARRAY_TARGETS[estimator_class], make_steps(estimator_class)
    expected = np.empty(y.shape)
    for train, test in KFold(3).split(X):
        expected[test] = clone(estimator).fit(X[train], y[train]).predict(X[test])
    assert_array_equal(cross_val_predict(estimator, X, y, cv=3), expected)
    assert_array_equal(cross_val_predict(estimator, list(X), list(y), cv=3), expected)
    with pytest.raises(ValueError, match="inhomogeneous"):
        cross_val_predict(estimator, RAGGED, TARGETS[estimator_class], cv=3)


@both
def test_pipeline_with_a_scaler(estimator_class):
    y = TARGETS[estimator_class]
    pipeline = make_pipeline(SequenceScaler(), make_steps(estimator_class))
    pipeline.fit(RAGGED, y)
    scaled = SequenceScaler().fit_transform(RAGGED)
    expected = make_steps(estimator_class).fit(scaled, y)
    results = pipeline.predict(RAGGED)
    assert_array_equal(
        np.concatenate(results), np.concatenate(expected.predict(scaled))
    )
    assert pipeline.score(RAGGED, y) == expected.score(scaled, y)
    states = pipeline.transform(RAGGED)
    assert [part.shape for part in states] == [(length, 3) for length in LENGTHS]
    scores = cross_val_score(pipeline, RAGGED, y, cv=3, n_jobs=2)
    assert_array_equal(scores, score_by_hand(pipeline, RAGGED, y))


@both
@pytest.mark.parametrize("of_steps", [False, True])
def test_sample_weight_is_routed(estimator_class, of_steps):
    y = TARGETS[estimator_class]
    weights = WEIGHTS if of_steps else WEIGHTS_ARRAY[:, 0]
    expected = make_steps(estimator_class).fit(RAGGED, y, weights)
    with config_context(enable_metadata_routing=True):
        requesting = make_steps(estimator_class).set_fit_request(sample_weight=True)
        requesting.set_score_request(sample_weight=True)
        pipeline = make_pipeline(requesting).fit(RAGGED, y, sample_weight=weights)
        assert_array_equal(weights_of(pipeline[-1]), weights_of(expected))
        search = GridSearchCV(requesting, {"hidden_size": [3]}, cv=2)
        search.fit(RAGGED, y, sample_weight=weights)
        assert_array_equal(weights_of(search.best_estimator_), weights_of(expected))
        scores = cross_validate(
            requesting, RAGGED, y, cv=2, params={"sample_weight": weights}
        )["test_score"]
    plain = cross_val_score(make_steps(estimator_class), RAGGED, y, cv=2)
    assert (scores != plain).all()


# Saved and opened again

DEEP = {"n_layers": 2, "bidirectional": True, "dropout": 0.3}


@both
@pytest.mark.parametrize(
    "copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy]
)
def test_a_copy_goes_on_with_the_same_bits(estimator_class, copied):
    y = TARGETS[estimator_class]
    classes = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    estimator = make_steps(estimator_class, **DEEP).partial_fit(RAGGED, y, *classes)
    other = copied(estimator)
    assert_array_equal(other.predict(X), estimator.predict(X))
    other.partial_fit(RAGGED, y)
    assert estimator.n_iter_ == 1
    estimator.partial_fit(RAGGED, y)
    assert_array_equal(weights_of(other), weights_of(estimator))
    assert other.score(RAGGED, y) == estimator.score(RAGGED, y)


PREDICT = """
import sys
import joblib
estimators, X = joblib.load(sys.argv[1])
for estimator in estimators:
    for part in estimator.predict(X):
        print(part.tobytes().hex())
"""


def test_a_fresh_process_predicts_the_same_bits(tmp_path):
    estimators = [
        make_steps(RNNRegressor, **DEEP).fit(RAGGED, TWO),
        make_steps(RNNClassifier, **DEEP).fit(RAGGED, LABEL_COLUMNS),
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
        part.tobytes().hex()
        for estimator in estimators
        for part in estimator.predict(RAGGED)
    ]


# What fit was given


def read_only(array, path):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@both
def test_read_only_memmaps(estimator_class, tmp_path):
    y = ARRAY_TARGETS[estimator_class]
    expected = make_steps(estimator_class).fit(X, y, WEIGHTS_ARRAY)
    X_map, y_map, weights_map = (
        read_only(array, tmp_path / f"{name}.npy")
        for name, array in (("X", X), ("y", y), ("weights", WEIGHTS_ARRAY))
    )
    for forms in (
        (X_map, y_map, weights_map),
        (list(X_map), list(y_map), list(weights_map)),
    ):
        estimator = make_steps(estimator_class).fit(*forms)
        assert_array_equal(weights_of(estimator), weights_of(expected))
        assert estimator.score(*forms) == expected.score(X, y, WEIGHTS_ARRAY)
        estimator.partial_fit(*forms[:2])
        stream = estimator.stream(24)
        assert_array_equal(stream.predict(forms[0]), estimator.predict(X))
    assert not X_map.flags.writeable


@both
def test_inputs_are_not_changed(estimator_class):
    originals = RAGGED, TARGETS[estimator_class], WEIGHTS
    given = copy.deepcopy(originals)
    # Missing targets are filled in inside.
    missing = -1 if estimator_class is RNNClassifier else np.nan
    given[1][4][2] = missing
    originals = copy.deepcopy(given)
    estimator = make_steps(estimator_class)
    if estimator_class is RNNClassifier:
        estimator.set_params(ignore_label=-1)
    estimator.fit(*given).partial_fit(*given[:2]).score(*given)
    estimator.predict(given[0])
    for lists, expected in zip(given, originals, strict=True):
        for array, original in zip(lists, expected, strict=True):
            assert_array_equal(array, original)
            assert array.flags.writeable


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failed_fit_changes_nothing(estimator_class, method):
    y = TARGETS[estimator_class]
    estimator = make_steps(estimator_class).fit(RAGGED, y)
    before, private = state_of(estimator), vars(estimator).copy()
    for bad_y, bad_weights in (
        (y[:-1], None),
        (y[::-1], None),
        ([np.full(length, np.nan) for length in LENGTHS], None),
        (y, WEIGHTS[::-1]),
        (y, [0 * part for part in WEIGHTS]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            getattr(estimator, method)(RAGGED, bad_y, sample_weight=bad_weights)
        assert state_of(estimator) == before
        assert vars(estimator) == private


@both
@pytest.mark.parametrize("in_call", [1, 2])
def test_an_interrupted_partial_fit_changes_nothing(
    estimator_class, in_call, monkeypatch
):
    y = TARGETS[estimator_class]
    classes = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    estimator, expected = (
        make_steps(estimator_class, dropout=0.3, n_layers=2, bptt_steps=2)
        .partial_fit(RAGGED, y, *classes)
        .partial_fit(RAGGED, y)
        for _ in range(2)
    )
    real, calls = CPUBackend.loss_gradient, []

    def loss_gradient(*args, **kwargs):
        calls.append(None)
        if len(calls) == in_call:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(CPUBackend, "loss_gradient", loss_gradient)
    with pytest.raises(KeyboardInterrupt):
        estimator.partial_fit(RAGGED, y)
    monkeypatch.undo()
    for _ in range(2):
        estimator.partial_fit(RAGGED, y)
        expected.partial_fit(RAGGED, y)
        assert_array_equal(weights_of(estimator), weights_of(expected))
