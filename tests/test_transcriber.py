"""The transcriber: texts or labels in their order, and the steps that say them."""

import pickle
from enum import StrEnum
from functools import partial
from itertools import groupby, pairwise, product

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from small import AfterEpoch, state_of
from threadpoolctl import threadpool_limits

from skrnn import RNNTranscriber
from skrnn.mathematics.losses.ctc import BLANK
from skrnn.mathematics.transcripts import alignment, beam_search, best_paths
from skrnn.metrics import exact_match, token_error_rate
from skrnn.preprocessing import SequenceScaler

TONES = {"a": [1.0, 0.0], "b": [0.0, 1.0], " ": [0.0, 0.0]}
TEXTS = ["ab", "ba", "a b", "b a", "aba", ""] * 4
X = [np.repeat([TONES[k] for k in text or "  "], 3, axis=0) for text in TEXTS]
make = partial(RNNTranscriber, hidden_size=6, batch_size=8, max_iter=2, random_state=0)


@pytest.fixture(scope="module")
def transcriber():
    return make(hidden_size=12, max_iter=60).fit(X, TEXTS)


# What is learned


def test_it_learns_texts_by_heart(transcriber):
    assert transcriber.predict(X[:6]) == TEXTS[:6]
    assert transcriber.score(X, TEXTS) == 1
    assert transcriber.classes_.tolist() == [" ", "a", "b"]
    assert transcriber.loss_curve_[-1] < 0.02 < 0.5 < transcriber.loss_curve_[0]


def test_the_loss_is_that_of_each_label():
    # In an epoch of one step the weights are those of the beginning.
    texts = ["ab", "b", "", "ba"] * 2
    short = [np.random.default_rng(i).normal(size=(5, 2)) for i in range(8)]
    model = make(max_iter=1, batch_size=8, learning_rate_init=1e-30, alpha=0.0)
    model.fit(short, texts)
    losses = []
    for p, text in zip(model.predict_proba(short), texts, strict=True):
        codes = [1 + list(model.classes_).index(label) for label in text]
        total = sum(
            p[np.arange(5), path].prod()
            for path in product(range(3), repeat=5)
            if [label for label, _ in groupby(path) if label != BLANK] == codes
        )
        losses.append(-np.log(total) / max(1, len(text)))
    assert_allclose(model.loss_, np.mean(losses), rtol=1e-5)


def test_the_same_bits_on_any_number_of_threads(monkeypatch):
    # More than one shard of a batch, and of a prediction.
    monkeypatch.setattr("skrnn.backends.cpu.packing.WORTH_A_THREAD", 1)
    many, texts, fits = X * 3, TEXTS * 3, []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            model = make(batch_size=40).fit(many, texts)
            fits.append((model.loss_curve_, model.predict_proba(many)))
    assert fits[0][0] == fits[1][0]
    for one, other in zip(fits[0][1], fits[1][1], strict=True):
        assert_array_equal(one, other)


def test_labels_of_any_type():
    for labels in (
        [["AH", "B"], ["B"], []],
        [np.array([3, 1]), np.array([1]), np.array([], int)],
        [(True, False), (False,), ()],
        [pd.Series(["x", "y"]), pd.Series(["y"]), pd.Series([], dtype=object)],
    ):
        model = make(max_iter=1).fit(X[:3] * 4, labels * 4)
        known = {label for part in labels for label in np.asarray(part).tolist()}
        assert model.classes_.tolist() == sorted(known)
        predicted = model.predict(X)
        assert all(isinstance(part, list) for part in predicted)
        assert {label for part in predicted for label in part} <= known


def test_texts_and_tokens_in():
    words = ["ab", "ba", "abb"] * 4
    sounds = [["A", "B"], ["B", "A"], ["A", "B"]] * 4
    of_texts = make().fit(words, sounds)
    of_tokens = make().fit([list(word) for word in words], sounds)
    assert of_texts.loss_curve_ == of_tokens.loss_curve_
    assert of_texts.predict(words) == of_tokens.predict([list(word) for word in words])
    assert list(of_texts.embeddings_[0].index) == ["a", "b", "<unknown>"]
    for column in (pd.Series(words), np.array(words)):
        assert of_texts.score(column, sounds) == of_texts.score(words, sounds)
    # What has no strings has numbers.
    numbers = make().fit([[1, 2, 3], [2, 1]] * 6, ["a", "b"] * 6)
    assert not hasattr(numbers, "categories_")
    codes = make(categorical_features="all").fit([[1, 2, 3], [2, 1]] * 6, ["a", ""] * 6)
    assert codes.categories_[0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["array", "strings", "Series", "polars"])
