"""N-grams: runs of neighbouring categories as categories of their own."""

import pickle
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import LABELS, TARGETS, make, output_of, state_of

from skrnn import RNNClassifier, RNNLanguageModel, RNNRegressor
from skrnn.estimators.inputs import NGrams
from skrnn.sequences import Sequences

both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(0)
LENGTHS = 1 + np.arange(24) % 5
#: 24 sequences of 1 to 5 tokens.
TOKENS = [_rng.choice(list("abcd"), n).tolist() for n in LENGTHS]
ALL = {"categorical_features": "all"}
#: Embeddings, with n-grams of up to three tokens.
NAMES = ["embedding.weight", "ngrams_2.weight", "ngrams_3.weight"]
#: What stands before the first token.
START = "^"


def grams(tokens, n):
    """Of each step the n-gram that ends there."""
    tokens = [START] * (n - 1) + list(tokens)
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def known_grams(documents, n):
    """Those of several documents."""
    counts = Counter(gram for x in documents for gram in set(grams(x, n)))
    return {gram for gram, count in counts.items() if count >= 2}


def codes(documents, alphabet="abcd"):
    """Sequences of a number and a code; that of the unknown is the last."""
    values = [alphabet.index(token) for x in documents for token in x]
    values = np.column_stack([np.ones(len(values)), values]).astype("float32")
    offsets = np.cumsum([0, *map(len, documents)])
    return Sequences(values, offsets)


def test_they_are_those_of_several_sequences():
    sequences, counts = codes(TOKENS), []
    ngrams = NGrams.of(sequences, 5, 4)
    values, offsets, _ = ngrams.added(sequences)
    assert_array_equal(values[:, :2], sequences.values)
    assert_array_equal(offsets, sequences.offsets)
    of_lengths = zip((2, 3, 4), ngrams.names("abcd"), values.T[2:], strict=True)
    for n, names, column in of_lengths:
        known = known_grams(TOKENS, n)
        assert set(names) == {tuple(t for t in gram if t != START) for gram in known}
        names = [(START,) * (n - len(name)) + name for name in names]
        expected = [
            names.index(gram) if gram in known else len(names)
            for x in TOKENS
            for gram in grams(x, n)
        ]
        assert_array_equal(column, expected)
        assert len(names) in column  # some are rare
        counts.append(len(names) + 1)
    assert ngrams.counts == counts
    assert ngrams.length == 4


def test_what_fit_did_not_see_is_unknown():
    """As is an n-gram with an unknown category, or with an unknown beginning."""
    ngrams = NGrams.of(codes(["ab", "ab", "cabd", "bc"]), 5, 3)
    assert ngrams.names("abcd") == [[("a", "b"), ("a",)], [("a", "b"), ("a",)]]
    sequences = codes(["abd", "zab", "az", "c"], "abcdz")
    expected = [
        *((1, 1), (0, 0), (2, 2)),
        *((2, 2), (2, 2), (0, 2)),
        *((1, 1), (2, 2)),
        (2, 2),
    ]
    assert_array_equal(ngrams.added(sequences).values[:, 2:], expected)


def test_none_is_known():
    ngrams = NGrams.of(codes(["ab", "cd"]), 5, 3)
    assert ngrams.counts == [1, 1]
    assert_array_equal(ngrams.added(codes(["abc"])).values[:, 2:], np.zeros((3, 2)))


