"""Features with categories: the forms that they come in, their codes and embeddings."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import make_problem
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from small import LABELS, TARGETS, make, output_of, state_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.estimators.embedding import embedding_dropout_of, n_epochs_of
from skrnn.estimators.inputs import Clock, categories, check_sequences
from skrnn.preprocessing import TextSequencer
from skrnn.sequences import Sequences
from skrnn.training.epoch import with_unknown

pytestmark = pytest.mark.nojit
both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(0)
LENGTHS = 1 + np.arange(24) % 5
#: 24 sequences of 1 to 5 tokens, and of steps with two numbers, a text and a count.
TOKENS = [_rng.choice(list("abcd"), n).tolist() for n in LENGTHS]
FRAMES = [
    pd.DataFrame(
        {
            "x": _rng.standard_normal(len(tokens)),
            "token": tokens,
            "y": _rng.standard_normal(len(tokens)),
            "count": _rng.integers(3, size=len(tokens)),
        }
    )
    for tokens in TOKENS
]


def with_tokens(estimator_class, **parameters):
    return make(estimator_class, categorical_features="all", **parameters)


def read(X, choice="all", form=None, **parameters):
    """What X becomes, and its form."""
    estimator = RNNClassifier(categorical_features=choice, **parameters)
    sequences, form = check_sequences(estimator, X, "float32", form=form)
    assert sequences.values.dtype == "float32"
    assert sequences.values.flags.c_contiguous
    assert not sequences.values.flags.writeable
    return sequences, form


# Forms of tokens

WORDS = [["b", "a"], ["c"], ["a", "b", "b"]]
FORMS_OF_WORDS = {
    "lists": WORDS,
    "tuples": tuple(map(tuple, WORDS)),
    "arrays of texts": [np.array(x) for x in WORDS],
    "arrays of objects": [np.array(x, object) for x in WORDS],
    "arrays of one column": [np.array(x)[:, None] for x in WORDS],
    "rows": [[(word,) for word in x] for x in WORDS],
    "Series": [pd.Series(x) for x in WORDS],
    "Series of objects": [pd.Series(x, dtype=object) for x in WORDS],
    "Series of categories": [pd.Series(x, dtype="category") for x in WORDS],
    "categoricals": [pd.Categorical(x, categories=list("cba")) for x in WORDS],
    "frames": [pd.DataFrame({"word": x}) for x in WORDS],
    "column of lists": pd.Series(WORDS),
    "mixed": [WORDS[0], np.array(WORDS[1]), pd.Series(WORDS[2])],
    "texts of NumPy": [[np.str_(word) for word in x] for x in WORDS],
}


@pytest.mark.parametrize("X", FORMS_OF_WORDS.values(), ids=FORMS_OF_WORDS)
def test_forms_of_tokens(X):
    sequences, form = read(X)
    assert sequences.values.ravel().tolist() == [1, 0, 2, 0, 1, 1]
    assert sequences.offsets.tolist() == [0, 2, 3, 6]
    assert form.categories.values == (("a", "b", "c"),)
    assert type(form.categories.values[0][0]) is str
    assert (form.n_features_in, form.n_features_per_step) == (1, 1)


FORMS_OF_NUMBERS = {
    "lists": [[7, 2], [2, 30]],
    "arrays": [np.array([7, 2]), np.array([2, 30])],
    "of other types": [np.array([7, 2], np.uint64), np.array([2, 30], np.int8)],
    "whole floats": [np.array([7.0, 2.0]), np.array([2.0, 30.0])],
    "floats beside": [np.array([7.0, 2.0]), [2, 30]],
    "3D": np.array([[[7], [2]], [[2], [30]]]),
    "table": np.array([[7, 2], [2, 30]]),
    "frame": pd.DataFrame({"t0": [7, 2], "t1": [2, 30]}),
    "nullable": [pd.Series([7, 2], dtype="Int64"), pd.Series([2, 30], dtype="Int64")],
}


@pytest.mark.parametrize("X", FORMS_OF_NUMBERS.values(), ids=FORMS_OF_NUMBERS)
def test_forms_of_whole_numbers(X):
    sequences, form = read(X)
    assert sequences.values.ravel().tolist() == [1, 0, 0, 2]
    assert sequences.offsets.tolist() == [0, 2, 4]
    assert form.categories.values == ((2, 7, 30),)
    assert type(form.categories.values[0][0]) is int


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        ([[True, False]], (False, True)),
        ([np.array([True, False])], (False, True)),
        ([["10", "9"]], ("10", "9")),
        ([[2**60 + 1, 2**60]], (2**60, 2**60 + 1)),
        ([[2**80, -1]], (-1, 2**80)),
        ([["\ud800", "a"]], ("a", "\ud800")),
        ([["a\0", "a"]], ("a", "a\0")),
    ],
)
def test_nothing_becomes_what_it_is_not(X, expected):
    _, form = read(X)
    assert form.categories.values == (expected,)
    assert list(map(type, form.categories.values[0])) == list(map(type, expected))


MISSING = {
    "None": [["b", None, "a"]],
    "NaN": [["b", np.nan, "a"]],
    "NA": [["b", pd.NA, "a"]],
    "Series": [pd.Series(["b", None, "a"])],
    "Series of texts": [pd.Series(["b", None, "a"], dtype="string")],
    "masked": [np.ma.array(["b", "x", "a"], mask=[0, 1, 0])],
    "all three": [["b", None, "a", np.nan, pd.NA]],
}


@pytest.mark.parametrize("X", MISSING.values(), ids=MISSING)
def test_missing_is_a_category_of_its_own(X):
    sequences, form = read(X)
    assert form.categories.values == (("a", "b", None),)
    assert sequences.values.ravel()[:3].tolist() == [1, 2, 0]
    assert set(sequences.values.ravel()[3:]) <= {2}
    assert read([["z", None]], form=form)[0].values.ravel().tolist() == [3, 2]


@pytest.mark.parametrize(
    "X", [[np.array([5, 3, np.nan])], [[5, 3, None]], [np.array([5, 3, None], object)]]
)
def test_missing_beside_whole_numbers(X):
    sequences, form = read(X)
    assert form.categories.values == ((3, 5, None),)
    assert sequences.values.ravel().tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("X", "dtype"),
    [
        ([[2, 1]], np.int64),
        ([[True]], np.bool_),
        ([["a"]], object),
        ([[2, None]], object),
        ([[-1, 2**63]], object),
    ],
)
def test_arrays_of_categories(X, dtype):
    _, form = read(X)
    (array,) = form.attributes()["categories_"]
    assert array.dtype == dtype
    assert array.tolist() == list(form.categories.values[0])


def test_missing_is_unknown_if_fit_saw_none():
    _, form = read(WORDS)
    assert read([["c", None, "z"]], form=form)[0].values.ravel().tolist() == [2, 3, 3]


def test_nothing_but_missing():
    sequences, form = read([[None, np.nan]])
    assert form.categories.values == ((None,),)
    assert read([["a", None]], form=form)[0].values.ravel().tolist() == [1, 0]


# Categories beside numbers

CHOICES = {
    "names": ["token", "count"],
    "in another order": ["count", "token"],
    "indices": [1, 3],
    "array": np.array([3, 1, 1], np.int8),
    "mask": [False, True, False, True],
    "array of a mask": np.array([False, True, False, True]),
}


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_choice_of_features(choice):
    sequences, form = read(FRAMES, choice)
    assert form.categories.features == (1, 3)
    assert form.categories.values == (tuple("abcd"), (0, 1, 2))
    expected = pd.concat(FRAMES)
    expected["token"] = expected["token"].map("abcd".index)
    expected = expected[["x", "y", "token", "count"]].astype("float32")
    assert_array_equal(sequences.values, expected)
    assert form.feature_names == ("x", "token", "y", "count")
    assert (form.n_numbers, form.n_categorical) == (2, 2)


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string"])
def test_from_dtype(dtype):
    frames = [frame.astype({"token": dtype}) for frame in FRAMES]
    sequences, form = read(frames, "from_dtype")
    assert form.categories.features == (1,)
    assert_array_equal(sequences.values, read(FRAMES, ["token"])[0].values)


def test_from_dtype_of_polars():
    pl = pytest.importorskip("polars")
    frames = [pl.DataFrame(frame.to_dict("list")) for frame in FRAMES]
    expected = read(FRAMES, ["token"])[0].values
    assert_array_equal(read(frames, "from_dtype")[0].values, expected)
    frames = [frame.cast({"token": pl.Categorical}) for frame in frames]
    assert_array_equal(read(frames, "from_dtype")[0].values, expected)


@pytest.mark.parametrize(
    ("X", "choice"),
    [
        (np.zeros((3, 4, 2)), "from_dtype"),
        ([frame[["x", "y"]] for frame in FRAMES], "from_dtype"),
        (np.zeros((3, 4, 2)), []),
        (np.zeros((3, 4, 2)), [False, False]),
    ],
)
def test_no_feature_with_categories(X, choice):
    sequences, form = read(X, choice)
    assert form.categories is None
    assert_array_equal(sequences.values, read(X, None)[0].values)


@pytest.mark.parametrize(
    "X",
    [
        [[("p", 0.5), ("q", 2)], [("p", -1.5)]],
        [np.array([["p", 0.5], ["q", 2]], object), np.array([["p", -1.5]], object)],
        [pd.DataFrame({0: ["p", "q"], 1: [0.5, 2]}), [("p", -1.5)]],
    ],
)
def test_rows_with_both(X):
    sequences, form = read(X, [0])
    assert sequences.values.tolist() == [[0.5, 0], [2, 1], [-1.5, 0]]
    assert form.categories.values == (("p", "q"),)


@pytest.mark.parametrize("as_frame", [False, True])
def test_tables_of_flattened_steps(as_frame):
    X = np.array([["p", 0.5, "q", 2], ["p", -1.5, "p", 3]], object)
    X = pd.DataFrame(X, columns=list("abcd")) if as_frame else X
    sequences, form = read(X, [0], n_features_per_step=2)
    assert sequences.values.tolist() == [[0.5, 0], [2, 1], [-1.5, 0], [3, 0]]
    assert (form.n_features_in, form.n_features_per_step) == (4, 2)
    with pytest.raises(ValueError, match="has names .* steps of X have none"):
        read(X, ["a"], n_features_per_step=2)


def test_the_time_stands_between_numbers_and_codes():
    sequences, form = read(FRAMES, ["token", "count"])
    form = form.with_clock(Clock(1.0, 2.0, 9))
    values = form.channels(sequences).values
    assert form.n_numbers == 3
    assert_array_equal(values[:, [0, 1, 3, 4]], sequences.values)
    assert_allclose(values[:6, 2], [-0.5, -0.5, 0, -0.5, 0, 0.5])


# Errors

BAD = {
    "two types": ([["a"], ["b", 1]], "all", "several types: int \\(1\\) and str"),
    "texts of digits": ([[1], ["1"]], "all", "X has values of several types: int"),
    "arrays of two types": ([np.array([1]), np.array(["1"])], "all", "several types"),
    "bool and int": ([[True], [1]], "all", "bool \\(True\\) and int \\(1\\)"),
    "floats": ([np.array([1, 2.5])], "all", "X has the value 2.5, which is no whole"),
    "infinity": ([[np.inf]], "all", "X has the value inf, which is no whole number"),
    "of a frame": (FRAMES, ["x"], "Feature 'x' of X has the value 0.*leave"),
    "bytes": ([[b"a"]], "all", "X has values of type bytes. Pass strings"),
    "dates": ([np.array(["2020"], "M8[D]")], "all", "values of dtype datetime64.D"),
    "ragged rows": ([[("a",), ("a", "b")]], "all", "values of type tuple"),
    "sets": ([[("a", {1})]], "all", "Feature 1 of X has values of type set"),
    "texts": (["some text", "more"], "all", "elements of type str. .*TextSequencer"),
    "array of texts": (np.array(["a", "b"]), "all", "elements of type .*TextSequencer"),
    "Series of texts": (pd.Series(["a", "b"]), "all", "elements of type str. .*Text"),
    "one text": ([["a"], "text"], "all", "sequence 1 of X is a single str.*list.text"),
    "one sequence": ([1, 2, 3], "all", "a single series x is passed as .x."),
    "no step": ([["a"], []], "all", "Found sequence 1 of X with 0 time step"),
    "no sequence": ([], "all", "Found array with 0 sample"),
    "3D": ([[["a"]], [[["a"]]]], "all", "Found sequence 1 of X with dim 3"),
    "widths": ([["a"], [("a", "b")]], "all", "the same number of features, found 1"),
    "number is text": ([[("a", "b")]], [0], "In sequence 0 of X: could not convert"),
    "NaN": ([[("a", 1.0)], [("a", np.nan)]], [0], "NaN, first at step 0 of sequence 1"),
    "infinite": ([[("a", np.inf)]], [0], "contains infinity"),
    "index": (FRAMES, [4], "has 4, but the steps of X have 4 features"),
    "negative": (FRAMES, [-1], "has -1, but the steps .* indices are 0 to 3"),
    "mask": (FRAMES, [True, False], "is a mask of 2 features, but .* have 4"),
    "name": (FRAMES, ["tokn"], "has 'tokn', which is no feature of X"),
    "no names": (
        [[("a", 1.0)]],
        ["a"],
        "the steps of X have none: pass a list of Data",
    ),
    "floats as indices": (FRAMES, [1.0], "must be indices, names or a mask"),
    "two kinds": (FRAMES, [1, "token"], "must be indices, names or a mask"),
    "dtype of a table": (
        pd.DataFrame({"t0": ["a"], "t1": ["b"]}),
        "from_dtype",
        "is for lists of DataFrames whose rows are steps",
    ),
}


@pytest.mark.parametrize(("X", "choice", "match"), BAD.values(), ids=BAD)
def test_errors(X, choice, match):
    with pytest.raises((TypeError, ValueError), match=f"(?i){match}") as caught:
        read(X, choice)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("choice", [None, [1]])
@pytest.mark.parametrize("X", [[[("a", "b")]], [np.array([["a", "b"]])]])
def test_texts_without_a_choice(X, choice):
    with pytest.raises(ValueError, match="sequence 0 of X: .*categorical_features: 'a"):
        read(X, choice)
    _, form = read([np.zeros((1, 2))], None)
    with pytest.raises(ValueError, match=r"In sequence 0 of X: .*") as caught:
        read(X, choice, form)
    assert "categorical_features" not in str(caught.value)


def test_too_many_categories(monkeypatch):
    monkeypatch.setattr(categories, "MAX_CODES", 4)
    read([["a", "b", "c"]])
    with pytest.raises(ValueError, match="X has 4 categories, of which there may be 3"):
        read([["a", "b", "c", "d"]])


@both
def test_values_of_another_type_than_in_fit(estimator_class):
    estimator = with_tokens(estimator_class).fit(TOKENS, TARGETS[estimator_class])
    with pytest.raises(TypeError, match="type int, but fit saw str, such as 'a'"):
        estimator.predict([[1, 2]])
    estimator.set_params(early_stopping=True)
    with pytest.raises(TypeError, match="X_val has values of type int, but fit saw st"):
        estimator.fit(TOKENS, TARGETS[estimator_class], X_val=[[1]], y_val=[0])


def test_automatic_sizes():
    regressor = make(RNNRegressor, categorical_features=[1, 3])
    regressor.fit(FRAMES, TARGETS[RNNRegressor])
    assert [frame.shape for frame in regressor.embeddings_] == [(5, 4), (4, 4)]
    assert regressor.get_weights()["weight_ih_l0"].shape[1] == 2 + 4 + 4


@pytest.mark.parametrize("size", [[2], [2, 0], [2, 1.5], (2, 2, 2)], ids=str)
def test_errors_of_sizes(size):
    regressor = make(RNNRegressor, categorical_features=[1, 3], embedding_size=size)
    with pytest.raises(ValueError, match="embedding_size must be 'auto', a whole num"):
        regressor.fit(FRAMES, TARGETS[RNNRegressor])


@pytest.mark.parametrize("size", [3, np.int8(3), [3, 3], np.array([3, 3])])
def test_sizes_that_are_given(size):
    regressor = make(RNNRegressor, categorical_features=[1, 3], embedding_size=size)
    regressor.set_params(max_iter=1).fit(FRAMES, TARGETS[RNNRegressor])
    assert [frame.shape for frame in regressor.embeddings_] == [(5, 3), (4, 3)]


# Training and predictions


def one_hot(tokens):
    """A vector of zeros and a one for each token."""
    return np.eye(5)[["abcd".find(token) for token in tokens]]


@both
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_fit_with_frozen_unit_vectors_is_that_of_one_hot_codes(
    estimator_class, return_sequences
):
    parameters = {"dtype": "float64", "return_sequences": return_sequences}
    y = TARGETS[estimator_class]
    if return_sequences:
        y = [np.repeat(target, n) for target, n in zip(y, LENGTHS, strict=True)]
    vectors = [one_hot(x) for x in TOKENS]
    start = make(estimator_class, max_iter=1, **parameters).fit(vectors, y)
    weights = start.get_weights()
    plain = make(estimator_class, **parameters).fit(vectors, y, init_weights=weights)
    estimator = with_tokens(
        estimator_class,
        embedding_size=5,
        unknown_fraction=0.0,
        embedding_dropout=0.0,
        trainable=["[!e]*"],
        **parameters,
    )
    estimator.fit(TOKENS, y, init_weights=weights | {"embedding.weight": np.eye(5)})
    new = [["a", "z", "d"], ["z"]]
    for X, vectors_ in ((TOKENS, vectors), (new, [one_hot(x) for x in new])):
        for name in ("predict", "transform"):
            results = getattr(estimator, name)(X), getattr(plain, name)(vectors_)
            for result, expected in zip(*results, strict=True):
                assert_allclose(result, expected, rtol=1e-8, atol=1e-12)
    assert estimator.score(TOKENS, y) == pytest.approx(plain.score(vectors, y))


def test_what_a_fitted_estimator_shows():
    classifier = make(RNNClassifier, categorical_features=["count", "token"])
    assert not hasattr(classifier, "embeddings_")
    classifier.fit(FRAMES, TARGETS[RNNClassifier])
    weights = classifier.get_weights()
    tokens, counts = classifier.categories_
    assert tokens.tolist() == list("abcd")
    assert counts.tolist() == [0, 1, 2]
    assert counts.dtype == np.int64
    for k, (frame, values, name) in enumerate(
        zip(classifier.embeddings_, (tokens, counts), ("token", "count"), strict=True)
    ):
        assert frame.index.tolist() == [*values, "<unknown>"]
        assert frame.index.name == name
        assert_array_equal(frame, weights[f"embedding.{k}.weight"])
    assert classifier.n_features_in_ == classifier.n_features_per_step_ == 4
    assert classifier.feature_names_in_.tolist() == ["x", "token", "y", "count"]
    classifier.set_params(categorical_features=None)
    classifier.fit([frame[["x", "y"]] for frame in FRAMES], TARGETS[RNNClassifier])
    assert not hasattr(classifier, "categories_")
    assert not hasattr(classifier, "embeddings_")


@both
def test_what_fit_did_not_see_has_the_embedding_of_the_unknown(estimator_class):
    estimator = with_tokens(estimator_class).fit(TOKENS, TARGETS[estimator_class])
    unknown = output_of(estimator, [["z"], ["y", "a"]])
    weights = estimator.get_weights()
    rows = weights["embedding.weight"]
    rows[1] = rows[4]
    estimator.set_weights(weights)
    assert_array_equal(output_of(estimator, [["b"], ["b", "a"]]), unknown)


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_the_unknown_is_trained(fraction):
    regressor = with_tokens(RNNRegressor, unknown_fraction=fraction, max_iter=1)
    y = TARGETS[RNNRegressor]
    start = regressor.fit(TOKENS, y).get_weights()
    later = regressor.fit(TOKENS, y, init_weights=start).get_weights()
    changed = (start["embedding.weight"] != later["embedding.weight"]).any(axis=1)
    assert changed.tolist() == [True] * 4 + [fraction > 0]


def test_share_of_the_unknown():
    values = np.zeros((10_000, 3), np.float32)
    sequences = Sequences(values, np.array([0, 10_000]))
    network = make_problem(n_features=1, embeddings=((5, 2), (3, 4))).network
    found = with_unknown(sequences, network, 0.1, np.random.RandomState(0)).values
    assert not values.any()
    assert not found[:, 0].any()
    assert set(found[:, 1]) == {0, 4}
    assert set(found[:, 2]) == {0, 2}
    assert_allclose((found[:, 1:] > 0).mean(axis=0), 0.1, atol=0.01)
    assert with_unknown(sequences, network, 0.0, None) is sequences
    assert with_unknown(sequences, make_problem().network, 0.1, None) is sequences


@both
def test_streams_of_any_pieces(estimator_class):
    parameters = {"categorical_features": [1, 3], "add_time": True, "frame_length": 2}
    estimator = make(estimator_class, **parameters)
    estimator.fit(FRAMES, TARGETS[estimator_class])
    stream = estimator.stream(2)
    method = "predict_proba" if estimator_class is RNNClassifier else "predict"
    a, b = FRAMES[4], FRAMES[9]
    getattr(stream, method)([a[:1], b[:3]])
    getattr(stream, method)([a[1:4], b[:0]])
    result = getattr(stream, method)([a[4:], b[3:]])
    assert_array_equal(result, output_of(estimator, [a, b]))


def test_a_stream_of_tokens():
    regressor = with_tokens(RNNRegressor).fit(TOKENS, TARGETS[RNNRegressor])
    stream = regressor.stream(2)
    stream.predict([["a"], ["z"]])
    assert_array_equal(
        stream.predict([["b"], []]), regressor.predict([["a", "b"], ["z"]])
    )


@both
def test_copies_and_training_that_goes_on(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, categorical_features=["token"], warm_start=True)
    frames = [frame[["x", "token"]] for frame in FRAMES]
    first = {"classes": np.unique(y)} if estimator_class is RNNClassifier else {}
    estimator.partial_fit(frames, y, **first)
    other = pickle.loads(pickle.dumps(estimator))
    assert vars(other).keys() == vars(estimator).keys()
    others = [frame.assign(token="new") for frame in frames]
    for each in (estimator, other):
        each.partial_fit(others, y).fit(frames, y)
    assert_array_equal(output_of(other, others), output_of(estimator, others))
    assert [c.tolist() for c in estimator.categories_] == [list("abcd")]


@pytest.mark.parametrize("choice", [None, [0, 1], "all"])
def test_training_cannot_go_on_with_other_features(choice):
    X = [[(i, token) for i, token in enumerate(x)] for x in TOKENS]
    regressor = make(RNNRegressor, categorical_features=[1])
    regressor.partial_fit(X, TARGETS[RNNRegressor])
    regressor.set_params(categorical_features=choice)
    before = state_of(regressor)
    with pytest.raises(ValueError, match=r"features .* have categories \(were \[1\]\)"):
        regressor.partial_fit(X, TARGETS[RNNRegressor])
    assert state_of(regressor) == before


def test_training_cannot_go_on_with_another_size():
    regressor = with_tokens(RNNRegressor).partial_fit(TOKENS, TARGETS[RNNRegressor])
    regressor.set_params(embedding_size=2)
    with pytest.raises(ValueError, match=r"embeddings=\[\[5, 2\]\] \(was \[\[5, 4\]"):
        regressor.partial_fit(TOKENS, TARGETS[RNNRegressor])


def test_init_weights_of_an_estimator_are_matched_by_category():
    y = TARGETS[RNNRegressor]
    start = with_tokens(RNNRegressor).fit(TOKENS, y)
    X = [["e" if t == "a" else t for t in x if t != "b"] or ["c"] for x in TOKENS]
    frozen = {"trainable": ["head.*"], "max_iter": 1}
    regressor = with_tokens(RNNRegressor, **frozen).fit(X, y, init_weights=start)
    (known,), (rows,) = start.embeddings_, regressor.embeddings_
    assert rows.index.tolist() == ["c", "d", "e", "<unknown>"]
    shared = ["c", "d", "<unknown>"]
    assert_array_equal(rows.loc[shared], known.loc[shared])
    assert not known.isin(rows.loc["e"]).any(axis=None)
    with pytest.raises(ValueError, match="init_weights do not fit this network"):
        regressor.set_params(embedding_size=2).fit(X, y, init_weights=start)
    plain = make(RNNRegressor).fit([np.ones((2, 1))] * 24, y)
    with pytest.raises(ValueError, match="init_weights do not fit this network"):
        regressor.fit(X, y, init_weights=plain)


@both
def test_names_of_categories_change_nothing(estimator_class):
    y = TARGETS[estimator_class]
    estimator = with_tokens(estimator_class).fit(TOKENS, y)
    numbers = [[10 * "abcd".index(t) for t in x] for x in TOKENS]
    other = with_tokens(estimator_class).fit(numbers, y)
    assert_array_equal(output_of(other, numbers), output_of(estimator, TOKENS))


@pytest.mark.parametrize("for_steps", [False, True])
@pytest.mark.parametrize(
    ("X", "choice", "expected"),
    [
        (TOKENS, "all", 0.2),
        ([*TOKENS, [*map(str, range(996))]], "all", 0.2),  # 1,000 with those of TOKENS
        ([*TOKENS, [*map(str, range(997))]], "all", 0.7),
        ([[(token, 1.0) for token in x] for x in TOKENS], [0], 0.0),
        ([[(token, "e") for token in x] for x in TOKENS], "all", 0.2),
        ([[len(token) for token in x] for x in TOKENS], None, 0.0),
    ],
    ids=["few", "1000", "1001", "beside numbers", "two features", "numbers"],
)
def test_automatic_dropout_of_embeddings(X, choice, expected, for_steps):
    _, form = read(X, choice)
    found = embedding_dropout_of("auto", form, for_steps)
    of_ngrams = 0.8 if expected else 0.0
    assert found == ((0.0, 0.0) if for_steps else (expected, of_ngrams))
    assert embedding_dropout_of(0.6, form, for_steps) == (0.6, 0.6)
    assert n_epochs_of(None, form, for_steps) == (30 if any(found) else 100)
    assert n_epochs_of(7, form, for_steps) == 7


def test_dropout_of_embeddings():
    """Other weights, the same ones for what "auto" means; none with L-BFGS."""

    def weights(dropout, **parameters):
        parameters = {"max_iter": 2} | parameters
        classifier = with_tokens(RNNClassifier, embedding_dropout=dropout, **parameters)
        return classifier.fit(TOKENS, TARGETS[RNNClassifier]).get_weights()

    def differ(a, b):
        return any((a[name] != b[name]).any() for name in a)

    assert differ(weights(0.2), weights(0.0))
    assert not differ(weights(0.2), weights("auto"))
    lbfgs = {"solver": "lbfgs", "max_iter": 100, "tol": 0.1}
    assert not differ(weights(0.5, **lbfgs), weights(0.0, **lbfgs))


def test_numbers_have_no_dropout_of_embeddings():
    X, y = [one_hot(x) for x in TOKENS], TARGETS[RNNRegressor]
    regressors = [
        make(RNNRegressor, embedding_dropout=rate).fit(X, y) for rate in (0.0, 0.5)
    ]
    assert_array_equal(*(regressor.predict(X) for regressor in regressors))


@both
def test_the_order_of_categories_changes_only_the_first_draw(estimator_class):
    parameters = {"dtype": "float64", "unknown_fraction": 0.0}
    parameters |= {"embedding_dropout": 0.0}
    y = TARGETS[estimator_class]
    start = with_tokens(estimator_class, **parameters).fit(TOKENS, y).get_weights()
    estimator = with_tokens(estimator_class, **parameters)
    estimator.fit(TOKENS, y, init_weights=start)
    start["embedding.weight"] = start["embedding.weight"][[3, 2, 1, 0, 4]]
    other = with_tokens(estimator_class, **parameters)
    reverse = [[-"abcd".index(token) for token in x] for x in TOKENS]
    other.fit(reverse, y, init_weights=start)
    assert_allclose(output_of(other, reverse), output_of(estimator, TOKENS), rtol=1e-9)


@pytest.mark.parametrize("add_time", [False, True])
def test_predictions_for_steps_have_the_form_of_lists(add_time):
    y = [[len(t) for t in x] for x in TOKENS]
    parameters = {"return_sequences": True, "add_time": add_time}
    regressor = with_tokens(RNNRegressor, **parameters).fit(TOKENS, y)
    assert list(map(len, regressor.predict(TOKENS))) == list(map(len, TOKENS))


def test_lists_of_numbers_with_the_time_have_predictions_for_steps():
    y = [[0.5 * len(x)] * len(x) for x in TOKENS]
    regressor = make(RNNRegressor, return_sequences=True, add_time=True).fit(y, y)
    assert list(map(len, regressor.predict(y))) == list(map(len, y))


def test_tokens_are_no_frames_by_themselves():
    X = [list("ab") * 200] * 24
    classifier = with_tokens(RNNClassifier, max_iter=1, hidden_size=1)
    classifier.fit(X[:4], [0, 1, 0, 1])
    assert (classifier.frame_length_, classifier.hop_length_) == (1, 1)


def test_validation_data():
    y = TARGETS[RNNRegressor]
    regressor = with_tokens(RNNRegressor, early_stopping=True)
    X_val = [["z", *x] for x in TOKENS]
    regressor.fit(TOKENS, y, X_val=X_val, y_val=y)
    expected = regressor.score(X_val, y)
    assert regressor.best_validation_score_ == pytest.approx(expected)


def test_texts_in_a_pipeline():
    texts = ["".join(x) for x in TOKENS]
    pipeline = make_pipeline(
        TextSequencer(analyzer="char", max_features=3), with_tokens(RNNClassifier)
    )
    search = GridSearchCV(pipeline, {"rnnclassifier__embedding_size": [1, 2]}, cv=2)
    search.fit(texts, np.arange(24) % 2)
    assert search.predict(["abxy", ""]).shape == (2,)


def test_whole_numbers_beside_floats_and_missing_values_stay_exact():
    """One type for all columns, or for missing ones, would be float64."""
    ids = [2**60, 2**60 + 1]
    frame = pd.DataFrame({"id": ids, "level": [1.5, 2.5]})
    classifier = make(RNNClassifier, categorical_features=["id"])
    classifier.fit([frame] * 24, LABELS)
    assert classifier.categories_[0].tolist() == ids
    pl = pytest.importorskip("polars")
    classifier.fit([pl.DataFrame(frame)] * 24, LABELS)
    assert classifier.categories_[0].tolist() == ids
    classifier = make(RNNClassifier, categorical_features="all")
    for form in (pl.Series, lambda values: pl.DataFrame({"id": values})):
        classifier.fit([form([*ids, None])] * 24, LABELS)
        assert classifier.categories_[0].tolist() == [*ids, None]


@pytest.mark.parametrize(("value", "dtype"), [(2**53, "f8"), (2**24, "f4")])
def test_floats_that_may_have_merged_are_refused(value, dtype):
    classifier = make(RNNClassifier, categorical_features="all")
    with pytest.raises(ValueError, match="too large to be exact"):
        classifier.fit([np.array([value, 1], dtype)] * 24, LABELS)
    classifier.fit([np.array([value - 1, 1], dtype)] * 24, LABELS)
    assert classifier.categories_[0].tolist() == [1, value - 1]


@pytest.mark.parametrize("choice", [None, [0]])
def test_columns_of_one_name(choice):
    frame = pd.DataFrame([[1, 2.0, 3]], columns=["x", "y", "x"])
    with pytest.raises(ValueError, match="columns of X must have different names, but"):
        make(RNNClassifier, categorical_features=choice).fit([frame] * 24, LABELS)


@pytest.mark.skipif(
    not hasattr(getattr(np, "dtypes", None), "StringDType"), reason="NumPy has none"
)
def test_strings_of_numpy():
    words = np.array(["a", "b"], np.dtypes.StringDType())
    classifier = make(RNNClassifier, categorical_features="all")
    assert classifier.fit([words] * 24, LABELS).categories_[0].tolist() == ["a", "b"]


def test_pretrained_vectors_are_a_frame_with_names():
    # More than there are, in another order; "b" is not among them.
    vectors = pd.DataFrame(np.arange(12.0).reshape(4, 3), index=["d", "z", "a", "c"])
    start = {"embedding.weight": vectors}
    frozen = {"embedding_size": 3, "trainable": ["[!e]*"]}
    estimator = with_tokens(RNNClassifier, **frozen)
    (rows,) = estimator.fit(TOKENS, LABELS, init_weights=start).embeddings_
    given = ["a", "c", "d"]
    assert_array_equal(rows.loc[given], vectors.loc[given])
    (drawn,) = estimator.fit(TOKENS, LABELS).embeddings_
    assert_array_equal(rows.loc[["b", "<unknown>"]], drawn.loc[["b", "<unknown>"]])
    # All of them again, and with the weights of the rest.
    weights = estimator.fit(TOKENS, LABELS, init_weights=start).get_weights()
    weights |= {"embedding.weight": rows}
    again = clone(estimator).fit(TOKENS, LABELS, init_weights=weights)
    assert_array_equal(again.embeddings_[0], rows)
    for wrong, message in (
        (vectors[[0, 1]], "Set embedding_size=2"),
        (vectors.astype(str), "must have numbers"),
        (pd.concat([vectors, vectors]), "one row for each category"),
        (vectors * np.nan, "contains NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            estimator.fit(TOKENS, LABELS, init_weights={"embedding.weight": wrong})


@both
def test_names_of_categories_are_names_only(estimator_class):
    y = TARGETS[estimator_class]
    same = [[token.upper() for token in tokens] for tokens in TOKENS]
    ours, theirs = (with_tokens(estimator_class).fit(X, y) for X in (TOKENS, same))
    assert_array_equal(output_of(ours, TOKENS), output_of(theirs, same))


@both
def test_the_order_of_categories_matters_to_the_first_draw_alone(estimator_class):
    y = TARGETS[estimator_class]
    others = dict(zip("abcd", "wzxy", strict=True))
    renamed = [[others[token] for token in tokens] for tokens in TOKENS]
    estimator = with_tokens(estimator_class, dtype="float64", unknown_fraction=0.2)
    start = clone(estimator).fit(TOKENS, y)
    weights = start.get_weights()
    weights |= {"embedding.weight": start.embeddings_[0].rename(index=others)}
    ours = clone(estimator).fit(TOKENS, y, init_weights=start)
    theirs = clone(estimator).fit(renamed, y, init_weights=weights)
    assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-12)
    outputs = output_of(ours, TOKENS), output_of(theirs, renamed)
    assert_allclose(*outputs, rtol=1e-9)
