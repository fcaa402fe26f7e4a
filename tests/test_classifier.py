"""The classifier's labels, probabilities and classes."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from small import INDICATOR, LABELS, RAGGED, WEIGHTS, X, make

from skrnn import RNNClassifier

# Enough to learn the small data by heart.
LEARNING = {"hidden_size": 16, "max_iter": 200}
WORDS = np.array(["low", "middle", "high"])
LABEL_KINDS = {
    "int": (LABELS, int),
    "uint8": (LABELS.astype(np.uint8), np.uint8),
    "large int": (LABELS + 10**12, int),
    "negative int": (LABELS - 1, int),
    "whole float": (LABELS.astype(float), float),
    "str": (WORDS[LABELS], str),
    "object": (WORDS[LABELS].astype(object), str),
    "list": (WORDS[LABELS].tolist(), str),
    "Series": (pd.Series(WORDS[LABELS]), str),
    "categorical": (pd.Series(WORDS[LABELS], dtype="category"), str),
    "binary int": (LABELS // 2, int),
    "binary str": (WORDS[LABELS // 2], str),
    "bool": (LABELS == 2, bool),
}


@pytest.mark.parametrize(("y", "dtype"), LABEL_KINDS.values(), ids=LABEL_KINDS)
def test_labels_come_back_as_they_were(y, dtype):
    classifier = make(RNNClassifier, **LEARNING).fit(X, y)
    assert_array_equal(classifier.classes_, np.unique(y))
    predicted = classifier.predict(X)
    assert np.issubdtype(predicted.dtype, dtype)
    assert classifier.score(X, y) == np.mean(predicted == np.asarray(y)) > 0.95


@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS == 2, np.arange(24) // 3, np.zeros(24)],
    ids=["multiclass", "binary", "many classes", "one class"],
)
def test_probabilities(y):
    classifier = make(RNNClassifier).fit(RAGGED, y)
    probabilities = classifier.predict_proba(RAGGED)
    assert probabilities.shape == (24, classifier.classes_.size)
    assert (probabilities >= 0).all()
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    assert_array_equal(
        classifier.predict(RAGGED), classifier.classes_[probabilities.argmax(axis=1)]
    )
    log_probabilities = classifier.predict_log_proba(RAGGED)
    assert_allclose(np.exp(log_probabilities), probabilities, rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "n_outputs", "out_activation"),
    [
        (LABELS, 3, "softmax"),
        (LABELS == 2, 1, "logistic"),
        (INDICATOR, 3, "logistic"),
        (np.zeros(24), 1, "logistic"),
    ],
    ids=["multiclass", "binary", "multilabel", "one class"],
)
def test_output_layer(y, n_outputs, out_activation):
    classifier = make(RNNClassifier).fit(X, y)
    assert classifier.n_outputs_ == n_outputs
    assert classifier.out_activation_ == out_activation
    assert classifier.get_weights()["head.weight"].shape == (n_outputs, 3)


@pytest.mark.parametrize("y", [LABELS, LABELS == 2], ids=["multiclass", "binary"])
def test_extreme_outputs_have_finite_log_probabilities(y):
    classifier = make(RNNClassifier).fit(X, y)
    weights = classifier.get_weights()
    weights["head.weight"] *= 1e6
    classifier.set_weights(weights)
    probabilities = classifier.predict_proba(X)
    assert (probabilities == 0).any()
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    assert np.isfinite(classifier.predict_log_proba(X)).all()


def test_one_class_is_certain():
    classifier = make(RNNClassifier).fit(X, np.full(24, "only"))
    assert_array_equal(classifier.predict(X), np.full(24, "only"))
    assert_array_equal(classifier.predict_proba(X), np.ones((24, 1)))
    assert_array_equal(classifier.predict_log_proba(X), np.zeros((24, 1)))


INDICATOR_FORMS = {
    "int": INDICATOR,
    "bool": INDICATOR.astype(bool),
    "float": INDICATOR.astype(float),
    "lists": INDICATOR.tolist(),
    "Fortran order": np.asfortranarray(INDICATOR),
    "DataFrame": pd.DataFrame(INDICATOR),
    "sparse": sparse.csr_array(INDICATOR),
}


@pytest.mark.parametrize("y", INDICATOR_FORMS.values(), ids=INDICATOR_FORMS)
def test_multilabel(y):
    classifier = make(RNNClassifier, **LEARNING).fit(X, y)
    assert_array_equal(classifier.classes_, [0, 1, 2])
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == INDICATOR.shape
    predicted = classifier.predict(X)
    assert np.issubdtype(predicted.dtype, int)
    assert_array_equal(predicted, probabilities > 0.5)
    assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities, rtol=1e-12)
    assert np.mean(predicted == INDICATOR) > 0.95


def test_labels_that_all_or_no_samples_have():
    indicator = np.repeat([[0, 1]], 24, axis=0)
    classifier = make(RNNClassifier, **LEARNING).fit(X, indicator)
    assert_array_equal(classifier.predict(X), indicator)


def test_partial_fit_need_not_meet_all_classes_at_once():
    y = WORDS[LABELS]
    first = y == "middle"
    classifier = make(RNNClassifier, **LEARNING)
    classifier.partial_fit(X[first], y[first], classes=WORDS)
    assert_array_equal(classifier.classes_, np.sort(WORDS))
    assert classifier.predict_proba(X).shape == (24, 3)
    for _ in range(60):
        classifier.partial_fit(X, y)
    assert classifier.score(X, y) > 0.95


def test_partial_fit_of_multilabel():
    classifier = make(RNNClassifier, **LEARNING)
    for _ in range(60):
        classifier.partial_fit(X, INDICATOR, classes=range(3))
    assert np.mean(classifier.predict(X) == INDICATOR) > 0.95


def quick(*case):
    """These errors come before anything is compiled."""
    return pytest.param(*case, marks=pytest.mark.quick)


def partial_fit_calls(*calls):
    classifier = make(RNNClassifier)
    for y, *classes in calls:
        classifier.partial_fit(X, y, *classes)


@pytest.mark.parametrize(
    ("calls", "match"),
    [
        ([(LABELS,)], "classes must be passed on the first call to partial_fit"),
        ([(LABELS, [0, 1])], "`y` has classes not in `self.classes_`"),
        ([(LABELS, [0, 1, 2]), (LABELS + 1,)], "`y` has classes not in"),
        quick([(WORDS[LABELS], [0, 1, 2])], "`y` has classes not in"),
        quick([(LABELS, WORDS)], "`y` has classes not in"),
        quick([(LABELS.astype(str), range(40))], "`y` has classes not in"),
        ([(LABELS, [0, 1, 2]), (LABELS, [0, 1, 2, 3])], "not the same as on last call"),
        ([(INDICATOR, range(4))], "y must have 4 labels per target"),
        ([(INDICATOR, range(3)), (INDICATOR[:, :2],)], "y must have 3 labels"),
        ([(INDICATOR, [1, 2, 3])], "`y` has classes not in"),
        ([(INDICATOR, range(3)), (LABELS,)], "y must have 3 labels"),
        ([(LABELS, range(3)), (INDICATOR,)], "between one label and several labels"),
    ],
)
def test_errors_of_partial_fit(calls, match):
    with pytest.raises(ValueError, match=match):
        partial_fit_calls(*calls)


@pytest.mark.parametrize(
    ("y", "y_later", "match"),
    [
        (LABELS, LABELS + 1, "`y` has classes not in"),
        (INDICATOR, INDICATOR[:, :2], "y must have 3 labels"),
        (LABELS, INDICATOR, "between one label and several labels"),
    ],
)
def test_warm_start_keeps_the_classes(y, y_later, match):
    classifier = make(RNNClassifier, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=match):
        classifier.fit(X, y_later)
    classifier.set_params(warm_start=False).fit(X, y_later)


def test_score_takes_sample_weight():
    classifier = make(RNNClassifier).fit(X, LABELS)
    right = classifier.predict(X) == LABELS
    assert classifier.score(X, LABELS, WEIGHTS) == np.average(right, weights=WEIGHTS)
