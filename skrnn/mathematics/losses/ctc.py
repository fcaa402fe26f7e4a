"""Connectionist temporal classification: labels in order, at steps nobody knows.

At each step the network says one label, or nothing: the *blank*, output number 0, as in
PyTorch; label k is output number k, from 1 on. What it says becomes a transcript if
equal neighbours are merged and the blanks left out then. The loss is the negative
log-probability of all ways to say the true one together (A. Graves, S. Fernandez,
F. Gomez and J. Schmidhuber, ICML 2006), divided by the number of its labels, as
PyTorch does for a mean.

The sums run over the *places* of a transcript of L labels: a blank, the first label, a
blank, and so on, 2 L + 1 in all. They are kept as logarithms: a transcript of a hundred
labels may be less probable than the smallest number. A sum of three is a loop of plain
arithmetic, which LLVM makes one over several places at a time.
"""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numba import njit
from scipy import special

from skrnn.mathematics.activations import exp
from skrnn.mathematics.compilation import PART, formula
from skrnn.mathematics.intrinsics import fma
from skrnn.mathematics.losses.base import (
    Loss,
    SequenceKind,
    register_sequence_formula,
)

BLANK = 0
#: The logarithm of what cannot be; an infinity less itself would be no number.
IMPOSSIBLE = -1e30
#: Places are computed so many at a time, since a vector register holds as many; nothing
#: comes back from those behind the last one.
LANES = 8

_part = njit(error_model="numpy", **PART)
_MIDDLE = sqrt(3)
_LOG_MIDDLE = log(_MIDDLE)
# log((1 + z) / (1 - z)) = 2 z (1 + z^2 / 3 + z^4 / 5 + ...); the first term that is
# left out is below half a unit in the last place for z^2 <= 0.072.
_SERIES = tuple(2 / (2 * n + 1) for n in range(14, -1, -1))


class CTCKind(SequenceKind):
    __slots__ = ()


@dataclass(frozen=True)
class CTC(Loss):
    """The outputs are log-probabilities of blank and labels, up to a common number."""

    name = "ctc"
    kind_class = CTCKind
    out_activation = "softmax"
    reads_sequences = True

    def link(self, outputs):
        """Probabilities of blank and labels at each step."""
        return special.softmax(outputs, axis=1)

    def log_link(self, outputs):
        """Their logarithms, exact where the probabilities underflow."""
        return special.log_softmax(outputs, axis=1)


def steps_needed(labels):
    """Steps without which a transcript cannot be said: equal neighbours need a blank.

    The loss of a sequence of fewer steps would be infinite.
    """
    labels = np.asarray(labels)
    return labels.size + np.count_nonzero(labels[1:] == labels[:-1])


@formula
def _log_between_1_and_3(x):
    z = (x - _MIDDLE) / (x + _MIDDLE)
    square = z * z
    series = _SERIES[0]
    for coefficient in _SERIES[1:]:
        series = fma(series, square, coefficient)
    return fma(series, z, _LOG_MIDDLE)


@formula
def _in_order(a, b):
    return (a, b) if a < b else (b, a)


@formula
def log_sum_exp_3(a, b, c):
    """The logarithm of the sum of three exponentials, of which one is 1."""
    low, high = _in_order(a, b)
    middle, high = _in_order(high, c)
    total = 1.0 + exp(low - high) + exp(middle - high)
    return high + _log_between_1_and_3(total)


@_part
def _normalize(outputs, n, room):
    """The logarithm of the sum of n exponentials of outputs; `room` for as many."""
    highest = np.float64(outputs[0])
    for k in range(1, n):
        highest = max(highest, np.float64(outputs[k]))
    for k in range(n):
        room[k] = exp(np.float64(outputs[k]) - highest)
    total = 0.0
    for k in range(n):
        total += room[k]
    return highest + log(total)