def test_texts_in_columns_of_any_kind(kind):
    words = ["ab", "ba", "a"] * 4
    column = {
        "array": np.array(words),
        "strings": pd.array(words, dtype="string"),
        "Series": pd.Series(words, index=range(12, 0, -1)),
        "polars": pl.Series(words),
    }[kind]
    model = make(max_iter=1).fit(words, words)
    of_column = make(max_iter=1).fit(column, column)
    assert of_column.loss_curve_ == model.loss_curve_
    assert of_column.predict(column) == model.predict(words)
    assert of_column.score(column, column) == model.score(words, words)


def test_classes_are_the_labels_themselves():
    # NumPy would cut off a null character, and round whole numbers.
    class Sound(StrEnum):
        HUM = "hum"

    for y, classes in (
        (["\0", "a"], ["\0", "a"]),
        ([[2**63, -1]], [-1, 2**63]),
        ([[Sound.HUM], [np.str_("hum")], ["a"]], ["a", "hum"]),
        ([np.float32([0.5]), [1.5]], [0.5, 1.5]),
    ):
        model = make(max_iter=1).fit(X[: len(y)], y)
        assert model.classes_.tolist() == classes
        assert {type(k) for k in model.classes_.tolist()} == {type(classes[0])}
        said = {k for part in model.predict(X) for k in part}
        assert {type(k) for k in said} <= {type(classes[0])}


