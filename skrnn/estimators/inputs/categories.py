"""Categories: which features of a step have them, and the codes that stand for them.

The network gets a code as one more channel, a whole number: the category's place among
those that fit saw. What fit did not see, the *unknown*, has the next number.
"""

from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from reprlib import repr as short

import numpy as np

from skrnn.lazy import cached_property
from skrnn.sequences import read_only

#: Up to here float32 has all whole numbers.
MAX_CODES = 2**24


@dataclass(frozen=True)
class Categories:
    """Which features of a step have categories, and which of these fit saw."""

    features: tuple  # their places among the features, in ascending order
    values: tuple  # of each the categories, sorted; None, what is missing, stands last

    @classmethod
    def of(cls, features, columns):
        """Those that the columns of these features have."""
        found = [set(column.values) for column in columns]
        for column, values in zip(columns, found, strict=True):
            if len(values) >= MAX_CODES:
                raise ValueError(
                    f"{column.name} has {len(values)} categories, of which there may "
                    f"be {MAX_CODES - 1}. Pass coarser ones."
                )
        return cls(
            tuple(features),
            tuple((*sorted(v - {None}), *(v & {None})) for v in found),
        )

    @property
    def n_codes(self):
        """How many codes each feature has, with that of the unknown."""
        return [len(values) + 1 for values in self.values]

    @cached_property
    def codes(self):
        """Of each feature the code of each category."""
        return [{value: i for i, value in enumerate(v)} for v in self.values]

    def added(self, sequences, columns):
        """The sequences with the codes of these columns behind their features."""
        numbers = sequences.values
        n, n_numbers = numbers.shape
        values = np.empty((n, n_numbers + len(columns)), numbers.dtype)
        values[:, :n_numbers] = numbers
        for k, codes in enumerate(self.coded(columns)):
            values[:, n_numbers + k] = codes
        return sequences._replace(values=read_only(values))

    def coded(self, columns):
        """The codes of these columns, an array of each."""
        for column, values, known in zip(columns, self.values, self.codes, strict=True):
            self._check_kind(column, next(iter(values), None))
            codes = map(known.get, column.values, repeat(len(known)))
            yield np.fromiter(codes, np.int64, len(column.values))

    def _check_kind(self, column, known):
        """Of another type each value would be unknown; `known` is one of fit."""
        if None in (known, column.kind) or column.kind is type(known):
            return
        raise TypeError(
            f"{column.name} has values of type {column.kind.__name__}, but fit saw "
            f"{type(known).__name__}, such as {short(known)}. Pass the same type."
        )

    def arrays(self):
        """The categories of each feature, in the order of their codes."""
        return [_array(values) for values in self.values]


def _array(values):
    for kind, dtype in ((bool, np.bool_), (int, np.int64)):
        if set(map(type, values)) == {kind}:
            with suppress(OverflowError):
                return np.array(values, dtype)
    return np.array(values, object)
