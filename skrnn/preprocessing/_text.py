"""Raw text to sequences of tokens, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from functools import cache
from itertools import islice
from numbers import Integral
from os import PathLike
from reprlib import repr as short
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from skrnn.compat import (
    Interval,
    RealNotInt,
    StrOptions,
    check_parameters,
    fit_context,
)
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.inputs.forms import is_vector
from skrnn.estimators.names import suggests_names

#: Parameters that make CountVectorizer's analyzer.
OF_ANALYZERS = (
    "input",
    "encoding",
    "decode_error",
    "strip_accents",
    "lowercase",
    "preprocessor",
    "tokenizer",
    "stop_words",
    "token_pattern",
    "analyzer",
)
#: What a document must be, by the parameter `input`.
DOCUMENTS = {
    "content": "text (str or bytes). Pass '' for one that is missing, str(x) for a "
    "number; lists of tokens need analyzer=list",
    "filename": "the name of a file",
    "file": "a file, which has a method read",
}
SHARES = [
    Interval(RealNotInt, 0, 1, closed="both"),
    Interval(Integral, 1, None, closed="left"),
]


class TextSequencer(SetOutputMixin, TransformerMixin, BaseEstimator):
    r"""Make sequences of tokens of raw documents.

    It splits texts into words, characters or other tokens as
    :class:`~sklearn.feature_extraction.text.CountVectorizer` does, with its parameters
    and the same vocabulary, and keeps them in their order, where that one counts them.

    Parameters
    ----------
    input : {"content", "filename", "file"}, default="content"
        What the documents are: texts, names of files, or files to read from.
    encoding : str, default="utf-8"
        Encoding of documents that are bytes, and of files.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What happens to bytes that are none of this encoding: an error; they are left
        out; or U+FFFD takes their place.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Take accents off characters. "ascii" is fast, and drops characters that have no
        ASCII counterpart.
    lowercase : bool, default=True
        Whether to make all characters lowercase first.
    preprocessor : callable or None, default=None
        Text to text, in the place of `strip_accents` and `lowercase`. A callable
        `analyzer` does without.
    tokenizer : callable or None, default=None
        Text to tokens, in the place of `token_pattern`. Only for ``analyzer="word"``.
    stop_words : {"english"}, list or None, default=None
        Words that are left out, as if they did not stand in the text. Only for
        ``analyzer="word"``.
    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        Regular expression of a word; with a group, the word is what it captures. By
        default two or more letters, digits or underscores. Only for
        ``analyzer="word"``; None: there is a `tokenizer`.
    analyzer : {"word", "char"} or callable, default="word"
        What tokens are: words; characters, where several blanks in a row are one space;
        or what a callable makes of a document, an iterable of str.
    max_df : float in [0, 1] or int, default=1.0
        Tokens that stand in more documents are not in the vocabulary: a share of the
        documents if it is a float, otherwise how many. Not for a given `vocabulary`.
    min_df : float in [0, 1] or int, default=1
        Likewise for tokens that stand in fewer documents.
    max_features : int or None, default=None
        The vocabulary has the so many most frequent tokens; None: all. Not for a given
        `vocabulary`.
    vocabulary : collection of str, or mapping of str to int, or None, default=None
        The vocabulary; None: `fit` learns it.
    max_length : int or None, default=None
        Keep the first so many tokens of each document; None: all. What is cut off is
        not counted for the vocabulary either.
    unk_token : str, default="<unk>"
        What takes the place of each token that is not in the vocabulary.
    detokenizer : callable or None, default=None
        A list of tokens to text, for `inverse_transform`. None: characters are put
        together as they are, other tokens with spaces in between.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The tokens that are known, and their numbers: by default in alphabetical order.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Counts tokens.

    Notes
    -----
    A document without any token becomes a sequence of one step, the `unk_token`: an
    estimator takes no sequence without a step. The token itself is not in
    `vocabulary_`.

    So the tokens that an estimator sees are those of `vocabulary_` and the `unk_token`.
    If no token of `fit` was left out, it sees the `unk_token` when it predicts for the
    first time, as a category that it does not know.

    A callable `analyzer` may also get documents that are lists or arrays, of tokens for
    instance: ``analyzer=list`` takes these as they are. It makes single characters of a
    text, and changes neither blanks nor capitals.

    Callables that are to be pickled, or to run in several processes, must not be
    lambdas.

    Examples
    --------
    >>> from skrnn.preprocessing import TextSequencer
    >>> X = ["The cat sat.", "The dog sat, and the cat?"]
    >>> sequencer = TextSequencer(min_df=2)
    >>> sequences = sequencer.fit_transform(X)
    >>> for x in sequences:
    ...     print(x)
    ['the' 'cat' 'sat']
    ['the' '<unk>' 'sat' '<unk>' 'the' 'cat']
    >>> sequencer.vocabulary_
    {'cat': 0, 'sat': 1, 'the': 2}
    >>> sequencer.inverse_transform(sequences)
    ['the cat sat', 'the <unk> sat <unk> the cat']

    Characters, of which at most six are kept:

    >>> print(TextSequencer(analyzer="char", max_length=6).fit_transform(X)[0])
    ['t' 'h' 'e' ' ' 'c' 'a']
    """

    vocabulary_: dict[str, int]

    _parameter_constraints: dict[str, Any] = {
        "input": [StrOptions({"content", "filename", "file"})],
        "encoding": [str],
        "decode_error": [StrOptions({"strict", "ignore", "replace"})],
        "strip_accents": [StrOptions({"ascii", "unicode"}), callable, None],
        "lowercase": ["boolean"],
        "preprocessor": [callable, None],
        "tokenizer": [callable, None],
        "stop_words": [StrOptions({"english"}), list, None],
        "token_pattern": [str, None],
        "analyzer": [StrOptions({"word", "char"}), callable],
        "max_df": SHARES,
        "min_df": SHARES,
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": [Collection, None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "unk_token": [str],
        "detokenizer": [callable, None],
    }

    @suggests_names
    def __init__(
        self,
        *,
        input: Literal["content", "filename", "file"] = "content",
        encoding: str = "utf-8",
        decode_error: Literal["strict", "ignore", "replace"] = "strict",
        strip_accents: Literal["ascii", "unicode"] | Callable[[str], str] | None = None,
        lowercase: bool = True,
        preprocessor: Callable[[Any], Any] | None = None,
        tokenizer: Callable[[Any], Iterable[str]] | None = None,
        stop_words: Literal["english"] | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        analyzer: Literal["word", "char"] | Callable[[Any], Iterable[str]] = "word",
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = None,
        vocabulary: Collection[str] | None = None,
        max_length: int | None = None,
        unk_token: str = "<unk>",
        detokenizer: Callable[[list[str]], str] | None = None,
    ) -> None:
        self.input = input
        self.encoding = encoding
        self.decode_error = decode_error
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.analyzer = analyzer
        self.max_df = max_df
        self.min_df = min_df
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.max_length = max_length
        self.unk_token = unk_token
        self.detokenizer = detokenizer

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Iterable[Any], y: object = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        X : iterable of str or bytes
            The documents: a list, a 1D array or a Series.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._learn(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(
        self, X: Iterable[Any], y: object = None
    ) -> list[NDArray[np.object_]]:
        """Learn the vocabulary, and make sequences of the same documents.

        Parameters
        ----------
        X : iterable of str or bytes
            The documents: a list, a 1D array or a Series.
        y : None
            Ignored.

        Returns
        -------
        X_out : list of ndarray of shape (n_tokens_i,)
            As `transform` returns it.
        """
        return self._sequences(self._learn(X))

    def transform(self, X: Iterable[Any]) -> list[NDArray[np.object_]]:
        """Make sequences of documents.

        Parameters
        ----------
        X : iterable of str or bytes
            The documents: a list, a 1D array or a Series.

        Returns
        -------
        X_out : list of ndarray of shape (n_tokens_i,)
            The tokens of each document, str objects in the order of the text.
        """
        check_is_fitted(self)
        check_parameters(self)
        return self._sequences(self._tokenized(X))

    def inverse_transform(self, X: Iterable[Iterable[str]]) -> list[str]:
        """Make text of sequences of tokens.

        What `transform` has left out, such as blanks and capitals, does not come back.

        Parameters
        ----------
        X : iterable of iterable of str
            Sequences of tokens, as `transform` returns them.

        Returns
        -------
        X_original : list of str
            The text of each sequence.
        """
        check_is_fitted(self)
        join = self.detokenizer or ("" if self.analyzer == "char" else " ").join
        _check_is_list(X, "a list of sequences of tokens")
        texts = []
        for i, x in enumerate(X):
            if not is_vector(x):
                raise ValueError(
                    f"Sequence {i} of X is {short(x)} ({type(x).__name__}), expected a "
                    "list or an array of tokens. Pass a single sequence as [X]."
                )
            tokens = list(x)
            _check_are_str(tokens, f"Sequence {i} of X has")
            texts.append(join(tokens))
        return texts

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Get the tokens of the vocabulary.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Ignored.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The tokens, by their numbers in `vocabulary_`.
        """
        check_is_fitted(self)
        return np.array([*self._known()], object)

    def _learn(self, X):
        """Learn of documents; returns their tokens."""
        # Of equal tokens, one object is kept.
        tokenized = list(_each(self._tokenized(X), str))
        if self.vocabulary is None and not any(tokenized):
            raise ValueError(
                "empty vocabulary: no document has a token. By default a token is two "
                "or more letters or digits; analyzer='char' takes each character, and "
                "token_pattern=r'\\w+' also words of one letter."
            )
        self.vocabulary_ = self._numbered(tokenized)
        return tokenized

    def _numbered(self, tokenized):
        """The vocabulary that is given, or that of documents."""
        vocabulary = self.vocabulary
        if vocabulary is not None:
            _check_is_1d(vocabulary, "vocabulary")
            _check_are_str(vocabulary, "vocabulary has")
            tokenized = []
        if isinstance(vocabulary, frozenset):  # as of a set, the order is no chance
            vocabulary = sorted(vocabulary)
        counter = CountVectorizer(
            analyzer=_as_it_is,
            # It warns of capitals that nothing will match.
            lowercase=self.lowercase and not callable(self.analyzer),
            max_df=self.max_df,
            min_df=self.min_df,
            max_features=self.max_features,
            vocabulary=vocabulary,
        )
        names = counter.fit(tokenized).get_feature_names_out()
        return {str(name): number for number, name in enumerate(names)}

    def _known(self):
        """The vocabulary, which need not be learned if it is given."""
        learned = getattr(self, "vocabulary_", None)
        return self._numbered([]) if learned is None else learned

    def _analyzer(self):
        """CountVectorizer's function of a document that gives its tokens."""
        of_analyzer = {name: getattr(self, name) for name in OF_ANALYZERS}
        if self.analyzer == "word" and self.tokenizer is self.token_pattern is None:
            raise ValueError("token_pattern is None: set it, or a tokenizer.")
        return CountVectorizer(**of_analyzer).build_analyzer()

    def _tokenized(self, X):
        """The tokens of each document, as lists."""
        analyze = self._analyzer()
        for i, document in enumerate(self._documents(X)):
            try:
                tokens = analyze(document)
            except Exception as error:
                if isinstance(error, UnicodeDecodeError):
                    error.reason += "; set encoding or decode_error"
                error.add_note(f"In document {i} of X.")
                raise
            yield self._checked(tokens, i)

    def _documents(self, X):
        """The documents, each checked."""
        _check_is_list(X, "a list, a 1D array or a Series of documents")
        _check_is_1d(X, "X")
        i = -1
        for i, document in enumerate(X):
            if not self._is_document(document):
                raise ValueError(
                    f"Document {i} of X is {_described(document)}, expected "
                    f"{DOCUMENTS[self.input]}."
                )
            yield document
        if i < 0:
            raise ValueError(
                "Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is "
                f"required by {type(self).__name__}."
            )

    def _is_document(self, document):
        if self.input == "file":
            return hasattr(document, "read")
        if self.input == "filename":
            return isinstance(document, str | bytes | PathLike)
        is_text = isinstance(document, str | bytes)
        return is_text or (callable(self.analyzer) and is_vector(document))

    def _checked(self, tokens, i):
        """A list of as many tokens as are kept."""
        # What has no order is no sequence; and a mapping has names of other things.
        if not isinstance(tokens, Iterable) or isinstance(tokens, Mapping | Set):
            raise TypeError(
                f"Of document {i} of X the tokenizer made {_described(tokens)}, "
                "expected a list of str."
            )
        tokens = list(islice(tokens, self.max_length))
        if callable(self.analyzer) or self.tokenizer is not None:
            _check_are_str(tokens, f"Of document {i} of X the tokenizer made")
        return tokens

    def _sequences(self, tokenized):
        known, unk_token = self._known(), str(self.unk_token)

        def known_one(token):
            return str(token) if token in known else unk_token

        tokenized = _each(tokenized, known_one)
        return [np.array(tokens or [unk_token], object) for tokens in tokenized]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vocabulary_") or self.vocabulary is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _each(tokenized, function):
    """Lists of what becomes of tokens: of equal ones the same object."""
    function = cache(function)
    return (list(map(function, tokens)) for tokens in tokenized)


def _as_it_is(tokens):
    return tokens


def _described(x):
    return f"{short(x)} ({type(x).__name__})"


def _check_is_list(X, expected):
    """Refuse what does not iterate, or over something else than ordered elements."""
    if isinstance(X, str | bytes):
        raise ValueError(
            "Iterable over raw text documents expected, string object received. Pass a "
            "single one as [X]."
        )
    if isinstance(X, Mapping | Set) or not hasattr(X, "__iter__"):
        raise ValueError(f"X has the type {type(X).__name__}, expected {expected}.")


def _check_is_1d(X, name):
    shape = getattr(X, "shape", (0,))
    if len(shape) != 1:
        raise ValueError(
            f"{name} has the type {type(X).__name__} and shape={shape}, expected one "
            "dimension. Pass a single column."
        )


def _check_are_str(tokens, found):
    if all(issubclass(kind, str) for kind in set(map(type, tokens))):
        return
    token = next(token for token in tokens if not isinstance(token, str))
    raise TypeError(f"{found} {_described(token)}, expected str as a token.")
