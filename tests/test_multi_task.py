"""Columns of classes and columns of numbers, learned by one network."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from small import LABELS, RAGGED, WEIGHTS, X, Y, make, state_of
from small_steps import STILL, weights_of

from skrnn import RNNClassifier, RNNMultiTask, RNNRegressor
from skrnn.backends.outputs import losses_of_rows
from skrnn.estimators.saving import to_plain
from skrnn.estimators.tasks import Table, kinds_of
from skrnn.estimators.tasks import weights_of as weights_of_tasks
from skrnn.mathematics.losses import MultiTask
from skrnn.preprocessing import SequenceScaler

pytestmark = [
    pytest.mark.nojit,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

WORDS = np.array(["low", "middle", "very high"])[LABELS]
UP = Y > 0
TABLE = pd.DataFrame({"word": WORDS, "sum": 7 + 3 * Y, "up": UP})
#: Two of three are there.
THERE = np.random.default_rng(2).random(TABLE.shape) < 0.7
GAPS = TABLE.astype(object).where(THERE, None)
SCORES = [accuracy_score, r2_score, accuracy_score]
tasks = partial(make, RNNMultiTask)


# One task


@pytest.mark.parametrize("y", [LABELS, WORDS, UP], ids=["three", "strings", "two"])
def test_one_task_of_classes_is_a_classifier(y):
    expected = make(RNNClassifier, pooling="last", layer_norm=False)
    expected.fit(X, y, WEIGHTS)
    estimator = tasks().fit(X, y, WEIGHTS)
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.loss_curve_ == expected.loss_curve_
    assert_array_equal(estimator.predict(X), expected.predict(X))
    for method in ("predict_proba", "predict_log_proba"):
        found = getattr(estimator, method)(X)
        assert_array_equal(found, getattr(expected, method)(X))
    assert estimator.score(X, y, WEIGHTS) == expected.score(X, y, WEIGHTS)


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}], ids=str)
def test_one_task_of_values_is_a_regressor(parameters):
    y = np.where(np.arange(24) % 5 == 1, np.nan, 300 + 9 * Y)
    expected = make(RNNRegressor, **parameters).fit(RAGGED, y)
    estimator = tasks(**parameters).fit(RAGGED, y)
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.loss_curve_ == expected.loss_curve_
    assert estimator.validation_scores_ == expected.validation_scores_
    assert_array_equal(estimator.predict(RAGGED), expected.predict(RAGGED))
    assert estimator.score(RAGGED, y) == expected.score(RAGGED, y)
    assert not hasattr(estimator, "predict_proba")


# The loss


def test_gradients_are_those_of_differences():
    loss = MultiTask(("logistic", "softmax", "squared_error"), (1, 2.5, 0.3))
    kind, rng = loss.kind((1, 3, 1)), np.random.default_rng(0)
    targets = np.array([[1, 2, 0.4], [0, np.nan, -3], [np.nan, 0, np.nan]])
    outputs, scales = rng.normal(size=(3, 5)), np.array([0.2, 1, 3])

    def value(outputs):
        return losses_of_rows(kind, outputs.copy(), targets, scales)

    gradient, step = outputs.copy(), 1e-6
    losses_of_rows(kind, gradient, targets, scales)
    for place in np.ndindex(outputs.shape):
        change = np.zeros(outputs.shape)
        change[place] = step
        slope = (value(outputs + change) - value(outputs - change)) / (2 * step)
        assert_allclose(gradient[place], slope, 1e-8, 1e-9)


@pytest.mark.parametrize("y", [TABLE, GAPS], ids=["whole", "with gaps"])
@pytest.mark.parametrize(
    ("loss_weights", "expected"),
    [(None, [1, 1, 1]), ({"sum": 3}, [1, 3, 1]), ([1, 0.5, 2], [1, 0.5, 2])],
)
def test_the_loss_is_the_weighted_mean_of_those_of_the_tasks(y, loss_weights, expected):
    estimator = tasks(loss_weights=loss_weights, tasks={"sum": "regression"}, **STILL)
    estimator.fit(X, y, WEIGHTS)
    logs = estimator.predict_log_proba(X)
    there = y.notna().to_numpy()
    values = TABLE["sum"][there[:, 1]]
    weights = WEIGHTS[there[:, 1]]
    mean = np.average(values, weights=weights)
    scale = np.average((values - mean) ** 2, weights=weights) ** 0.5
    errors = (estimator.predict(X)["sum"] - TABLE["sum"]) / scale
    words, ups = logs["word"][range(24), LABELS], logs["up"][range(24), 1 * UP]
    losses = np.column_stack([-words, 0.5 * errors**2, -ups])
    means = np.average(np.where(there, losses, 0), axis=1, weights=expected)
    some = there.any(axis=1)
    found = np.average(means[some], weights=WEIGHTS[some])
    assert estimator.loss_ == pytest.approx(found, rel=1e-5)


# Forms of y

POLARS = pl.DataFrame({name: TABLE[name].to_list() for name in TABLE})
FORMS = {
    "pandas": (TABLE, pd.DataFrame),
    "polars": (POLARS, pl.DataFrame),
    "objects": (TABLE.to_numpy(), np.ndarray),
    "lists": (TABLE.to_numpy().tolist(), np.ndarray),
}


@pytest.mark.parametrize(("y", "kind"), FORMS.values(), ids=FORMS)
def test_predictions_have_the_form_of_y(y, kind):
    estimator = tasks().fit(X, y)
    predicted = estimator.predict(X)
    assert type(predicted) is kind
    names = list(getattr(y, "columns", range(3)))
    assert list(getattr(predicted, "columns", range(3))) == names
    columns = np.asarray(predicted, object).T
    assert [type(column[0]) for column in columns] == [str, float, bool]
    assert list(estimator.tasks_) == names
    assert {*estimator.classes_} == {names[0], names[2]}
    scores = [accuracy_score(WORDS, columns[0].astype(str))]
    scores += [r2_score(TABLE["sum"], columns[1]), np.mean(columns[2] == UP)]
    assert estimator.score(X, y) == pytest.approx(np.mean(scores))
    assert estimator.n_outputs_ == 5


def test_arrays_of_one_type_stay_what_they_are():
    assert tasks().fit(X, np.c_[Y, Y]).predict(X).dtype == np.float64
    assert tasks().fit(X, np.c_[WORDS, WORDS]).predict(X).dtype.kind == "U"
    assert tasks().fit(X, Y[:, None]).predict(X).shape == (24, 1)


def test_a_prediction_has_the_index_of_a_table():
    flat = pd.DataFrame(X.reshape(24, -1), index=range(100, 124))
    flat.columns = flat.columns.astype(str)
    estimator = tasks(n_features_per_step=2).fit(flat, TABLE)
    assert estimator.predict(flat[:3]).index.tolist() == [100, 101, 102]


def test_columns_are_found_by_their_names():
    estimator = tasks().fit(X, TABLE)
    expected = estimator.score(X, TABLE)
    assert estimator.score(X, TABLE[["up", "word", "sum"]]) == expected
    assert estimator.score(X, TABLE.to_numpy()) == expected


# Which columns have classes

MANY = np.arange(24)
COLUMNS = {
    "floats": (Y, "regression"),
    "whole floats": (LABELS.astype(float), "regression"),
    "floats among objects": (Y.astype(object), "regression"),
    "floats and None": (np.where(UP, Y.astype(object), None), "regression"),
    "whole numbers": (LABELS, "classification"),
    "whole numbers and None": (np.where(UP, np.array(1, object), None), "classific"),
    "missing whole numbers": (pd.array(np.where(UP, 1, None), "Int64"), "classific"),
    "booleans": (UP, "classification"),
    "booleans and NaN": (np.where(UP, True, np.array(np.nan, object)), "classific"),
    "strings": (WORDS, "classification"),
    "categories": (pd.Categorical(WORDS), "classification"),
    "many categories": (pd.Categorical(MANY), "classification"),
    "many strings": ([f"a{i}" for i in MANY], "classification"),
    "many whole numbers": (MANY, "24 different whole numbers, which may be"),
    "numbers as strings": (MANY.astype(str), "24 different numbers as strings, which"),
}


@pytest.mark.parametrize(("column", "expected"), COLUMNS.values(), ids=COLUMNS)
def test_which_columns_have_classes(column, expected):
    table = Table.read(pd.DataFrame({"a": column}), "y")
    if " " in expected:
        with pytest.raises(ValueError, match=rf"^y\['a'\] has {expected}"):
            kinds_of(table, "auto")
    else:
        assert kinds_of(table, "auto")["a"].startswith(expected)
    for said in ("regression", ["classification"], {"a": "regression"}):
        kind = said if isinstance(said, str) else [*said][0]
        kind = said["a"] if isinstance(said, dict) else kind
        assert kinds_of(table, said) == {"a": kind}


def test_columns_of_polars_with_gaps():
    y = pl.DataFrame({"a": [None, 1, 2], "b": [None, 1.0, 2], "c": [True, None, False]})
    kinds = kinds_of(Table.read(y, "y"), "auto")
    assert [kind[:2] for kind in kinds.values()] == ["cl", "re", "cl"]


MASKED = np.ma.array([[1, 5], [2, 6], [3, 7]], mask=[[True, False]] * 3)
MASKED[1:, 0] = [2, 3]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([[True, 0.5], [False, 1.0]], ["cl", "re"]),
        ([[1, 0.5, "a"], [2, 1.0, "b"]], ["cl", "re", "cl"]),
        (((True, 1), (False, 2)), ["cl", "cl"]),
        (np.array([[1, 0.5], [2, 1.0]]), ["re", "re"]),
        (pl.Series("a", [None, 1, 2]), ["cl"]),
        (pl.Series("a", [None, 1.0, 2]), ["re"]),
        (
            pl.DataFrame({"a": MANY.astype(str)}).select(pl.all().cast(pl.Categorical)),
            ["cl"],
        ),
        (MASKED, ["cl", "cl"]),
        (MASKED[:, 0], ["cl"]),
        (MASKED.astype(float), ["re", "re"]),
    ],
    ids=str,
)
def test_each_column_is_judged_by_its_own_values(y, expected):
    kinds = kinds_of(Table.read(y, "y"), "auto")
    assert [kind[:2] for kind in kinds.values()] == expected


@pytest.mark.parametrize("seen", [bool, int, float])
@pytest.mark.parametrize("scored", [bool, int, float])
def test_booleans_are_0_and_1_to_a_score(seen, scored):
    y = UP.astype(seen)
    estimator = tasks(tasks="classification").fit(X, y)
    expected = (estimator.predict(X) == y).mean()
    assert estimator.score(X, UP.astype(scored)) == pytest.approx(expected)


def test_arrays_after_a_frame_are_taken_by_place():
    y = pd.DataFrame({1: Y, 0: WORDS})
    estimator = tasks().fit(X, y)
    expected = estimator.score(X, y)
    assert estimator.score(X, y.to_numpy()) == pytest.approx(expected)
    assert estimator.score(X, y[[0, 1]]) == pytest.approx(expected)


def test_a_series_says_by_its_names():
    loss_weights = pd.Series({"up": 3.0, "word": 1.0, "sum": 2.0})
    kinds = pd.Series({"up": "classification", "word": "auto", "sum": "regression"})
    estimator = tasks(loss_weights=loss_weights, tasks=kinds).fit(X, TABLE)
    assert estimator._model.targets.weights == (1.0, 2.0, 3.0)
    assert weights_of_tasks(["a", "b"], pd.Series([3.0, 1.0])) == (3.0, 1.0)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_given_classes_decide_what_a_column_is():
    estimator = tasks().partial_fit(X, MANY, {0: range(30)})
    assert estimator.classes_[0].size == 30
    y = TABLE.assign(word=None, up=UP.astype(float))
    classes = {"word": np.unique(WORDS), "up": [0.0, 1.0]}
    estimator = tasks().partial_fit(X, y, classes)  # a task may begin later
    assert estimator.tasks_["up"] == estimator.tasks_["word"] == "classification"
    estimator.partial_fit(X, TABLE)


def test_users_say_which_columns_have_classes():
    y = pd.DataFrame({"a": LABELS, "b": LABELS.astype(float), "c": WORDS})
    estimator = tasks(tasks={"a": "regression", "b": "classification"}).fit(X, y)
    assert [*estimator.tasks_.values()] == ["regression", *["classification"] * 2]
    assert_array_equal(estimator.classes_["b"], [0.0, 1.0, 2.0])
    assert estimator.predict(X).dtypes.iloc[:2].tolist() == [np.float64] * 2


# Errors

NAMES = r"\['word', 'sum', 'up'\]"
BAD = {
    "no kind": (TABLE, {"tasks": {"up": "yes"}}, "found 'yes' of 'up'"),
    "no column": (TABLE, {"tasks": {"x": "auto"}}, f"'x', which is no .* {NAMES}"),
    "few kinds": (TABLE, {"tasks": ["auto"]}, "tasks has 1 entries, but y has 3"),
    "few weights": (TABLE, {"loss_weights": [1]}, "loss_weights has 1 entries, but"),
    "no weight": (TABLE, {"loss_weights": {"up": 0}}, "1e-6 to 1e6, found 0 of 'up'"),
    "no number": (TABLE, {"tasks": {"word": "regression"}}, r"y\['word'\] has no nu"),
    "no class": (TABLE, {"tasks": {"sum": "classification"}}, "which are no cl"),
    "a text among numbers": (
        TABLE.assign(up=[*range(23), "a"]),
        {},
        r"y\['up'\] must have numbers, or labels .* but has values of type int, str",
    ),
    "infinity": (TABLE.assign(sum=np.inf), {}, r"Input y\['sum'\] contains infinity"),
    "dates": (TABLE.assign(up=pd.Timestamp("2020")), {}, "of type Timestamp. Convert"),
    "nothing": (TABLE.assign(up=None), {}, r"y\['up'\]: no value is there: all are"),
    "twice": (TABLE[["up", "up"]], {}, "'up' is that of 2"),
    "names": (TABLE.rename(columns={"up": ("a", 1)}), {}, "names that are strings or"),
    "mapping": (dict(TABLE), {}, r"Pass pd.DataFrame\(y\)"),
    "no columns": (np.zeros((24, 0)), {}, r"y must be a .* of shape \(24, 0\)"),
    "cube": (np.zeros((24, 2, 2)), {}, r"y must be a .* of shape \(24, 2, 2\)"),
    "ragged": ([[1, 2]] * 23 + [[1]], {}, "y must be a .* got a list"),
    "records": (TABLE.to_records(), {}, r"Pass pd.DataFrame\(y\)"),
    "rows": (TABLE[:3], {}, "inconsistent numbers of samples"),
}


@pytest.mark.parametrize(("y", "parameters", "match"), BAD.values(), ids=BAD)
def test_errors_of_fit(y, parameters, match):
    estimator = tasks().fit(X, TABLE)
    estimator.set_params(**parameters)
    before = state_of(estimator)
    with pytest.raises(ValueError, match=match):
        estimator.fit(X, y)
    assert state_of(estimator) == before


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (TABLE[["up", "sum"]], rf"y must have the columns {NAMES}, as at the first f"),
        (TABLE.rename(columns={"up": "x"}), "found .*'x'"),
        (TABLE.assign(word=LABELS), r"y\['word'\] has labels such as [012], but those"),
        (TABLE.assign(word=pd.Timestamp("2020")), "of type Timestamp. Convert them"),
        (dict(TABLE), r"Pass pd.DataFrame\(y\)"),
        (TABLE.assign(up=None), "There is nothing to score in a column of y"),
    ],
)
def test_errors_of_scores(y, match):
    with pytest.raises(ValueError, match=match):
        tasks().fit(X, TABLE).score(X, y)


# Scores


def test_the_score_is_the_mean_of_those_of_the_tasks():
    estimator, there = tasks().fit(X, TABLE), GAPS.notna()
    predicted, scores = estimator.predict(X), []
    for name, score in zip(TABLE, SCORES, strict=True):
        rows = there[name].to_numpy()
        pair = TABLE[name][rows], predicted[name][rows]
        scores.append(score(*pair, sample_weight=WEIGHTS[rows]))
    assert estimator.score(X, GAPS, WEIGHTS) == pytest.approx(np.mean(scores))
    unknown = estimator.score(X, TABLE.assign(word="other"))
    assert unknown < estimator.score(X, TABLE)


def test_early_stopping_watches_the_weighted_scores():
    estimator = tasks(early_stopping=True, loss_weights={"word": 4, "sum": 2})
    estimator.fit(X, TABLE, X_val=X, y_val=GAPS.astype({"sum": float}))
    predicted, scores = estimator.predict(X), []
    for name, score in zip(TABLE, SCORES, strict=True):
        rows = GAPS[name].notna()
        scores.append(score(TABLE[name][rows], predicted[name][rows]))
    expected = np.average(scores, weights=[4, 2, 1])
    assert estimator.best_validation_score_ == pytest.approx(expected)


# Going on


def test_partial_fit_goes_on_as_fit_does():
    fit = tasks(learning_rate="constant", tol=0.0).fit(X, TABLE)
    partial = tasks()
    for _ in range(3):
        partial.partial_fit(X, TABLE, {"word": np.unique(WORDS), "up": [True, False]})
    assert_array_equal(weights_of(partial), weights_of(fit))
    partial.partial_fit(X, TABLE.assign(word=None, sum=None))  # a task may pause
    with pytest.raises(ValueError, match="'word' are not the same as on last call"):
        partial.partial_fit(X, TABLE, {"word": ["low"]})
    with pytest.raises(ValueError, match="`y` has classes not in"):
        partial.partial_fit(X, TABLE.assign(word="other"))
    for classes, match in (
        ({"x": [1]}, "classes has 'x', which is no column of y"),
        ({"sum": [1]}, r"y\['sum'\] has values such as .* which are no classes"),
        ({"word": "low"}, "classes of 'word' must be a list of labels, got 'low'"),
        (["low"], r"classes must be a dict .* \{'word': \[...\]\}, got a list"),
    ):
        with pytest.raises(ValueError, match=match):
            tasks().partial_fit(X, TABLE, classes)
    with pytest.raises(ValueError, match="classes names 'sum', but that is a regress"):
        tasks(tasks={"sum": "regression"}).partial_fit(X, TABLE, {"sum": [1]})
    with pytest.warns(UserWarning, match="a column has 3 values"):
        tasks().partial_fit(X[:3], TABLE[:3])


def test_warm_start_keeps_classes_units_and_weights_of_losses():
    estimator = tasks(warm_start=True).fit(X, TABLE)
    some = TABLE[UP].reset_index(drop=True)
    estimator.fit(X[UP], some)
    assert estimator.n_iter_ == 6
    assert_array_equal(estimator.classes_["word"], np.unique(WORDS))
    with pytest.raises(ValueError, match="that 'up' is a regression, but training go"):
        clone(estimator).set_params(tasks="auto").fit(X, TABLE).set_params(
            tasks={"up": "regression"}
        ).fit(X, TABLE)
    with pytest.raises(ValueError, match=r"another network: now it has .*weights"):
        estimator.set_params(loss_weights={"up": 2}).fit(X, TABLE)
    assert estimator.n_iter_ == 6


def test_weights_of_another_network():
    still = {"max_iter": 1, "learning_rate_init": 1e-30}
    other = tasks(loss_weights={"up": 2}).fit(X, TABLE)
    head, own = (
        estimator.get_weights()["head.weight"]
        for estimator in (other, tasks(**still).fit(X, TABLE, init_weights=other))
    )
    assert_array_equal(own, head)  # whatever the weights of the losses
    y = TABLE.rename(columns={"up": "rising"})
    anew = tasks(**still).fit(X, y, init_weights=other).get_weights()
    assert not np.array_equal(anew["head.weight"], head)
    assert_array_equal(anew["weight_hh_l0"], other.get_weights()["weight_hh_l0"])


# As scikit-learn's users use it


def test_copies_and_files():
    estimator = tasks(tasks={"up": "classification"}).fit(X, TABLE)
    assert clone(estimator).get_params() == estimator.get_params()
    other = pickle.loads(pickle.dumps(estimator))
    pd.testing.assert_frame_equal(other.predict(X), estimator.predict(X))
    assert other.tasks_ == estimator.tasks_
    assert other.score(X, TABLE) == estimator.score(X, TABLE)
    state = to_plain(estimator._model)["targets"]
    assert [part["kind"] for part in state["parts"]][::2] == ["single_label"] * 2
    assert state["names"] == list(TABLE)


def test_pipelines_searches_and_predictions_of_folds():
    pipeline = make_pipeline(SequenceScaler(), tasks(max_iter=1))
    grid = {"rnnmultitask__loss_weights": [None, {"sum": 2}]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, TABLE)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert list(search.predict(X).columns) == list(TABLE)
    predicted = cross_val_predict(pipeline, X, np.c_[Y, UP], cv=3)
    assert predicted.shape == (24, 2)


def test_streams_and_static_features():
    static = pd.DataFrame({"a": Y, "b": WORDS})
    estimator = tasks().fit(X, TABLE, static=static)
    stream = estimator.stream(24, static=static)
    for step in range(5):
        so_far = stream.predict(X[:, step : step + 1])
    expected = estimator.predict(X, static=static)
    pd.testing.assert_frame_equal(so_far, expected)
    assert_array_equal(estimator.transform(X, static=static).shape, (24, 3))
    probabilities = estimator.stream(24, static=static).predict_proba(X)
    for name, array in estimator.predict_proba(X, static=static).items():
        assert_array_equal(probabilities[name], array)


def test_outputs_that_are_not_finite():
    classes, values = (tasks().fit(X, TABLE[[name]]) for name in ("word", "sum"))
    for estimator in (classes, values):
        weights = estimator.get_weights()
        huge = {"head.weight": np.full_like(weights["head.weight"], 3e38)}
        estimator.set_weights(weights | huge)
    with pytest.raises(ValueError, match="is not finite"):
        classes.predict(X)
    with pytest.warns(RuntimeWarning, match="is not finite"):
        values.predict(X)