def test_frames_shorten_the_sequences(transcriber):
    model = make(hidden_size=12, max_iter=60, frame_length=2).set_params(hop_length=2)
    model.fit(X, TEXTS)
    assert (model.frame_length_, model.hop_length_) == (2, 2)
    assert model.score(X, TEXTS) > 0.9
    p, states = model.predict_proba(X), model.transform(X)
    for x, shares, state in zip(X, p, states, strict=True):
        n = -(-(len(x) - 2) // 2) + 1
        assert (shares.shape, state.shape) == ((n, 4), (n, 24))
        assert_allclose(shares.sum(axis=1), 1)
    # One sequence alone has the same bits.
    assert_array_equal(model.predict_proba(X[3:4])[0], p[3])
    assert make(frame_length=5).fit(X, TEXTS).hop_length_ == 2


def test_arrays_in_arrays_out(transcriber):
    array = np.array([x[:6] for x in X if len(x) >= 6])
    for method in ("predict_proba", "predict_log_proba", "transform"):
        of_list = getattr(transcriber, method)([*array])
        results = getattr(transcriber, method)(array)
        assert results.shape[:2] == (len(array), 6)
        assert_array_equal(results, of_list)
    assert transcriber.predict(array) == transcriber.predict([*array])
    logs = transcriber.predict_log_proba(X)
    assert_allclose(np.exp(logs[0]), transcriber.predict_proba(X)[0])


@pytest.mark.nojit
def test_a_beam_finds_what_the_best_path_does_not():
    # The best path says nothing; all ways to say 1 together are more probable.
    p = np.array([[0.55, 0.45], [0.55, 0.45]])
    codes, *_ = best_paths(p, np.array([0, 2]))
    assert codes.tolist() == []
    assert beam_search(np.log(p), 2).tolist() == [1]
    assert beam_search(np.zeros((0, 3)), 4).tolist() == []
    assert beam_search(np.full((2, 3), np.nan), 2).tolist() == []


@pytest.mark.nojit
@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_most_probable_transcript(seed):
    logits = 1.5 * np.random.default_rng(seed).normal(size=(6, 3))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    totals, steps = {}, np.arange(6)
    for path in product(range(3), repeat=6):
        said = tuple(label for label, _ in groupby(path) if label != BLANK)
        totals[said] = totals.get(said, 0) + np.exp(log_p[steps, path].sum())
    assert tuple(beam_search(log_p, 300)) == max(totals, key=totals.get)
    # No room is kept for beginnings that there cannot be.
    assert tuple(beam_search(log_p, 2**31 - 1)) == max(totals, key=totals.get)
    narrow = tuple(beam_search(log_p, 2))
    assert totals[narrow] > 0.3 * max(totals.values())


@pytest.mark.nojit
def test_best_paths_of_several_sequences():
    outputs = np.eye(3)[[1, 1, 0, 1, 2, 2, 0, 0, 2]]
    offsets = np.array([0, 5, 6, 6, 9])
    codes, bounds, last = best_paths(outputs, offsets)
    parts = [part.tolist() for part in np.split(codes, bounds[1:-1])]
    assert parts == [[1, 1, 2], [2], [], [2]]
    assert last.tolist() == [2, 2, 0, 2]
    codes, bounds, last = best_paths(outputs, offsets, np.array([1, 1, 2, 2]))
    parts = [part.tolist() for part in np.split(codes, bounds[1:-1])]
    assert parts == [[1, 2], [2], [], [2]]
    assert last.tolist() == [2, 2, 2, 2]


def test_beam_width_is_of_predictions_only(transcriber):
    wide = clone(transcriber).set_params(beam_width=4).fit(X, TEXTS)
    assert wide.loss_curve_ == transcriber.loss_curve_
    assert wide.predict(X) == TEXTS
    assert [*map(wide.predict, zip(X))] == [[text] for text in TEXTS]  # one at a time
    for width in (0, 1.5, "auto"):
        with pytest.raises(ValueError, match="'beam_width' parameter of RNNTransc"):
            wide.set_params(beam_width=width).predict(X)


@pytest.mark.nojit
@pytest.mark.parametrize("labels", [(1, 2), (1, 1), (), (2, 1, 2)])
def test_alignment_is_the_most_probable_path(labels):
    log_p = np.log(np.random.default_rng(0).dirichlet(np.ones(3), 6))
    paths = [
        path
        for path in product(range(3), repeat=6)
        if tuple(label for label, _ in groupby(path) if label != BLANK) == labels
    ]
    best = max(paths, key=lambda path: log_p[np.arange(6), path].sum())
    spans, t = [], 0
    for label, group in groupby(best):
        first, t = t, t + len([*group])
        if label != BLANK:
            spans.append([first, t])
    assert alignment(log_p, np.array(labels, int)).tolist() == spans


def test_align_says_where_each_label_is(transcriber):
    for text, spans in zip(TEXTS[:6], transcriber.align(X[:6], TEXTS[:6]), strict=True):
        assert spans.shape == (len(text), 2)
        assert (spans[:, 0] < spans[:, 1]).all()
        assert (spans[1:, 0] >= spans[:-1, 1]).all()
        # A letter is said near the steps that have its tone.
        for k, (first, end) in enumerate(spans):
            assert first < 3 * k + 4
            assert end > 3 * k - 1
    # Frames become steps, and none is beyond the end.
    model = make(frame_length=2, hop_length=2).fit(X, TEXTS)
    for x, spans in zip(X, model.align(X, TEXTS), strict=True):
        assert (spans % 2 == 0)[spans < len(x)].all()
        assert spans.max(initial=0) <= len(x)
    with pytest.raises(ValueError, match=r"y\[0\] has the label 'z', which is not"):
        transcriber.align(X[:1], ["z"])


@pytest.mark.parametrize("frames", [(1, 1), (3, 1), (2, 2)], ids=str)
def test_a_stream_says_what_whole_sequences_say(frames):
    length, hop = frames
    model = make(bidirectional=False, frame_length=length, hop_length=hop)
    model.set_params(max_iter=40).fit(X, TEXTS)
    # Whole frames, since nobody tells a stream where a sequence ends.
    some = [x for x in X if len(x) >= length and (len(x) - length) % hop == 0][:7]
    for cuts in ([], [1], [2, 2, 5], list(range(1, 20))):
        stream, said = model.stream(len(some)), [""] * len(some)
        shares = [[] for _ in some]
        for first, last in pairwise([0, *cuts, 99]):
            pieces = [x[first:last] for x in some]
            copy = pickle.loads(pickle.dumps(stream))
            for part, own in zip(copy.predict_proba(pieces), shares, strict=True):
                own.append(part)
            for i, part in enumerate(stream.predict(pieces)):
                said[i] += part
        assert said == model.predict(some)
        for own, whole in zip(shares, model.predict_proba(some), strict=True):
            assert_array_equal(np.concatenate(own), whole)
        assert stream.n_steps.tolist() == [len(x) for x in some]


def test_all_methods_of_a_stream_go_on(transcriber):
    model = make(bidirectional=False, max_iter=40).fit(X, TEXTS)
    stream, text = model.stream(), ""
    for t, step in enumerate(X[4]):
        if t % 3 == 1:
            stream.transform([step[None]])
        elif t % 3 == 2:
            stream.predict_proba([step[None]])
        else:
            text += stream.predict([step[None]])[0]
    codes = np.concatenate([[BLANK], model.predict_proba(X[4:5])[0].argmax(axis=1)])
    said = codes[1:][(codes[1:] != codes[:-1]) & (np.arange(codes.size - 1) % 3 == 0)]
    assert text == "".join(model.classes_[said[said != BLANK] - 1])


def test_a_stream_of_tokens_and_what_fails():
    model = make(bidirectional=False, max_iter=30)
    model.fit(["ab", "ba"] * 12, [["A", "B"], ["B", "A"]] * 12)
    stream = model.stream(2)
    assert [a + b for a, b in zip(stream.predict(["a", ""]), [[], []], strict=True)]
    state = pickle.dumps(stream)
    with pytest.raises(ValueError, match="X has 1 sequences, but the stream has 2"):
        stream.predict(["a"])
    assert pickle.dumps(stream) == state
    assert stream.transform(["b", "ba"])[1].shape == (2, 6)
    with pytest.raises(ValueError, match="The network reads in both directions"):
        make().fit(["ab"] * 9, ["a"] * 9).stream()


# As estimators are


def test_score_is_one_less_the_error_rate():
    model, weights = make().fit(X, TEXTS), np.arange(24) / 10
    expected = 1 - token_error_rate(TEXTS, model.predict(X), sample_weight=weights)
    assert model.score(X, TEXTS, weights) == pytest.approx(expected)
    # Labels that fit did not see are errors.
    assert model.score(X[:1], ["zz"]) <= 0
    with pytest.raises(ValueError, match="There is nothing to score"):
        model.score(X[:1], [""])


def test_weights_of_sequences_count():
    once = make(max_iter=1, batch_size=99, shuffle=False, alpha=0.0)
    weights = np.where(np.arange(24) % 3 > 0, 2.0, 0.0)
    weighted = clone(once).fit(X, TEXTS, weights)
    chosen = np.flatnonzero(weights)
    alone = clone(once).fit([X[i] for i in chosen], [TEXTS[i] for i in chosen])
    assert weighted.loss_ == pytest.approx(alone.loss_, rel=1e-5)


def test_partial_fit_goes_on():
    model = make().partial_fit(X[:9], TEXTS[:9], classes=["a", "b", " ", "c"])
    assert model.classes_.tolist() == [" ", "a", "b", "c"]
    copy = pickle.loads(pickle.dumps(model))
    model.partial_fit(X[9:], TEXTS[9:])
    copy.partial_fit(X[9:], TEXTS[9:])
    assert model.loss_curve_ == copy.loss_curve_
    assert len(model.loss_curve_) == 2
    with pytest.raises(ValueError, match="has the label 'd', which is not among the"):
        model.partial_fit(X[:1], ["d"])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X[:1], ["a"], classes="ab")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        make().partial_fit(X, TEXTS)


