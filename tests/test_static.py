"""Static features: a table with a row for each sequence, beside X.

Where a frame is one step they are what columns of X are that have the same number at
all steps of a sequence, so a network with such columns is what most tests here compare
with, bit by bit.
"""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from small import (
    INDICATOR,
    LABELS,
    RAGGED,
    TARGETS,
    WEIGHTS,
    X,
    first_partial_fit,
    make,
)
from small_steps import Y as STEP_Y

from skrnn import RNNClassifier, RNNRegressor
from skrnn.preprocessing import SequenceScaler

both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(3)
AGES = _rng.normal(50, 10, 24)
SITES = np.array(["Bonn", "Ulm", "Kiel"], object)[_rng.integers(3, size=24)]
STATIC = pd.DataFrame({"age": AGES, "site": SITES, "dose": np.arange(24) % 4})
CV = KFold(3)


def encoded(static, of=STATIC):
    """The numbers that the network gets, for a table like the one of fit."""
    numbers = [(static[k] - of[k].mean()) / of[k].std(ddof=0) for k in ("age", "dose")]
    sites = [
        np.where(static["site"].isin(of["site"]), static["site"] == site, share) - share
        for site, share in of["site"].value_counts(normalize=True).sort_index().items()
    ]
    return np.column_stack([*numbers, *sites])


def beside(sequences, rows):
    """Sequences with the same numbers beside all steps of each."""
    return [
        np.hstack([x, np.tile(row, (len(x), 1))])
        for x, row in zip(sequences, rows, strict=True)
    ]


def assert_same_weights(estimator, expected):
    weights = expected.get_weights()
    for name, weight in estimator.get_weights().items():
        assert_array_equal(weight, weights[name], err_msg=name)


# What the network gets


@both
def test_they_are_inputs_of_all_steps(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, learning_rate_init=0.1)
    estimator.fit(RAGGED, y, WEIGHTS, static=STATIC)
    repeated = beside(RAGGED, encoded(STATIC))
    expected = make(estimator_class, learning_rate_init=0.1).fit(repeated, y, WEIGHTS)
    assert_same_weights(estimator, expected)
    for name in ("predict", "transform"):
        found = getattr(estimator, name)(RAGGED, static=STATIC)
        assert_array_equal(found, getattr(expected, name)(repeated))
    score = estimator.score(RAGGED, y, WEIGHTS, static=STATIC)
    assert score == expected.score(repeated, y, WEIGHTS)
    states = clone(estimator).fit_transform(
        RAGGED, y, sample_weight=WEIGHTS, static=STATIC
    )
    assert_array_equal(states, expected.transform(repeated))
    assert estimator.n_features_in_ == 2
    assert estimator.n_static_features_in_ == 3
    assert estimator.static_feature_names_in_.tolist() == ["age", "site", "dose"]
    assert not hasattr(expected, "n_static_features_in_")


def test_probabilities_and_attention():
    classifier = make(RNNClassifier, pooling="attention")
    classifier.fit(X, INDICATOR, static=STATIC)
    repeated = beside(X, encoded(STATIC))
    expected = make(RNNClassifier, pooling="attention").fit(repeated, INDICATOR)
    for name in ("predict_proba", "predict_log_proba", "attention_weights"):
        found = getattr(classifier, name)(X, static=STATIC)
        assert_array_equal(found, getattr(expected, name)(repeated))


def test_intervals():
    y, parameters = TARGETS[RNNRegressor], {"loss": "gaussian", "max_iter": 1}
    regressor = make(RNNRegressor, **parameters).fit(X, y, static=STATIC)
    repeated = beside(X, encoded(STATIC))
    expected = make(RNNRegressor, **parameters).fit(repeated, y)
    found = regressor.predict_interval(X, 0.5, static=STATIC)
    assert_array_equal(found, expected.predict_interval(repeated, 0.5))
    found = regressor.predict(X, return_std=True, static=STATIC)
    assert_array_equal(found, expected.predict(repeated, return_std=True))