@both
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_fit_is_that_of_columns_with_them(estimator_class, return_sequences):
    """The same bits, if all are known and the names stand in the order of keys."""
    y, X = [*TARGETS[estimator_class]] * 2, TOKENS * 2
    if return_sequences:
        y = [np.repeat(target, len(x)) for x, target in zip(X, y, strict=True)]
    parameters = ALL | {"return_sequences": return_sequences, "add_time": True}
    parameters |= {"embedding_dropout": 0.5, "unknown_fraction": 0.1}
    short = make(estimator_class, ngram_length=3, **parameters).fit(X, y)
    plain = make(estimator_class, **parameters)

    def columns(documents):
        # Above all letters, as the start's code is above theirs.
        names = [zip(*(grams(x, n) for n in (1, 2, 3)), strict=True) for x in documents]
        return [
            [tuple("".join(g).replace(START, "~") for g in row) for row in rows]
            for rows in names
        ]

    plain.fit(columns(X), y)
    sizes = [len(of) + 1 for of in plain.categories_]
    weights, expected = short.get_weights(), plain.get_weights()
    for k, name in enumerate(NAMES):
        rows, own = expected.pop(f"embedding.{k}.weight"), weights.pop(name)
        assert len(own) == sizes[k]
        assert_array_equal(own, rows)
    assert weights.keys() == expected.keys()
    for name, values in weights.items():
        assert_array_equal(values, expected[name])
    assert short.ngram_length_ == 3
    assert [frame.index.tolist() for frame in short.embeddings_] == [
        [*"abcd", "<unknown>"]
    ]
    for new in (X, [["a", "b"], ["d"]]):
        for result, of_columns in zip(
            short.transform(new), plain.transform(columns(new)), strict=True
        ):
            assert_array_equal(result, of_columns)


@pytest.mark.parametrize(
    ("estimator_class", "X", "parameters", "expected"),
    [
        (RNNClassifier, TOKENS, {}, 3),
        (RNNClassifier, TOKENS, {"ngram_length": 2}, 2),
        (RNNClassifier, TOKENS, {"return_sequences": True}, 1),
        (RNNClassifier, [[(t, "e") for t in x] for x in TOKENS], {}, 1),
        (
            RNNClassifier,
            [[(t, 1.0) for t in x] for x in TOKENS],
            {"categorical_features": [0]},
            1,
        ),
        (
            RNNClassifier,
            [[len(t) for t in x] for x in TOKENS],
            {"categorical_features": None},
            1,
        ),
        (RNNRegressor, TOKENS, {}, 1),
    ],
    ids=["tokens", "given", "steps", "two", "beside numbers", "numbers", "regressor"],
)
def test_length_by_default(estimator_class, X, parameters, expected):
    default = {"ngram_length": estimator_class().ngram_length}
    y = TARGETS[estimator_class]
    if "return_sequences" in parameters:
        y = [np.repeat(target, len(x)) for x, target in zip(X, y, strict=True)]
    estimator = make(estimator_class, **ALL | default | parameters).fit(X, y)
    assert estimator.ngram_length_ == expected
    names = [name for name in estimator.get_weights() if name.startswith("ngrams")]
    assert names == [f"ngrams_{n}.weight" for n in range(2, expected + 1)]


def test_sizes_are_not_above_the_given_one():
    def sizes(embedding_size):
        parameters = ALL | {"embedding_size": embedding_size, "max_iter": 1}
        classifier = make(RNNClassifier, ngram_length=3, **parameters)
        weights = classifier.fit(TOKENS, LABELS).get_weights()
        return [weights[name].shape[1] for name in NAMES]

    automatic = sizes("auto")
    assert automatic[0] == 4 < automatic[1]
    assert sizes(5) == sizes([5]) == [5, 5, 5]
    assert sizes(99) == [99, *automatic[1:]]


@pytest.mark.parametrize("frame_length", [1, 2])
def test_streams_of_any_pieces(frame_length):
    parameters = ALL | {"add_time": True, "frame_length": frame_length}
    classifier = make(RNNClassifier, ngram_length=3, **parameters).fit(TOKENS, LABELS)
    a, b = list("abzad"), list("cab")
    stream = classifier.stream(2)
    stream.predict_proba([a[:1], b[:2]])
    stream = pickle.loads(pickle.dumps(stream))
    stream.predict_proba([a[1:4], []])
    result = stream.predict_proba([a[4:], b[2:]])
    assert_array_equal(result, classifier.predict_proba([a, b]))
    assert_array_equal(stream.n_steps, [5, 3])


