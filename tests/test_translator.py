"""The translator: what it learns and writes, its search, its attention."""

import pickle
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from small import AfterEpoch, state_of

from skrnn import RNNClassifier, RNNTranslator
from skrnn.backends.cpu.pair_backend import Encoded
from skrnn.estimators.translation import reading
from skrnn.estimators.translation.search import search
from skrnn.metrics import exact_match, token_error_rate
from skrnn.preprocessing import SequenceScaler

TEXTS = ["ab", "ba", "abc", "b", "cba", "ca"] * 4
#: Backwards, and the letter a is not written.
TRANSLATIONS = [text[::-1].replace("a", "") for text in TEXTS]
NUMBERS = [np.array([[ord(k) - 97.0] for k in text]) for text in TEXTS]
SETTINGS = {"hidden_size": 6, "batch_size": 8, "max_iter": 2, "random_state": 0}
make = partial(RNNTranslator, **SETTINGS)


@pytest.fixture(scope="module")
def translator():
    return make(hidden_size=32, max_iter=60, learning_rate_init=0.02).fit(
        TEXTS, TRANSLATIONS
    )


# What is learned


def test_it_learns_translations_by_heart(translator):
    assert translator.predict(TEXTS[:6]) == TRANSLATIONS[:6]
    assert translator.score(TEXTS, TRANSLATIONS) == 1
    assert translator.classes_.tolist() == ["b", "c"]
    assert translator.loss_curve_[-1] < 0.02 < 0.5 < translator.loss_curve_[0]


def test_the_loss_is_the_mean_of_all_tokens_and_ends():
    # In the first epoch of one step the weights are those of the beginning.
    still = {"max_iter": 1, "batch_size": 24, "learning_rate_init": 1e-30, "alpha": 0}
    model = make(**still, unknown_fraction=0).fit(TEXTS, TRANSLATIONS)
    totals, lengths = (
        model.score_samples(TEXTS, TRANSLATIONS),
        np.array([len(text) + 1 for text in TRANSLATIONS]),
    )
    # A likelihood leaves a part to tokens that fit did not see.
    known = np.log1p(-model.unknown_probability_)
    assert_allclose(-model.loss_, totals.sum() / lengths.sum() - known, rtol=1e-5)
    weights = np.arange(24) / 10
    weighted = clone(model).fit(TEXTS, TRANSLATIONS, weights)
    expected = weights @ totals / (weights @ lengths) - known
    assert_allclose(-weighted.loss_, expected, rtol=1e-5)


def test_dropout_of_one_layer_is_of_what_the_head_reads():
    plain, half, again = (
        make(max_iter=1, dropout=rate, embedding_dropout=0.1).fit(TEXTS, TRANSLATIONS)
        for rate in (0, 0.5, 0.5)
    )
    assert plain.loss_ != half.loss_ == again.loss_


def test_tokens_of_any_type():
    for tokens in (
        [["AH", "B"], ["B"], []],
        [np.array([3, 1]), np.array([1]), np.array([], int)],
        [(True, False), (False,), ()],
        [pd.Series(["x", "y"]), pd.Series(["y"]), pd.Series([], dtype=object)],
    ):
        model = make(max_iter=1).fit(TEXTS[:3] * 4, tokens * 4)
        known = {token for part in tokens for token in np.asarray(part).tolist()}
        assert model.classes_.tolist() == sorted(known)
        predicted = model.predict(TEXTS)
        assert all(isinstance(part, list) for part in predicted)
        assert {token for part in predicted for token in part} <= known


