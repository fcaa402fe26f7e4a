"""What a language model reads and what it learns of it: the next token, at each step.

A sequence of T tokens has T + 1 steps. The first one reads that a sequence begins, the
others a token each; each one's target is the token behind it, the last one's that the
sequence ends. Begin and end share a code, that of what is missing (None), which no
token may be: so the codes are those of the tokens, of None, and of the unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skrnn.estimators.inputs import (
    Categories,
    InputForm,
    check_sequences,
    n_dimensions,
)
from skrnn.estimators.inputs.forms import is_vector
from skrnn.mathematics.losses import Softmax
from skrnn.sequences import Sequences, read_only

#: Of each step at most so much is given to the unknown.
MOST_UNKNOWN = 0.1


@dataclass(frozen=True)
class NextToken:
    """Targets of a language model: one of the tokens, or the end of the sequence."""

    n_tokens: int  # that fit saw; the end's code is this number
    unknown_probability: float  # of all others together, at each step
    is_text: bool  # X were texts, of characters

    kind = "next_token"
    must_be_finite = True
    loss = Softmax()

    @property
    def output_sizes(self):
        """Outputs of the network."""
        return (self.n_tokens + 1,)

    @classmethod
    def of(cls, codes, n_tokens, is_text):
        """The targets in which these codes of tokens, all known, are."""
        return cls(n_tokens, unseen(codes), is_text)

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        return cls(state["n_tokens"], state["unknown_probability"], state["is_text"])

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {"kind": self.kind, **vars(self)}

    def check_texts(self, are_texts, sequences=()):
        """Refuse texts where fit saw tokens, and words where it saw characters."""
        if are_texts and not self.is_text:
            raise ValueError(
                "X has texts, but fit saw sequences of tokens. Make tokens of them as "
                "for fit; a text is taken as its characters."
            )
        if self.is_text and not are_texts and any(map(_has_words, sequences)):
            raise ValueError(
                "X has tokens of several characters, but fit saw texts, of which each "
                "character is a token. Pass texts."
            )

    def attributes(self):
        """What a fitted estimator shows of it."""
        return {"unknown_probability_": self.unknown_probability}


def unseen(codes):
    """How probable tokens are that do not occur: the share of those that occur once.

    I. J. Good, The population frequencies of species and the estimation of population
    parameters, Biometrika, 1953. Neither 0, which no likelihood could bear, nor what it
    is where hardly a token occurs twice, as in a list of all that there are.
    """
    n_once = np.count_nonzero(np.bincount(codes) == 1)
    share = n_once / max(1, codes.size)
    return float(np.clip(share, 1 / (codes.size + 1), MOST_UNKNOWN))


class Tokens(NamedTuple):
    """What a language model was given, in the place of targets."""

    following: np.ndarray  # of each step, the code behind it
    codes: np.ndarray  # of all tokens
    n_tokens: int  # that are known
    are_texts: bool


class Steps(NamedTuple):
    """The steps of some sequences of tokens."""

    inputs: Sequences  # codes
    targets: np.ndarray  # the code behind each


def read_tokens(estimator, X, dtype, form, targets=None):
    """The codes of X's tokens as `Sequences`, the form of X, and if X were texts.

    `targets` are those of fit, if they are known.
    """
    sequences, are_texts = _sequences_of(X)
    if targets is not None:
        targets.check_texts(are_texts, sequences)
    if are_texts:
        # Not by an array of texts: NumPy takes the character 0 for the end of one.
        sequences = [np.array([*text], object) for text in sequences]
    read, form = check_sequences(
        estimator, sequences, dtype, form=form, allow_empty=True
    )
    form = _with_end(form)
    places = np.flatnonzero(read.values[:, 0] == n_known(form))
    if places.size:
        i = np.searchsorted(read.offsets, places[0], side="right") - 1
        raise ValueError(
            f"Sequence {i} of X has a missing token (None or NaN), which has no "
            "probability. Leave it out, or pass a token of its own for what is missing."
        )
    return read, form, are_texts


def known_tokens(estimator, X, model):
    """The codes of X's tokens, as a fitted model knows them."""
    dtype = model.network.dtype
    return read_tokens(estimator, X, dtype, model.inputs, model.targets)[0]