def test_a_target_for_every_step_and_streams():
    regressor = make(RNNRegressor, return_sequences=True)
    regressor.fit(RAGGED, STEP_Y, static=STATIC)
    repeated = beside(RAGGED, encoded(STATIC))
    expected = make(RNNRegressor, return_sequences=True).fit(repeated, STEP_Y)
    assert_same_weights(regressor, expected)
    predicted = regressor.predict(X, static=STATIC)
    stream = pickle.loads(pickle.dumps(regressor.stream(24, static=STATIC)))
    pieces = stream.predict(X[:, :2]), stream.predict(X[:, 2:])
    assert_array_equal(np.concatenate(pieces, axis=1), predicted)
    with pytest.raises(ValueError, match="24 rows and 3 columns, but there are 1 seq"):
        regressor.stream(static=STATIC)


def test_beside_frames_the_time_and_categories():
    """Frames have them once; of their gradients all kernels' tests know."""
    tokens = [np.round(x[:, 0]).astype(int).astype(str).tolist() for x in RAGGED]
    parameters = {"categorical_features": "all", "add_time": True, "ngram_length": 2}
    classifier = make(RNNClassifier, **parameters).fit(tokens, LABELS, static=STATIC)
    regressor = make(RNNRegressor, frame_length=3, hop_length=2)
    regressor.fit(RAGGED, TARGETS[RNNRegressor], static=STATIC)
    assert regressor.get_weights()["weight_ih_l0"].shape == (9, 3 * 2 + 5)
    for estimator, data in ((classifier, tokens), (regressor, RAGGED)):
        other = STATIC.iloc[::-1]
        found = [estimator.predict(data, static=s) for s in (STATIC, other)]
        stream = estimator.stream(24, static=STATIC)
        for t in range(5):
            piece = [x[t : t + 1] for x in data]
            last = stream.predict(piece)
        assert_array_equal(last, found[0])
        assert not np.array_equal(*found)