def test_what_is_read_may_be_texts_tokens_or_numbers():
    of_texts = make().fit(TEXTS, TRANSLATIONS)
    of_tokens = make().fit([[*text] for text in TEXTS], TRANSLATIONS)
    assert of_texts.loss_curve_ == of_tokens.loss_curve_
    assert of_texts.predict(pd.Series(TEXTS)) == of_tokens.predict(np.array(TEXTS))
    read, written = of_texts.embeddings_
    assert read.index.tolist() == ["a", "b", "c", "<unknown>"]
    assert written.index.tolist() == ["b", "c", None, "<unknown>"]
    numbers = make().fit(NUMBERS, TRANSLATIONS)
    assert not hasattr(numbers, "categories_")
    assert len(numbers.embeddings_) == 1
    assert_array_equal(
        numbers.get_weights()["decoder.embedding.weight"], numbers.embeddings_[0]
    )
    array = np.stack([x[[0, 0, -1]] for x in NUMBERS])
    assert numbers.predict(array) == numbers.predict([*array])
    codes = make(categorical_features="all").fit([[1, 2], [2]] * 9, ["a", ""] * 9)
    assert codes.categories_[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"attention": "general", "bidirectional": False, "hidden_size": 5},
        {"n_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2},
        {"layer_norm": False, "embedding_dropout": 0.2},
        {"embedding_size": 3, "solver": "sgd", "learning_rate": "one-cycle"},
    ],
    ids=str,
)
def test_options_change_what_is_learned(options):
    model = make(**options).fit(TEXTS, TRANSLATIONS)
    names = set(model.get_weights())
    assert ("attention.weight" in names) == ("attention" in options)
    assert ("encoder.weight_hh_l0_reverse" in names) == ("bidirectional" not in options)
    assert ("decoder.weight_hh_l1" in names) == ("n_layers" in options)
    assert ("encoder.norm_l0.weight" in names) == ("layer_norm" not in options)
    if "embedding_size" in options:
        assert model.embeddings_[0].shape == (4, 3)
        assert model.embeddings_[1].shape == (4, 3)
    assert model.loss_curve_ != make().fit(TEXTS, TRANSLATIONS).loss_curve_


def test_lbfgs():
    model = make(solver="lbfgs", max_iter=20, tol=0.1).fit(TEXTS, TRANSLATIONS)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert not hasattr(model, "partial_fit")


# What is predicted


def test_likelihoods_of_all_translations_add_up(translator):
    """All that end after two tokens at most, and that of being longer."""
    tokens = [*translator.classes_, "?"]  # which fit did not see
    texts = ["".join(part) for n in range(3) for part in product(tokens, repeat=n)]
    likelihoods = np.exp(translator.score_samples(["ab"] * len(texts), texts))
    assert 0.9 < likelihoods.sum() < 1
    best = texts[likelihoods.argmax()]
    assert [best] == translator.predict(["ab"])
    assert (likelihoods > 0).all()


def test_each_has_the_same_bits_in_any_batch(translator, monkeypatch):
    results = translator.score_samples(TEXTS, TRANSLATIONS), translator.transform(TEXTS)
    shares = translator.attention_matrix(TEXTS)
    # One at a time.
    monkeypatch.setattr(reading, "AT_A_TIME", 1)
    assert_array_equal(translator.score_samples(TEXTS, TRANSLATIONS), results[0])
    assert_array_equal(translator.transform(TEXTS), results[1])
    for one, of_all in zip(translator.attention_matrix(TEXTS), shares, strict=True):
        assert_array_equal(one, of_all)
    assert translator.predict(TEXTS) == TRANSLATIONS


def test_attention_looks_at_what_was_read(translator):
    matrices = translator.attention_matrix(TEXTS[:6])
    for text, written, matrix in zip(TEXTS, TRANSLATIONS, matrices, strict=False):
        assert matrix.shape == (len(written), len(text))
        assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)
    (of_given,) = translator.attention_matrix(["abc"], ["bbbb"])
    assert of_given.shape == (4, 3)
    assert_array_equal(translator.attention_matrix(TEXTS[:1], ["b"])[0], matrices[0])


def test_states_are_features(translator):
    states = translator.transform(TEXTS)
    assert states.shape == (24, 32)
    names = translator.get_feature_names_out()
    assert names.tolist() == [f"rnntranslator{i}" for i in range(32)]
    pipeline = make_pipeline(make(), PCA(2)).set_output(transform="pandas")
    assert pipeline.fit_transform(TEXTS, TRANSLATIONS).shape == (24, 2)


class Known:
    """A decoder with two tokens, 0 and 1, whose probabilities a table has."""

    end = 2

    def __init__(self, table):
        self.table = table  # of each text written so far, what may follow

    def outputs(self, encoded, which, steps, memory):
        # A state is the number that the tokens make so far, from a leading 1 on.
        codes = steps.values[:, 0].astype(int)
        memory[:, 0] = np.where(codes == self.end, 1, 2 * memory[:, 0] + codes)
        rows = [self.table[int(n)][i] for n, i in zip(memory[:, 0], which, strict=True)]
        return np.log(rows)


def random_table(n, length, seed):
    rng = np.random.default_rng(seed)
    table = {k: rng.dirichlet([1, 1, 0.7], n) for k in range(1, 2 ** (length + 1))}
    return table