def _sequences_of(X):
    """A list of sequences, and whether these are texts."""
    _check_is_list(X)
    parts = [part.to_numpy() if hasattr(part, "to_numpy") else part for part in X]
    texts = [isinstance(part, str) for part in parts]
    if all(texts) and any(parts):
        return parts, True
    # Without a character nobody knows what it is a text of.
    parts = [[] if isinstance(part, str) and not part else part for part in parts]
    if any(isinstance(part, str) for part in parts):
        _raise_no_text(next(part for part in parts if not isinstance(part, str)))
    if any(isinstance(part, bytes) for part in parts):
        _raise_no_text(b"")
    return parts, False


def _raise_no_text(part):
    """Refuse what stands in the place of a text."""
    if isinstance(part, bytes):
        raise TypeError("X has bytes. Pass texts: [text.decode() for text in X].")
    if is_vector(part):
        raise TypeError(
            f"X has texts beside elements of type {type(part).__name__}. Pass texts, "
            "of which each character is a token, or lists of tokens."
        )
    raise TypeError(
        f"X has {part!r} beside texts. Leave out what is missing, by X.dropna() say, "
        "or pass '' for it."
    )


def _check_is_list(X):
    """Refuse what is no list of sequences; a table has other rows than these."""
    what = "A language model takes a list of texts, or of sequences of tokens, as X"
    if isinstance(X, str):
        raise ValueError(f"{what}, but X is a single str. Pass [X] for one text.")
    if hasattr(X, "columns"):
        raise ValueError(
            f"{what}, but X is a {type(X).__name__}. Pass its column of texts, as in "
            "X['text'], or X.to_numpy() where each row is a sequence."
        )
    if not is_vector(X):
        advice = " Pass list(X)." if isinstance(X, Iterable) else ""
        raise ValueError(f"{what}, but X is of type {type(X).__name__}.{advice}")
    if n_dimensions(X) == 2 and X.shape[1] == 1 and isinstance(X[0, 0], str):
        raise ValueError(
            f"{what}, but X is a table with a column of them. Pass X[:, 0]."
        )


def _has_words(sequence):
    return any(isinstance(token, str) and len(token) > 1 for token in sequence)


def _with_end(form):
    """The form of sequences of any length, of which None is a category: the end."""
    if form.n_features_per_step != 1:
        raise ValueError(
            "A language model takes sequences of tokens, one for each step, but X has "
            f"{form.n_features_per_step} features per step."
        )
    (values,) = form.categories.values
    if None in values:
        return form
    if not values:
        raise ValueError("X has no token in any of its sequences.")
    categories = Categories((0,), ((*values, None),))
    return InputForm(1, None, 1, is_on_rows=False, categories=categories)


def n_known(form):
    """How many tokens fit saw; the end and the unknown have codes as well."""
    return form.categories.n_codes[0] - 2


def steps_of(sequences, end):
    """The steps of sequences of codes."""
    codes, offsets = sequences.values, sequences.offsets
    n = sequences.n_sequences
    offsets = offsets + np.arange(n + 1)
    inputs = np.full((len(codes) + n, 1), end, codes.dtype)
    targets = np.full(len(inputs), end, np.int64)
    is_token = np.ones(len(inputs), bool)
    is_token[offsets[:-1]] = False
    inputs[is_token] = codes
    is_token[offsets[:-1]], is_token[offsets[1:] - 1] = True, False
    targets[is_token] = codes[:, 0]
    return Steps(Sequences(read_only(inputs), offsets), targets)


def cut(sequences, least):
    """The same steps, as sequences of about equal length and of so many at least."""
    pieces = [np.zeros(1, np.int64)]
    for first, last in pairwise(sequences.offsets):
        n = max(1, (last - first) // least)
        pieces.append(first + (last - first) * np.arange(1, n + 1) // n)
    return sequences._replace(offsets=np.concatenate(pieces))