@pytest.mark.parametrize(
    ("classes", "match"),
    [
        (3, "classes must be a list or an array, got an object of type int"),
        (set("ab "), r"an object of type set. Pass list\(classes\)"),
        (["a", None], r"classes\[1\] has None in the place of a label"),
        (["ab", "ba"], "labels of texts are characters, but classes has 'ab'"),
        ([1, 2], "y has labels such as 'a', but the classes are such as 1. Pass"),
        ("ab", r"y\[2\] has the label ' ', which is not among the classes"),
    ],
)
def test_classes_that_are_none(classes, match):
    with pytest.raises(ValueError, match=match):
        make().partial_fit(X, TEXTS, classes=classes)


def test_classes_of_many_labels_are_not_printed():
    model = make().partial_fit(X, [[1]] * 24, classes=range(500))
    with pytest.raises(ValueError, match="is not the same as on last call") as error:
        model.partial_fit(X, [[1]] * 24, classes=np.arange(501))
    assert len(str(error.value)) < 150


def test_early_stopping_watches_the_score():
    model = make(early_stopping=True, max_iter=8, n_iter_no_change=8)
    model.fit(X, TEXTS, X_val=X[:6], y_val=TEXTS[:6])
    best = model.score(X[:6], TEXTS[:6])
    assert best == pytest.approx(max(model.validation_scores_))
    # Of another kind no label could ever be right.
    with pytest.raises(ValueError, match="y_val has sequences of labels, but the fi"):
        clone(model).fit(X, TEXTS, X_val=X[:1], y_val=[["a"]])
    numbers = [[1]] * 24
    with pytest.raises(ValueError, match="y_val has labels such as 'a', but the clas"):
        clone(model).fit(X, numbers, X_val=X[:1], y_val=[["a"]])
    own = make(early_stopping=True, validation_fraction=0.25).fit(X, TEXTS)
    assert len(own.validation_scores_) == 2
    with pytest.raises(ValueError, match=r"The score of the validation data .* is NaN"):
        make(early_stopping=True).fit(X, TEXTS, X_val=X[:1], y_val=[""])


