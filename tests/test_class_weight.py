"""class_weight: as if the samples of a class had that weight."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight
from small import INDICATOR, LABELS, RAGGED, WEIGHTS, X, make

from skrnn import RNNClassifier

NAMES = np.array(["a", "b", "c"])[LABELS]
STEPS = [(x[:, 0] > 0).astype(int) for x in RAGGED]
COLUMNS = np.column_stack([LABELS, INDICATOR[:, 0] + 5])
EXTREME = {0: 1000.0, 1: 1.0, 2: 1.0}


def weights_of(y, class_weight, sample_weight=None, X=X, **parameters):
    classifier = make(RNNClassifier, class_weight=class_weight, **parameters)
    classifier.fit(X, y, sample_weight)
    return np.concatenate([w.ravel() for w in classifier.get_weights().values()])


@pytest.mark.parametrize(
    "sample_weight", [None, WEIGHTS], ids=["alone", "and sample_w"]
)
@pytest.mark.parametrize("class_weight", ["balanced", {"a": 5.0}], ids=str)
def test_it_multiplies_sample_weight(class_weight, sample_weight):
    labels = np.where(np.arange(24) < 15, "a", NAMES)
    expected = compute_sample_weight(class_weight, labels)
    if sample_weight is not None:
        expected = expected * sample_weight
    assert_array_equal(
        weights_of(labels, class_weight, sample_weight),
        weights_of(labels, None, expected),
    )


def test_steps():
    classes = {0: 1.0, 1: 3.0}
    expected = [np.where(labels == 1, 3.0, 1.0) for labels in STEPS]
    options = {"X": RAGGED, "return_sequences": True}
    assert_array_equal(
        weights_of(STEPS, classes, **options),
        weights_of(STEPS, None, expected, **options),
    )


def test_steps_that_are_missing_do_not_count():
    labels = [np.where(np.arange(len(part)) % 2, -1, part) for part in STEPS]
    flat = np.concatenate(labels)
    there = flat[flat >= 0]
    balanced = there.size / (2 * np.bincount(there))
    expected = [np.where(part < 0, 1, balanced[part]) for part in labels]
    options = {"X": RAGGED, "return_sequences": True, "ignore_label": -1}
    assert_array_equal(
        weights_of(labels, "balanced", **options),
        weights_of(labels, None, expected, **options),
    )


@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (COLUMNS, "balanced"),
        (COLUMNS, [{0: 2.0}, {5: 3.0, 6: 1.0}]),
        (INDICATOR, "balanced"),
        (INDICATOR, [{1: 4.0}, {0: 2.0}, {}]),
    ],
)
def test_several_columns_multiply(y, class_weight):
    expected = compute_sample_weight(class_weight, y)
    assert_array_equal(weights_of(y, class_weight), weights_of(y, None, expected))


def test_a_heavy_class_wins():
    classifier = make(RNNClassifier, class_weight=EXTREME, max_iter=100)
    assert set(classifier.fit(X, LABELS).predict(X)) == {0}


def test_scores_are_not_weighted():
    classifier = make(RNNClassifier, class_weight=EXTREME, early_stopping=True)
    classifier.fit(X, LABELS, X_val=X, y_val=LABELS)
    assert classifier.best_validation_score_ == np.mean(classifier.predict(X) == LABELS)


def test_partial_fit():
    a, b = (make(RNNClassifier, class_weight=weight) for weight in (EXTREME, None))
    sample_weight = compute_sample_weight(EXTREME, LABELS)
    a.partial_fit(X, LABELS, classes=[0, 1, 2])
    b.partial_fit(X, LABELS, classes=[0, 1, 2], sample_weight=sample_weight)
    assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    with pytest.raises(ValueError, match="needs the labels of all samples"):
        a.set_params(class_weight="balanced").partial_fit(X, LABELS)


@pytest.mark.parametrize(
    ("y", "class_weight", "match"),
    [
        (
            COLUMNS,
            {0: 1.0},
            "With 2 label columns class_weight must be 'balanced' or a",
        ),
        (COLUMNS, [{0: 1.0}], "With 2 label columns"),
        (LABELS, [{0: 1.0}, {}], "With 1 label columns"),
        (LABELS, "heavy", "The 'class_weight' parameter of RNNClassifier must be"),
        (LABELS, {7: 1.0, 0: 2.0}, "not in class_weight|The classes, "),
    ],
)
def test_errors(y, class_weight, match):
    with pytest.raises(ValueError, match=match):
        make(RNNClassifier, class_weight=class_weight).fit(X, y)
