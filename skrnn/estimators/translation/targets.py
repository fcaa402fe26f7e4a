"""A translator's targets: the next token of what is written, at each step.

As for a language model (`language/tokens.py`), a sequence of T tokens has T + 1 steps;
begin and end share the code behind those of the tokens, and the unknown has the next.
"""

from dataclasses import dataclass

import numpy as np

from skrnn.estimators.language.tokens import steps_of, unseen
from skrnn.estimators.transcripts import OfLabels
from skrnn.mathematics.losses import Softmax
from skrnn.sequences import Sequences


@dataclass(frozen=True)
class Translations(OfLabels):
    """Tokens of which translations consist, and whether these are texts."""

    unknown_probability: float  # of all other tokens together, at each step
    longest: int  # tokens of the longest that the first fit saw

    kind = "translations"
    must_be_finite = True
    loss = Softmax()

    @classmethod
    def of(cls, read, labels=None):
        """The targets in which these translations are; None: of no other tokens."""
        labels = read.labels() if labels is None else labels
        codes = _codes_of(read, labels)
        longest = max(map(len, read.transcripts), default=0)
        return cls(labels, read.is_text, unseen(codes), longest)

    @property
    def n_tokens(self):
        """How many tokens there are; the code of the end is this number."""
        return len(self.labels)

    @property
    def output_sizes(self):
        """Outputs of the network: the tokens, and the end."""
        return (self.n_tokens + 1,)

    @property
    def codes(self):
        """Of each row of the decoder's embedding but the last: the token, or None."""
        return {label: code for code, label in enumerate((*self.labels, None))}

    @property
    def n_codes(self):
        """Rows of the decoder's embedding."""
        return self.n_tokens + 2

    def attributes(self):
        """What a fitted estimator shows of it."""
        shown = {"unknown_probability_": self.unknown_probability}
        return super().attributes() | shown

    def encode(self, read, dtype, name="y"):
        """The steps of translations, as `read_transcripts` gives them."""
        self.check_form(read, name)
        lengths = [len(tokens) for tokens in read.transcripts]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        codes = _codes_of(read, self.labels).astype(dtype)[:, None]
        return steps_of(Sequences(codes, offsets), self.n_tokens)

    def decode(self, codes):
        """The translation that has these codes."""
        return self.said(codes)


def _codes_of(read, labels):
    """The codes of all tokens, one sequence behind the other."""
    codes, unknown = {k: i for i, k in enumerate(labels)}, len(labels) + 1
    found = [codes.get(k, unknown) for tokens in read.transcripts for k in tokens]
    return np.array(found, np.int64)
