"""SequenceScaler inside scikit-learn's tools: names, containers, pipelines.

scikit-learn's checks are those of all transformers of sequences of numbers.
"""

import copy
import pickle
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from small import LABELS, RAGGED, TARGETS, WEIGHTS, X, Y, make, output_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.preprocessing import (
    SequenceFeatures,
    SequenceImputer,
    SequenceScaler,
    StepTransformer,
)

ROWS = X.reshape(len(X), -1)
NAMES = [f"{name}_{t}" for t in range(5) for name in "ab"]
FRAME = pd.DataFrame(ROWS, columns=NAMES, index=range(100, 124))
INPUTS = {"rows": ROWS, "3D": X, "ragged": RAGGED}

both = pytest.mark.parametrize("estimator_class", TARGETS)
inputs = pytest.mark.parametrize("X_form", INPUTS.values(), ids=INPUTS)
#: For tables of two features a step; for other X it is as any scaler.
two = partial(SequenceScaler, n_features_per_step=2)


#: It wants `shape` of the result for a list of lists of numbers. That is a list, since
#: results for sequences of one length are as those for any (test_forms.py has both
#: halves of the check).
WANTS_AN_ARRAY = {
    "check_transformer_data_not_an_array": "A list of lists gives a list of arrays."
}


@parametrize_with_checks(
    [
        SequenceScaler(with_mean=with_mean, with_std=with_std)
        for with_mean in (True, False)
        for with_std in (True, False)
    ]
    + [SequenceFeatures(), SequenceFeatures("time")]
    + [SequenceImputer(), SequenceImputer("mean", features="all")]
    + [StepTransformer(StandardScaler()), StepTransformer(PCA(1))],
    expected_failed_checks=lambda estimator: WANTS_AN_ARRAY,
)
def test_estimator_check(estimator, check):
    check(estimator)


# Names and containers


def test_names_of_features():
    scaler = two().fit(FRAME)
    assert_array_equal(scaler.feature_names_in_, NAMES)
    assert_array_equal(scaler.get_feature_names_out(), NAMES)
    assert_array_equal(two().fit(RAGGED).get_feature_names_out(), ["x0", "x1"])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        scaler.transform(ROWS)


def test_the_way_back_needs_no_names():
    scaler = two().fit(FRAME)
    assert_allclose(scaler.inverse_transform(scaler.transform(FRAME)), ROWS)
    scaler.set_output(transform="pandas")
    assert_allclose(scaler.inverse_transform(scaler.transform(FRAME)), ROWS)


@inputs
def test_threads_leave_the_filters_of_warnings_alone(X_form, monkeypatch):
    # Of a frame, pandas looks at the types in such a block.
    scaler = two().fit(X_form)
    scaled = scaler.transform(X_form)

    def fail(*args, **kwargs):
        raise AssertionError("It saves and restores filters for the whole process.")

    with monkeypatch.context() as patch:
        patch.setattr("warnings.catch_warnings", fail)
        again = scaler.transform(X_form)
        back = scaler.inverse_transform(scaled)
    for x, x_again, x_back, original in zip(scaled, again, back, X_form, strict=True):
        assert_array_equal(x_again, x)
        assert_allclose(x_back, original)


def test_tables_as_pandas():
    expected = two().fit_transform(ROWS)
    scaler = two().set_output(transform="pandas")
    assert scaler.set_output() is scaler
    for frame in (scaler.fit_transform(FRAME), scaler.fit(FRAME).transform(FRAME)):
        assert list(frame.columns) == NAMES
        assert frame.index.equals(FRAME.index)
        assert_array_equal(frame, expected)
    assert type(clone(scaler).fit_transform(ROWS)) is pd.DataFrame
    assert type(scaler.set_output(transform="default").transform(FRAME)) is np.ndarray


@pytest.mark.parametrize("globally", [True, False])
def test_sequences_never_become_pandas(globally):
    scaler = SequenceScaler()
    if not globally:
        scaler.set_output(transform="pandas")
    with config_context(transform_output="pandas" if globally else "default"):
        assert type(scaler.fit_transform(X)) is np.ndarray
        result = scaler.fit_transform(RAGGED)
        assert type(result) is list
        assert {type(x) for x in result} == {np.ndarray}
        assert type(scaler.fit_transform(ROWS)) is pd.DataFrame


def test_a_table_after_sequences_as_pandas():
    scaler = two().fit(X).set_output(transform="pandas")
    frame = scaler.transform(FRAME.to_numpy())
    assert_array_equal(frame, two().fit_transform(ROWS))


