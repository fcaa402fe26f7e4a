"""The language model: likelihoods, samples and streams of one and the same network."""

import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNClassifier, RNNLanguageModel
from skrnn.estimators.language import reading
from skrnn.estimators.language.sampling import draw
from skrnn.estimators.language.tokens import NextToken, cut, steps_of
from skrnn.preprocessing import TextSequencer
from skrnn.sequences import Sequences

TEXTS = ["one two three", "two three", "three", "one one two", ""] * 4
SETTINGS = {"hidden_size": 6, "batch_size": 4, "max_iter": 3, "random_state": 0}
make = partial(RNNLanguageModel, **SETTINGS)


@pytest.fixture(scope="module")
def model():
    return make(max_iter=20).fit(TEXTS)


# What is learned


def test_it_is_a_network_that_classifies_each_step_by_the_next_token():
    texts = [text for text in TEXTS if text]
    tokens = [[None, *text] for text in texts]
    following = [[*text, "~end"] for text in texts]  # sorted behind all letters
    model = make(bptt_steps=5).fit(texts)
    classifier = RNNClassifier(
        **SETTINGS,
        recurrent_dropout=0.3,
        unknown_fraction=0.1,
        bptt_steps=5,
        return_sequences=True,
        categorical_features="all",
    ).fit([np.array(sequence, object) for sequence in tokens], following)
    assert model.loss_curve_ == classifier.loss_curve_
    ours, theirs = model.get_weights(), classifier.get_weights()
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_pieces_of_a_long_text_go_on_from_where_they_were():
    # As the classifier's sequences do, of which each is a piece here.
    text = "two one two one two one"
    codes = [*text, "~end"]
    pieces = [0, 6, 12, 18, 24]
    model = make(bptt_steps=4).fit([text])
    classifier = RNNClassifier(
        **SETTINGS,
        recurrent_dropout=0.3,
        unknown_fraction=0.1,
        bptt_steps=4,
        return_sequences=True,
        categorical_features="all",
    ).fit(
        [np.array([None, *text], object)[a:b] for a, b in pairwise(pieces)],
        [codes[a:b] for a, b in pairwise(pieces)],
    )
    assert model.loss_curve_ == classifier.loss_curve_


def test_cut():
    whole = Sequences(np.zeros((18, 1)), np.array([0, 10, 11, 18]))
    assert_array_equal(cut(whole, 3).offsets, [0, 3, 6, 10, 11, 14, 18])
    assert_array_equal(cut(whole, 20).offsets, whole.offsets)


def test_pieces_are_no_more_than_a_batch_and_no_shorter_than_a_chunk():
    for n, batch_size, bptt_steps, n_pieces in (
        (99, 4, 10, 4),
        (99, 4, 50, 2),
        (99, 4, None, 1),
        (99, 200, 1, 100),
    ):
        model = make(batch_size=batch_size, bptt_steps=bptt_steps)
        given, _ = model._given(["a" * n], None, None, None)
        assert given.sequences.n_sequences == n_pieces


def test_steps_of():
    values = np.array([[1.0], [0.0], [1.0]])
    inputs, targets = steps_of(Sequences(values, np.array([0, 2, 2, 3])), 2)
    assert_array_equal(inputs.offsets, [0, 3, 4, 6])
    assert_array_equal(inputs.values[:, 0], [2, 1, 0, 2, 2, 1])
    assert_array_equal(targets, [1, 0, 2, 2, 1, 2])


def test_it_learns_what_can_be_known():
    model = make(hidden_size=16, max_iter=100, recurrent_dropout=0)
    model.fit([[1, 2, 3, 2, 1], [2, 2, 2]] * 10)
    # One bit: which of the two it is.
    assert_allclose(model.score_samples([[1, 2, 3, 2, 1]]), -np.log(2), rtol=0.2)
    assert model.sample(prefix=[1], temperature=0) == [[1, 2, 3, 2, 1]]


# Likelihoods


def test_likelihoods_are_products_of_probabilities(model):
    text, known = "one two", 1 - model.unknown_probability_
    code = {token: i for i, token in enumerate(model.classes_)}
    expected = 0.0
    for i in range(len(text) + 1):
        (shares,) = model.predict_proba([text[:i]])
        assert_allclose(shares.sum(), 1)
        next_one = text[i] if i < len(text) else None
        expected += np.log(shares[code[next_one]] * known)
    assert_allclose(model.score_samples([text]), expected, rtol=1e-5)


