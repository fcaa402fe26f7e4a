"""The estimators inside scikit-learn's tools."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from small import (
    INDICATOR,
    LABELS,
    RAGGED,
    TARGETS,
    WEIGHTS,
    X,
    Y,
    first_partial_fit,
    make,
    output_of,
)

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)
ROWS = X.reshape(len(X), -1)
INPUTS = {"rows": ROWS, "3D": X, "ragged": RAGGED}
inputs = pytest.mark.parametrize("X_form", INPUTS.values(), ids=INPUTS)


# Parameters and what is said of an estimator


@both
def test_parameters_come_and_go(estimator_class):
    estimator = estimator_class("lstm", 17)
    assert (estimator.cell, estimator.hidden_size) == ("lstm", 17)
    assert estimator.set_params(hidden_size=5, alpha=0.5) is estimator
    assert clone(estimator).get_params() == estimator.get_params()
    with pytest.raises(ValueError, match="Invalid parameter 'n_heads'"):
        estimator.set_params(n_heads=2)
    with pytest.raises(TypeError, match="positional arguments"):
        estimator_class("lstm", 17, "tanh")


def test_both_have_the_same_parameters_and_nearly_the_same_defaults():
    parameters = RNNRegressor().get_params()
    assert parameters.pop("normalize_y") is True
    assert parameters.pop("loss") == "squared_error"
    del parameters["quantiles"], parameters["delta"]  # of some losses
    classifier_parameters = RNNClassifier().get_params()
    assert classifier_parameters.pop("ignore_label") is None
    assert classifier_parameters.pop("class_weight") is None
    assert classifier_parameters.pop("label_smoothing") == 0
    different = {
        name: (value, classifier_parameters[name])
        for name, value in parameters.items()
        if value != classifier_parameters[name]
    }
    assert different == {
        "pooling": ("last", "max"),
        "layer_norm": (False, True),
        "early_stopping": ("auto", False),
        "embedding_dropout": (0.0, "auto"),
        "ngram_length": (1, "auto"),
    }
    assert parameters.keys() == classifier_parameters.keys()


@both
def test_html(estimator_class):
    unfitted = make(estimator_class, cell="lstm")._repr_html_()
    fitted = make(estimator_class).fit(X, TARGETS[estimator_class])._repr_html_()
    assert estimator_class.__name__ in unfitted
    assert "hidden_size" in unfitted
    assert "Not fitted" in unfitted
    assert "Not fitted" not in fitted


def test_text():
    assert repr(RNNClassifier("lstm", 9)) == "RNNClassifier(cell='lstm', hidden_size=9)"


def test_tags():
    for estimator in (RNNClassifier(), RNNRegressor()):
        tags = get_tags(estimator)
        assert tags.input_tags.two_d_array
        assert tags.input_tags.three_d_array
        assert not tags.input_tags.sparse
        assert not tags.input_tags.allow_nan
        assert tags.target_tags.required
    assert is_classifier(RNNClassifier())
    assert is_regressor(RNNRegressor())
    assert get_tags(RNNClassifier()).classifier_tags.multi_label
    assert get_tags(RNNClassifier()).target_tags.multi_output
    assert get_tags(RNNRegressor()).target_tags.multi_output


# Model selection


@inputs
@both
def test_grid_search_in_two_processes(estimator_class, X_form):
    grid = {"cell": ["rnn", "lstm", "gru"], "hidden_size": [2, 3]}
    y = TARGETS[estimator_class]
    searches = [
        GridSearchCV(make(estimator_class), grid, cv=2, n_jobs=n_jobs).fit(X_form, y)
        for n_jobs in (1, 2)
    ]
    serial, parallel = (search.cv_results_["mean_test_score"] for search in searches)
    assert np.isfinite(serial).all()
    assert_array_equal(parallel, serial)
    assert_array_equal(searches[0].predict(X_form), searches[1].predict(X_form))


@inputs
@both
def test_cross_validation(estimator_class, X_form):
    y = TARGETS[estimator_class]
    scores = cross_val_score(make(estimator_class), X_form, y, cv=3)
    assert np.isfinite(scores).all()
    assert cross_val_predict(make(estimator_class), X_form, y, cv=3).shape == (24,)
    _, train_scores, _ = learning_curve(
        make(estimator_class), X_form, y, cv=2, train_sizes=[0.5, 1.0]
    )
    assert np.isfinite(train_scores).all()


# Meta-estimators


@both
def test_pipeline(estimator_class):
    y = TARGETS[estimator_class]
    pipeline = make_pipeline(StandardScaler(), make(estimator_class)).fit(ROWS, y)
    scaled = StandardScaler().fit_transform(ROWS)
    expected = make(estimator_class).fit(scaled, y)
    assert_array_equal(pipeline.predict(ROWS), expected.predict(scaled))


def test_pipeline_of_rows_with_several_features():
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, make(RNNClassifier, n_features_per_step=2))
    pipeline.fit(ROWS, LABELS)
    assert pipeline[-1].n_features_per_step_ == 2
    assert pipeline.n_features_in_ == pipeline[-1].n_features_in_ == 10


@inputs
def test_voting(X_form):
    members = [(cell, make(RNNClassifier, cell=cell)) for cell in ("rnn", "lstm")]
    voting = VotingClassifier(members, voting="soft").fit(X_form, LABELS)
    expected = np.mean([m.predict_proba(X_form) for m in voting.estimators_], axis=0)
    assert_array_equal(voting.predict_proba(X_form), expected)


@inputs
def test_calibration(X_form):
    calibrated = CalibratedClassifierCV(make(RNNClassifier), cv=2)
    probabilities = calibrated.fit(X_form, LABELS).predict_proba(X_form)
    assert probabilities.shape == (24, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_stacking():
    stacking = StackingClassifier(
        [("rnn", make(RNNClassifier))], LogisticRegression(), cv=2
    )
    assert stacking.fit(X, LABELS).predict(X).shape == (24,)


def test_one_network_for_each_output():
    regressor = MultiOutputRegressor(make(RNNRegressor)).fit(ROWS, np.c_[Y, -Y])
    assert regressor.predict(ROWS).shape == (24, 2)
    classifier = OneVsRestClassifier(make(RNNClassifier)).fit(ROWS, INDICATOR)
    assert classifier.predict(ROWS).shape == (24, 3)


def test_bagging():
    bagging = BaggingRegressor(make(RNNRegressor), 3, random_state=0).fit(ROWS, Y)
    assert bagging.predict(ROWS).shape == (24,)


@both
def test_permutation_importance(estimator_class):
    # Only the first of three columns says something.
    rows = np.random.default_rng(0).standard_normal((60, 3))
    y = rows[:, 0] > 0 if estimator_class is RNNClassifier else rows[:, 0]
    estimator = make(estimator_class, hidden_size=8, max_iter=60).fit(rows, y)
    result = permutation_importance(estimator, rows, y, random_state=0)
    assert result.importances_mean.argmax() == 0


# Metadata


@inputs
@both
def test_sample_weight_is_routed(estimator_class, X_form):
    y = TARGETS[estimator_class]
    expected = make(estimator_class).fit(X_form, y, WEIGHTS)
    with config_context(enable_metadata_routing=True):
        requesting = make(estimator_class).set_fit_request(sample_weight=True)
        requesting.set_score_request(sample_weight=True)
        pipeline = make_pipeline(requesting).fit(X_form, y, sample_weight=WEIGHTS)
        assert_array_equal(output_of(pipeline[-1], X_form), output_of(expected, X_form))

        search = GridSearchCV(requesting, {"hidden_size": [3]}, cv=2, n_jobs=2)
        search.fit(X_form, y, sample_weight=WEIGHTS)
        assert_array_equal(
            output_of(search.best_estimator_, X_form), output_of(expected, X_form)
        )
        scores = cross_validate(
            requesting, X_form, y, cv=2, params={"sample_weight": WEIGHTS}
        )["test_score"]
    plain = cross_val_score(make(estimator_class), X_form, y, cv=2)
    assert (scores != plain).all()


def test_sample_weight_must_be_asked_for():
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(make(RNNRegressor), {"hidden_size": [3]}, cv=2)
        message = re.escape("[sample_weight] are passed but are not explicitly set")
        with pytest.raises(UnsetMetadataPassedError, match=message):
            search.fit(X, Y, sample_weight=WEIGHTS)


@both
def test_partial_fit_has_a_request(estimator_class):
    with config_context(enable_metadata_routing=True):
        estimator = make(estimator_class).set_partial_fit_request(sample_weight=True)
        requests = estimator.get_metadata_routing().partial_fit.requests
    assert requests["sample_weight"] is True
    first_partial_fit(estimator, X, TARGETS[estimator_class], sample_weight=WEIGHTS)