def test_it_resumes_and_takes_weights():
    model = make(max_iter=4)
    whole = clone(model).fit(X, TEXTS)

    def stop(n_epochs):
        if n_epochs == 2:
            raise KeyboardInterrupt

    model.set_callbacks(AfterEpoch(stop))
    with pytest.warns(UserWarning, match="Training interrupted"):
        model.fit(X, TEXTS)
    model = pickle.loads(pickle.dumps(model.set_callbacks()))
    model.set_params(warm_start=True).fit(X, TEXTS)
    assert model.loss_curve_ == whole.loss_curve_
    started = make(max_iter=1).fit(X, TEXTS, init_weights=whole)
    assert started.loss_curve_[0] < whole.loss_curve_[0]
    other = [text.replace("b", "c") for text in TEXTS]
    anew = make(max_iter=1).fit(X, other, init_weights=whole)  # with a head of its own
    assert anew.classes_.tolist() == [" ", "a", "c"]


def test_searches_and_pipelines():
    pipeline = make_pipeline(SequenceScaler(), make())
    scoring = {
        "exact": make_scorer(exact_match),
        "errors": make_scorer(token_error_rate, greater_is_better=False),
    }
    search = GridSearchCV(
        pipeline,
        {"rnntranscriber__beam_width": [1, 2]},
        scoring=scoring,
        refit="errors",
        cv=2,
    )
    search.fit(X, TEXTS)
    assert len(search.predict(X)) == 24
    scores = cross_val_score(make(), X, TEXTS, cv=2, n_jobs=2)
    assert scores.shape == (2,)


def test_it_is_saved_whole(transcriber, tmp_path):
    copy = pickle.loads(pickle.dumps(transcriber))
    assert copy.predict(X) == transcriber.predict(X)
    assert state_of(copy) == state_of(transcriber)
    copy.set_weights(copy.get_weights())
    assert_array_equal(
        copy.predict_proba(X[:1])[0], transcriber.predict_proba(X[:1])[0]
    )


# What is wrong


