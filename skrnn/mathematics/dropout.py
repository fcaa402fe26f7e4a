"""Dropout: which units of which states are left out of a training step.

A mask is never stored: whether a unit is kept is a hash of the step's seed and of the
unit's place, so it is the same in the forward and in the backward pass, in any shard
and on any thread.

The hash is SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, Fast splittable
pseudorandom number generators, OOPSLA 2014).
"""

from typing import NamedTuple

import numpy as np
from numba import config, njit

from skrnn.mathematics.compilation import PART, formula
from skrnn.mathematics.intrinsics import by_type

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
#: Of the inputs; layers and directions have the smaller ones.
_INPUTS = 2**32
_SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31, 40))


class Dropout(NamedTuple):
    """What compiled code must know to drop units in one training step."""

    rate: float  # of the outputs of every layer but the last, each step anew
    recurrent_rate: float  # of the states that enter a recurrent product
    seed: int
    embedding_rate: float = 0.0  # of the numbers read of embeddings, each step anew
    ngram_rate: float = 0.0  # of those of n-grams,
    first_of_ngrams: int = 2**31  # which begin at this input of a step


class NoDropout(Dropout):
    """Nothing is dropped; a class of its own, so that compiled code leaves it out."""

    __slots__ = ()


NO_DROPOUT = NoDropout(0.0, 0.0, 0)


def unless_no_dropout(function):
    """A function of a `Dropout` that does nothing, and is not compiled, without one."""

    def nothing(dropout, *others):
        pass

    return by_type(lambda kind: nothing if kind is NoDropout else function)


def _wrapping(function):
    """Let uint64 wrap around without a warning where nothing is compiled."""
    return np.errstate(over="ignore")(function) if config.DISABLE_JIT else function


@_wrapping
@formula
def _mix(x):
    x = (x ^ (x >> _SHIFTS[0])) * _MIX_1
    x = (x ^ (x >> _SHIFTS[1])) * _MIX_2
    return x ^ (x >> _SHIFTS[2])


@_wrapping
@njit(**PART)
def _key(seed, stream, place):
    """Where the random numbers of one row of units start."""
    return _mix(
        _mix(np.uint64(seed) + _GOLDEN * np.uint64(stream)) + _GOLDEN * np.uint64(place)
    )


@njit(**PART)
def output_key(dropout, layer, position):
    """Key of one step's outputs; `position` is the step's among all of the data."""
    return _key(dropout.seed, 2 * layer, position)


@njit(**PART)
def input_key(dropout, position):
    """Key of one step's inputs."""
    return _key(dropout.seed, _INPUTS, position)


@formula
def rate_of_input(dropout, j):
    """The probability for number j of a step's inputs, which is of an embedding."""
    if j >= dropout.first_of_ngrams:
        return dropout.ngram_rate
    return dropout.embedding_rate


@njit(**PART)
def recurrent_key(dropout, q, row):
    """Key of a sequence's mask in layer and direction number q, the same every step."""
    return _key(dropout.seed, 2 * q + 1, row)


@_wrapping
@formula
def factor(key, unit, rate):
    """0 with probability `rate`, else what keeps the expected value."""
    # 24 random bits as a number from 0 to 1
    uniform = (
        np.float64(_mix(key + _GOLDEN * np.uint64(unit + 1)) >> _SHIFTS[3]) * 2.0**-24
    )
    return 0.0 if uniform < rate else 1.0 / (1.0 - rate)