def worth(table, i, tokens, length_penalty):
    """That of tokens and an end."""
    total, state = 0.0, 1
    for token in (*tokens, Known.end):
        total += np.log(table[state][i][token])
        state = 2 * state + token
    return total / (len(tokens) + 1) ** length_penalty


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 0.6])
def test_a_wide_beam_finds_the_best(length_penalty):
    n, length = 6, 4
    table = random_table(n, length, seed=0)
    for state in range(2**length, 2 ** (length + 1)):
        table[state][:] = [1e-9, 1e-9, 1.0]  # all end then
    encoded = Encoded(None, None, np.zeros((n, 1)))
    sure = {"max_length": length + 1, "length_penalty": length_penalty}
    texts = [t for m in range(length + 1) for t in product(range(2), repeat=m)]
    worths = np.array(
        [[worth(table, i, t, length_penalty) for t in texts] for i in range(n)]
    )
    wide = search(Known(table), encoded, Known.end, width=40, **sure)
    found = [worths[i, texts.index(tuple(codes))] for i, codes in enumerate(wide)]
    if length_penalty == 0:  # nothing that goes on can become better
        assert_allclose(found, worths.max(axis=1))
    greedy = search(Known(table), encoded, Known.end, width=1, **sure)
    for i in range(n):
        state, expected = 1, []
        while (token := table[state][i].argmax()) != Known.end:
            expected, state = [*expected, token], 2 * state + token
        assert greedy[i] == expected
        assert found[i] >= worths[i, texts.index(tuple(expected))] - 1e-12
    narrow = search(Known(table), encoded, Known.end, width=2, **sure)
    assert len({tuple(map(tuple, codes)) for codes in (wide, greedy, narrow)}) > 1


def test_a_search_ends_at_the_greatest_length():
    table = {k: np.array([[0.6, 0.3, 0.1]]) for k in range(1, 200)}
    encoded = Encoded(None, None, np.zeros((1, 1)))
    for width in (1, 3):
        known = Known(table)
        (codes,) = search(
            known, encoded, 2, max_length=5, width=width, length_penalty=0
        )
        assert codes == ([0] * 5 if width == 1 else codes)
        assert len(codes) <= 5
    # None goes on that is worth less than what has ended.
    assert search(known, encoded, 2, 5, width=3, length_penalty=0) == [[]]


def test_predictions_have_a_length(translator):
    assert translator._fitted().targets.longest == 2
    model = clone(translator).set_params(max_iter=1, max_length=3)
    weights = model.fit(TEXTS, TRANSLATIONS).get_weights()
    weights["head.bias"][:] = [9, 0, -9]  # it does not end
    assert model.set_weights(weights).predict(["ab"]) == ["bbb"]
    assert model.set_params(max_length=None).predict(["ab"]) == ["bbbb"]
    assert model.set_params(beam_width=2).predict(["ab"]) == ["bbbb"]


def test_beams_are_of_predictions_only(translator):
    wide = clone(translator).set_params(beam_width=3).fit(TEXTS, TRANSLATIONS)
    assert wide.loss_curve_ == translator.loss_curve_
    assert wide.predict(TEXTS) == TRANSLATIONS
    for name, value in {
        "beam_width": 0,
        "max_length": 1.5,
        "length_penalty": "a",
    }.items():
        other = clone(wide).set_params(**{name: value})
        other._model = wide._model
        with pytest.raises(ValueError, match=f"'{name}' parameter of RNNTranslator"):
            other.predict(TEXTS)


# As estimators are


def test_score_is_one_less_the_error_rate():
    model, weights = make().fit(TEXTS, TRANSLATIONS), np.arange(24) / 10
    predicted = model.predict(TEXTS)
    expected = 1 - token_error_rate(TRANSLATIONS, predicted, sample_weight=weights)
    assert model.score(TEXTS, TRANSLATIONS, weights) == pytest.approx(expected)
    # Tokens that fit did not see are errors.
    assert model.score(TEXTS[:1], ["zz"]) <= 0
    with pytest.raises(ValueError, match="There is nothing to score"):
        model.score(TEXTS[:1], [""])


def test_partial_fit_goes_on():
    model = make().partial_fit(TEXTS[:9], TRANSLATIONS[:9], classes="bcd")
    assert model.classes_.tolist() == ["b", "c", "d"]
    copy = pickle.loads(pickle.dumps(model))
    model.partial_fit(TEXTS[9:], TRANSLATIONS[9:])
    copy.partial_fit(TEXTS[9:], TRANSLATIONS[9:])
    assert model.loss_curve_ == copy.loss_curve_
    assert len(model.loss_curve_) == 2
    # What was not seen at first is unknown, as a target as well.
    model.partial_fit(["xyz"], ["uvw"])
    assert model.classes_.tolist() == ["b", "c", "d"]
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(TEXTS, TRANSLATIONS, classes="bc")
    own = make().partial_fit(TEXTS, TRANSLATIONS)
    assert own.classes_.tolist() == ["b", "c"]