def test_scores_are_means_over_tokens_and_ends(model):
    totals = model.score_samples(TEXTS)
    assert totals.shape == (len(TEXTS),)
    n = sum(map(len, TEXTS)) + len(TEXTS)
    assert_allclose(model.score(TEXTS), totals.sum() / n)
    assert_allclose(model.perplexity(TEXTS), np.exp(-model.score(TEXTS)))
    assert_allclose(2 ** model.bits_per_token(TEXTS), model.perplexity(TEXTS))


def test_a_sequence_has_the_same_bits_in_any_batch(model, monkeypatch):
    whole = model.score_samples(TEXTS), model.transform(TEXTS)
    one_by_one = [model.score_samples([text])[0] for text in TEXTS]
    assert_array_equal(whole[0], one_by_one)
    # Some steps, and some sequences, at a time.
    for n, n_steps in ((1, 1), (60, 2), (200, 64)):
        monkeypatch.setattr(reading, "AT_A_TIME", n)
        monkeypatch.setattr(reading, "STEPS_AT_A_TIME", n_steps)
        assert_array_equal(model.score_samples(TEXTS), whole[0])
        assert_array_equal(model.transform(TEXTS), whole[1])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0] * 11 + [1], 1 / 12),
        ([0] * 6 + [1] * 5, 1 / 12),
        ([0, 1, 2], 1 / 10),
    ],
)
def test_what_is_unknown_is_as_probable_as_what_occurred_once(codes, expected):
    targets = NextToken.of(np.array(codes), 3, False)
    assert targets.unknown_probability == expected


def test_unknown_tokens_have_their_share(model):
    usual, unknown = model.score_samples(["one", "onX"])
    shares = model.predict_proba(["on"])[0]
    after = model.score_samples(["on"]) - np.log(shares[-1])
    assert np.isfinite(unknown)
    assert unknown < usual
    p = model.unknown_probability_
    # All that follows is predicted from the embedding of the unknown.
    end = model.predict_proba(["onX"])[0][-1]
    expected = after - np.log1p(-p) + np.log(p) + np.log(end) + np.log1p(-p)
    assert_allclose(unknown, expected[0], rtol=1e-5)


def test_states(model):
    states = model.transform(["one", "", "two"])
    assert states.shape == (3, 6)
    assert states.dtype == np.float32
    names = model.get_feature_names_out()
    assert list(names[:1]) == ["rnnlanguagemodel0"]
    frame = clone(model).set_output(transform="pandas").fit_transform(TEXTS)
    assert list(frame.columns) == list(names)
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (len(TEXTS), 6)
    reduced = make_pipeline(make(), PCA(2)).fit_transform(TEXTS)
    assert reduced.shape == (len(TEXTS), 2)


# Samples


def test_samples_are_drawn_as_the_model_says(model):
    texts = model.sample(4000, max_length=2, random_state=0)
    shares = pd.Series([text[:1] or None for text in texts]).value_counts(
        normalize=True, dropna=False
    )
    (expected,) = model.predict_proba([""])
    found = [shares.get(token, 0.0) for token in model.classes_]
    assert_allclose(found, expected, atol=0.03)
    following = [text[1:] or None for text in texts if text.startswith("t")]
    (expected,) = model.predict_proba(["t"])
    found = [following.count(token) / len(following) for token in model.classes_]
    assert_allclose(found, expected, atol=0.05)


def test_samples_depend_on_the_random_state_alone(model):
    texts = model.sample(5, random_state=1)
    assert texts == model.sample(5, random_state=1) != model.sample(5, random_state=2)


def test_samples_begin_with_the_prefix_and_end_in_time(model):
    for text in model.sample(20, prefix="on Y", max_length=3, random_state=0):
        assert text.startswith("on Y")
        assert len(text) <= 7
    assert model.sample(2, prefix="on", max_length=0) == ["on", "on"]
    tokens = make().fit([["a", "b"], ["b"]] * 5)
    for prefix in (["b", "?"], np.array(["b", "?"]), pd.Series(["b", "?"])):
        (sample,) = tokens.sample(prefix=prefix, max_length=1, random_state=0)
        assert sample[:2] == ["b", "?"]
        assert len(sample) <= 3
    (sample,) = make().fit([[3, 4]] * 5).sample(prefix=np.array([3]), random_state=0)
    assert set(map(type, sample)) <= {int, np.int64}


def frequencies(logits, **how):
    how = {"temperature": 1.0, "top_k": None, "top_p": None} | how
    rows = np.tile(np.asarray(logits, float), (20_000, 1))
    drawn = draw(rows, np.random.RandomState(0), **how)
    return np.bincount(drawn, minlength=len(logits)) / len(rows)


