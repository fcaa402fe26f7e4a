"""Scorers of steps, scikit-learn's metrics over all of them; whole sequences right."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    fbeta_score,
    get_scorer,
    get_scorer_names,
    log_loss,
    make_scorer,
    max_error,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from small import RAGGED, X, make
from small_steps import (
    ARRAY_TARGETS,
    INDICATOR,
    LABEL_COLUMNS,
    LABELS,
    LABELS_ARRAY,
    TARGETS,
    TWO,
    WEIGHTS,
    WEIGHTS_ARRAY,
    Y,
    make_steps,
)

from skrnn import RNNClassifier, RNNRegressor
from skrnn.metrics import exact_match, step_scorer, token_error_rate
from skrnn.preprocessing import SequenceScaler

both = pytest.mark.parametrize("estimator_class", TARGETS)
BINARY = [(part > 0).astype(int) for part in Y]
WORDS = [np.where(part, "yes", "no") for part in BINARY]
LENGTHS = [len(x) for x in RAGGED]


class Flat(BaseEstimator):
    """What an estimator says about steps, as an estimator of samples."""

    def __init__(self, estimator, classes):
        self.estimator, self.classes_ = estimator, classes

    def predict(self, X):
        return np.concatenate(self.estimator.predict(X))


class FlatClassifier(ClassifierMixin, Flat):
    def predict_proba(self, X):
        return np.concatenate(self.estimator.predict_proba(X))


class FlatRegressor(RegressorMixin, Flat):
    pass


def outcome(scorer, *args):
    """The score, or the type of the error."""
    try:
        return scorer(*args)
    except Exception as error:
        return type(error)


KINDS = {
    "two classes": (RNNClassifier, BINARY),
    "words": (RNNClassifier, WORDS),
    "three classes": (RNNClassifier, LABELS),
    "indicator": (RNNClassifier, INDICATOR),
    "values": (RNNRegressor, [part**2 for part in Y]),
    "outputs": (RNNRegressor, TWO),
}


# The score of some labels is not defined: a warning, and so an error, of both.
@pytest.mark.parametrize(("estimator_class", "y"), KINDS.values(), ids=KINDS)
def test_all_scorers_of_scikit_learn(estimator_class, y):
    estimator = make_steps(estimator_class, max_iter=20).fit(RAGGED, y)
    if estimator_class is RNNRegressor:
        flat = FlatRegressor(estimator, None)
    else:
        # As scikit-learn's forests have them, for an indicator matrix.
        classes = estimator.classes_ if y is not INDICATOR else [np.arange(2)] * 2
        flat = FlatClassifier(estimator, classes)
    scores = 0
    for name in get_scorer_names():
        expected = outcome(get_scorer(name), flat, RAGGED, np.concatenate(y))
        found = outcome(step_scorer(name), estimator, RAGGED, y)
        assert found == expected, name
        scores += isinstance(found, float)
    assert scores >= 8


@both
def test_forms_of_X_and_y(estimator_class):
    y = ARRAY_TARGETS[estimator_class]
    estimator = make_steps(estimator_class).fit(X, y)
    metric = f1_score if estimator_class is RNNClassifier else mean_absolute_error
    options = {"average": "macro"} if metric is f1_score else {}
    scorer = step_scorer(metric, **options)
    expected = metric(y.ravel(), estimator.predict(X).ravel(), **options)
    for X_form in (X, list(X)):
        for y_form in (y, list(y), y[:, :, None], y.tolist()):
            assert scorer(estimator, X_form, y_form) == expected


def test_probabilities_are_those_of_the_positive_class():
    classifier = make_steps(RNNClassifier).fit(RAGGED, WORDS)
    yes = np.concatenate(classifier.predict_proba(RAGGED))[:, 1]
    y = np.concatenate(WORDS)
    expected = roc_auc_score(y == "yes", yes)
    assert step_scorer("roc_auc")(classifier, RAGGED, WORDS) == expected
    scorer = step_scorer(
        average_precision_score, response_method="predict_proba", pos_label="no"
    )
    expected = average_precision_score(y == "no", 1 - yes)
    assert scorer(classifier, RAGGED, WORDS) == pytest.approx(expected, rel=1e-12)


def test_a_loss():
    scorer = step_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False
    )
    classifier = make_steps(RNNClassifier).fit(RAGGED, LABELS)
    probabilities = np.concatenate(classifier.predict_proba(RAGGED))
    expected = -log_loss(np.concatenate(LABELS), probabilities)
    assert scorer(classifier, RAGGED, LABELS) == expected


# The estimators' own scores


@pytest.mark.parametrize(
    ("estimator_class", "y", "missing"),
    [
        (RNNClassifier, LABELS, -1),
        (RNNClassifier, WORDS, "?"),
        (RNNClassifier, WORDS, np.nan),
        (RNNRegressor, Y, np.nan),
        (RNNRegressor, TWO, np.nan),
    ],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS_ARRAY[:, 0], WEIGHTS])
def test_what_is_missing_does_not_count(estimator_class, y, missing, weights):
    there = np.random.default_rng(5)
    y = [
        np.where(there.random(part.shape) < 0.7, part.astype(object), missing)
        for part in y
    ]
    options = {"ignore_label": missing} if estimator_class is RNNClassifier else {}
    estimator = make_steps(estimator_class, **options).fit(RAGGED, y)
    scorer = step_scorer("r2" if estimator_class is RNNRegressor else "accuracy")
    expected = estimator.score(RAGGED, y, weights)
    found = scorer(estimator, RAGGED, y, sample_weight=weights)
    assert found == pytest.approx(expected, rel=1e-12)


def test_rows_of_an_indicator_count_if_they_are_whole():
    there = np.random.default_rng(6)
    gaps = [there.random(part.shape) < 0.2 for part in INDICATOR]
    pairs = zip(gaps, INDICATOR, strict=True)
    y = [np.where(gap, -1, part) for gap, part in pairs]
    classifier = make_steps(RNNClassifier, ignore_label=-1).fit(RAGGED, y)
    whole = ~np.concatenate(gaps).any(axis=1)
    probabilities = np.concatenate(classifier.predict_proba(RAGGED))[whole]
    expected = roc_auc_score(np.concatenate(INDICATOR)[whole], probabilities)
    assert step_scorer("roc_auc")(classifier, RAGGED, y) == expected


def test_weights():
    classifier = make_steps(RNNClassifier).fit(RAGGED, LABELS)
    y, predicted = np.concatenate(LABELS), np.concatenate(classifier.predict(RAGGED))
    scorer = step_scorer("f1_macro")
    for weights, flat in (
        (WEIGHTS, np.concatenate(WEIGHTS)),
        (WEIGHTS_ARRAY[:, 0], np.repeat(WEIGHTS_ARRAY[:, 0], LENGTHS)),
    ):
        expected = f1_score(y, predicted, average="macro", sample_weight=flat)
        assert scorer(classifier, RAGGED, LABELS, sample_weight=weights) == expected
    # What has no weight is not there: for a metric of extremes, too.
    regressor = make_steps(RNNRegressor).fit(RAGGED, Y)
    wild = [part + 1e6 * (np.arange(len(part)) == 1) for part in Y]
    weights = [(part < 1e5).astype(float) for part in wild]
    there = np.concatenate(weights) > 0
    predicted = np.concatenate(regressor.predict(RAGGED))

    def weighted_max_error(y_true, y_pred, sample_weight):
        return max_error(y_true, y_pred)

    assert step_scorer(weighted_max_error)(
        regressor, RAGGED, wild, sample_weight=weights
    ) == max_error(np.concatenate(Y)[there], predicted[there])


# Several columns


def test_label_columns_are_scored_one_by_one():
    gaps = [np.random.default_rng(7).random(part.shape) < 0.3 for part in LABEL_COLUMNS]
    y = [np.where(gap, -1, part) for gap, part in zip(gaps, LABEL_COLUMNS, strict=True)]
    classifier = make_steps(RNNClassifier, ignore_label=-1).fit(RAGGED, y)
    flat, predicted = np.concatenate(y), np.concatenate(classifier.predict(RAGGED))
    first, second = map(np.concatenate, classifier.predict_proba(RAGGED))
    there = (flat >= 0).T
    expected = np.mean(
        [
            f1_score(flat[on, i], predicted[on, i], average="macro")
            for i, on in enumerate(there)
        ]
    )
    assert step_scorer("f1_macro")(classifier, RAGGED, y) == expected
    expected = np.mean(
        [
            roc_auc_score(flat[there[0], 0], first[there[0]], multi_class="ovr"),
            roc_auc_score(flat[there[1], 1], second[there[1], 1]),
        ]
    )
    assert step_scorer("roc_auc_ovr")(classifier, RAGGED, y) == expected


def test_outputs_with_gaps_are_scored_one_by_one():
    regressor = make_steps(RNNRegressor).fit(RAGGED, TWO)
    y = [part.copy() for part in TWO]
    y[3][1, 0] = y[7][0, 1] = np.nan
    flat, predicted = np.concatenate(y), np.concatenate(regressor.predict(RAGGED))
    errors = [
        max_error(column[~np.isnan(column)], by_column[~np.isnan(column)])
        for column, by_column in zip(flat.T, predicted.T, strict=True)
    ]
    assert step_scorer(max_error)(regressor, RAGGED, y) == np.mean(errors)
    # Whole ones come to the metric at once.
    scorer = step_scorer(r2_score, multioutput="variance_weighted")
    expected = r2_score(np.concatenate(TWO), predicted, multioutput="variance_weighted")
    assert scorer(regressor, RAGGED, TWO) == expected


# Inside scikit-learn


def by_hand(estimator, y, metric, cv=3):
    scores = []
    for train, test in KFold(cv).split(y):
        fitted = clone(estimator).fit([RAGGED[i] for i in train], [y[i] for i in train])
        predicted = fitted.predict([RAGGED[i] for i in test])
        true = np.concatenate([y[i] for i in test])
        scores.append(metric(true, np.concatenate(predicted)))
    return scores


def macro(y, predicted):
    return f1_score(y, predicted, average="macro")


def test_cross_validation():
    expected = by_hand(make_steps(RNNClassifier), LABELS, macro)
    pipeline = make_pipeline(SequenceScaler(with_mean=False, with_std=False))
    pipeline.steps.append(("tagger", make_steps(RNNClassifier)))
    scorer = step_scorer("f1_macro")
    for estimator in (make_steps(RNNClassifier), pipeline):
        scores = cross_val_score(estimator, RAGGED, LABELS, cv=3, scoring=scorer)
        assert_array_equal(scores, expected)
    several = {"f1": scorer, "accuracy": step_scorer(accuracy_score)}
    scores = cross_validate(
        make_steps(RNNClassifier), RAGGED, LABELS, cv=3, scoring=several, n_jobs=2
    )
    assert_array_equal(scores["test_f1"], expected)
    expected = by_hand(make_steps(RNNClassifier), LABELS, accuracy_score)
    assert_array_equal(scores["test_accuracy"], expected)


def test_grid_search():
    scorer = step_scorer(mean_absolute_error, greater_is_better=False)
    grid = {"hidden_size": [2, 3]}
    search = GridSearchCV(make_steps(RNNRegressor), grid, scoring=scorer, cv=3)
    search = clone(search).fit(RAGGED, Y)
    expected = [
        -np.mean(
            by_hand(make_steps(RNNRegressor, hidden_size=n), Y, mean_absolute_error)
        )
        for n in (2, 3)
    ]
    assert search.cv_results_["mean_test_score"] == pytest.approx(expected, rel=1e-12)
    assert search.score(RAGGED, Y) == scorer(search, RAGGED, Y)


def test_weights_of_a_search():
    def fit(scoring):
        search = GridSearchCV(
            make_steps(RNNRegressor), {}, scoring=scoring, cv=3, refit=False
        )
        return search.fit(RAGGED, Y, sample_weight=WEIGHTS).cv_results_

    # One metric takes weights, the other one none.
    scorers = {"mae": step_scorer(mean_absolute_error), "max": step_scorer(max_error)}
    with pytest.warns(
        UserWarning, match="max=step_scorer.max_error.* does not support"
    ):
        results = fit(scorers)
    assert results["mean_test_mae"] == fit(scorers["mae"])["mean_test_score"]


def test_weights_are_routed():
    estimator = make_steps(RNNRegressor).fit(RAGGED, Y)
    with config_context(enable_metadata_routing=True):
        scorer = step_scorer("r2").set_score_request(sample_weight=True)
        requesting = make_steps(RNNRegressor).set_fit_request(sample_weight=False)
        for scoring in (scorer, {"r2": scorer, "mae": step_scorer("neg_max_error")}):
            scores = cross_validate(
                requesting,
                RAGGED,
                Y,
                cv=3,
                scoring=scoring,
                params={"sample_weight": WEIGHTS},
                return_estimator=True,
                return_indices=True,
            )
            score = scores["test_score" if scoring is scorer else "test_r2"][0]
            test = scores["indices"]["test"][0]
            parts = ([part[i] for i in test] for part in (RAGGED, Y, WEIGHTS))
            assert score == scores["estimator"][0].score(*parts)
    assert estimator.score(RAGGED, Y) == scorer(estimator, RAGGED, Y)


@pytest.mark.parametrize(
    ("scorer", "description"),
    [
        (step_scorer("f1_macro"), "step_scorer('f1_macro')"),
        (
            step_scorer(fbeta_score, beta=2, average="macro"),
            "step_scorer(fbeta_score, response_method='predict', beta=2, "
            "average=macro)",
        ),
        (
            step_scorer(make_scorer(f1_score, average="macro")),
            "step_scorer(make_scorer(f1_score, response_method='predict', "
            "average=macro))",
        ),
    ],
)
def test_copies_and_descriptions(scorer, description):
    classifier = make_steps(RNNClassifier).fit(RAGGED, LABELS)
    expected = scorer(classifier, RAGGED, LABELS)
    for other in (pickle.loads(pickle.dumps(scorer)), copy.deepcopy(scorer)):
        assert other(classifier, RAGGED, LABELS) == expected
        assert repr(other) == description


# Errors


def test_errors_of_making_one():
    with pytest.raises(ValueError, match="'f2' is not a valid scoring value"):
        step_scorer("f2")
    for options in ({"pos_label": 1}, {"greater_is_better": False}):
        with pytest.raises(TypeError, match="metric is the scorer 'f1'. Pass the func"):
            step_scorer("f1", **options)


@both
def test_errors(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make_steps(estimator_class).fit(RAGGED, y)
    scorer = step_scorer("explained_variance")
    for wrong, match in (
        (y[:-1], "an entry for each of 23 sequences, but X has 24"),
        ([part[:1] for part in y], "sequence 1 of X has 2 steps, y.1. has shape .1,."),
        (LABELS_ARRAY[:, 0], r"an entry for each time step: y\[0\] has shape \(\)"),
    ):
        with pytest.raises(ValueError, match=match):
            scorer(estimator, RAGGED, wrong)
    gaps = [np.full(length, np.nan) for length in LENGTHS]
    if estimator_class is RNNClassifier:
        estimator.set_params(ignore_label=np.nan)
    with pytest.raises(ValueError, match="nothing to score: every target is missing"):
        scorer(estimator, RAGGED, gaps)
    with pytest.raises(ValueError, match=r"sample_weight\[1\] has shape \(1,\)"):
        scorer(estimator, RAGGED, y, sample_weight=[part[:1] for part in WEIGHTS])


def test_errors_for_columns():
    classifier = make_steps(RNNClassifier).fit(RAGGED, LABEL_COLUMNS)
    with pytest.raises(ValueError, match="y has 1 columns, but 2 are predicted"):
        step_scorer("f1_macro")(classifier, RAGGED, LABELS)
    regressor = make_steps(RNNRegressor).fit(RAGGED, Y)
    with pytest.raises(AttributeError, match="RNNRegressor has none of the following"):
        step_scorer("roc_auc")(regressor, RAGGED, Y)


@both
def test_pooled_estimators_have_scorers(estimator_class):
    y = [part[0] for part in TARGETS[estimator_class]]
    estimator = make(estimator_class).fit(RAGGED, y)
    for of in (estimator, make_pipeline(estimator)):
        with pytest.raises(
            ValueError, match="RNN.* predicts one for each sequence. Set"
        ):
            step_scorer("r2")(of, RAGGED, y)


# Whole sequences


RIGHT = [["a", "b"], ["c"], ["b", "b", "a"]]
PREDICTED = [["a", "b"], ["b"], ["b", "b", "a"]]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "expected"),
    [
        (RIGHT, RIGHT, {}, 1.0),
        (RIGHT, PREDICTED, {}, 2 / 3),
        (RIGHT, [*PREDICTED[:2], ["b", "b"]], {}, 1 / 3),  # another length
        (RIGHT, [[], *PREDICTED[1:]], {}, 1 / 3),
        ([[], ["a"]], [[], ["b"]], {}, 0.5),
        (RIGHT, PREDICTED, {"ignore_label": "c"}, 1.0),
        (RIGHT, PREDICTED, {"sample_weight": [1, 2, 1]}, 0.5),
        ([[1, 0], [2]], [["1", "0"], ["2"]], {}, 0.0),  # labels of another type
        ([[1, -1], [2]], [[1, 0], [1]], {"ignore_label": -1}, 0.5),
        ([[1.0, np.nan], [2.0]], [[1, 0], [1]], {"ignore_label": np.nan}, 0.5),
        (["no", "yes"], ["no", "yet"], {}, 0.5),  # texts
        ([[[0, 1], [1, 1]]] * 2, [[[0, 1], [1, 1]], [[0, 1], [1, 0]]], {}, 0.5),
    ],
)
def test_exact_match(y_true, y_pred, options, expected):
    assert exact_match(y_true, y_pred, **options) == pytest.approx(expected)


def test_exact_match_of_all_forms_of_y():
    classifier = make_steps(RNNClassifier, max_iter=60).fit(X, LABELS_ARRAY)
    predicted = classifier.predict(X)
    expected = (predicted == LABELS_ARRAY).all(axis=1).mean()
    assert 0 < expected < 1
    y = LABELS_ARRAY
    for form in (
        y,
        list(y),
        y[:, :, None],
        y.tolist(),
        pd.DataFrame(y),
        pd.Series([*y]),
    ):
        assert exact_match(form, predicted) == expected
        assert exact_match(form, list(predicted)) == expected
    scorer = make_scorer(exact_match)
    assert scorer(classifier, list(X), list(y)) == expected


def test_exact_match_in_a_search():
    search = GridSearchCV(
        make_steps(RNNClassifier),
        {"learning_rate_init": [1e-9, 0.05]},
        scoring=make_scorer(exact_match),
        cv=2,
    ).fit(RAGGED, LABELS)
    fitted = search.best_estimator_
    assert search.score(RAGGED, LABELS) == exact_match(LABELS, fitted.predict(RAGGED))


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (RIGHT, RIGHT[:2], "y_true has 3 sequences, and y_pred 2"),
        ([], [], "y_true has 0 sequences"),
        (RIGHT, "abc", "y_pred must be a list or an array"),
        (iter(RIGHT), RIGHT, r"Pass list\(y_true\)"),
    ],
)
def test_exact_match_refuses(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        exact_match(y_true, y_pred)


def n_edits(true, predicted):
    """By the definition."""
    if not true or not predicted:
        return len(true) + len(predicted)
    return min(
        n_edits(true[1:], predicted[1:]) + (true[0] != predicted[0]),
        n_edits(true[1:], predicted) + 1,
        n_edits(true, predicted[1:]) + 1,
    )


def test_token_error_rate_counts_the_fewest_edits():
    rng = np.random.default_rng(0)
    for _ in range(50):
        true, predicted = (
            rng.integers(3, size=rng.integers(6)).tolist() for _ in range(2)
        )
        expected = n_edits(true, predicted) / (len(true) + 1)
        assert token_error_rate([true, [0]], [predicted, [0]]) == expected


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "expected"),
    [
        (["kitten"], ["sitting"], {}, 3 / 6),
        (["ab", "abc"], ["ab", ""], {}, 3 / 5),
        (["ab", "abc"], ["ab", ""], {"sample_weight": [2, 1]}, 3 / 7),
        (["", "a"], ["xyz", "a"], {}, 3.0),
        ([np.array([1, 2])], [(1, 2, 3)], {}, 1 / 2),
        ([["1"]], [[1]], {}, 1.0),  # of another type
        (pd.Series(["ab"]), np.array(["ba"]), {}, 1.0),
    ],
)
def test_token_error_rate(y_true, y_pred, options, expected):
    assert token_error_rate(y_true, y_pred, **options) == pytest.approx(expected)


def test_token_error_rate_refuses():
    with pytest.raises(ValueError, match="y_true has 2 sequences, and y_pred 1"):
        token_error_rate(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="y_true has no token"):
        token_error_rate(["", []], ["a", []])
    with pytest.raises(ValueError, match="y_pred must be a list or an array"):
        token_error_rate(["a"], "a")