def test_training_that_goes_on_knows_the_same():
    parameters = ALL | {"ngram_length": 3, "warm_start": True}
    classifier = make(RNNClassifier, **parameters).fit(TOKENS, LABELS)
    start = classifier.get_weights()
    classifier.fit([["d", "d", "d", "e"]] * 24, LABELS)
    weights = classifier.get_weights()
    assert {k: w.shape for k, w in weights.items()} == {
        k: w.shape for k, w in start.items()
    }
    before = state_of(classifier.set_params(ngram_length=2))
    with pytest.raises(ValueError, match=r"ngram_length=2 \(was 3\)"):
        classifier.fit(TOKENS, LABELS)
    assert state_of(classifier) == before
    classifier.set_params(ngram_length="auto").fit(TOKENS, LABELS)
    assert classifier.ngram_length_ == 3


def test_init_weights_of_an_estimator_are_matched_by_what_they_are_of():
    start = make(RNNClassifier, ngram_length=3, **ALL).fit(TOKENS, LABELS)
    # "a" is gone, so all codes are others.
    X = [[t for t in x if t != "a"] or ["e"] for x in TOKENS]
    frozen = {"trainable": "head", "max_iter": 1, "ngram_length": "auto"}
    classifier = make(RNNClassifier, **ALL, **frozen)
    classifier.fit(X, LABELS, init_weights=start)
    assert classifier.ngram_length_ == 3
    of_both = []
    for estimator in (start, classifier):
        inputs, weights = estimator._model.inputs, estimator.get_weights()
        names = inputs.ngrams.names(inputs.categories.values[0])
        of_both.append(
            {
                name: row
                for n, known in zip((2, 3), names, strict=True)
                for name, row in zip(
                    [*((n, *name) for name in known), (n, "unknown")],
                    weights[f"ngrams_{n}.weight"],
                    strict=True,
                )
            }
        )
    given, taken = of_both
    shared = given.keys() & taken.keys()
    assert {len(name) for name in shared} == {2, 3, 4}
    for name in shared:
        assert_array_equal(taken[name], given[name])
    with pytest.raises(ValueError, match="init_weights do not fit this network"):
        classifier.set_params(ngram_length=2).fit(X, LABELS, init_weights=start)


def test_a_start_without_them_has_none():
    texts = ["".join(x) for x in TOKENS]
    model = RNNLanguageModel(hidden_size=3, max_iter=1, layer_norm=False).fit(texts)
    assert model.ngram_length_ == 1
    classifier = make(RNNClassifier, layer_norm=False, **ALL)
    classifier.set_params(ngram_length="auto", max_iter=1, trainable="head")
    classifier.fit(TOKENS, LABELS, init_weights=model)
    assert classifier.ngram_length_ == 1
    (rows,), (known,) = classifier.embeddings_, model.embeddings_
    assert_array_equal(rows.loc[list("abcd")], known.loc[list("abcd")])


@pytest.mark.parametrize("X", [[[(t, "e") for t in x] for x in TOKENS], "numbers"])
def test_one_feature_has_them(X):
    parameters = ALL if X != "numbers" else {}
    X = [[len(t) for t in x] for x in TOKENS] if X == "numbers" else X
    regressor = make(RNNRegressor, ngram_length=2, **parameters)
    with pytest.raises(ValueError, match="ngram_length=2 needs one feature with cat"):
        regressor.fit(X, TARGETS[RNNRegressor])


def test_they_have_a_dropout_of_their_own():
    """Of few tokens 0.2, but 0.8 of what they make together."""

    def outputs(dropout):
        classifier = make(RNNClassifier, ngram_length=2, **ALL)
        classifier.set_params(embedding_dropout=dropout)
        return output_of(classifier.fit(TOKENS, LABELS), TOKENS)

    automatic = outputs("auto")
    assert (automatic != outputs(0.2)).any()
    assert (automatic != outputs(0.8)).any()
