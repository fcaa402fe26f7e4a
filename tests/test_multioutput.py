"""Several targets a sequence: values, labels that are there or not, label columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_predict, cross_val_score
from small import INDICATOR, LABELS, WEIGHTS, X, Y, make
from small_steps import STILL, weights_of

from skrnn import RNNClassifier, RNNRegressor

# Enough to learn the small data by heart.
LEARNING = {"hidden_size": 16, "max_iter": 200}
SIGNS = np.digitize(X[:, :, 1].sum(axis=1), [0.0])
#: Labels in three classes and labels in two.
COLUMNS = np.c_[LABELS, SIGNS]
WORDS = np.array(["low", "middle", "very high"])
OBJECTS = WORDS.astype(object)
TWO = np.c_[Y, 100 + 7 * X[:, :, 1].sum(axis=1)]


def classify(**parameters):
    # One pooling for all tests: each is compiled anew.
    return make(RNNClassifier, **{"pooling": "last"} | parameters)


# Label columns

COLUMN_FORMS = {
    "int": (COLUMNS, int),
    "uint8": (COLUMNS.astype(np.uint8), int),
    "whole float": (COLUMNS.astype(float), float),
    "str": (WORDS[COLUMNS], str),
    "object": (WORDS[COLUMNS].astype(object), str),
    "lists": (COLUMNS.tolist(), int),
    "lists of str": (WORDS[COLUMNS].tolist(), str),
    "Fortran order": (np.asfortranarray(COLUMNS), int),
    "DataFrame": (pd.DataFrame(COLUMNS), int),
    "DataFrame of str": (pd.DataFrame(WORDS[COLUMNS]), str),
    "other numbers": (COLUMNS * [10, -3] + [7, 2], int),
    "three columns": (np.c_[COLUMNS, 2 - LABELS], int),
}


@pytest.mark.parametrize(("y", "dtype"), COLUMN_FORMS.values(), ids=COLUMN_FORMS)
def test_label_columns_come_back_as_they_were(y, dtype):
    classifier = classify(**LEARNING).fit(X, y)
    array = np.asarray(y)
    assert type(classifier.classes_) is list
    for classes, column in zip(classifier.classes_, array.T, strict=True):
        assert_array_equal(classes, np.unique(column))
    predicted = classifier.predict(X)
    assert predicted.shape == array.shape
    assert all(isinstance(label, dtype) for label in predicted.ravel().tolist())
    assert np.mean(predicted == array) > 0.9
    assert classifier.score(X, y) == np.mean((predicted == array).all(axis=1))


def test_probabilities_of_label_columns():
    classifier = classify().fit(X, WORDS[COLUMNS])
    probabilities = classifier.predict_proba(X)
    assert type(probabilities) is list
    assert [array.shape for array in probabilities] == [(24, 3), (24, 2)]
    predicted, logs = classifier.predict(X), classifier.predict_log_proba(X)
    for i, array in enumerate(probabilities):
        assert_allclose(array.sum(axis=1), 1, rtol=1e-14)
        expected = classifier.classes_[i][array.argmax(axis=1)]
        assert_array_equal(predicted[:, i], expected)
        assert_allclose(np.exp(logs[i]), array, rtol=1e-12)


def test_output_layer_of_label_columns():
    classifier = classify().fit(X, COLUMNS)
    assert classifier.n_outputs_ == 5
    assert classifier.out_activation_ == "softmax"
    assert classifier.get_weights()["head.weight"].shape == (5, 3)


def test_the_loss_is_the_mean_over_label_columns():
    classifier = classify(batch_size=24, **STILL).fit(X, COLUMNS)
    losses = [
        -logs[np.arange(24), column]
        for logs, column in zip(classifier.predict_log_proba(X), COLUMNS.T, strict=True)
    ]
    assert classifier.loss_ == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_column_of_one_class_is_certain():
    y = np.c_[LABELS, np.full(24, 7), SIGNS]
    classifier = classify().fit(X, y)
    assert classifier.n_outputs_ == 6
    assert_array_equal(classifier.predict(X)[:, 1], 7)
    assert_array_equal(classifier.predict_proba(X)[1], np.ones((24, 1)))


def test_one_column_is_no_list():
    expected = classify().fit(X, LABELS)
    classifier = classify()
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        classifier.fit(X, LABELS[:, None])
    assert_array_equal(classifier.classes_, [0, 1, 2])
    assert_array_equal(classifier.predict_proba(X), expected.predict_proba(X))


def test_score_of_label_columns():
    classifier = classify().fit(X, COLUMNS)
    right = (classifier.predict(X) == COLUMNS).all(axis=1)
    assert classifier.score(X, COLUMNS) == right.mean()
    expected = np.average(right, weights=WEIGHTS)
    assert classifier.score(X, COLUMNS, WEIGHTS) == pytest.approx(expected)
    none = classifier.score(X, np.full((24, 2), 9))
    assert none == 0


@pytest.mark.parametrize("y", [LABELS, COLUMNS[:, :1], np.c_[COLUMNS, LABELS]])
def test_score_needs_all_label_columns(y):
    with pytest.raises(ValueError, match="y must have 2 labels per target, as at the"):
        classify().fit(X, COLUMNS).score(X, y)


def test_label_columns_have_one_type():
    mixed = np.c_[WORDS[LABELS].astype(object), SIGNS.astype(object)]
    for y in (mixed, mixed[:, ::-1], pd.DataFrame(mixed)):
        with pytest.raises(ValueError, match="must have one type, found int, str"):
            classify().fit(X, y)


# Missing labels

THERE = np.random.default_rng(3).random(COLUMNS.shape) < 0.7
GAPS = {
    "int": (np.where(THERE, COLUMNS, -1), -1),
    "NaN": (np.where(THERE, COLUMNS, np.nan), np.nan),
    "str": (np.where(THERE, WORDS[COLUMNS], "?"), "?"),
    "NaN among strings": (np.where(THERE, OBJECTS[COLUMNS], np.nan), np.nan),
    "None among strings": (
        pd.DataFrame(np.where(THERE, OBJECTS[COLUMNS], None)),
        np.nan,
    ),
}


@pytest.mark.parametrize(("y", "ignore_label"), GAPS.values(), ids=GAPS)
def test_labels_missing_in_some_columns(y, ignore_label):
    whole = WORDS[COLUMNS] if np.asarray(y).dtype.kind in "OU" else COLUMNS
    classifier = classify(ignore_label=ignore_label, batch_size=24, **STILL).fit(X, y)
    for classes, column in zip(classifier.classes_, whole.T, strict=True):
        assert_array_equal(classes, np.unique(column))
    losses = np.zeros((24, 2))
    for i, logs in enumerate(classifier.predict_log_proba(X)):
        losses[:, i] = np.where(THERE[:, i], -logs[np.arange(24), COLUMNS[:, i]], 0)
    some = THERE.any(axis=1)
    assert classifier.loss_ == pytest.approx(losses[some].mean(), rel=1e-5)

    right = (classifier.predict(X) == whole) | ~THERE
    assert classifier.score(X, y) == right.all(axis=1)[some].mean()
    expected = np.average(right.all(axis=1)[some], weights=WEIGHTS[some])
    assert classifier.score(X, y, WEIGHTS) == pytest.approx(expected)


def test_missing_labels_of_an_indicator():
    there = np.random.default_rng(4).random(INDICATOR.shape) < 0.7
    y = np.where(there, INDICATOR, -1)
    classifier = classify(ignore_label=-1, batch_size=24, **STILL).fit(X, y)
    assert_array_equal(classifier.classes_, [0, 1, 2])
    probabilities = classifier.predict_proba(X)
    chosen = np.where(INDICATOR, probabilities, 1 - probabilities)
    losses = np.where(there, -np.log(chosen), 0)
    some = there.any(axis=1)
    assert classifier.loss_ == pytest.approx(losses[some].mean(), rel=1e-5)
    right = ((classifier.predict(X) == y) | ~there).all(axis=1)
    assert classifier.score(X, y) == right[some].mean()


def test_what_is_all_missing_is_that_without_weight():
    some = np.arange(24) % 3 > 0
    y = np.where(some[:, None], COLUMNS, -1)
    classifier = classify(ignore_label=-1).fit(X, y)
    expected = classify().fit(X, COLUMNS, sample_weight=some)
    assert_array_equal(weights_of(classifier), weights_of(expected))
    assert classifier.loss_curve_ == expected.loss_curve_
    assert classifier.score(X, y) == pytest.approx(expected.score(X, COLUMNS, some))


def test_a_column_without_a_label():
    y = np.where([True, False], COLUMNS, -1)
    with pytest.raises(ValueError, match="y has a column without any label: all are"):
        classify(ignore_label=-1).fit(X, y)
    # Later, others may bring them.
    classifier = classify(ignore_label=-1)
    classifier.partial_fit(X, COLUMNS, classes=[[0, 1, 2], [0, 1]])
    with pytest.raises(ValueError, match="y has a column without any label"):
        classifier.partial_fit(X, y)


# Labels that are there or not


def test_score_of_an_indicator_is_that_of_all_labels():
    classifier = classify().fit(X, INDICATOR)
    expected = accuracy_score(INDICATOR, classifier.predict(X))
    assert classifier.score(X, INDICATOR) == pytest.approx(expected)
    expected = accuracy_score(INDICATOR, classifier.predict(X), sample_weight=WEIGHTS)
    assert classifier.score(X, INDICATOR.tolist(), WEIGHTS) == pytest.approx(expected)


# Going on


def test_partial_fit_need_not_meet_all_classes_of_a_column_at_once():
    y, classes = WORDS[COLUMNS], [WORDS, ["low", "middle"]]
    first = LABELS == 1
    classifier = classify(**LEARNING)
    classifier.partial_fit(X[first], y[first], classes=classes)
    assert_array_equal(classifier.classes_[0], np.sort(WORDS))
    assert_array_equal(classifier.classes_[1], ["low", "middle"])
    assert [array.shape for array in classifier.predict_proba(X)] == [(24, 3), (24, 2)]
    for _ in range(60):
        classifier.partial_fit(X, y)
    # The same again, in another order.
    classifier.partial_fit(X, y, classes=[WORDS[::-1], ["middle", "low"]])
    assert np.mean(classifier.predict(X) == y) > 0.9


def test_partial_fit_goes_on_as_fit_does():
    fit = classify(learning_rate="constant", tol=0.0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        fit.fit(X, COLUMNS)
    partial = classify().partial_fit(X, COLUMNS, classes=[range(3), range(2)])
    partial.partial_fit(X, COLUMNS).partial_fit(X, COLUMNS)
    assert_array_equal(weights_of(partial), weights_of(fit))


FIRST = COLUMNS, [[0, 1, 2], [0, 1]]


@pytest.mark.parametrize(
    ("calls", "match"),
    [
        ([(COLUMNS,)], "classes must be passed on the first call to partial_fit"),
        (
            [(COLUMNS, [[0, 1, 2]])],
            "y must have 1 label columns, as at",
        ),
        ([(COLUMNS, [[0, 1], [0, 1]])], "`y` has classes not in `self.classes_`"),
        (
            [(COLUMNS, [0, 1, 2])],
            "y must have 3 labels per target, as at",
        ),
        (
            [(LABELS, FIRST[1])],
            "classes has a list of classes for each of",
        ),
        ([FIRST, (COLUMNS, [[0, 1, 2], [0, 1, 2]])], "not the same as on last call"),
        ([FIRST, (COLUMNS, [[0, 1, 2]])], "not the same as on last call"),
        ([FIRST, (COLUMNS, [0, 1])], "not the same as on last call"),
        ([FIRST, (COLUMNS + 1,)], "`y` has classes not in"),
        ([FIRST, (np.c_[COLUMNS, LABELS],)], "y must have 2 label columns"),
        ([FIRST, (LABELS,)], "y must have 2 label columns"),
        ([(LABELS, [0, 1, 2]), (COLUMNS,)], "between one label and several labels"),
    ],
)
def test_errors_of_partial_fit(calls, match):
    classifier, (*before, last) = classify(), calls
    for arguments in before:
        classifier.partial_fit(X, *arguments)
    with pytest.raises(ValueError, match=match):
        classifier.partial_fit(X, *last)


def test_warm_start_keeps_the_classes():
    classifier = classify(warm_start=True).fit(X, COLUMNS)
    classifier.fit(X, np.c_[LABELS, 0 * SIGNS])
    assert classifier.n_iter_ == 6
    assert_array_equal(classifier.classes_[1], [0, 1])
    for y, match in (
        (COLUMNS + 1, "`y` has classes not in"),
        (np.c_[COLUMNS, LABELS], "y must have 2 label columns"),
        (LABELS, "y must have 2 label columns"),
    ):
        with pytest.raises(ValueError, match=match):
            classifier.fit(X, y)
    assert classifier.n_iter_ == 6
    classifier.set_params(warm_start=False).fit(X, LABELS)
    assert_array_equal(classifier.classes_, [0, 1, 2])


# Values


def test_values_of_different_units():
    regressor = make(RNNRegressor, **LEARNING).fit(X, TWO)
    assert regressor.predict(X).shape == (24, 2)
    predicted = regressor.predict(X)
    assert (r2_score(TWO, predicted, multioutput="raw_values") > 0.9).all()
    assert regressor.score(X, TWO) == pytest.approx(r2_score(TWO, predicted))
    expected = r2_score(TWO, predicted, sample_weight=WEIGHTS)
    assert regressor.score(X, TWO, WEIGHTS) == pytest.approx(expected)


def test_warm_start_keeps_the_number_of_values():
    regressor = make(RNNRegressor, warm_start=True).fit(X, TWO)
    with pytest.raises(ValueError, match="expecting 2 as at the first fit"):
        regressor.fit(X, Y)


# Inside scikit-learn


def test_cross_validation_of_label_columns():
    scores = cross_val_score(classify(), X, COLUMNS, cv=3)
    assert np.isfinite(scores).all()
    assert cross_val_predict(classify(), X, COLUMNS, cv=3).shape == (24, 2)
    probabilities = cross_val_predict(
        classify(), X, COLUMNS, cv=3, method="predict_proba"
    )
    assert [array.shape for array in probabilities] == [(24, 3), (24, 2)]