def test_what_cannot_be_said_is_refused_before_training():
    before = make().fit(X, TEXTS)
    state = state_of(before)
    y = TEXTS.copy()
    y[7] = "aab" * 2  # 6 labels and 2 blanks on 6 steps
    match = (
        r"y\[7\] has 6 labels, of which 2 are like the one before: they need 8 steps"
    )
    with pytest.raises(ValueError, match=match):
        before.fit(X, y)
    y[7] = "abababa"
    match = r"7 labels: they need 7 steps .* sequence 7 of X has 6 steps \(so for 1 of"
    with pytest.raises(ValueError, match=match):
        before.fit(X, y)
    match = r"sequence 2 of X has 9 steps that are 2 frames \(hop_length=6\)"
    with pytest.raises(ValueError, match=match):
        make(frame_length=6, hop_length=6).fit(X, ["", "", *TEXTS[2:]])
    assert state_of(before) == state


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ("ab" * 12, "y must be a list or an array, got an object of type str"),
        (TEXTS[:-1], r"X and y with inconsistent numbers of samples: \[24, 23\]"),
        ([1] * 24, r"y must have a text, or a sequence of labels.* but y\[0\] is 1"),
        ([["a"], *TEXTS[1:]], "it has texts beside sequences"),
        ([["a", 1]] * 24, r"must have one type, found 1 \(int\) and 'a' \(str\)"),
        ([[None]] * 24, r"y\[0\] has None in the place of a label"),
        ([[np.nan]] * 24, r"y\[0\] has nan in the place of a label"),
        ([[["a"]]] * 24, r"y\[0\] has \['a'\] in the place of a label"),
        ([b"ab"] * 24, r"but y\[0\] is b'ab'. Pass \[part.decode\(\) for part in y\]"),
        ([1] * 24, r"y\[0\] is 1. One label is passed as \[label\]: \[\[label\] for"),
        ([{"a"}] * 24, r"y\[0\] is {'a'}. Pass \[list\(part\) for part in y\]"),
        ([{1: "a"}] * 24, r"Pass \[list\(part.values\(\)\) for part in y\]"),
        (
            ["ab", pd.NA] * 12,
            r"y\[1\] is <NA>. Leave out what is missing, with its seq",
        ),
        (np.zeros((24, 1, 1)), r"y\[0\] is array\(\[\[0.\]\]\).$"),
        (np.array("ab"), "y must be a list or an array, got an object of type ndarray"),
        (pd.DataFrame({"text": TEXTS}), r"Pass its column of these, as in y\['text'\]"),
    ],
)
def test_targets_that_are_none(y, match):
    with pytest.raises(ValueError, match=match):
        make().fit(X, y)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, b"ab"], ids=repr)
def test_a_text_that_is_missing(missing):
    words = pd.Series(["ab", missing, "ba"], dtype=object)
    with pytest.raises(ValueError, match=r"X has texts, but X\[1\] is .* Pass a text"):
        make().fit(words, ["a"] * 3)
    with pytest.raises(ValueError, match=r"X_val has texts, but X_val\[1\] is"):
        make(early_stopping=True).fit(
            ["ab"] * 3, ["a"] * 3, X_val=list(words), y_val=["a"] * 3
        )


def test_later_targets_are_of_the_same_kind(transcriber):
    with pytest.raises(
        ValueError, match="y has sequences of labels, but the first fit"
    ):
        transcriber.align(X[:1], [["a"]])
    copy = pickle.loads(pickle.dumps(transcriber))
    weights = copy.get_weights()
    weights["head.weight"][:] = 3e38
    with pytest.raises(ValueError, match="What the network computes for sequence 0 of"):
        copy.set_weights(weights).predict(X[:1])


# scikit-learn's own checks, which have a number for each sequence: here it says one
# label. A sequence must have a step for it.


class SaysOneLabel(RNNTranscriber):
    """A transcriber of numbers, for checks that know no sequences."""

    def fit(self, X, y, sample_weight=None):
        y = None if y is None else [[label] for label in np.asarray(y).tolist()]
        return super().fit(X, y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        y = [[label] for label in np.asarray(y).tolist()]
        return super().partial_fit(X, y, range(3), sample_weight)

    def score(self, X, y, sample_weight=None):
        y = [[label] for label in np.asarray(y).tolist()]
        return super().score(X, y, sample_weight)

    def predict(self, X):
        said = super().predict(X)
        return np.array([next(iter(labels), self.classes_[0]) for labels in said])


#: What a check does that does not apply, and why.
OTHERS = {
    "check_transformer_data_not_an_array": "of a list the states are a list",
}


@parametrize_with_checks(
    [SaysOneLabel(hidden_size=3, max_iter=2, batch_size=1000, dtype="float64")],
    expected_failed_checks=lambda estimator: OTHERS,
)
def test_estimator_check(estimator, check):
    check(estimator)
