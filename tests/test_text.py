"""TextSequencer: tokens and vocabulary are CountVectorizer's, in the text's order."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils._param_validation import InvalidParameterError

from skrnn.preprocessing import TextSequencer

DOCUMENTS = [
    "The cat sat;  the\tDOG sat.",
    "A dog's life: déjà vu, the cat said!",
    "Nothing at all, nothing, nothing",
    "la Vie\nen   rose and the cat",
]
WORDS = ["the", "cat", "sat", "dog", "life"]

SETTINGS = {
    "words": {},
    "characters": {"analyzer": "char"},
    "blanks": {"analyzer": str.split},
    "capitals": {"lowercase": False},
    "ascii": {"strip_accents": "ascii"},
    "unicode": {"strip_accents": "unicode", "analyzer": "char"},
    "own accents": {"strip_accents": str.swapcase},
    "single letters": {"token_pattern": r"\w+"},
    "group": {"token_pattern": r"(\w)\w+"},
    "preprocessor": {"preprocessor": str.upper},
    "tokenizer": {"tokenizer": str.split, "token_pattern": None},
    "english": {"stop_words": "english"},
    "stop words": {"stop_words": ["the", "nothing"]},
    "rare": {"min_df": 2},
    "rare share": {"min_df": 0.5},
    "frequent": {"max_df": 1},
    "frequent share": {"max_df": 0.5},
    "few": {"max_features": 3},
    "few characters": {"max_features": 9, "analyzer": "char", "min_df": 2},
    "list": {"vocabulary": WORDS},
    "set": {"vocabulary": {*WORDS}},
    "frozenset": {"vocabulary": frozenset(WORDS)},
    "array": {"vocabulary": np.array(WORDS)},
    "mapping": {"vocabulary": {word: 4 - i for i, word in enumerate(WORDS)}},
}


def vectorizer_of(parameters):
    vocabulary = parameters.get("vocabulary")
    if isinstance(vocabulary, frozenset):  # it sorts sets only
        parameters = {"vocabulary": set(vocabulary)}
    return CountVectorizer(**parameters)


def lists(sequences):
    return [x.tolist() for x in sequences]


@pytest.mark.quick
@pytest.mark.parametrize("parameters", SETTINGS.values(), ids=SETTINGS)
def test_tokens_and_vocabulary_are_those_of_count_vectorizer(parameters):
    vectorizer, sequencer = vectorizer_of(parameters), TextSequencer(**parameters)
    counts = vectorizer.fit_transform(DOCUMENTS).toarray()
    sequences = sequencer.fit_transform(DOCUMENTS)

    assert sequencer.vocabulary_ == vectorizer.vocabulary_
    assert [*sequencer.vocabulary_.values()] == [*range(len(sequencer.vocabulary_))]
    names = sequencer.get_feature_names_out()
    assert_array_equal(names, vectorizer.get_feature_names_out(), strict=True)

    analyze = vectorizer.build_analyzer()
    expected = [
        [word if word in vectorizer.vocabulary_ else "<unk>" for word in analyze(x)]
        for x in DOCUMENTS
    ]
    assert lists(sequences) == [words or ["<unk>"] for words in expected]
    own_counts = [[sum(x == name) for name in names] for x in sequences]
    assert_array_equal(own_counts, counts)
    again = TextSequencer(**parameters).fit(DOCUMENTS).transform(DOCUMENTS)
    assert lists(again) == lists(sequences)


def test_defaults_are_those_of_count_vectorizer():
    own, others = (signature(c).parameters for c in (TextSequencer, CountVectorizer))
    assert own.keys() - others.keys() == {"max_length", "unk_token", "detokenizer"}
    assert others.keys() - own.keys() == {"ngram_range", "binary", "dtype"}
    for name in own.keys() & others.keys():
        assert own[name].default == others[name].default


def test_sequences_are_arrays_of_str_objects():
    documents = np.array([*DOCUMENTS, "the"])  # of np.str_
    sequences = TextSequencer().fit_transform(documents)
    assert type(sequences) is list
    assert {type(x) for x in sequences} == {np.ndarray}
    assert {(x.dtype.kind, x.ndim) for x in sequences} == {("O", 1)}
    tokens = np.concatenate(sequences)
    assert {type(token) for token in tokens} == {str}
    # Equal ones are one object: of a long text, a word needs 8 bytes.
    assert len({id(token) for token in tokens}) == len({*tokens})


def test_tokens_of_another_kind_of_str_become_str():
    sequencer = TextSequencer(analyzer=list, vocabulary=[np.str_("a")])
    for tokens in ([np.str_("a"), np.str_("b")], np.array(["a", "b"])):
        (x,) = sequencer.fit([tokens]).transform([tokens])
        assert [type(token) for token in x] == [str, str]
        assert {type(token) for token in sequencer.vocabulary_} == {str}


words_of_two = st.lists(st.text("ab c", max_size=12), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    words_of_two,
    st.sampled_from([1, 2, 0.3]),
    st.sampled_from([2, 0.7, 1.0]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from(["char", "word"]),
)
def test_limits_of_any_vocabulary(documents, min_df, max_df, max_features, analyzer):
    parameters = {"min_df": min_df, "max_df": max_df, "max_features": max_features}
    parameters["analyzer"] = analyzer
    vectorizer, sequencer = CountVectorizer(**parameters), TextSequencer(**parameters)
    try:
        vectorizer.fit(documents)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error).split(";")[0]):
            sequencer.fit(documents)
        return
    assert sequencer.fit(documents).vocabulary_ == vectorizer.vocabulary_


# What is not in the vocabulary, and what is left out


def test_what_fit_has_not_seen_is_the_unknown_token():
    sequencer = TextSequencer().fit(["one two", "two three"])
    assert lists(sequencer.transform(["four two one five"])) == [
        ["<unk>", "two", "one", "<unk>"]
    ]
    sequencer.set_params(unk_token="?")
    assert lists(sequencer.transform(["four two"])) == [["?", "two"]]
    assert "<unk>" not in sequencer.vocabulary_


@pytest.mark.parametrize("analyzer", ["word", "char", list])
def test_documents_without_a_token_have_one_step(analyzer):
    sequencer = TextSequencer(analyzer=analyzer)
    assert lists(sequencer.fit_transform(["ab ab", ""]))[1] == ["<unk>"]
    assert lists(sequencer.transform(["", "ab"]))[0] == ["<unk>"]


def test_documents_of_stop_words_have_one_step():
    sequencer = TextSequencer(stop_words="english").fit(["the cat", "and the dog"])
    assert lists(sequencer.transform(["and the", "? !", "\n"])) == [["<unk>"]] * 3


def test_max_length_keeps_the_first_tokens():
    sequencer = TextSequencer(max_length=2)
    assert lists(sequencer.fit_transform(["a one two three", "two"])) == [
        ["one", "two"],
        ["two"],
    ]
    assert sequencer.vocabulary_ == {"one": 0, "two": 1}  # none that never comes
    endless = TextSequencer(analyzer=repeated, max_length=3, vocabulary=["ab"])
    assert lists(endless.transform(["ab"])) == [["ab"] * 3]


def repeated(document):
    while True:
        yield document


# The way back


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "the cat sat the dog sat"),
        ({"analyzer": "char"}, "the cat sat; the\tdog sat."),
        ({"analyzer": list, "detokenizer": "".join}, DOCUMENTS[0]),
        ({"analyzer": str.split}, "The cat sat; the DOG sat."),
        ({"max_length": 2, "detokenizer": "-".join}, "the-cat"),
        ({"vocabulary": ["cat"]}, "<unk> cat <unk> <unk> <unk> <unk>"),
    ],
)
def test_back_to_text(parameters, text):
    sequencer = TextSequencer(**parameters)
    sequences = sequencer.fit_transform(DOCUMENTS)
    texts = sequencer.inverse_transform(sequences)
    assert texts[0] == text
    assert len(texts) == len(DOCUMENTS)
    assert sequencer.inverse_transform([x.tolist() for x in sequences]) == texts
    assert sequencer.inverse_transform(pd.Series(sequences)) == texts


def test_back_from_a_table_of_tokens():
    table = TextSequencer().fit(DOCUMENTS).inverse_transform(np.array([WORDS, WORDS]))
    assert table == ["the cat sat dog life"] * 2


# Unpaired surrogates are characters, too.
texts = st.lists(st.text(st.characters(codec=None)), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(texts)
def test_characters_come_back_as_they_were(documents):
    sequencer = TextSequencer(analyzer=list, detokenizer="".join, unk_token="")
    if not any(documents):
        documents = [*documents, "a"]
    sequences = sequencer.fit_transform(documents)
    assert sequencer.inverse_transform(sequences) == documents
    assert {*sequencer.vocabulary_} == {*"".join(documents)}


# Forms of X


FORMS = {
    "tuple": tuple,
    "array": np.array,
    "objects": lambda X: np.array(X, object),
    "Series": pd.Series,
    "string Series": lambda X: pd.Series(X, dtype="string"),
    "categories": lambda X: pd.Series(X, dtype="category"),
    "Index": pd.Index,
    "generator": lambda X: (x for x in X),
    "bytes": lambda X: [x.encode() for x in X],
    "array of bytes": lambda X: np.array([x.encode() for x in X]),
}


@pytest.mark.quick
@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_forms(make):
    expected = TextSequencer().fit(DOCUMENTS)
    sequencer = TextSequencer()
    sequences = sequencer.fit_transform(make(DOCUMENTS))
    assert lists(sequences) == lists(expected.transform(DOCUMENTS))
    assert lists(sequencer.transform(make(DOCUMENTS))) == lists(sequences)
    assert sequencer.fit(make(DOCUMENTS)).vocabulary_ == expected.vocabulary_


def test_polars():
    pl = pytest.importorskip("polars")
    sequencer = TextSequencer()
    sequences = sequencer.fit_transform(pl.Series(DOCUMENTS))
    assert lists(sequences) == lists(sequencer.transform(DOCUMENTS))
    assert sequencer.inverse_transform(pl.Series(lists(sequences)))[0] == (
        "the cat sat the dog sat"
    )
    with pytest.raises(ValueError, match="Document 1 of X is None"):
        sequencer.fit(pl.Series(["the", None]))
    with pytest.raises(ValueError, match=r"DataFrame and shape=\(1, 1\)"):
        sequencer.fit(pl.DataFrame({"text": ["the"]}))


def series(tokens):
    return pd.Series(tokens, dtype=object)


@pytest.mark.parametrize("make", [list, tuple, np.array, series])
def test_documents_that_are_tokens_already(make):
    documents = [["the", "cat"], ["cat", "cat", "sat"], []]
    documents = [make(tokens) for tokens in documents]
    sequencer = TextSequencer(analyzer=list, min_df=2)
    assert lists(sequencer.fit_transform(documents)) == [
        ["<unk>", "cat"],
        ["cat", "cat", "<unk>"],
        ["<unk>"],
    ]


def test_encodings():
    documents = [x.encode("latin-1") for x in DOCUMENTS]
    expected = TextSequencer().fit(DOCUMENTS).vocabulary_
    assert TextSequencer(encoding="latin-1").fit(documents).vocabulary_ == expected
    with pytest.raises(UnicodeDecodeError, match="set encoding or decode_"):
        TextSequencer().fit(documents)
    ignoring = TextSequencer(decode_error="ignore", token_pattern=r"\w+")
    assert {"d", "j"} <= {*"".join(ignoring.fit(documents).vocabulary_)}


def test_a_missing_file_and_what_is_no_file(tmp_path):
    by_name = TextSequencer(input="filename")
    with pytest.raises(FileNotFoundError):
        by_name.fit([tmp_path / "none.txt"])
    with pytest.raises(ValueError, match=r"Document 0 .*\(int\), expected the name of"):
        by_name.fit([3])
    with pytest.raises(ValueError, match="Document 0 .* a file, which has a method"):
        TextSequencer(input="file").fit(["the"])


def test_files(tmp_path):
    expected = TextSequencer().fit(DOCUMENTS).vocabulary_
    paths = [tmp_path / f"{i}.txt" for i in range(len(DOCUMENTS))]
    for path, document in zip(paths, DOCUMENTS, strict=True):
        path.write_bytes(document.encode())
    by_name = TextSequencer(input="filename")
    assert by_name.fit(paths).vocabulary_ == expected
    assert by_name.fit([str(path) for path in paths]).vocabulary_ == expected
    files = [io.StringIO(document) for document in DOCUMENTS]
    assert TextSequencer(input="file").fit(files).vocabulary_ == expected


def test_ten_megabytes_in_one_document():
    document = ("x" * 99 + " ") * 100_000 + "end"
    assert len(document) > 10**7
    sequencer = TextSequencer()
    (x,) = sequencer.fit_transform([document])
    assert len(x) == 100_001
    assert x[-1] == "end"
    assert sequencer.inverse_transform([x]) == [document]


# Errors, each of which leaves the transformer as it was

BAD_DOCUMENTS = {
    "text": ("the cat", "Iterable over raw text documents expected, string object"),
    "bytes": (b"the cat", "Iterable over raw text documents expected, string object"),
    "no documents": (
        [],
        "0 sample.s. .shape=.0,.. while a minimum of 1 is requ",
    ),
    "None": (
        None,
        "X has the type NoneType, expected a list, a 1D array or a Ser",
    ),
    "number": (3, "X has the type int, expected a list"),
    "dict": ({"a": "the"}, "X has the type dict, expected a list"),
    "set": ({"the cat"}, "X has the type set, expected a list"),
    "frame": (
        pd.DataFrame({"text": ["the"]}),
        r"X has the type DataFrame and shape=\(1, 1\), .* Pass a single column",
    ),
    "2D": (np.array([["the"]]), r"X has the type ndarray and shape=\(1, 1\)"),
    "0D": (np.array("the"), r"X has the type ndarray and shape=\(\)"),
    "missing": (["the", None], r"Document 1 of X is None \(NoneType\), expected text"),
    "NaN": (pd.Series(["a", np.nan]), r"Document 1 of X is nan \(float\), .*Pass ''"),
    "NA": (pd.Series(["a", pd.NA], dtype="string"), "Document 1 of X is <NA>"),
    "integer": ([7, "the"], r"Document 0 of X is 7 \(int\), .* str\(x\) for a number"),
    "lists": ([["the"], ["cat"]], "Document 0 of X .*lists of tokens need analyzer=l"),
    "arrays": ([np.zeros(10**6)], r"Document 0 of X is array.* \(ndarray\)"),
    "path": ([io.StringIO("the")], r"Document 0 of X is <.*> \(StringIO\)"),
}


@pytest.mark.quick
@pytest.mark.parametrize(("X", "message"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_bad_documents(X, message):
    sequencer = TextSequencer().fit(DOCUMENTS)
    before = copy.deepcopy(vars(sequencer))
    for method in (sequencer.fit, sequencer.fit_transform, sequencer.transform):
        with pytest.raises(ValueError, match=message) as caught:
            method(X)
        assert len(str(caught.value)) < 300
    assert vars(sequencer) == before


def token_ids(document):
    return [len(word) for word in document.split()]


def no_tokens(document):
    return None


def pairs(document):
    return [[word, "noun"] for word in document.split()]


def distinct(document):
    return {*document.split()}


def of_transformers(document):
    return {"input_ids": document.split()}


BAD_TOKENIZERS = {
    "no order": (distinct, r"made {.*} \(set\), expected a list of str"),
    "mapping": (of_transformers, r"made {'input_ids': .*} \(dict\), expected a list"),
    "numbers": (token_ids, r"made 3 \(int\), expected str as a token"),
    "lists": (pairs, r"made \['The', 'noun'\] \(list\), expected str as a token"),
    "nothing": (no_tokens, r"made None \(NoneType\), expected a list of str"),
}


@pytest.mark.parametrize(
    ("function", "message"), BAD_TOKENIZERS.values(), ids=BAD_TOKENIZERS
)
@pytest.mark.parametrize("name", ["analyzer", "tokenizer"])
def test_bad_tokenizers(name, function, message):
    sequencer = TextSequencer(lowercase=False, **{name: function})
    with pytest.raises(TypeError, match=message):
        sequencer.fit(DOCUMENTS)
    assert not hasattr(sequencer, "vocabulary_")


@pytest.mark.parametrize("name", ["analyzer", "preprocessor"])
def test_errors_of_own_functions_name_the_document(name):
    def first_only(document):
        if document != DOCUMENTS[0]:
            raise RuntimeError("I cannot.")
        return document

    with pytest.raises(RuntimeError, match=r"I cannot.\nIn document 1 of X."):
        TextSequencer(**{name: first_only}).fit(DOCUMENTS)


BAD_VOCABULARIES = {
    "nothing": ([], "empty vocabulary passed to fit"),
    "twice": (["a", "b", "a"], "Duplicate term in vocabulary: 'a'"),
    "same number": ({"a": 0, "b": 0}, "contains repeated indices"),
    "gap": ({"a": 0, "b": 2}, "Vocabulary of size 2 doesn't contain index 1"),
    "numbers": ([1, 2], r"vocabulary has 1 \(int\), expected str as a token"),
    "missing": (["a", None], r"vocabulary has None \(NoneType\)"),
    "2D": (np.array([["a"]]), r"vocabulary has the type ndarray and shape=\(1, 1\)"),
    "frame": (pd.DataFrame({"a": ["b"]}), "vocabulary has the type DataFrame"),
}


@pytest.mark.parametrize(
    ("vocabulary", "message"), BAD_VOCABULARIES.values(), ids=BAD_VOCABULARIES
)
def test_bad_vocabularies(vocabulary, message):
    sequencer = TextSequencer(vocabulary=vocabulary)
    for method in (sequencer.fit, sequencer.transform):
        with pytest.raises((TypeError, ValueError), match=message):
            method(DOCUMENTS)
    assert not hasattr(sequencer, "vocabulary_")


@pytest.mark.parametrize(
    ("documents", "parameters", "message"),
    [
        (["a b", "?"], {}, "empty vocabulary: no document has a token. .*analyzer='ch"),
        (["", ""], {"analyzer": "char"}, "empty vocabulary: no document has a token"),
        (["the", "and"], {"stop_words": "english"}, "empty vocabulary: no document"),
        (["the", "cat"], {"min_df": 2}, "no terms remain. Try a lower min_df or a hi"),
        (["the", "cat"], {"min_df": 2, "max_df": 1}, "max_df corresponds to < docum"),
        (["the"], {"token_pattern": r"(t)(h)"}, "More than 1 capturing group"),
        (["the"], {"token_pattern": None}, "token_pattern is None: set it, or a token"),
    ],
)
def test_no_vocabulary(documents, parameters, message):
    with pytest.raises(ValueError, match=message):
        TextSequencer(**parameters).fit(documents)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "analyzer": "char_wb",
        "lowercase": "yes",
        "max_df": 1.5,
        "min_df": -1,
        "max_features": 0,
        "max_length": 0,
        "unk_token": None,
        "vocabulary": 3,
        "token_pattern": 3,
        "detokenizer": " ",
        "stop_words": "german",
        "strip_accents": "all",
        "input": "url",
        "encoding": None,
        "decode_error": "raise",
        "preprocessor": "lower",
        "tokenizer": "split",
    }.items(),
)
def test_bad_parameters(name, value):
    sequencer = TextSequencer().fit(DOCUMENTS).set_params(**{name: value})
    for method in (sequencer.fit, sequencer.transform):
        with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of TextS"):
            method(DOCUMENTS)


def test_an_unknown_parameter():
    with pytest.raises(TypeError, match="Did you mean 'max_features'"):
        TextSequencer(max_feature=3)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("the cat", "string object received"),
        (
            ["the cat"],
            r"Sequence 0 of X is 'the cat' \(str\), .* single sequence as \[",
        ),
        ([["the"], [1, 2]], r"Sequence 1 of X has 1 \(int\), expected str as a token"),
        ([["the", None]], r"Sequence 0 of X has None"),
        (None, "X has the type NoneType, expected a list of sequences of tokens"),
    ],
)
def test_bad_sequences_of_tokens(X, message):
    sequencer = TextSequencer().fit(DOCUMENTS)
    with pytest.raises((TypeError, ValueError), match=message):
        sequencer.inverse_transform(X)


# A given vocabulary


def test_a_given_vocabulary_needs_no_fit():
    sequencer = TextSequencer(vocabulary=WORDS)
    assert lists(sequencer.transform(["the red dog"])) == [["the", "<unk>", "dog"]]
    assert sequencer.get_feature_names_out().tolist() == WORDS
    assert sequencer.inverse_transform([["dog"]]) == ["dog"]
    assert not hasattr(sequencer, "vocabulary_")
    # Nothing is counted for it: no document need have a token.
    assert sequencer.fit(["?"]).vocabulary_ == {w: i for i, w in enumerate(WORDS)}


def test_capitals_in_a_given_vocabulary():
    with pytest.warns(UserWarning, match="Upper case characters found in vocabulary"):
        TextSequencer(vocabulary=["The"]).fit(DOCUMENTS)
    TextSequencer(vocabulary=["The"], lowercase=False).fit(DOCUMENTS)
    TextSequencer(vocabulary=["The"], analyzer=str.split).fit(DOCUMENTS)


def test_not_fitted():
    sequencer = TextSequencer()
    with pytest.raises(NotFittedError):
        sequencer.transform(DOCUMENTS)
    with pytest.raises(NotFittedError):
        sequencer.inverse_transform([["the"]])
    with pytest.raises(NotFittedError):
        sequencer.get_feature_names_out()


# Inside scikit-learn


# All others need numbers: scikit-learn has none for its own vectorizers either.
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ],
)
def test_estimator_check(check):
    check("TextSequencer", TextSequencer())


def test_tags_and_text():
    tags = get_tags(TextSequencer())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit
    assert not tags.target_tags.required
    assert repr(TextSequencer(min_df=2, analyzer="char")) == (
        "TextSequencer(analyzer='char', min_df=2)"
    )
    assert "min_df" in TextSequencer()._repr_html_()


@pytest.mark.parametrize(
    "copied", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy, copy.copy]
)
def test_copies(copied):
    sequencer = TextSequencer(min_df=2).fit(DOCUMENTS)
    expected = lists(sequencer.transform(DOCUMENTS))
    other = copied(sequencer)
    assert lists(other.transform(DOCUMENTS)) == expected
    other.fit(["something else", "else"])
    assert lists(sequencer.transform(DOCUMENTS)) == expected
    assert set(vars(clone(sequencer))) == set(sequencer.get_params())


def test_output_containers_do_not_matter():
    expected = lists(TextSequencer().fit_transform(DOCUMENTS))
    sequencer = TextSequencer().set_output(transform="pandas")
    assert lists(sequencer.fit_transform(DOCUMENTS)) == expected
    with config_context(transform_output="pandas"):
        assert lists(TextSequencer().fit_transform(DOCUMENTS)) == expected


TOPICS = ["cat sat", "dog sat", "cat ate", "dog ate"] * 6 + ["the end of cat", ""]
LABELS = [text.count("cat") for text in TOPICS]


@pytest.mark.parametrize("make", [list, pd.Series])
def test_grid_search_in_two_processes(make):
    X = make(TOPICS)
    # It counts tokens, and learns as from CountVectorizer alone.
    counter = CountVectorizer(analyzer=list)
    pipeline = make_pipeline(TextSequencer(), counter, LogisticRegression())
    grid = {"textsequencer__min_df": [1, 3], "textsequencer__max_length": [1, None]}
    searches = [
        GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(X, LABELS)
        for n_jobs in (1, 2)
    ]
    serial, parallel = (search.cv_results_["mean_test_score"] for search in searches)
    assert np.isfinite(serial).all()
    assert_array_equal(parallel, serial)
    assert searches[1].score(X, LABELS) == 1


def test_threads_use_one_transformer():
    documents = DOCUMENTS * 50
    sequencer = TextSequencer(min_df=2).fit(documents)
    expected = lists(sequencer.transform(documents))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(sequencer.transform, [documents] * 8))
    assert all(lists(result) == expected for result in results)


def test_a_prediction_has_one_vocabulary_whatever_is_fitted_meanwhile():
    sequencer = TextSequencer().fit(["the"])

    def documents():
        yield "the cat"
        sequencer.fit(["cat"])
        yield "the cat"

    assert lists(sequencer.transform(documents())) == [["the", "<unk>"]] * 2
    assert lists(sequencer.transform(["the cat"])) == [["<unk>", "cat"]]