SHARES = np.array([0.1, 0.4, 0.2, 0.3])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, SHARES),
        ({"temperature": 0.5}, SHARES**2 / (SHARES**2).sum()),
        ({"temperature": 1e-9}, [0, 1, 0, 0]),
        ({"temperature": 1e-320}, [0, 1, 0, 0]),
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, SHARES),
        ({"top_p": 0.65}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.75}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1e-9}, [0, 1, 0, 0]),
        ({"top_p": 1.0}, SHARES),
        ({"top_k": 3, "top_p": 0.5}, [0, 4 / 7, 0, 3 / 7]),
    ],
)
def test_draw(how, expected):
    assert_allclose(frequencies(np.log(SHARES) + 7, **how), expected, atol=0.02)


# Streams


def test_pieces_of_a_stream_are_the_whole(model):
    whole = model.score_samples(["one two", "three"])
    stream, total = model.stream(2), 0.0
    for pieces in (["o", "th"], ["", "r"], ["ne tw", "ee"], ["o", ""]):
        total = total + stream.score_samples(pieces)
        stream = pickle.loads(pickle.dumps(stream))
    assert_array_equal(stream.n_steps, [7, 5])
    shares = stream.predict_proba()
    assert_allclose(shares, model.predict_proba(["one two", "three"]), rtol=1e-6)
    ends = np.log(shares[:, -1]) + np.log1p(-model.unknown_probability_)
    assert_allclose(total + ends, whole, rtol=1e-5)


def test_a_stream_that_fails_is_as_before(model):
    stream = model.stream()
    stream.score_samples(["one"])
    before = stream.predict_proba()
    with pytest.raises(ValueError, match="X has 2 sequences, but the stream has 1"):
        stream.score_samples(["a", "b"])
    with pytest.raises(TypeError, match="X has 3 beside texts"):
        stream.score_samples(["a", 3])
    assert_array_equal(stream.predict_proba(), before)
    nothing = stream.score_samples([""])
    assert nothing.dtype == np.float64
    assert nothing == 0


# As any estimator


def test_words_in_a_pipeline_with_a_search():
    pipeline = make_pipeline(TextSequencer(), make())
    search = GridSearchCV(
        pipeline, {"rnnlanguagemodel__hidden_size": [3, 6]}, cv=2, n_jobs=2
    ).fit(pd.Series([text for text in TEXTS if text]))
    assert search.best_score_ < 0
    words = search.best_estimator_[-1]
    assert list(words.classes_) == ["one", "three", "two", None]
    assert search.score_samples(["one two"]).shape == (1,)


def test_what_is_reopened_goes_on(model):
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.score_samples(TEXTS), model.score_samples(TEXTS))
    assert again.sample(random_state=3) == model.sample(random_state=3)
    first = make().partial_fit(TEXTS).partial_fit(TEXTS)
    other = pickle.loads(pickle.dumps(make().partial_fit(TEXTS))).partial_fit(TEXTS)
    assert_array_equal(first.score_samples(TEXTS), other.score_samples(TEXTS))
    # What is new has no code, and teaches nothing but what follows it.
    given, _ = first._given(["onX"], None, None, first._model.inputs)
    known = first._model.targets
    _, following, weights = first._check_targets(given.y, given.weights, known)
    codes = [first.classes_.tolist().index(token) for token in ("o", "n", None)]
    assert following[:, 0].tolist() == [*codes[:2], -1, codes[2]]
    assert weights.tolist() == [1, 1, 0, 1]
    assert "X" not in first.partial_fit(["onX", "XXX"]).classes_


def test_early_stopping():
    stopped = make(early_stopping=True, max_iter=5).fit(TEXTS)
    assert len(stopped.validation_scores_) == 5
    given = make(early_stopping=True, max_iter=5).fit(TEXTS, X_val=TEXTS[:4])
    best = given.best_validation_score_
    assert_allclose(best, given.score(TEXTS[:4]), rtol=1e-5)
    with pytest.raises(ValueError, match="X_val is passed to fit, but early_stopping"):
        make().fit(TEXTS, X_val=TEXTS)


def test_it_starts_with_weights_of_another(model):
    same = make(max_iter=1, learning_rate_init=1e-9).fit(TEXTS, init_weights=model)
    assert_allclose(same.score(TEXTS), model.score(TEXTS), rtol=1e-4)
    # Rows of embeddings stand as tokens do; the head of other tokens starts anew.
    other = make(max_iter=1, learning_rate_init=1e-9, embedding_size=6)
    other.fit(["one Xx"] * 4, init_weights=model)
    ours, theirs = other.embeddings_[0], model.embeddings_[0]
    assert_allclose(ours.loc["n"], theirs.loc["n"], atol=1e-6)
    assert other.get_weights()["head.weight"].shape == (7, 6)


