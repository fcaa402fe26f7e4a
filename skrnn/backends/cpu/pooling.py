"""Pooling of a sequence's states into one vector, a step at a time."""

from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.mathematics.poolings import LAST, MEAN


@njit(**INNER)
def pool_step(kind, t, n, n_next, states, at, final, width, lengths, pooled, argmax):
    """Take the states after step t of n sequences.

    Those of the sequences that go on, `n_next` of them, stand in `states` from `at` on;
    those of the others in `final`.
    """
    for i in range(n):
        row = pooled[i]
        if i < n_next:
            state = states[0, at + i * width : at + (i + 1) * width]
        else:
            state = final[0, i * width : (i + 1) * width]
        if kind == LAST:
            if t == lengths[i] - 1:
                for j in range(width):
                    row[j] = state[j]
        elif kind == MEAN:
            share = row.dtype.type(1 / lengths[i])
            for j in range(width):
                row[j] += state[j] * share
        else:
            best = argmax[i]
            for j in range(width):
                # A NaN is the largest, and stays.
                if t == 0 or state[j] > row[j] or state[j] != state[j]:
                    row[j], best[j] = state[j], t


@njit(**INNER)
def pool_step_backward(kind, t, n, d_pooled, width, lengths, argmax, dh):
    """Add the gradient that step t's states of n sequences get from the pooling."""
    for i in range(n):
        row = d_pooled[i]
        state = dh[0, i * width : (i + 1) * width]
        if kind == LAST:
            if t == lengths[i] - 1:
                for j in range(width):
                    state[j] += row[j]
        elif kind == MEAN:
            share = row.dtype.type(1 / lengths[i])
            for j in range(width):
                state[j] += row[j] * share
        else:
            best = argmax[i]
            for j in range(width):
                if best[j] == t:
                    state[j] += row[j]