def test_unknown_tokens_teach_nothing():
    model = make().partial_fit(TEXTS, TRANSLATIONS, classes="bc")
    copy = pickle.loads(pickle.dumps(model))
    # Only that a translation ends behind what nobody knows.
    model.partial_fit(["ab"], ["x"])
    copy.partial_fit(["ab"], ["y"])
    assert model.loss_curve_ == copy.loss_curve_
    for name, array in model.get_weights().items():
        assert_array_equal(array, copy.get_weights()[name])


def test_early_stopping_watches_the_score():
    model = make(early_stopping=True, max_iter=8, n_iter_no_change=8)
    some = {"X_val": TEXTS[:6], "y_val": TRANSLATIONS[:6]}
    model.fit(TEXTS, TRANSLATIONS, **some)
    best = model.score(TEXTS[:6], TRANSLATIONS[:6])
    assert best == pytest.approx(max(model.validation_scores_))
    own = make(early_stopping=True, validation_fraction=0.25)
    own.fit(TEXTS, TRANSLATIONS)
    assert len(own.validation_scores_) == 2
    with pytest.raises(ValueError, match=r"The score of the validation data .* is NaN"):
        make(early_stopping=True).fit(TEXTS, TRANSLATIONS, X_val=["ab"], y_val=[""])
    with pytest.raises(ValueError, match="X_val is provided, but y_val was not"):
        make(early_stopping=True).fit(TEXTS, TRANSLATIONS, X_val=["ab"])
    with pytest.raises(
        ValueError, match="y_val has sequences of labels, but the first"
    ):
        make(early_stopping=True).fit(TEXTS, TRANSLATIONS, X_val=["ab"], y_val=[["b"]])


def test_it_resumes_and_takes_weights():
    model = make(max_iter=4)
    whole = clone(model).fit(TEXTS, TRANSLATIONS)

    def stop(n_epochs):
        if n_epochs == 2:
            raise KeyboardInterrupt

    model.set_callbacks(AfterEpoch(stop))
    with pytest.warns(UserWarning, match="Training interrupted"):
        model.fit(TEXTS, TRANSLATIONS)
    model = pickle.loads(pickle.dumps(model.set_callbacks()))
    model.set_params(warm_start=True).fit(TEXTS, TRANSLATIONS)
    assert model.loss_curve_ == whole.loss_curve_
    started = make(max_iter=1).fit(TEXTS, TRANSLATIONS, init_weights=whole)
    assert started.loss_curve_[0] < whole.loss_curve_[0]


def test_embeddings_of_another_translator_are_taken_by_their_tokens():
    first = make().fit(TEXTS, TRANSLATIONS)
    still = make(max_iter=1, learning_rate_init=1e-30)
    others = [text.replace("b", "d") for text in TRANSLATIONS]
    anew = still.fit(
        [text.replace("a", "x") for text in TEXTS], others, init_weights=first
    )
    ours, theirs = anew.embeddings_, first.embeddings_
    for token in ("b", "c", "<unknown>"):
        assert_array_equal(ours[0].loc[token], theirs[0].loc[token])
    for token in ("c", None, "<unknown>"):
        rows = ours[1].loc[[token]], theirs[1].loc[[token]]
        assert_array_equal(*rows)
    weights = first.get_weights()
    assert_array_equal(
        anew.get_weights()["decoder.weight_hh_l0"], weights["decoder.weight_hh_l0"]
    )
    assert (anew.get_weights()["head.weight"] != weights["head.weight"]).any()


@pytest.mark.parametrize(
    "options",
    [{"trainable": ["head.*", "attention.*"]}, {"trainable": [], "adapter_rank": 2}],
    ids=str,
)
def test_parts_are_trained(options):
    before = make().fit(TEXTS, TRANSLATIONS)
    model = make(**options).fit(TEXTS, TRANSLATIONS, init_weights=before)
    old, new = before.get_weights(), model.get_weights(merge_adapters=False)
    for name, array in old.items():
        is_trained = not options.get("adapter_rank") and name.split(".")[0] in (
            "head",
            "attention",
        )
        assert (array != new[name]).any() == is_trained, name
    if "adapter_rank" in options:
        merged = model.get_weights()
        assert (merged["encoder.weight_hh_l0"] != old["encoder.weight_hh_l0"]).any()
    copy = pickle.loads(pickle.dumps(model))
    assert copy.predict(TEXTS) == model.predict(TEXTS)
    assert state_of(copy) == state_of(model)


