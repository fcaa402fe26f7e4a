"""From the states of all steps to one vector a sequence, a window at a time.

A pooling keeps some numbers of each sequence (`Work.kept`), so the steps may come in
any pieces, with the same bits in the end: sums, or the best so far.

Compiled code chooses the formulas by the class of the plan, so that it compiles those
of one pooling only.
"""

from typing import NamedTuple

from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.window import POSITION
from skrnn.backends.table import NUMBER, TOTAL
from skrnn.mathematics.intrinsics import by_type

_START, _ADD, _FINISH, _SPREAD, _WRITE_SCORES = {}, {}, {}, {}, {}


class PoolingPlan(NamedTuple):
    """What compiled code knows of a pooling; each derives a class of its own.

    One with weights has a named tuple of its own, which has these fields as well.
    """

    n_kept: int  # numbers that it keeps of a sequence
    n_scratch: int = 0  # numbers of `Work.scratch` that it needs for a row of a chunk


class NoPooling(PoolingPlan):
    """Outputs for every step."""

    __slots__ = ()


def _start_at_0(pooling, kept):
    for j in range(pooling.n_kept):
        kept[j] = 0


def _write_no_scores(pooling, sizes, packed, window, work, results):
    pass


def make_pooling(
    plan_class,
    *,
    lay_out,
    add,
    finish,
    spread,
    start=_start_at_0,
    write_scores=_write_no_scores,
):
    """Register the formulas, which are the bodies of the functions below.

    ``lay_out(network, forward, backward)`` gives the plan, and adds the pooling's
    weights to the packed ones. That function is what the registry holds.
    """
    _START[plan_class], _ADD[plan_class] = start, add
    _FINISH[plan_class], _SPREAD[plan_class] = finish, spread
    _WRITE_SCORES[plan_class] = write_scores
    return lay_out


#: start_kept(pooling, kept): what is kept of a sequence before its first step.
start_kept = by_type(_START.__getitem__)

#: add_window(pooling, sizes, packed, window, shard, work): take in the outputs of the
#: last layer in a window.
add_window = by_type(_ADD.__getitem__)

#: finish_row(pooling, sizes, kept, n_steps, row): the pooled states of a sequence, of
#: what is kept of its steps, of which there were so many.
finish_row = by_type(_FINISH.__getitem__)

#: spread_window(pooling, sizes, packed, window, shard, work, gradient): replace the
#: last layer's outputs of a window by their gradient, from that of the pooled rows.
#: That of the pooling's own weights is added to `gradient`.
spread_window = by_type(_SPREAD.__getitem__)

#: write_scores(pooling, sizes, packed, window, work, results): of a pooling that has a
#: weight for each step, the score of each row of a window, written to the row's place.
write_scores = by_type(_WRITE_SCORES.__getitem__)

#: is_pooled(pooling): whether there is one output a sequence, rather than one a step.
is_pooled = by_type(
    lambda kind: (
        (lambda pooling: False) if kind is NoPooling else (lambda pooling: True)
    )
)


def _rows_of_steps(pooling, at, work, shard, window):
    return work.last, window.rows, POSITION


def _rows_of_sequences(pooling, at, work, shard, window):
    return at, shard, NUMBER


#: head_rows(pooling, at, work, shard, window): what the head takes, where the pooled
#: rows start at `at`: the start of the rows, and a table and its column with the number
#: of each one's output.
head_rows = by_type(
    lambda kind: _rows_of_steps if kind is NoPooling else _rows_of_sequences
)


@njit(**INNER)
def start_pool(pooling, shard, work):
    """What is kept of all sequences before their first step."""
    for i in range(shard.shape[0]):
        start_kept(pooling, work.m[work.kept + i * pooling.n_kept :])


@njit(**INNER)
def finish_pool(pooling, sizes, shard, work):
    """The pooled rows; a 1 behind each, for the biases of the head."""
    for i in range(shard.shape[0]):
        row = work.m[work.pooled + i * sizes.out_row :]
        kept = work.m[work.kept + i * pooling.n_kept :]
        finish_row(pooling, sizes, kept, shard[i, TOTAL], row)
        row[sizes.n_out] = 1


def _add_nothing(pooling, sizes, packed, window, shard, work):
    pass


def _finish_nothing(pooling, sizes, kept, n_steps, row):
    pass


def _spread_nothing(pooling, sizes, packed, window, shard, work, gradient):
    pass


NONE = make_pooling(
    NoPooling,
    lay_out=lambda network, forward, backward: NoPooling(0),
    add=_add_nothing,
    finish=_finish_nothing,
    spread=_spread_nothing,
)
