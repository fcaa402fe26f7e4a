"""Targets that are missing at some steps, and weights of sequences or of steps."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import InvalidParameterError
from small import RAGGED, X, make
from small_steps import (
    ARRAY_TARGETS,
    INDICATOR,
    LABEL_COLUMNS,
    LABELS,
    LABELS_ARRAY,
    LEARNING,
    STILL,
    TARGETS,
    TWO,
    WEIGHTS,
    WEIGHTS_ARRAY,
    Y_ARRAY,
    Y,
    make_steps,
    weights_of,
)
from small_steps import cut as cut_to_lengths

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(2)
#: Which targets are there: not all, and of some sequences none.
THERE_ARRAY = (_rng.random(Y_ARRAY.shape) < 0.7) & (np.arange(24) % 6 != 5)[:, None]
THERE = cut_to_lengths(THERE_ARRAY)
FLAT_THERE = np.concatenate(THERE)
#: The same for each of two columns.
THERE_TWO = cut_to_lengths(_rng.random((*Y_ARRAY.shape, 2)) < 0.7)


def without(y, missing, there=THERE):
    """The targets with something else in the place of those that are missing."""
    return [np.where(mask, part, missing) for part, mask in zip(y, there, strict=True)]


# What is missing adds nothing


@pytest.mark.parametrize("normalize_y", [True, False])
def test_missing_values_are_those_without_weight(normalize_y):
    regressor = make_steps(RNNRegressor, normalize_y=normalize_y)
    regressor.fit(RAGGED, without(Y, np.nan))
    expected = make_steps(RNNRegressor, normalize_y=normalize_y)
    expected.fit(RAGGED, without(Y, 1e6), sample_weight=THERE)
    assert_array_equal(weights_of(regressor), weights_of(expected))
    assert regressor.loss_curve_ == expected.loss_curve_
    assert_array_equal(regressor.predict(X), expected.predict(X))


@pytest.mark.parametrize("form", ["lists with None", "nullable", "object array"])
def test_forms_of_missing_values(form):
    y = {
        "lists with None": [
            [None if np.isnan(value) else value for value in part]
            for part in without(Y, np.nan)
        ],
        "nullable": [pd.Series(part, dtype="Float64") for part in without(Y, np.nan)],
        "object array": [part.astype(object) for part in without(Y, np.nan)],
    }[form]
    regressor = make_steps(RNNRegressor).fit(RAGGED, y)
    expected = make_steps(RNNRegressor).fit(RAGGED, without(Y, np.nan))
    assert_array_equal(weights_of(regressor), weights_of(expected))
    expected_score = expected.score(RAGGED, without(Y, np.nan))
    assert regressor.score(RAGGED, y) == expected_score


WORDS = np.array(["low", "middle", "very high"])


def each(function, y=LABELS):
    return [function(part) for part in y]


def as_lists(y):
    return [part.tolist() for part in y]


STRINGS, BOOLS = each(lambda y: WORDS[y]), each(lambda y: y == 1)
OBJECTS = each(lambda y: WORDS[y].astype(object))
# ignore_label, labels with it, the same labels without a gap
GAPS = {
    "int": (-1, without(LABELS, -1), LABELS),
    "a label of its own": (9, without(LABELS, 9), LABELS),
    "NaN among numbers": (np.nan, without(LABELS, np.nan), each(lambda y: y + 0.0)),
    "None among numbers": (
        np.nan,
        without(each(lambda y: y.astype(object)), None),
        LABELS,
    ),
    "str": ("", without(STRINGS, ""), STRINGS),
    "longer str": ("not labelled", without(STRINGS, "not labelled"), STRINGS),
    "int among strings": (-1, without(OBJECTS, -1), STRINGS),
    "NaN among strings": (np.nan, without(OBJECTS, np.nan), STRINGS),
    "None among strings": (np.nan, without(OBJECTS, None), STRINGS),
    "NaN in lists of strings": (np.nan, as_lists(without(OBJECTS, np.nan)), STRINGS),
    "int in lists of strings": (-1, as_lists(without(OBJECTS, -1)), STRINGS),
    "pandas' strings": (np.nan, each(pd.Series, without(OBJECTS, np.nan)), STRINGS),
    "bool": (
        np.nan,
        without(each(lambda y: y.astype(object), BOOLS), None),
        BOOLS,
    ),
    "int among bools": (-1, without(BOOLS, -1), each(lambda y: y + 0, BOOLS)),
}


@pytest.mark.parametrize(("ignore_label", "y", "whole"), GAPS.values(), ids=GAPS)
def test_missing_labels_are_those_without_weight(ignore_label, y, whole):
    classifier = make_steps(RNNClassifier, ignore_label=ignore_label).fit(RAGGED, y)
    expected = make_steps(RNNClassifier).fit(RAGGED, whole, sample_weight=THERE)
    assert_array_equal(classifier.classes_, expected.classes_)
    assert classifier.classes_.dtype.kind == expected.classes_.dtype.kind
    assert_array_equal(weights_of(classifier), weights_of(expected))
    assert classifier.loss_curve_ == expected.loss_curve_
    score = classifier.score(RAGGED, y)
    assert score == pytest.approx(expected.score(RAGGED, whole, THERE), rel=1e-12)


def test_no_label_is_missing_by_default():
    classifier = make_steps(RNNClassifier).fit(RAGGED, without(LABELS, -1))
    assert_array_equal(classifier.classes_, [-1, 0, 1, 2])


def test_a_label_that_never_occurs_may_be_ignored():
    expected = make_steps(RNNClassifier).fit(RAGGED, LABELS)
    for ignore_label in (-1, "none", np.nan):
        classifier = make_steps(RNNClassifier, ignore_label=ignore_label)
        classifier.fit(RAGGED, LABELS)
        assert_array_equal(weights_of(classifier), weights_of(expected))
        assert classifier.score(RAGGED, LABELS) == expected.score(RAGGED, LABELS)


def test_missing_labels_of_sequences():
    gaps = np.where(np.arange(24) % 4 == 1, -1, LABELS_ARRAY[:, -1])
    classifier = make(RNNClassifier, pooling="last", ignore_label=-1).fit(X, gaps)
    expected = make(RNNClassifier, pooling="last")
    expected.fit(X, LABELS_ARRAY[:, -1], sample_weight=gaps >= 0)
    assert_array_equal(weights_of(classifier), weights_of(expected))
    right = classifier.predict(X) == gaps
    assert classifier.score(X, gaps) == right[gaps >= 0].mean()


def test_targets_missing_in_one_column_add_nothing_there():
    # The mean over two columns, of which one or both may be missing.
    regressor = make_steps(RNNRegressor, normalize_y=False, **STILL)
    y = without(each(lambda y: y / 100, TWO), np.nan, THERE_TWO)
    regressor.fit(RAGGED, y)
    errors = 0.5 * (np.concatenate(y) - np.concatenate(regressor.predict(RAGGED))) ** 2
    expect_loss(regressor, errors)


def test_labels_missing_in_one_column_add_nothing_there():
    y = without(LABEL_COLUMNS, -1, THERE_TWO)
    classifier = make_steps(RNNClassifier, ignore_label=-1, **STILL).fit(RAGGED, y)
    assert_array_equal(classifier.classes_[0], [0, 1, 2])
    assert_array_equal(classifier.classes_[1], [0, 1])
    flat, errors = np.concatenate(y), []
    for column, parts in zip(flat.T, classifier.predict_log_proba(RAGGED), strict=True):
        chosen = np.concatenate(parts)[np.arange(70), column]
        errors.append(np.where(column < 0, np.nan, -chosen))
    expect_loss(classifier, np.transpose(errors))

    right = np.concatenate(classifier.predict(RAGGED)) == flat
    expected = (right | (flat < 0)).all(axis=1)[(flat >= 0).any(axis=1)]
    assert classifier.score(RAGGED, y) == expected.mean()


def test_missing_labels_of_an_indicator_add_nothing():
    y = without(INDICATOR, -1, THERE_TWO)
    classifier = make_steps(RNNClassifier, ignore_label=-1, **STILL).fit(RAGGED, y)
    assert_array_equal(classifier.classes_, [0, 1])
    flat, probabilities = (
        np.concatenate(parts) for parts in (y, classifier.predict_proba(RAGGED))
    )
    chosen = np.where(flat == 1, probabilities, 1 - probabilities)
    expect_loss(classifier, np.where(flat < 0, np.nan, -np.log(chosen)))


def expect_loss(estimator, errors):
    """Of steps whose targets are all missing, nothing counts."""
    errors = errors[~np.isnan(errors).all(axis=1)]
    expected = np.mean(np.nansum(errors, axis=1) / 2)
    assert estimator.loss_ == pytest.approx(expected, rel=1e-5)


@both
def test_batches_without_targets_are_left_out(estimator_class):
    y = ARRAY_TARGETS[estimator_class]
    missing = {RNNClassifier: -1, RNNRegressor: np.nan}[estimator_class]
    parameters = {"batch_size": 6, "shuffle": False}
    if estimator_class is RNNClassifier:
        parameters["ignore_label"] = -1
    some = np.where((np.arange(24) < 12)[:, None], missing, y)
    estimator = make_steps(estimator_class, max_iter=1, **parameters).fit(X, some)
    # The cosine schedule sees the place in the epoch.
    expected = make_steps(estimator_class, **parameters)
    arguments = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    expected.partial_fit(X[12:], y[12:], *arguments)
    estimator = make_steps(estimator_class, **parameters)
    estimator.partial_fit(X, some, *arguments)
    assert estimator.loss_ == pytest.approx(expected.loss_, rel=1e-6)
    assert_allclose(weights_of(estimator), weights_of(expected), 1e-4, 1e-6)


def test_learns_where_most_targets_are_missing():
    there = cut_to_lengths(_rng.random(Y_ARRAY.shape) < 0.4)
    regressor = make_steps(RNNRegressor, **LEARNING)
    regressor.fit(RAGGED, without(Y, np.nan, there))
    assert regressor.score(RAGGED, without(Y, np.nan, there)) > 0.9
    assert regressor.score(RAGGED, Y) > 0.5


# The score


@both
def test_score_counts_the_steps_that_are_labelled(estimator_class):
    y, metric, missing, parameters = {
        RNNClassifier: (LABELS, accuracy_score, -1, {"ignore_label": -1}),
        RNNRegressor: (Y, r2_score, np.nan, {}),
    }[estimator_class]
    estimator = make_steps(estimator_class, **parameters).fit(RAGGED, y)
    predicted, flat = np.concatenate(estimator.predict(RAGGED)), np.concatenate(y)
    assert estimator.score(RAGGED, y) == pytest.approx(metric(flat, predicted))

    gaps, there = without(y, missing), FLAT_THERE
    expected = metric(flat[there], predicted[there])
    assert estimator.score(RAGGED, gaps) == pytest.approx(expected)

    flat_weights = np.concatenate(WEIGHTS)[there]
    expected = metric(flat[there], predicted[there], sample_weight=flat_weights)
    assert estimator.score(RAGGED, gaps, WEIGHTS) == pytest.approx(expected)

    of_sequences = np.arange(1.0, 25)
    flat_weights = np.repeat(of_sequences, [len(x) for x in RAGGED])[there]
    expected = metric(flat[there], predicted[there], sample_weight=flat_weights)
    assert estimator.score(RAGGED, gaps, of_sequences) == pytest.approx(expected)


def test_score_of_several_outputs_is_their_mean():
    regressor = make_steps(RNNRegressor).fit(RAGGED, TWO)
    gaps = without(TWO, np.nan, THERE_TWO)
    flat, predicted = np.concatenate(gaps), np.concatenate(regressor.predict(RAGGED))
    expected = []
    for column, column_predicted in zip(flat.T, predicted.T, strict=True):
        there = ~np.isnan(column)
        expected.append(r2_score(column[there], column_predicted[there]))
    assert regressor.score(RAGGED, gaps) == pytest.approx(np.mean(expected))


@both
def test_score_is_of_what_is_fitted(estimator_class):
    y = without(TARGETS[estimator_class], np.nan)
    estimator = make_steps(estimator_class)
    if estimator_class is RNNClassifier:
        estimator.set_params(ignore_label=np.nan)
    expected = estimator.fit(RAGGED, y).score(RAGGED, y)
    estimator.set_params(return_sequences=False, pooling="mean")
    assert estimator.score(RAGGED, y) == expected


# Weights


@both
def test_a_weight_of_a_sequence_is_that_of_its_steps(estimator_class):
    y, weights = TARGETS[estimator_class], np.arange(24) % 5
    expected = make_steps(estimator_class).fit(RAGGED, y, weights)
    for form in (
        [np.full(len(x), weight) for x, weight in zip(RAGGED, weights, strict=True)],
        [[int(weight)] * len(x) for x, weight in zip(RAGGED, weights, strict=True)],
        weights.tolist(),
        pd.Series(weights, index=range(100, 124)),
    ):
        estimator = make_steps(estimator_class).fit(RAGGED, y, form)
        assert_array_equal(weights_of(estimator), weights_of(expected))
    plain = make_steps(estimator_class).fit(RAGGED, y)
    assert (weights_of(plain) != weights_of(expected)).any()


@both
def test_forms_of_weights_are_equivalent(estimator_class):
    y = ARRAY_TARGETS[estimator_class]
    expected = make_steps(estimator_class).fit(X, y, WEIGHTS_ARRAY)
    score = expected.score(X, y, WEIGHTS_ARRAY)
    for form in (
        list(WEIGHTS_ARRAY),
        WEIGHTS_ARRAY.tolist(),
        WEIGHTS_ARRAY[:, :, None],
        pd.DataFrame(WEIGHTS_ARRAY),
        pd.Series(list(WEIGHTS_ARRAY)),
        np.fromiter(WEIGHTS_ARRAY, dtype=object),
    ):
        estimator = make_steps(estimator_class).fit(list(X), list(y), form)
        assert_array_equal(weights_of(estimator), weights_of(expected))
        assert estimator.score(X, y, form) == score


@both
def test_weights_of_one_are_no_weights(estimator_class):
    y = TARGETS[estimator_class]
    expected = make_steps(estimator_class).fit(RAGGED, y)
    for ones in (1, 1.0, np.ones(24), [np.ones(len(x)) for x in RAGGED]):
        estimator = make_steps(estimator_class).fit(RAGGED, y, sample_weight=ones)
        assert_array_equal(weights_of(estimator), weights_of(expected))


def test_weight_is_repetition():
    y = [part > 0 for part in Y]
    counts = np.arange(24) % 4  # none, once, twice, three times
    rows = np.repeat(np.arange(24), counts)
    # Every step of the solver sees all, in float64: only the order of sums differs.
    exact = {"cell": "rnn", "dtype": "float64", "batch_size": 1000}
    weighted = make_steps(RNNClassifier, **exact).fit(RAGGED, y, counts)
    repeated = make_steps(RNNClassifier, **exact).fit(
        [RAGGED[i] for i in rows], [y[i] for i in rows]
    )
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    assert_allclose(weights_of(weighted), weights_of(repeated), rtol=1e-7, atol=1e-9)


def test_the_loss_is_the_weighted_mean_over_steps():
    regressor = make_steps(RNNRegressor, normalize_y=False, batch_size=24, **STILL)
    regressor.fit(RAGGED, without(Y, np.nan), WEIGHTS)
    residuals = np.concatenate(Y) - np.concatenate(regressor.predict(RAGGED))
    errors, weights = 0.5 * residuals**2, np.concatenate(WEIGHTS)
    expected = np.average(errors[FLAT_THERE], weights=weights[FLAT_THERE])
    assert regressor.loss_ == pytest.approx(expected, rel=1e-5)


# Errors


def test_nothing_is_there():
    parts = [np.full(len(x), np.nan) for x in RAGGED]
    with pytest.raises(ValueError, match="y has a column without any value: all are"):
        make_steps(RNNRegressor).fit(RAGGED, parts)
    two = [np.c_[part, np.nan + part] for part in Y]
    with pytest.raises(ValueError, match="y has a column without any value: all are"):
        make_steps(RNNRegressor).fit(RAGGED, two)
    with pytest.raises(ValueError, match="There is nothing to learn: every target is"):
        make_steps(RNNRegressor, normalize_y=False).fit(RAGGED, parts)
    with pytest.raises(ValueError, match="y has a column without any label: all are"):
        make_steps(RNNClassifier, ignore_label=np.nan).fit(RAGGED, parts)
    weights = [~part for part in THERE]
    with pytest.raises(ValueError, match="all are missing or have weight 0"):
        make_steps(RNNRegressor).fit(RAGGED, without(Y, np.nan), weights)
    with pytest.raises(ValueError, match="every target is missing or has weight 0"):
        make_steps(RNNClassifier, ignore_label=-1).fit(
            RAGGED, without(LABELS, -1), weights
        )


def test_nothing_to_score():
    weights = [~part for part in THERE]
    regressor = make_steps(RNNRegressor).fit(RAGGED, Y)
    nothing = [part + np.nan for part in Y]
    for arguments in ([nothing], [without(Y, np.nan), weights]):
        with pytest.raises(ValueError, match="nothing to score in a column of y: ever"):
            regressor.score(RAGGED, *arguments)
    classifier = make_steps(RNNClassifier, ignore_label=-1).fit(RAGGED, LABELS)
    nothing = [0 * part - 1 for part in LABELS]
    for arguments in ([nothing], [without(LABELS, -1), weights]):
        with pytest.raises(ValueError, match="There is nothing to score: every label"):
            classifier.score(RAGGED, *arguments)


def test_labels_of_sequences_cannot_be_missing_unless_they_say_so():
    gaps = np.where(np.arange(24) % 4, np.nan, 1.0)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        make(RNNClassifier, pooling="last").fit(X, gaps)


@pytest.mark.parametrize("ignore_label", [[1], None.__class__, (-1,)])
def test_errors_for_ignore_label(ignore_label):
    with pytest.raises(InvalidParameterError, match="'ignore_label' parameter of RNNC"):
        make_steps(RNNClassifier, ignore_label=ignore_label).fit(RAGGED, LABELS)


BAD_WEIGHTS = {
    "negative": ([-part for part in WEIGHTS], "Negative values in data passed"),
    "zeros": ([0 * part for part in WEIGHTS], "at least one non-zero number"),
    "NaN": ([np.nan * part for part in WEIGHTS], "Input sample_weight contains NaN"),
    "a sequence too few": (
        WEIGHTS[:-1],
        "sample_weight has an entry for each of 23 sequences, but X has 24 sequences",
    ),
    "a number too few": (np.ones(23), r"shape == \(23,\), expected \(24,\)"),
    "a step too few": (
        [part[:-1] if len(part) == 5 else part for part in WEIGHTS],
        r"sequence 4 of X has 5 steps, sample_weight\[4\] has shape \(4,\). Pass one w",
    ),
    "of all the length of the longest": (
        WEIGHTS_ARRAY,
        r"sequence 0 of X has 1 steps, sample_weight\[0\] has shape \(5,\)",
    ),
    "two columns": (
        [np.c_[part, part] for part in WEIGHTS],
        "2 weights for each step, but all targets of a step have one weight. Pass one",
    ),
    "arrays and numbers": ([1.0, *WEIGHTS[1:]], r"sample_weight\[0\] has shape \(\)"),
    "words": (["heavy"] * 24, "sample_weight is no array of numbers"),
}


@both
@pytest.mark.parametrize(("weights", "match"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_errors_for_weights(estimator_class, weights, match):
    with pytest.raises(ValueError, match=match):
        make_steps(estimator_class).fit(RAGGED, TARGETS[estimator_class], weights)


def test_sequences_with_one_target_have_one_weight():
    with pytest.raises(ValueError, match=r"shape == \(24, 5\), expected \(24,\)"):
        make(RNNRegressor).fit(X, Y_ARRAY[:, -1], WEIGHTS_ARRAY)