def test_searches_and_pipelines():
    pipeline = make_pipeline(SequenceScaler(), make())
    scoring = {
        "exact": make_scorer(exact_match),
        "errors": make_scorer(token_error_rate, greater_is_better=False),
    }
    grid = {"rnntranslator__beam_width": [1, 2]}
    found = GridSearchCV(pipeline, grid, scoring=scoring, refit="errors", cv=2)
    found.fit(NUMBERS, TRANSLATIONS)
    assert len(found.predict(NUMBERS)) == 24
    scores = cross_val_score(make(), TEXTS, TRANSLATIONS, cv=2, n_jobs=2)
    assert scores.shape == (2,)


def test_it_is_saved_whole(translator):
    copy = pickle.loads(pickle.dumps(translator))
    assert copy.predict(TEXTS) == translator.predict(TEXTS)
    assert state_of(copy) == state_of(translator)
    weights = copy.get_weights()
    assert_array_equal(
        copy.set_weights(weights).score_samples(TEXTS, TRANSLATIONS),
        translator.score_samples(TEXTS, TRANSLATIONS),
    )
    assert [*weights][:2] == ["encoder.embedding.weight", "decoder.embedding.weight"]
    assert weights["attention.output.weight"].shape == (32, 64)


# What is wrong


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (
            TRANSLATIONS[:-1],
            r"X and y with inconsistent numbers of samples: \[24, 23\]",
        ),
        ([1] * 24, r"y must have a text, or a sequence of labels.* but y\[0\] is 1"),
        ([[None]] * 24, r"y\[0\] has None in the place of a label"),
    ],
)
def test_targets_that_are_none(y, match):
    with pytest.raises(ValueError, match=match):
        make().fit(TEXTS, y)


def test_what_does_not_go_together(translator):
    with pytest.raises(ValueError, match="hidden_size=5 must be even"):
        make(hidden_size=5).fit(TEXTS, TRANSLATIONS)
    with pytest.raises(ValueError, match="device='cuda'.* runs on the CPU only"):
        make(device="cuda").fit(TEXTS, TRANSLATIONS)
    with pytest.raises(
        ValueError, match="y has sequences of labels, but the first fit"
    ):
        translator.score(TEXTS[:1], [["b"]])
    warm = clone(translator).set_params(max_iter=1).fit(TEXTS, TRANSLATIONS)
    state = state_of(warm)
    warm.set_params(warm_start=True, hidden_size=8, n_layers=2)
    match = (
        r"now it has encoder.hidden_size=4 \(was 16\), .*decoder.n_layers=2 \(was 1\)"
    )
    with pytest.raises(ValueError, match=match):
        warm.fit(TEXTS, TRANSLATIONS)
    warm.set_params(warm_start=False, hidden_size=32, n_layers=1)
    assert state_of(warm) == state
    weights = warm.get_weights()
    weights["head.weight"][:] = 3e38
    with pytest.raises(ValueError, match="What the network computes is not finite"):
        warm.set_weights(weights).predict(TEXTS[:1])
    classifier = RNNClassifier(max_iter=1, hidden_size=2).fit(NUMBERS, [0, 1] * 12)
    with pytest.raises(ValueError, match="init_weights do not fit this network"):
        make().fit(NUMBERS, TRANSLATIONS, init_weights=classifier)


# scikit-learn's own checks, which have a number for each sequence: here it is the one
# token that is written.


class WritesOneToken(RNNTranslator):
    """A translator of numbers, for checks that know no sequences."""

    def fit(self, X, y, sample_weight=None):
        y = None if y is None else [[token] for token in np.asarray(y).tolist()]
        return super().fit(X, y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        y = [[token] for token in np.asarray(y).tolist()]
        return super().partial_fit(X, y, range(3), sample_weight)

    def score(self, X, y, sample_weight=None):
        y = [[token] for token in np.asarray(y).tolist()]
        return super().score(X, y, sample_weight)

    def predict(self, X):
        written = super().predict(X)
        return np.array([next(iter(tokens), self.classes_[0]) for tokens in written])

    def score_samples(self, X):
        y = [[self._fitted().targets.labels[0]]] * len(X)
        return super().score_samples(X, y)


#: One check compares samples that are repeated with weighted ones: other tokens would
#: be unknown.
EXACT = {"max_iter": 2, "batch_size": 1000, "dtype": "float64", "unknown_fraction": 0}


@parametrize_with_checks([WritesOneToken(hidden_size=4, **EXACT)])
def test_estimator_check(estimator, check):
    check(estimator)