UNSEEN = {
    "unseen": (["Rom"] * 24, [0.0, 0.0, 0.0]),
    "missing": ([None] * 24, [0.0, 0.0, 0.0]),
    "a category": (pd.Categorical(["Ulm"] * 24), None),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_an_unseen_category_is_the_mean_of_all(case):
    regressor = make(RNNRegressor).fit(X, TARGETS[RNNRegressor], static=STATIC)
    repeated = beside(X, encoded(STATIC))
    expected = make(RNNRegressor).fit(repeated, TARGETS[RNNRegressor])
    sites, numbers = UNSEEN[case]
    rows = encoded(STATIC.assign(site=np.asarray(sites, object)))
    if numbers is not None:
        assert_allclose(rows[:, 2:], [numbers] * 24)
    found = regressor.predict(X, static=STATIC.assign(site=sites))
    assert_array_equal(found, expected.predict(beside(X, rows)))


def test_what_is_missing_at_fit_is_a_category():
    sites = np.where(np.arange(24) % 5 == 0, None, SITES)
    known = STATIC.assign(site=np.where(np.arange(24) % 5 == 0, "~", SITES))
    regressor, expected = (
        make(RNNRegressor).fit(X, TARGETS[RNNRegressor], static=static)
        for static in (STATIC.assign(site=sites), known)
    )
    assert_same_weights(regressor, expected)


FORMS = {
    "DataFrame": STATIC[["age", "dose"]].set_index(np.arange(24)[::-1]),
    "array": STATIC[["age", "dose"]].to_numpy(),
    "lists": STATIC[["age", "dose"]].to_numpy().tolist(),
    "objects": STATIC[["age", "dose"]].to_numpy(object),
    "Fortran order": np.asfortranarray(STATIC[["age", "dose"]].to_numpy()),
    "nullable": STATIC[["age", "dose"]].astype({"dose": "Int64"}),
    "booleans beside": STATIC[["age"]].assign(b=np.arange(24) % 4),
}


@pytest.mark.filterwarnings("ignore:The columns of static have no names")
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_table(form):
    y = TARGETS[RNNRegressor]
    expected = make(RNNRegressor).fit(X, y, static=FORMS["array"])
    regressor = make(RNNRegressor).fit(X, y, static=FORMS[form])
    assert_same_weights(regressor, expected)
    found = regressor.predict(X, static=FORMS[form])
    assert_array_equal(found, expected.predict(X, static=FORMS["array"]))


def test_columns_of_any_numbers():
    """Few bits, flags, read-only, equal ones, and whole numbers that are categories."""
    read_only = np.column_stack([AGES.astype("float16"), np.arange(24) % 2 == 0])
    read_only.flags.writeable = False
    flags = {"age": AGES.astype("float16"), "flag": np.arange(24) % 2 == 0}
    y, tables = TARGETS[RNNRegressor], [read_only, pd.DataFrame(flags)]
    fitted = [make(RNNRegressor).fit(X, y, static=table) for table in tables]
    assert_same_weights(*fitted)
    equal = make(RNNRegressor).fit(X, y, static=np.full((24, 1), 7))
    one = equal.predict(X, static=np.full((24, 1), 7))
    assert_array_equal(one, equal.predict(X, static=np.full((24, 1), 7.0)))
    coded = STATIC.assign(dose=STATIC["dose"].astype("category"))
    assert _n_inputs(make(RNNRegressor).fit(X, y, static=coded)) == 2 + 1 + 3 + 4
    mixed = [[age, site] for age, site in zip(AGES, SITES, strict=True)]
    assert _n_inputs(make(RNNRegressor).fit(X, y, static=mixed)) == 2 + 1 + 3


def _n_inputs(estimator):
    return estimator.get_weights()["weight_ih_l0"].shape[1]


def test_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({name: list(STATIC[name]) for name in STATIC})
    y = TARGETS[RNNRegressor]
    expected = make(RNNRegressor).fit(X, y, static=STATIC)
    for table in (
        frame,
        frame.with_columns(
            polars.col("site").cast(polars.Enum(["Kiel", "Bonn", "Ulm"]))
        ),
    ):
        regressor = make(RNNRegressor).fit(X, y, static=table)
        assert_same_weights(regressor, expected)
        with pytest.raises(TypeError, match=r"LazyFrame\. Pass static\.collect\(\)"):
            regressor.predict(X, static=frame.lazy())
        found = regressor.predict(X, static=STATIC)
        assert_array_equal(found, expected.predict(X, static=table))


# Training


@both
def test_training_goes_on_with_the_first_units(estimator_class):
    y, later = TARGETS[estimator_class], STATIC.assign(age=AGES + 5)
    estimator = make(estimator_class)
    first_partial_fit(estimator, X, y, static=STATIC)
    expected = make(estimator_class)
    first_partial_fit(expected, beside(X, encoded(STATIC)), y)
    estimator.partial_fit(X, y, static=later)
    expected.partial_fit(beside(X, encoded(later)), y)
    assert_same_weights(estimator, expected)
    estimator.set_params(warm_start=True).fit(X, y, static=later)
    expected.set_params(warm_start=True).fit(beside(X, encoded(later)), y)
    assert_same_weights(estimator, expected)
    with pytest.raises(ValueError, match="was fitted with 3 static features: pass st"):
        estimator.fit(X, y)
    with pytest.raises(ValueError, match="was fitted without static features"):
        expected.fit(beside(X, encoded(later)), y, static=STATIC)


@both
@pytest.mark.parametrize("given", [False, True])
def test_early_stopping(estimator_class, given):
    y, rows = TARGETS[estimator_class], encoded(STATIC)
    parameters = {"early_stopping": True, "learning_rate_init": 0.1}
    estimator, expected = (make(estimator_class, **parameters) for _ in range(2))
    options, like = {}, {}
    if given:
        options = {"X_val": X[:9], "y_val": y[:9], "static_val": STATIC[:9]}
        like = {"X_val": beside(X[:9], rows[:9]), "y_val": y[:9]}
    estimator.fit(X, y, static=STATIC, **options)
    expected.fit(beside(X, rows), y, **like)
    assert estimator.validation_scores_ == expected.validation_scores_
    assert_same_weights(estimator, expected)


def test_validation_data_have_them_as_well():
    y = TARGETS[RNNRegressor]
    regressor = make(RNNRegressor, early_stopping=True)
    with pytest.raises(ValueError, match="3 static features: pass static_val"):
        regressor.fit(X, y, static=STATIC, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="static_val is provided, but X_val"):
        regressor.fit(X, y, static=STATIC, static_val=STATIC)
    with pytest.raises(ValueError, match="static_val was passed, but .* without"):
        regressor.fit(X, y, X_val=X, y_val=y, static_val=STATIC)


#: So that weights stay where they start.
STILL = {"max_iter": 1, "learning_rate_init": 1e-30, "solver": "sgd"}


def test_weights_without_static_features_begin_as_they_were():
    y = TARGETS[RNNRegressor]
    other = make(RNNRegressor).fit(X, y)
    for start in (other, other.get_weights()):
        regressor = make(RNNRegressor, **STILL)
        regressor.fit(X, y, static=STATIC, init_weights=start)
        found = regressor.predict(X, static=STATIC)
        assert_allclose(found, other.predict(X), rtol=1e-5)
    with pytest.raises(ValueError, match=r"'weight_ih_l0'\] must have shape \(9, 2\)"):
        make(RNNRegressor).fit(X, y, init_weights=regressor)


def test_weights_with_static_features_keep_units_and_categories():
    """So that a network begins as it was, whatever other rows it is to learn."""
    y = TARGETS[RNNRegressor]
    other = make(RNNRegressor).fit(X, y, static=STATIC)
    sites = np.where(np.arange(24) < 2, "Aarhus", SITES)
    table = STATIC.assign(site=sites, age=2 * AGES)[["dose", "age", "site"]]
    regressor = make(RNNRegressor, **STILL)
    regressor.fit(X, y, static=table, init_weights=other)
    dose, age, aarhus, *sites = regressor.get_weights()["weight_ih_l0"][:, 2:].T
    before = other.get_weights()["weight_ih_l0"][:, 2:].T
    assert_array_equal([age, dose, *sites], before)
    assert_allclose(aarhus, 0, atol=1e-20)
    found = regressor.predict(X, static=STATIC[["dose", "age", "site"]])
    assert_allclose(found, other.predict(X, static=STATIC), rtol=1e-5)


# scikit-learn's tools


@pytest.fixture
def _routing():
    with config_context(enable_metadata_routing=True):
        yield


def requesting(estimator_class, **parameters):
    estimator = make(estimator_class, **parameters).set_fit_request(static=True)
    estimator.set_predict_request(static=True).set_transform_request(static=True)
    return estimator.set_score_request(static=True)


@both
@pytest.mark.usefixtures("_routing")
def test_pipeline_and_cross_validation(estimator_class):
    y, scaler = TARGETS[estimator_class], SequenceScaler()
    pipeline = make_pipeline(scaler, requesting(estimator_class))
    pipeline.fit(RAGGED, y, static=STATIC)
    scaled = scaler.fit_transform(RAGGED)
    expected = make(estimator_class).fit(scaled, y, static=STATIC)
    assert_same_weights(pipeline[-1], expected)
    for name in ("predict", "transform"):
        found = getattr(pipeline, name)(RAGGED, static=STATIC)
        assert_array_equal(found, getattr(expected, name)(scaled, static=STATIC))
    states = pipeline.fit_transform(RAGGED, y, static=STATIC)
    assert_array_equal(states, expected.transform(scaled, static=STATIC))
    result = cross_validate(
        requesting(estimator_class), X, y, cv=CV, params={"static": STATIC}
    )
    for score, (rows, others) in zip(result["test_score"], CV.split(X), strict=True):
        fitted = make(estimator_class)
        fitted.fit(X[rows], y[rows], static=STATIC.iloc[rows])
        assert score == fitted.score(X[others], y[others], static=STATIC.iloc[others])


@pytest.mark.usefixtures("_routing")
def test_grid_search():
    grid = {"alpha": [0.0, 1.0]}
    search = GridSearchCV(requesting(RNNClassifier), grid, cv=CV, error_score="raise")
    search.fit(X, LABELS, static=STATIC)
    best = make(RNNClassifier, **search.best_params_).fit(X, LABELS, static=STATIC)
    assert_same_weights(search.best_estimator_, best)
    score = search.score(X, LABELS, static=STATIC)
    assert score == best.score(X, LABELS, static=STATIC)


# What is refused

BAD = {
    "rows": (STATIC[:5], "5 rows and 3 columns, but there are 24 sequences"),
    "order": (STATIC[["site", "age", "dose"]], "other columns than fit saw, or in an"),
    "names": (STATIC.rename(columns={"age": "a"}), r"\['a', 'site', 'dose'\], but f"),
    "fewer": (np.zeros((24, 2)), "has 2 columns, but RNNRegressor was fitted with 3"),
    "none": (None, "was fitted with 3 static features: pass static, a table"),
    "missing": (
        STATIC.assign(age=np.where(AGES > 50, np.nan, 50)),
        r"'age' of static has NaN in \d+ of 24 rows, first in row \d+.* SimpleImputer",
    ),
    "infinite": (STATIC.assign(age=-np.inf), "'age' of static has -inf in row 0"),
    "too large": (STATIC.assign(age=1e300), "'age' .* too large for float32"),
    "texts": (STATIC.assign(age="old"), "'age' .* has texts or categories, but fit s"),
    "numbers": (STATIC.assign(site=3), "'site' of static has values of type int, but"),
}


@pytest.mark.parametrize("case", BAD)
def test_other_tables_are_refused(case):
    regressor = make(RNNRegressor).fit(X, TARGETS[RNNRegressor], static=STATIC)
    static, message = BAD[case]
    with pytest.raises((TypeError, ValueError), match=message):
        regressor.predict(X, static=static)


BAD_AT_FIT = {
    "one dimension": (AGES, r"with dim 1. Pass np.reshape\(static, \(-1, 1\)\)"),
    "Series": (STATIC["age"], r"Found Series with dim 1. Pass static.to_frame\(\)"),
    "three": (X, "Found ndarray with dim 3"),
    "dict": (STATIC.to_dict("list"), r"Pass pd.DataFrame\(static\)"),
    "dicts": (STATIC.to_dict("records"), r"Pass pd.DataFrame\(static\)"),
    "ragged": ([[1], [2, 3]] * 12, "rows of static do not have the same number"),
    "no rows": ([], r"Found list with dim 1\.$"),
    "a text": ("age", "Found str"),
    "sparse": (sparse.eye_array(24), "Sparse data was passed as static"),
    "empty": (np.zeros((24, 0)), "0 rows and 0 columns"),
    "complex": (np.ones((24, 1)) * 1j, "Complex data"),
    "dates": (
        STATIC.assign(d=pd.Timestamp("2020-02-02")),
        r"'d' of static is not numeric: .* days since a day: \(column - first\)",
    ),
    "cells": (pd.DataFrame({"a": [np.ones(2)] * 24}), "arrays in its cells"),
    "two of a name": (pd.concat([STATIC, STATIC], axis=1), "'age' is that of 2"),
    "too large": (1e308 * np.c_[np.sign(AGES - 50)], "too large for float32"),
    "several types": (
        pd.DataFrame({"a": ["x", 3] * 12}),
        "'a' of static has values of several types",
    ),
    "many": (np.arange(24).astype(str)[:, None], "24 categories; there may be 20"),
}


@pytest.mark.parametrize("case", BAD_AT_FIT)
def test_bad_tables_are_refused(case, monkeypatch):
    monkeypatch.setattr("skrnn.estimators.inputs.static.MAX_CATEGORIES", 20)
    static, message = BAD_AT_FIT[case]
    regressor = make(RNNRegressor)
    with pytest.raises((TypeError, ValueError), match=message):
        regressor.fit(X, TARGETS[RNNRegressor], static=static)
    assert not hasattr(regressor, "n_iter_")


def test_static_features_that_fit_did_not_have_are_refused():
    regressor = make(RNNRegressor).fit(X, TARGETS[RNNRegressor])
    with pytest.raises(ValueError, match="fitted without static features. Leave it"):
        regressor.predict(X, static=STATIC)


@pytest.mark.parametrize("named", [False, True])
def test_names_that_come_or_go_are_warned_of(named):
    table = STATIC[["age", "dose"]]
    tables = [table, table.to_numpy()]
    y, (first, other) = TARGETS[RNNRegressor], tables if named else tables[::-1]
    regressor = make(RNNRegressor).fit(X, y, static=first)
    now, then = ("no names", "with names") if named else ("names", "with no names")
    match = re.escape(
        f"columns of static have {now}, but RNNRegressor was fitted {then}"
    )
    with pytest.warns(UserWarning, match=match):
        found = regressor.predict(X, static=other)
    assert_array_equal(found, regressor.predict(X, static=first))
