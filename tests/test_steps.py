"""A target for every time step: its forms, labels, missing values and weights."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small import RAGGED, X
from small_steps import (
    ARRAY_TARGETS,
    INDICATOR,
    INDICATOR_ARRAY,
    LABEL_COLUMNS,
    LABEL_COLUMNS_ARRAY,
    LABELS,
    LABELS_ARRAY,
    LEARNING,
    TARGETS,
    TWO,
    TWO_ARRAY,
    Y_ARRAY,
    Y,
    make_steps,
    weights_of,
)

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)
LENGTHS = [len(x) for x in RAGGED]


def object_array(parts):
    return np.fromiter(parts, dtype=object)


# Forms of X and of results


def methods_of(estimator):
    names = ["predict", "transform"]
    if isinstance(estimator, RNNClassifier):
        names += ["predict_proba", "predict_log_proba"]
    return [getattr(estimator, name) for name in names]


@both
@pytest.mark.parametrize("form", [list, tuple, object_array, pd.Series])
def test_a_list_gives_a_list(estimator_class, form):
    estimator = make_steps(estimator_class).fit(form(RAGGED), TARGETS[estimator_class])
    for method in methods_of(estimator):
        results = method(form(RAGGED))
        assert type(results) is list
        assert {type(result) for result in results} == {np.ndarray}
        assert [len(result) for result in results] == LENGTHS


@both
def test_an_array_gives_an_array(estimator_class):
    y = ARRAY_TARGETS[estimator_class]
    estimator = make_steps(estimator_class, n_features_per_step=2).fit(X, y)
    table = X.reshape(24, -1)
    on_table = make_steps(estimator_class, n_features_per_step=2).fit(table, y)
    for from_array, from_table in zip(
        methods_of(estimator), methods_of(on_table), strict=True
    ):
        expected = from_array(list(X))
        assert type(from_array(X)) is np.ndarray
        assert_array_equal(from_array(X), expected)
        assert_array_equal(from_array(table), expected)
        for rows in (table, table.tolist(), pd.DataFrame(table)):
            assert_array_equal(from_table(rows), expected)


@both
def test_shapes(estimator_class):
    estimator = make_steps(estimator_class).fit(RAGGED, TARGETS[estimator_class])
    shapes = [method(X[:7]).shape for method in methods_of(estimator)]
    assert shapes == [(7, 5), (7, 5, 3), (7, 5, 3), (7, 5, 3)][: len(shapes)]
    assert estimator.predict(X[:1, :1]).shape == (1, 1)
    assert [y.shape for y in estimator.predict([X[0, :1]])] == [(1,)]


def test_dtypes():
    regressor = make_steps(RNNRegressor).fit(RAGGED, Y)
    assert regressor.predict(X).dtype == np.float64
    assert regressor.transform(X).dtype == np.float32
    assert (
        make_steps(RNNClassifier).fit(X, LABELS_ARRAY).predict_proba(X).dtype == float
    )


Y_FORMS = {
    "tuple": tuple,
    "object array": object_array,
    "Series": lambda y: pd.Series(list(y), index=range(100, 124)),
    "lists": lambda y: [part.tolist() for part in y],
    "tuples": lambda y: tuple(tuple(part.tolist()) for part in y),
    "columns": lambda y: [part[:, None] for part in y],
    "list of Series": lambda y: [pd.Series(part, index=-part) for part in y],
    "list of DataFrames": lambda y: [pd.DataFrame({"target": part}) for part in y],
}
ARRAY_FORMS = {
    "2D": np.asarray,
    "3D": lambda y: y[:, :, None],
    "Fortran order": np.asfortranarray,
    "DataFrame": lambda y: pd.DataFrame(y, index=range(100, 124)),
}


@both
@pytest.mark.parametrize("form", Y_FORMS.values(), ids=Y_FORMS)
def test_forms_of_y_are_equivalent(estimator_class, form):
    y = TARGETS[estimator_class]
    expected = make_steps(estimator_class).fit(RAGGED, y)
    estimator = make_steps(estimator_class).fit(RAGGED, form(y))
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.score(RAGGED, form(y)) == expected.score(RAGGED, y)
    assert [part.ndim for part in estimator.predict(RAGGED)] == [1] * 24


@both
@pytest.mark.parametrize("form", ARRAY_FORMS.values(), ids=ARRAY_FORMS)
@pytest.mark.parametrize("X_form", [np.asarray, list])
def test_forms_of_y_as_an_array_are_equivalent(estimator_class, form, X_form):
    y = ARRAY_TARGETS[estimator_class]
    expected = make_steps(estimator_class).fit(X, list(y))
    estimator = make_steps(estimator_class).fit(X_form(X), form(y))
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.score(X, form(y)) == expected.score(X, list(y))


# Kinds of targets

WORDS = np.array(["low", "middle", "very high"])


def each(function):
    return [function(part) for part in LABELS]


LABEL_KINDS = {
    "int": (LABELS, int),
    "uint8": (each(np.uint8), np.uint8),
    "large int": (each(lambda y: y + 10**12), int),
    "negative int": (each(lambda y: y - 1), int),
    "whole float": (each(lambda y: y.astype(float)), float),
    "str": (each(lambda y: WORDS[y]), str),
    "object": (each(lambda y: WORDS[y].astype(object)), str),
    "list of str": (each(lambda y: WORDS[y].tolist()), str),
    "Series": (each(lambda y: pd.Series(WORDS[y])), str),
    "categorical": (each(lambda y: pd.Series(WORDS[y], dtype="category")), str),
    "binary int": (each(lambda y: y // 2), int),
    "binary str": (each(lambda y: WORDS[y // 2]), str),
    "bool": (each(lambda y: y == 2), bool),
    "list of bool": (each(lambda y: (y == 2).tolist()), bool),
}


@pytest.mark.parametrize(("y", "dtype"), LABEL_KINDS.values(), ids=LABEL_KINDS)
def test_labels_come_back_as_they_were(y, dtype):
    classifier = make_steps(RNNClassifier, **LEARNING).fit(RAGGED, y)
    flat = np.concatenate(y)
    assert_array_equal(classifier.classes_, np.unique(flat))
    predicted = np.concatenate(classifier.predict(RAGGED))
    assert np.issubdtype(predicted.dtype, dtype)
    assert classifier.score(RAGGED, y) == np.mean(predicted == flat) > 0.9
    probabilities = np.concatenate(classifier.predict_proba(RAGGED))
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    assert_array_equal(predicted, classifier.classes_[probabilities.argmax(axis=1)])
    log_probabilities = np.concatenate(classifier.predict_log_proba(RAGGED))
    assert_allclose(np.exp(log_probabilities), probabilities, rtol=1e-12)


def test_one_class_is_certain():
    only = [np.full(length, "only") for length in LENGTHS]
    classifier = make_steps(RNNClassifier).fit(RAGGED, only)
    assert_array_equal(np.concatenate(classifier.predict(RAGGED)), "only")
    assert_array_equal(classifier.predict_proba(X), np.ones((24, 5, 1)))


@pytest.mark.parametrize("dtype", [int, bool, float])
def test_multilabel(dtype):
    y = [part.astype(dtype) for part in INDICATOR]
    classifier = make_steps(RNNClassifier, **LEARNING).fit(RAGGED, y)
    assert_array_equal(classifier.classes_, [0, 1])
    predicted, probabilities = classifier.predict(X), classifier.predict_proba(X)
    assert predicted.shape == probabilities.shape == (24, 5, 2)
    assert_array_equal(predicted, probabilities > 0.5)
    assert np.mean(predicted == INDICATOR_ARRAY) > 0.9
    right = np.concatenate(classifier.predict(RAGGED)) == np.concatenate(y)
    assert classifier.score(RAGGED, y) == np.mean(right.all(axis=1))


@pytest.mark.parametrize("names", [np.arange(10, 13), WORDS], ids=["int", "str"])
def test_label_columns_with_classes_of_their_own(names):
    y = [names[part] for part in LABEL_COLUMNS]
    classifier = make_steps(RNNClassifier, **LEARNING).fit(RAGGED, y)
    assert type(classifier.classes_) is list
    assert_array_equal(classifier.classes_[0], names)
    assert_array_equal(classifier.classes_[1], names[:2])
    assert classifier.n_outputs_ == 5
    parts = classifier.predict_proba(RAGGED)
    assert [part[4].shape for part in parts] == [(5, 3), (5, 2)]
    first, second = classifier.predict_proba(X)
    assert (first.shape, second.shape) == ((24, 5, 3), (24, 5, 2))
    predicted = classifier.predict(X)
    assert_array_equal(predicted[..., 0], names[first.argmax(axis=2)])
    assert_array_equal(predicted[..., 1], names[second.argmax(axis=2)])
    assert np.mean(predicted == names[LABEL_COLUMNS_ARRAY]) > 0.9
    right = np.concatenate(classifier.predict(RAGGED)) == np.concatenate(y)
    assert classifier.score(RAGGED, y) == np.mean(right.all(axis=1))


def test_values():
    regressor = make_steps(RNNRegressor, **LEARNING).fit(RAGGED, Y)
    assert regressor.score(RAGGED, Y) > 0.95
    regressor.fit(X, Y_ARRAY)
    assert regressor.score(X, Y_ARRAY) > 0.95


def test_values_of_different_units():
    regressor = make_steps(RNNRegressor, **LEARNING).fit(RAGGED, TWO)
    assert regressor.n_outputs_ == 2
    assert [part.shape for part in regressor.predict(RAGGED)] == [
        (length, 2) for length in LENGTHS
    ]
    predicted = regressor.predict(X)
    assert predicted.shape == (24, 5, 2)
    deviation = TWO_ARRAY.std(axis=(0, 1))
    assert (np.abs(predicted - TWO_ARRAY).mean(axis=(0, 1)) < 0.3 * deviation).all()


def test_constant_values():
    regressor = make_steps(RNNRegressor).fit(RAGGED, [7 + 0 * part for part in Y])
    assert_allclose(regressor.predict(X), 7, atol=2)


@both
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_single_step_and_a_single_sequence(estimator_class, bidirectional):
    y = ARRAY_TARGETS[estimator_class]
    parameters = {"bidirectional": bidirectional, "n_layers": 2}
    for rows, steps in ((24, 1), (1, 5), (1, 1)):
        estimator = make_steps(estimator_class, **parameters)
        estimator.fit(X[:rows, :steps], y[:rows, :steps])
        assert estimator.predict(X).shape == (24, 5)


# Errors


def replaced(y, i, part):
    return [*y[:i], part, *y[i + 1 :]]


BAD_TARGETS = {
    "one step too few": (
        replaced(Y, 4, Y[4][:-1]),
        r"sequence 4 of X has 5 steps, y\[4\] has shape \(4,\). Pass a list of arrays",
    ),
    "one step too many": (
        replaced(Y, 2, Y[3]),
        r"sequence 2 of X has 3 steps, y\[2\] has shape \(4,\)",
    ),
    "of all the length of the longest": (
        Y_ARRAY,
        r"sequence 0 of X has 1 steps, y\[0\] has shape \(5,\)",
    ),
    "one per sequence": (
        np.arange(24.0),
        r"entry for each time step: sequence 0 of X has 1 steps, y\[0\] has shape \(\)",
    ),
    "3D parts": (
        [part[:, None, None] for part in Y],
        r"y\[0\] has shape \(1, 1, 1\)",
    ),
    "mixed columns": (
        replaced(TWO, 3, TWO[3][:, :1]),
        r"All parts of y must have the same number of columns, found \[1, 2\]",
    ),
    "a sequence too few": (Y[:-1], r"inconsistent numbers of samples: \[24, 23\]"),
    "empty": ([], r"inconsistent numbers of samples: \[24, 0\]"),
    "none": (None, "target y is None"),
}


@both
@pytest.mark.parametrize(("y", "match"), BAD_TARGETS.values(), ids=BAD_TARGETS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_errors_for_y(estimator_class, y, match, method):
    estimator = make_steps(estimator_class)
    with pytest.raises(ValueError, match=match):
        getattr(estimator, method)(RAGGED, y)
    assert vars(estimator) == vars(make_steps(estimator_class))


@both
@pytest.mark.parametrize("name", [name for name in BAD_TARGETS if name != "none"])
def test_errors_of_score(estimator_class, name):
    y, match = BAD_TARGETS[name]
    estimator = make_steps(estimator_class).fit(RAGGED, TARGETS[estimator_class])
    with pytest.raises(ValueError, match=match):
        estimator.score(RAGGED, y)


@both
def test_steps_must_be_asked_for(estimator_class):
    estimator = make_steps(estimator_class).set_params(return_sequences=False)
    for y in (TARGETS[estimator_class], [part.tolist() for part in Y]):
        with pytest.raises(ValueError, match="Set return_sequences=True, or pass one"):
            estimator.fit(RAGGED, y)


def test_number_of_columns_is_that_of_the_first_fit():
    regressor = make_steps(RNNRegressor).fit(RAGGED, TWO)
    for method in (regressor.partial_fit, regressor.score):
        with pytest.raises(ValueError, match="y has 1 outputs, .* is expecting 2"):
            method(RAGGED, Y)
    for y in (INDICATOR, LABEL_COLUMNS):
        classifier = make_steps(RNNClassifier).fit(RAGGED, y)
        for method in (classifier.partial_fit, classifier.score):
            with pytest.raises(ValueError, match="y must have 2 label.* got an array"):
                method(RAGGED, LABELS)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (Y, "Unknown label type: continuous"),
        (replaced(LABELS, 0, ["low"]), "must have one type, found int, str"),
        (replaced(LABELS, 0, [None]), "must have one type, found NoneType, int"),
        (
            each(lambda y: np.where(y, WORDS[y], None)),
            "found NoneType, str. Convert .* If one of",
        ),
        (each(lambda y: np.where(y, y, np.nan)), "Input y contains NaN"),
    ],
    ids=["values", "int and str", "None", "str and None", "NaN"],
)
def test_errors_for_labels(y, match):
    with pytest.raises(ValueError, match=match):
        make_steps(RNNClassifier).fit(RAGGED, y)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([part + np.inf for part in Y], "Input y contains infinity"),
        ([part.astype(str) for part in Y], "y has no numbers. Data of dtype <U"),
        ([part + 1j for part in Y], "Complex data not supported"),
    ],
    ids=["infinity", "str", "complex"],
)
def test_errors_for_values(y, match):
    with pytest.raises(ValueError, match=match):
        make_steps(RNNRegressor).fit(RAGGED, y)
