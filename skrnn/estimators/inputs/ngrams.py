"""Runs of neighbouring categories, the n-grams, as categories of their own.

What a word says may hang on the word before, and what a letter says of a language on
the two before. A small network that has few texts to learn from learns such pairs late,
or never: here it is given them.
"""

from dataclasses import dataclass

import numpy as np

from skrnn.estimators.inputs.categories import MAX_CODES
from skrnn.sequences import read_only

#: Sequences that must have an n-gram. With 1, what only one text has is learned by
#: heart: short messages had an accuracy of 0.968 instead of 0.978 (pairs).
MIN_SEQUENCES = 2


@dataclass(frozen=True, eq=False)
class NGrams:
    """The n-grams of two, of three and more categories that several sequences have.

    Each belongs to the step where it ends; those of the first steps begin with the
    start of the sequence. All that fit did not see often enough is the *unknown* of its
    length. An n-gram is a known one of the step before, and one category more: the pair
    of their codes, as one number, is its *key*.
    """

    n_codes: int  # of the feature with categories, with that of the unknown
    keys: tuple  # of each length from 2 on those of the known ones, in ascending order

    @classmethod
    def of(cls, sequences, n_codes, length):
        """Those of up to `length` categories; a step's last value is its code."""
        numbers = np.repeat(np.arange(sequences.n_sequences), sequences.lengths)
        ngrams = cls(n_codes, ())
        for _ in range(length - 1):
            *_, (codes, count) = ngrams._codes(sequences)
            keys = ngrams._keys(codes, count, sequences)
            is_known = keys >= 0
            known = _in_several(keys[is_known], numbers[is_known])
            ngrams = cls(n_codes, (*ngrams.keys, known[: MAX_CODES - 1]))
        return ngrams

    @property
    def length(self):
        """Categories of the longest."""
        return 1 + len(self.keys)

    @property
    def counts(self):
        """How many codes those of each length from 2 on have, with the unknown's."""
        return [known.size + 1 for known in self.keys]

    def added(self, sequences):
        """The sequences with the codes of n-grams behind their last value."""
        _, *longer = self._codes(sequences)
        values = sequences.values
        codes = [codes.astype(values.dtype)[:, None] for codes, _ in longer]
        return sequences._replace(values=read_only(np.hstack([values, *codes])))

    def names(self, categories):
        """The known ones of each length, by their codes, as tuples of categories.

        What begins with the start of a sequence is shorter.
        """
        names, shorter = [], [(category,) for category in categories]
        for known in self.keys:
            # Behind the unknown, which is none's beginning, stands the start.
            before = [*shorter, None, ()]
            pairs = zip(*np.divmod(known, self.n_codes), strict=True)
            shorter = [(*before[i], categories[j]) for i, j in pairs]
            names.append(shorter)
        return names

    def _codes(self, sequences):
        """Codes of all steps and how many there are, of each length from 1 on."""
        codes, count = sequences.values[:, -1].astype(np.int64), self.n_codes
        yield codes, count
        for known in self.keys:
            keys = self._keys(codes, count, sequences)
            codes, count = _places(known, keys), known.size + 1
            yield codes, count

    def _keys(self, codes, count, sequences):
        """Keys of what is longer by one than these codes; -1 after an unknown one."""
        before = np.roll(codes, 1)
        starts = sequences.offsets[:-1][sequences.lengths > 0]
        before[starts] = count
        keys = before * self.n_codes + sequences.values[:, -1].astype(np.int64)
        keys[before == count - 1] = -1
        return keys


def _in_several(keys, numbers):
    """Those that several sequences have, of the keys of all steps and their numbers."""
    order = np.argsort(keys, kind="stable")
    keys, numbers = keys[order], numbers[order]
    is_new = np.ones(keys.size, bool)
    is_new[1:] = (keys[1:] != keys[:-1]) | (numbers[1:] != numbers[:-1])
    known, n_sequences = np.unique(keys[is_new], return_counts=True)
    return known[n_sequences >= MIN_SEQUENCES]


def _places(known, keys):
    """Where each key stands among the known ones, which are sorted; or their number."""
    places = np.searchsorted(known, keys)
    places[~np.isin(keys, known)] = known.size
    return places
