"""All that fit takes beside X and y, on its way through scikit-learn's tools.

What arrives is told by the bits: those of an estimator that was given the same by hand.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils.class_weight import compute_sample_weight
from small import RAGGED, TARGETS, WEIGHTS, X, make

from skrnn import RNNClassifier
from skrnn.preprocessing import SequenceScaler

both = pytest.mark.parametrize("estimator_class", TARGETS)
INPUTS = {"rows": X.reshape(len(X), -1), "3D": X, "ragged": RAGGED}
inputs = pytest.mark.parametrize("form", INPUTS)
CV = KFold(3)
# The best epoch is not always the last one.
STOPPING = {"early_stopping": True, "max_iter": 6, "learning_rate_init": 0.1}


@pytest.fixture(autouse=True)
def _routing():
    with config_context(enable_metadata_routing=True):
        yield


def make_requesting(estimator_class, **parameters):
    """An estimator that asks for everything."""
    estimator = make(estimator_class, **STOPPING | parameters)
    names = ("sample_weight", "X_val", "y_val", "sample_weight_val", "init_weights")
    estimator.set_fit_request(**dict.fromkeys(names, True))
    return estimator.set_score_request(sample_weight=True)


def make_data(estimator_class, form, n_val=10):
    """X, y, and everything else; the validation data are another number of samples."""
    X, y = INPUTS[form], TARGETS[estimator_class]
    metadata = {
        "sample_weight": WEIGHTS,
        "X_val": X[:n_val],
        "y_val": y[:n_val],
        "sample_weight_val": WEIGHTS[::-1][:n_val],
        "init_weights": make(estimator_class, random_state=1).fit(X, y).get_weights(),
    }
    return X, y, metadata


def fit_by_hand(estimator, X, y, metadata, rows=None, split=("sample_weight",)):
    """A new estimator, fitted to some rows; `split` names the metadata cut like X."""
    if rows is not None:
        X, y = _safe_indexing(X, rows), y[rows]
        metadata = metadata | {n: _safe_indexing(metadata[n], rows) for n in split}
    return clone(estimator).fit(X, y, **metadata)


def assert_same(estimator, expected):
    """The same weights, and the same way there."""
    assert estimator.loss_curve_ == expected.loss_curve_
    assert estimator.validation_scores_ == expected.validation_scores_
    weights = expected.get_weights()
    for name, weight in estimator.get_weights().items():
        assert_array_equal(weight, weights[name], err_msg=name)


@both
@pytest.mark.parametrize(
    "name", ["sample_weight", "sample_weight_val", "init_weights", ("X_val", "y_val")]
)
def test_everything_makes_a_difference(estimator_class, name):
    """Otherwise the tests below would not see whether it arrives."""
    X, y, metadata = make_data(estimator_class, "3D")
    estimator = make_requesting(estimator_class)
    expected = fit_by_hand(estimator, X, y, metadata)
    if name == ("X_val", "y_val"):
        metadata.pop("sample_weight_val")
    for one in [name] if isinstance(name, str) else name:
        metadata.pop(one)
    other = fit_by_hand(estimator, X, y, metadata)
    assert other.validation_scores_ != expected.validation_scores_


# Pipelines


def make_scaler(form):
    scaler = StandardScaler() if form == "rows" else SequenceScaler()
    return scaler.set_fit_request(sample_weight=False)


def fit_scaled_by_hand(estimator, form, X, y, metadata, rows=None):
    """As a pipeline does it: the scaler sees what is learned from, and no more."""
    X_seen = X if rows is None else _safe_indexing(X, rows)
    scaler = make_scaler(form).fit(X_seen)
    metadata = metadata | {"X_val": scaler.transform(metadata["X_val"])}
    return fit_by_hand(estimator, scaler.transform(X), y, metadata, rows)


@inputs
@both
def test_pipeline(estimator_class, form):
    X, y, metadata = make_data(estimator_class, form)
    estimator = make_requesting(estimator_class)
    expected = fit_scaled_by_hand(estimator, form, X, y, metadata)
    pipeline = make_pipeline(make_scaler(form), estimator, transform_input=["X_val"])
    pipeline.fit(X, y, **metadata)
    assert_same(pipeline[-1], expected)


@inputs
@both
def test_cross_validation_of_a_pipeline(estimator_class, form):
    X, y, metadata = make_data(estimator_class, form)
    estimator = make_requesting(estimator_class)
    pipeline = make_pipeline(make_scaler(form), estimator, transform_input=["X_val"])
    result = cross_validate(
        pipeline, X, y, cv=CV, params=metadata, return_estimator=True
    )
    for (rows, _), fitted in zip(CV.split(X), result["estimator"], strict=True):
        expected = fit_scaled_by_hand(estimator, form, X, y, metadata, rows)
        assert_same(fitted[-1], expected)


# Cross-validation and search


def scores_by_hand(estimator, X, y, metadata, split=("sample_weight",)):
    """The weighted score of each split."""
    scores = []
    for rows, test_rows in CV.split(X):
        fitted = fit_by_hand(estimator, X, y, metadata, rows, split)
        X_test = _safe_indexing(X, test_rows)
        scores.append(fitted.score(X_test, y[test_rows], WEIGHTS[test_rows]))
    return scores


@inputs
@both
def test_cross_validation(estimator_class, form):
    X, y, metadata = make_data(estimator_class, form)
    estimator = make_requesting(estimator_class)
    result = cross_validate(
        estimator, X, y, cv=CV, params=metadata, return_estimator=True
    )
    assert result["test_score"].tolist() == scores_by_hand(estimator, X, y, metadata)
    for (rows, _), fitted in zip(CV.split(X), result["estimator"], strict=True):
        assert_same(fitted, fit_by_hand(estimator, X, y, metadata, rows))


@inputs
@both
def test_grid_search(estimator_class, form):
    X, y, metadata = make_data(estimator_class, form)
    estimator = make_requesting(estimator_class)
    grid = {"alpha": [0.0, 1.0]}
    search = GridSearchCV(estimator, grid, cv=CV, error_score="raise")
    search.fit(X, y, **metadata)
    for i, parameters in enumerate(search.cv_results_["params"]):
        candidate = clone(estimator).set_params(**parameters)
        scores = [search.cv_results_[f"split{k}_test_score"][i] for k in range(3)]
        assert scores == scores_by_hand(candidate, X, y, metadata)
    expected = clone(estimator).set_params(**search.best_params_)
    assert_same(search.best_estimator_, fit_by_hand(expected, X, y, metadata))


@both
def test_an_estimator_as_init_weights(estimator_class):
    X, y, metadata = make_data(estimator_class, "ragged")
    metadata["init_weights"] = make(estimator_class, random_state=1).fit(X, y)
    estimator = make_requesting(estimator_class)
    result = cross_validate(
        estimator, X, y, cv=CV, params=metadata, return_estimator=True
    )
    for (rows, _), fitted in zip(CV.split(X), result["estimator"], strict=True):
        assert_same(fitted, fit_by_hand(estimator, X, y, metadata, rows))


@inputs
@both
def test_validation_data_as_long_as_X_are_split_with_it(estimator_class, form):
    """So scikit-learn treats all metadata of that length: pairs stay pairs."""
    X, y, metadata = make_data(estimator_class, form, n_val=len(WEIGHTS))
    estimator = make_requesting(estimator_class)
    result = cross_validate(
        estimator, X, y, cv=CV, params=metadata, return_estimator=True
    )
    split = [name for name in metadata if name != "init_weights"]
    for (rows, _), fitted in zip(CV.split(X), result["estimator"], strict=True):
        assert_same(fitted, fit_by_hand(estimator, X, y, metadata, rows, split))


# Weights of classes


def with_class_weights(metadata, y, class_weight):
    """The same metadata, with the product of both weights."""
    factors = compute_sample_weight(class_weight, y)
    return metadata | {"sample_weight": metadata["sample_weight"] * factors}


CLASS_WEIGHTS = {"dict": {0: 3.0, 2: 0.3}, "balanced": "balanced"}


@inputs
@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS.values(), ids=CLASS_WEIGHTS)
def test_class_weights_multiply_sample_weights(class_weight, form):
    X, y, metadata = make_data(RNNClassifier, form)
    y = np.where(np.arange(24) % 5 == 0, 0, y)  # classes of different sizes
    plain = make_requesting(RNNClassifier)
    weighting = make_requesting(RNNClassifier, class_weight=class_weight)
    product = with_class_weights(metadata, y, class_weight)
    expected = fit_by_hand(plain, X, y, product)
    assert_same(fit_by_hand(weighting, X, y, metadata), expected)
    assert expected.loss_ != fit_by_hand(plain, X, y, metadata).loss_

    pipeline = make_pipeline("passthrough", weighting).fit(X, y, **metadata)
    assert_same(pipeline[-1], expected)
    search = GridSearchCV(weighting, {"hidden_size": [3]}, cv=CV, error_score="raise")
    search.fit(X, y, **metadata)
    assert_same(search.best_estimator_, expected)

    result = cross_validate(
        weighting, X, y, cv=CV, params=metadata, return_estimator=True
    )
    scores = [search.cv_results_[f"split{k}_test_score"][0] for k in range(3)]
    assert result["test_score"].tolist() == scores
    for (rows, _), fitted in zip(CV.split(X), result["estimator"], strict=True):
        # "balanced" counts the labels that are learned from.
        factors = np.zeros(len(y))
        factors[rows] = compute_sample_weight(class_weight, y[rows])
        product = metadata | {"sample_weight": WEIGHTS * factors}
        assert_same(fitted, fit_by_hand(plain, X, y, product, rows))