@_part
def _label_at(labels, place):
    return labels[place // 2, 0] if place % 2 else BLANK


@_part
def _say(outputs, normalizer, labels, n_places, said):
    """The log-probability of what each place says, at a step of these outputs."""
    for s in range(n_places):
        said[s] = np.float64(outputs[_label_at(labels, s)]) - normalizer


@_part
def _advance(before, barriers, said, now):
    """Log-probabilities of all ways to each place, one step on.

    A way comes from the same place, the one before, or the one before that: there
    `barriers` has what is impossible. The ways begin two places early.
    """
    one, two, here = before[1:], before[2:], now[2:]
    for s in range(said.size):
        skipped = before[s] + barriers[s]
        here[s] = log_sum_exp_3(skipped, one[s], two[s]) + said[s]


@_part
def _fill_barriers(labels, n_places, barriers, barriers_back):
    """Where no way leads past a place: to a blank, or to the label that it left.

    The first label may be said first, from either end.
    """
    for s in range(barriers.size):
        barriers[s] = barriers_back[s] = 0.0 if s == 1 else IMPOSSIBLE
    for s in range(3, n_places, 2):
        if labels[s // 2, 0] != labels[s // 2 - 1, 0]:
            barriers[s] = barriers_back[n_places + 1 - s] = 0.0


@_part
def _add_shares(ways, back, loss, labels, n_places, said, shares):
    """Add the probability of each place, given the transcript, to that of its label.

    ``back[n_places + 1 - s]`` are all ways from place s on, this step included.
    """
    here = ways[2:]
    for s in range(n_places):
        said[s] = here[s] + back[n_places + 1 - s] - said[s] + loss
    for s in range(n_places):
        said[s] = exp(said[s])
    for s in range(n_places):
        shares[_label_at(labels, s)] += said[s]


def ctc_gradient(kind, m, rows, labels, scale):
    """Loss of a sequence, times `scale`; its outputs become their gradient.

    The outputs of step t start at ``rows[t]`` of m; `labels` is a column of numbers of
    labels. There must be a way: see `steps_needed`.
    """
    n_outputs, n_steps, n_labels = kind.n_outputs, rows.size, labels.shape[0]
    n_places, share = 2 * n_labels + 1, scale / max(1, n_labels)
    padded = -(-n_places // LANES) * LANES
    barriers, barriers_back = np.empty(padded), np.empty(padded)
    _fill_barriers(labels, n_places, barriers, barriers_back)
    ways = np.full((n_steps + 1, padded + 2), IMPOSSIBLE)
    ways[0, 1] = 0.0  # before the first step: at the first place, or past it
    normalizers, said = np.empty(n_steps), np.zeros(padded)
    room, shares = np.empty(n_outputs), np.empty(n_outputs)
    for t in range(n_steps):
        outputs = m[rows[t] :]
        normalizers[t] = _normalize(outputs, n_outputs, room)
        _say(outputs, normalizers[t], labels, n_places, said)
        _advance(ways[t], barriers, said, ways[t + 1])
    last = ways[n_steps]
    loss = -log_sum_exp_3(last[n_places + 1], last[n_places], IMPOSSIBLE)
    # The same from behind, over the places in the opposite order.
    backwards = np.zeros(padded)
    before, now = ways[0], np.full(padded + 2, IMPOSSIBLE)
    for t in range(n_steps - 1, -1, -1):
        outputs = m[rows[t] :]
        _say(outputs, normalizers[t], labels, n_places, said)
        for s in range(n_places):
            backwards[s] = said[n_places - 1 - s]
        _advance(before, barriers_back, backwards, now)
        before[1] = IMPOSSIBLE
        before, now = now, before
        for k in range(n_outputs):
            shares[k] = 0.0
        _add_shares(ways[t + 1], before, loss, labels, n_places, said, shares)
        for k in range(n_outputs):
            p = exp(np.float64(outputs[k]) - normalizers[t])
            outputs[k] = share * (p - shares[k])
    return loss * share


register_sequence_formula(CTC, ctc_gradient)