def test_names_of_tokens_change_nothing():
    renamed = [text.upper().replace(" ", "!") for text in TEXTS]
    other = make().fit(renamed)
    assert_array_equal(
        make().fit(TEXTS).score_samples(TEXTS), other.score_samples(renamed)
    )


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one", ValueError, r"X is a single str. Pass \[X\] for one text"),
        ([["a", None]], ValueError, "Sequence 0 of X has a missing token"),
        ([["a"], [np.nan, "b"]], ValueError, "Sequence 1 of X has a missing token"),
        (["a", ["b"]], TypeError, "X has texts beside elements of type list"),
        ([["a", 1]], TypeError, "values of several types"),
        ([[0.5]], ValueError, "no whole number and so no category"),
        (["", ""], ValueError, "X has no token in any of its sequences"),
        ([[]], ValueError, "X has no token in any of its sequences"),
        ([], ValueError, r"0 sample\(s\)"),
        (np.ones((2, 3, 4)), ValueError, "but X has 4 features per step"),
        (None, ValueError, "X is of type NoneType"),
        (iter(["a"]), ValueError, r"Pass list\(X\)"),
        (["a", None], TypeError, r"X has None beside texts. .* X.dropna\(\)"),
        ([b"a"], TypeError, r"Pass texts: \[text.decode\(\) for text in X\]"),
        (pd.DataFrame({"text": ["a"]}), ValueError, r"Pass its column of texts"),
        (np.array([["a"], ["b"]]), ValueError, r"Pass X\[:, 0\]"),
    ],
)
def test_what_is_refused(X, error, message):
    estimator = make()
    with pytest.raises(error, match=message):
        estimator.fit(X)
    assert not hasattr(estimator, "classes_")


def test_characters_of_any_kind():
    strange = ["a\ud800b\udc00", "\0\U0001f600 e\u0301"] * 3
    model = make().fit(strange)
    assert np.isfinite(model.score_samples([*strange, "\ud801"])).all()
    assert {"\ud800", "\U0001f600", "\u0301"} <= {*model.classes_[:-1]}


def test_texts_are_not_taken_for_tokens():
    words = make().fit([["one", "two"]] * 4)
    for call in (
        words.score_samples,
        words.transform,
        words.partial_fit,
        words.stream().score_samples,
    ):
        with pytest.raises(ValueError, match="X has texts, but fit saw sequences of"):
            call(["one two"])
    with pytest.raises(ValueError, match="prefix has texts, but fit saw sequences"):
        words.sample(prefix="one")
    with pytest.raises(ValueError, match="X_val has texts, but fit saw sequences of"):
        make(early_stopping=True).fit([["one", "two"]] * 9, X_val=["one"])


def test_words_are_not_taken_for_characters(model):
    assert model.score_samples([["o", "n", "e"]]) == model.score_samples(["one"])
    for call in (model.score_samples, model.transform, clone_of(model).partial_fit):
        with pytest.raises(ValueError, match="X has tokens of several characters"):
            call([["one"]])


def clone_of(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1, 2], [2, 1]]),
        [[1, 2], [2, 1]],
        np.array([[[1], [2]], [[2], [1]]]),
        [pd.DataFrame({"code": [1, 2]}), pd.DataFrame({"code": [2, 1]})],
        pd.Series([[1, 2], [2, 1]]),
        ((1, 2), (2, 1)),
    ],
    ids=["array", "lists", "3D", "frames", "series", "tuples"],
)
def test_sequences_have_any_length_whatever_the_form_of_X(X):
    model = make().fit(X)
    expected = model.score_samples([[1, 2, 1], [2]])
    assert_array_equal(model.score_samples(np.array([[1, 2, 1]])), expected[:1])
    assert_array_equal(model.score_samples([np.array([1, 2, 1])]), expected[:1])
    assert_array_equal(make().fit([[1, 2], [2, 1]]).score_samples([[2]]), expected[1:])


def test_what_a_prefix_may_be(model):
    tokens = make().fit([[1, 2]] * 5)
    for prefix in (np.array([1]), (1,), [1], pd.Series([1])):
        assert tokens.sample(prefix=prefix, max_length=0) == [[1]]
    for prefix in (5, [[1]], np.array([[1]]), pd.DataFrame([[1]])):
        with pytest.raises((ValueError, TypeError), match="prefix"):
            tokens.sample(prefix=prefix)
    with pytest.raises(ValueError, match="Sequence 0 of prefix has a missing token"):
        tokens.sample(prefix=[None])


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_samples": 0},
        {"max_length": -1},
        {"temperature": -1.0},
        {"top_k": 0},
        {"top_p": 0},
        {"top_p": 1.5},
        {"temperature": np.nan},
    ],
)
def test_samples_that_cannot_be(model, arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=name):
        model.sample(**arguments)