def test_tags_and_text():
    tags = get_tags(SequenceScaler())
    assert tags.input_tags.three_d_array
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.sparse
    assert not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    assert repr(two(with_mean=False)) == (
        "SequenceScaler(n_features_per_step=2, with_mean=False)"
    )


@pytest.mark.parametrize(
    "copied", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy, copy.copy]
)
def test_copies(copied):
    scaler = SequenceScaler().fit(RAGGED)
    other = copied(scaler)
    expected = np.concatenate(scaler.transform(RAGGED))
    assert_array_equal(np.concatenate(other.transform(RAGGED)), expected)
    # A copy goes its own way.
    other.partial_fit([100 * x for x in RAGGED])
    assert_array_equal(np.concatenate(scaler.transform(RAGGED)), expected)
    assert set(vars(clone(scaler))) == set(scaler.get_params())


# Pipelines


@inputs
@both
def test_pipeline(estimator_class, X_form):
    y = TARGETS[estimator_class]
    pipeline = make_pipeline(two(), make(estimator_class, n_features_per_step=2))
    pipeline.fit(X_form, y)
    scaled = two().fit_transform(X_form)
    expected = make(estimator_class, n_features_per_step=2).fit(scaled, y)
    assert_array_equal(output_of(pipeline[-1], scaled), output_of(expected, scaled))
    assert_array_equal(pipeline.predict(X_form), expected.predict(scaled))


def test_pipeline_with_an_output_container():
    pipeline = make_pipeline(SequenceScaler(), make(RNNClassifier))
    expected = pipeline.fit(RAGGED, LABELS).predict_proba(RAGGED)
    pipeline.set_output(transform="pandas").fit(RAGGED, LABELS)
    assert_array_equal(pipeline.predict_proba(RAGGED), expected)


def test_pipeline_of_tables_with_missing_values():
    missing = FRAME.mask(FRAME > 2)
    pipeline = make_pipeline(two(), SimpleImputer(), make(RNNRegressor))
    assert np.isfinite(pipeline.fit(missing, Y).predict(missing)).all()


@inputs
def test_grid_search_in_two_processes(X_form):
    pipeline = make_pipeline(two(), make(RNNClassifier, n_features_per_step=2))
    grid = {"sequencescaler__with_mean": [True, False], "rnnclassifier__cell": ["rnn"]}
    searches = [
        GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(X_form, LABELS)
        for n_jobs in (1, 2)
    ]
    serial, parallel = (search.cv_results_["mean_test_score"] for search in searches)
    assert np.isfinite(serial).all()
    assert_array_equal(parallel, serial)
    assert_array_equal(searches[0].predict(X_form), searches[1].predict(X_form))


def test_a_search_with_missing_values_in_two_processes():
    missing = [np.where(x > 1, np.nan, x) for x in RAGGED]
    pipeline = make_pipeline(
        SequenceImputer(), StepTransformer(StandardScaler()), make(RNNClassifier)
    )
    grid = {"sequenceimputer__strategy": ["last", "mean"]}
    searches = [
        GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(missing, LABELS)
        for n_jobs in (1, 2)
    ]
    serial, parallel = (search.cv_results_["mean_test_score"] for search in searches)
    assert np.isfinite(serial).all()
    assert_array_equal(parallel, serial)
    best = searches[0].best_estimator_
    reopened = pickle.loads(pickle.dumps(best))
    assert_array_equal(reopened.predict_proba(missing), best.predict_proba(missing))


@inputs
def test_cross_validation_in_two_processes(X_form):
    pipeline = make_pipeline(two(), make(RNNRegressor, n_features_per_step=2))
    scores = cross_val_score(pipeline, X_form, Y, cv=3)
    assert np.isfinite(scores).all()
    assert_array_equal(cross_val_score(pipeline, X_form, Y, cv=3, n_jobs=2), scores)


def test_sample_weight_is_routed():
    network = make(RNNRegressor)
    expected = SequenceScaler().fit(RAGGED, sample_weight=WEIGHTS)
    with config_context(enable_metadata_routing=True):
        scaler = SequenceScaler().set_fit_request(sample_weight=True)
        network.set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, network)
        pipeline.fit(RAGGED, Y, sample_weight=WEIGHTS)
    assert_array_equal(pipeline[0].mean_, expected.mean_)
    assert pipeline[0].mean_[0] != SequenceScaler().fit(RAGGED).mean_[0]


def test_some_columns_of_a_table():
    transformer = make_column_transformer(
        (SequenceScaler(), NAMES[::2]), (SequenceScaler(), NAMES[1::2])
    )
    transformer.set_output(transform="pandas")
    result = transformer.fit_transform(FRAME)
    result.columns = [re.sub(".*__", "", name) for name in result.columns]
    assert_allclose(result[NAMES], two().fit_transform(ROWS))
