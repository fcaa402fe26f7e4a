"""What a language model reads and what it learns of it: the next token, at each step.

A sequence of T tokens has T + 1 steps. The first one reads that a sequence begins, the
others a token each; each one's target is the token behind it, the last one's that the
sequence ends. Begin and end share a code, that of what is missing (None), which no
token may be: so the codes are those of the tokens, of None, and of the unknown.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skrnn.estimators.inputs import Categories, check_sequences
from skrnn.estimators.inputs.forms import is_vector
from skrnn.mathematics.losses import Softmax
from skrnn.sequences import Sequences, read_only


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
        return cls(n_tokens, _unseen(codes), is_text)

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        return cls(state["n_tokens"], state["unknown_probability"], state["is_text"])

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {"kind": self.kind, **vars(self)}

    def check_texts(self, are_texts):
        """Refuse texts where fit saw tokens: their characters are none of these."""
        if are_texts and not self.is_text:
            raise ValueError(
                "X has texts, but fit saw sequences of tokens. Make tokens of them as "
                "for fit; a text is taken as its characters."
            )

    def attributes(self):
        """What a fitted estimator shows of it."""
        return {"unknown_probability_": self.unknown_probability}


def _unseen(codes):
    """How probable tokens are that do not occur: the share of those that occur once.

    I. J. Good, The population frequencies of species and the estimation of population
    parameters, Biometrika, 1953. Neither 0, which no likelihood could bear, nor above
    one half, which it is where hardly a token occurs twice.
    """
    n_once = np.count_nonzero(np.bincount(codes) == 1)
    return float(np.clip(n_once / codes.size, 1 / (codes.size + 1), 0.5))


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


def read_tokens(estimator, X, dtype, form):
    """The codes of X's tokens as `Sequences`, the form of X, and if X were texts."""
    X, is_text = _tokens_of(X)
    sequences, form = check_sequences(estimator, X, dtype, form=form, allow_empty=True)
    form = _with_end(form, sequences)
    places = np.flatnonzero(sequences.values[:, 0] == n_known(form))
    if places.size:
        i = np.searchsorted(sequences.offsets, places[0], side="right") - 1
        raise ValueError(
            f"Sequence {i} of X has a missing token (None or NaN), which has no "
            "probability. Leave it out, or pass a token of its own for what is missing."
        )
    return sequences, form, is_text


def known_tokens(estimator, X, model):
    """The codes of X's tokens, as a fitted model knows them."""
    dtype = model.network.dtype
    sequences, _, are_texts = read_tokens(estimator, X, dtype, model.inputs)
    model.targets.check_texts(are_texts)
    return sequences


def _tokens_of(X):
    """Texts as sequences of their characters, all else as it is."""
    if isinstance(X, str):
        raise ValueError(
            "X is a single str, but a list of sequences is expected. Pass [X] for one "
            "text."
        )
    if not is_vector(X) or len(getattr(X, "shape", (0,))) > 1 or len(X) == 0:
        return X, False
    parts = list(X)
    are_texts = [isinstance(part, str) for part in parts]
    if not any(are_texts):
        return X, False
    if not all(are_texts):
        found = type(parts[are_texts.index(False)]).__name__
        raise TypeError(
            f"X has texts beside elements of type {found}. Pass texts, of which each "
            "character is a token, or lists of tokens."
        )
    return list(map(characters, parts)), True


def characters(text):
    """The characters of a text; two bytes that are no pair are one as well."""
    codes = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(codes, np.dtype("<U1")).astype("=U1")


def _with_end(form, sequences):
    """The form of X, of which None is a category: the end."""
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
    return replace(form, categories=Categories((0,), ((*values, None),)))


def n_known(form):
    """How many tokens fit saw; the end and the unknown have codes as well."""
    return form.categories.n_codes[0] - 2


def steps_of(sequences, end):
    """The steps of sequences of codes."""
    codes, offsets = sequences
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


def cut(sequences, most):
    """The same steps, as sequences of at most so many, of about equal length."""
    pieces = [np.zeros(1, np.int64)]
    for first, last in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True):
        n = max(1, -(-(last - first) // most))
        pieces.append(first + (last - first) * np.arange(1, n + 1) // n)
    return sequences._replace(offsets=np.concatenate(pieces))
