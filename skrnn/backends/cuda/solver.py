"""A solver's step on the device: penalty, clipping, the optimizer's formula.

`totals` holds numbers of a step that stay on the device: the loss, the norm of the
gradient, and whether a step before had one that is not finite; then nothing changes.
"""

from functools import lru_cache
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numba import cuda, float64

from skrnn.backends.cuda.device import SIMULATED, THREADS
from skrnn.mathematics.gradients import add_l2, shrink
from skrnn.mathematics.optimizers import OPTIMIZERS

#: Places in `totals`; then the losses and norms of all steps, one after the other.
LOSS, NORM, FAILED, FIRST_RESULT = range(4)
#: Sums of squares that are added up in their order.
PARTS = 2 if SIMULATED else 128


class Entries(NamedTuple):
    """The numbers of the vector that a step changes: some, and all from one on."""

    some: object  # the places of these
    n_some: int
    first: int
    n: int  # of both together


@cuda.jit(device=True)
def place_of(entries, e):
    """Where entry number e is in the vector."""
    if e < entries.n_some:
        return entries.some[e]
    return entries.first + e - entries.n_some


@cuda.jit
def penalize(vector, mask, strength, gradient, entries, sums):
    """Add the gradient of the penalty; sums of it and of squares, one a block."""
    penalties = cuda.shared.array(THREADS, float64)
    squares = cuda.shared.array(THREADS, float64)
    thread = cuda.threadIdx.x
    penalty, square = 0.0, 0.0
    for e in range(cuda.grid(1), entries.n, cuda.gridsize(1)):
        p = place_of(entries, e)
        here = gradient[p : p + 1]
        penalty += add_l2(vector[p : p + 1], mask[p : p + 1], strength, here)
        square += np.float64(here[0]) * here[0]
    penalties[thread], squares[thread] = penalty, square
    cuda.syncthreads()
    if thread == 0:
        for i in range(1, THREADS):
            penalty += penalties[i]
            square += squares[i]
        sums[2 * cuda.blockIdx.x] = penalty
        sums[2 * cuda.blockIdx.x + 1] = square


@cuda.jit
def note_step(sums, totals, number):
    """Loss and norm of a step, and whether they are finite; one thread."""
    loss, square = totals[LOSS], 0.0
    for i in range(PARTS):
        loss += sums[2 * i]
        square += sums[2 * i + 1]
    norm = sqrt(square)
    if totals[FAILED] == 0:
        totals[FIRST_RESULT + 2 * number] = loss
        totals[FIRST_RESULT + 2 * number + 1] = norm
        totals[NORM] = norm
        if not (isfinite(loss) and isfinite(norm)):
            totals[FAILED] = number + 1
    totals[LOSS] = 0


@lru_cache
def step_kernel(solver):
    """The kernel that changes the vector, a thread a number."""
    optimizer = OPTIMIZERS[solver]
    formula, decays = optimizer.step, optimizer.decays

    @cuda.jit
    def step(arrays, entries, totals, limit, rates, t, hyperparameters):
        (vector, gradient, state, mask), (rate, decay) = arrays, rates
        if totals[FAILED] > 0:
            return
        norm = totals[NORM]
        for e in range(cuda.grid(1), entries.n, cuda.gridsize(1)):
            p = place_of(entries, e)
            number, g = vector[p : p + 1], gradient[p : p + 1]
            if norm > limit:
                g[0] *= gradient.dtype.type(limit / norm)
            if decays:
                shrink(number, mask[p : p + 1], decay)
            formula(number, g, state[:, p : p + 1], rate, t, *hyperparameters)

    return step
