"""The kernels of one time step of a layer in one direction.

A thread computes a unit of a sequence, with all its gates: the cell's formula is the
CPU's, called for one unit, on an array that the compiler keeps in registers.
"""

from functools import lru_cache
from typing import NamedTuple

from numba import cuda, from_dtype

from skrnn.backends.cuda.device import unsigned
from skrnn.mathematics import cells


class Job(NamedTuple):
    """Where a kernel finds a layer in one direction; places are in the memory m."""

    hidden: int
    n: int  # sequences
    first: int  # step of the window, and the one after its last
    last: int
    reverse: int
    keep: int  # whether all is kept that the way back needs
    plane: int  # distance between the blocks of z, and between states
    z: int
    states: int
    fed: int  # h as it entered the recurrent product; or -1
    final_plane: int
    final: int  # states before the first step, and after the last
    mask: int  # of recurrent dropout; or -1
    out: int
    out_row: int
    d_plane: int
    d: int  # gradients of states
    exchange: int  # what is fed back, of this step and of the next


class Place(NamedTuple):
    """Where a thread is."""

    sequence: int
    row: int  # of the window: the sequence's at this step
    unit: int


@cuda.jit(device=True)
def at_row(job, place):
    """Where the thread's number is among those of all rows."""
    return place.row * job.hidden + place.unit


@cuda.jit(device=True)
def at_sequence(job, place):
    """Where it is among those of all sequences."""
    return place.sequence * job.hidden + place.unit


@lru_cache(typed=True)  # the class of a step is what tells cells apart
def unit_functions(step, dtype):
    """One step of one unit of one sequence, forward and backward, on the device.

    Both take the cell's numbers in an array u of `size`: the blocks of z, then states
    before and after the step. Last comes the function that fills in the first.
    """
    kind = from_dtype(dtype)
    n_blocks, n_states = step.n_blocks, step.n_states
    old, new = n_blocks, n_blocks + n_states
    size = n_blocks + 2 * n_states

    @cuda.jit(device=True)
    def load(m, job, u, place):
        here = job.z + at_row(job, place)
        for b in range(n_blocks):
            u[b] = m[unsigned(here + b * job.plane)]

    @cuda.jit(device=True)
    def store(m, job, u, place):
        here = job.z + at_row(job, place)
        for b in range(n_blocks):
            m[unsigned(here + b * job.plane)] = u[b]

    @cuda.jit(device=True)
    def keep_states(m, job, u, place, mask):
        here = at_row(job, place)
        for s in range(n_states):
            m[unsigned(job.states + s * job.plane + here)] = u[old + s]
        if job.fed >= 0:
            m[unsigned(job.fed + here)] = u[old] * mask

    @cuda.jit(device=True)
    def advance(m, job, u, place):
        """From the pre-activations in u; returns what is fed back."""
        own = at_sequence(job, place)
        for s in range(n_states):
            u[old + s] = m[unsigned(job.final + own + s * job.final_plane)]
        mask = m[unsigned(job.mask + own)] if job.mask >= 0 else kind(1)
        if job.keep:
            keep_states(m, job, u, place, mask)
        cells.forward(step, u, 0, 1, old, new, 1, 1)
        if job.keep:
            store(m, job, u, place)
        for s in range(n_states):
            m[unsigned(job.final + own + s * job.final_plane)] = u[new + s]
        m[unsigned(job.out + place.row * job.out_row + place.unit)] = u[new]
        return u[new] * mask

    @cuda.jit(device=True)
    def give_back(m, job, u, place):
        """Leaves the gradients of the pre-activations in u and in z."""
        here, own = at_row(job, place), at_sequence(job, place)
        load(m, job, u, place)
        for s in range(n_states):
            u[old + s] = m[unsigned(job.states + s * job.plane + here)]
            u[new + s] = m[unsigned(job.d + own + s * job.d_plane)]
        u[new] += m[unsigned(job.out + place.row * job.out_row + place.unit)]
        cells.backward(step, u, 0, 1, old, new, 1, 1)
        store(m, job, u, place)
        for s in range(n_states):
            m[unsigned(job.d + own + s * job.d_plane)] = u[new + s]

    return advance, give_back, size, load


@lru_cache(typed=True)
def step_kernels(step, dtype):
    """The cell's formula for all units of one step, of its first n sequences."""
    kind = from_dtype(dtype)
    advance, give_back, size, load = unit_functions(step, dtype)

    @cuda.jit
    def forward(m, job, row, n):
        u = cuda.local.array(size, kind)
        for p in range(cuda.grid(1), n * job.hidden, cuda.gridsize(1)):
            i, j = p // job.hidden, p % job.hidden
            place = Place(i, row + i, j)
            load(m, job, u, place)
            fed = advance(m, job, u, place)
            if job.mask >= 0:
                m[job.exchange + p] = fed

    @cuda.jit
    def backward(m, job, row, n):
        u = cuda.local.array(size, kind)
        for p in range(cuda.grid(1), n * job.hidden, cuda.gridsize(1)):
            i, j = p // job.hidden, p % job.hidden
            give_back(m, job, u, Place(i, row + i, j))

    return forward, backward


@cuda.jit
def mask_states(m, source, mask, target, n):
    """``target = source * mask``."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        m[target + p] = m[source + p] * m[mask + p]


@cuda.jit
def add_masked(m, source, mask, target, n):
    """``target += source * mask``."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        m[target + p] += m[source + p] * m[mask + p]


@cuda.jit
def transpose(w, at, hidden, n, m, to):
    """Copy n square matrices, transposed."""
    square = hidden * hidden
    for p in range(cuda.grid(1), n * square, cuda.gridsize(1)):
        b, i, j = p // square, p % square // hidden, p % hidden
        m[to + p] = w[at + b * square + j * hidden + i]
