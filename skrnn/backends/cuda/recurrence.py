"""The recurrent part of a layer in one direction, over one window.

Three ways, of which `choose` takes one:

- *block*: one launch for all steps. A block takes some sequences and all units; the
  recurrent weights are in its shared memory or, if they are too large, in the cache of
  its multiprocessor; what is fed back goes through shared memory.
- *grid*: one launch for all steps. A block owns some units with all their gates, whose
  weights are in its shared memory; what is fed back goes through device memory, and
  after each step all blocks wait for each other. So all must run at once: there is one
  for each multiprocessor at most, and no more than the driver says that fit.
- *steps*: for each step a matrix product, by cuBLAS where CuPy is installed, and one
  launch for the cell's formula.

All three add up in the same order, so they give the same bits, except cuBLAS.
"""

from math import inf
from typing import NamedTuple

import numpy as np

from skrnn.backends.cuda.blas import StepProducts, library
from skrnn.backends.cuda.device import SHARED_BYTES, SIMULATED
from skrnn.backends.cuda.persistent import backward_kernel, forward_kernel
from skrnn.backends.cuda.products import Matrix
from skrnn.backends.cuda.recurrent_kernels import (
    add_masked,
    mask_states,
    step_kernels,
    transpose,
)
from skrnn.backends.cuda.rows import fill

WAYS = BLOCK, GRID, STEPS = "block", "grid", "steps"
#: Weights up to this size stay in a multiprocessor's cache beside shared memory. An
#: estimate that no GPU has confirmed yet.
CACHED_BYTES = 144 * 1024
#: Threads of a block, and sequences that a thread takes at a time where there are many.
MOST_THREADS = 8 if SIMULATED else 256
FEW_ROWS, MANY_ROWS = 1, 2 if SIMULATED else 4


class Layout(NamedTuple):
    """How a persistent kernel is shared out."""

    way: str
    in_shared: bool  # whether the weights are
    n_rows: int  # sequences that a thread takes at a time
    units: int  # of a block
    tile: int  # sequences of a block
    blocks: tuple  # of tiles, of units: the first may be many
    threads: int
    n_bytes: int  # of shared memory


def choose(hidden, n_h, itemsize, n_multiprocessors, way=None):
    """The way for a network: it does not depend on the batch; `way`: this one."""
    possible = _possible(hidden, n_h, itemsize, n_multiprocessors)
    if way is None:
        is_small = n_h * hidden * hidden * itemsize <= CACHED_BYTES
        return next(w for w in possible if w != BLOCK or is_small)
    if way not in possible:
        raise ValueError(
            f"way={way!r} cannot take {hidden} units on a device with "
            f"{n_multiprocessors} multiprocessors; {possible} can."
        )
    return way


def _possible(hidden, n_h, itemsize, n_multiprocessors):
    """The ways that can take a network, the fastest first."""
    ways = [STEPS]
    units = min(MOST_THREADS, SHARED_BYTES // (n_h * hidden * itemsize))
    # All blocks of a grid must run at once.
    if units and -(-hidden // units) <= n_multiprocessors:
        ways.insert(0, GRID)
    exchanged = 2 * n_h * hidden * itemsize  # of one sequence, on the way back
    if hidden <= MOST_THREADS and exchanged <= SHARED_BYTES:
        ways.insert(0, BLOCK)
    return ways


def lay_out(way, hidden, n_h, itemsize, n, n_blocks, exchanged):
    """Share n sequences out; `exchanged` numbers of each go from step to step.

    `n_blocks` are those that run at once: as many as there are, or a little fewer, are
    best, and for a grid no more are possible, if these are enough for all units.
    """
    if way == BLOCK:
        return _lay_out_blocks(hidden, n_h, itemsize, n, n_blocks, exchanged)
    units = min(hidden, MOST_THREADS, SHARED_BYTES // (n_h * hidden * itemsize))
    n_parts = -(-hidden // units)
    units = -(-hidden // n_parts)
    tile = -(-n // max(1, n_blocks // n_parts))
    n_rows, n_groups = _groups(units, tile)
    n_bytes = n_h * hidden * units * itemsize
    blocks = -(-n // tile), n_parts
    return Layout(GRID, True, n_rows, units, tile, blocks, units * n_groups, n_bytes)


def _lay_out_blocks(hidden, n_h, itemsize, n, n_blocks, exchanged):
    weights, of_sequence = n_h * hidden * hidden * itemsize, 2 * exchanged * itemsize
    in_shared = weights + of_sequence <= SHARED_BYTES
    if not in_shared:
        weights = 0
    most = max(1, (SHARED_BYTES - weights) // of_sequence)
    tile = min(most, -(-n // n_blocks))
    n_rows, n_groups = _groups(hidden, tile)
    n_bytes, blocks = weights + tile * of_sequence, (-(-n // tile), 1)
    threads = hidden * n_groups
    return Layout(BLOCK, in_shared, n_rows, hidden, tile, blocks, threads, n_bytes)


def _groups(units, tile):
    """Sequences that a thread takes at a time, and the threads of a unit."""
    n_rows = MANY_ROWS if tile >= MANY_ROWS else FEW_ROWS
    return n_rows, max(1, min(-(-tile // n_rows), MOST_THREADS // units))


class Recurrence:
    """Runs the recurrent part of layers; `way` None lets it choose."""

    def __init__(self, device, products, network, way=None):
        self.device, self.products = device, products
        self.step, self.hidden = network.cell.step, network.hidden_size
        self.n_h = self.step.n_blocks - self.step.h_first
        self.dtype = np.dtype(network.dtype)
        self.sizes = self.hidden, self.n_h, self.dtype.itemsize
        self.way = choose(*self.sizes, device.n_multiprocessors, way)
        self._fitting = {}  # blocks that run at once, by kernel and layout

    def forward(self, job, m, w, at, index, steps):
        """All steps of a window; the recurrent matrices start at w[at]."""
        arguments = m, w, at, index, job
        if not self._launch(forward_kernel, self.hidden, arguments):
            self._forward_steps(job, m, w, at, steps)

    def backward(self, job, m, w, at, transposed, index, steps):
        """Back through them; there is room for the transposed matrices."""
        arguments = w, at, self.hidden, self.n_h, m, transposed
        self.device.over(self.n_h * self.hidden**2, transpose, *arguments)
        arguments = m, m, transposed, index, job
        if not self._launch(backward_kernel, self.n_h * self.hidden, arguments):
            self._backward_steps(job, m, transposed, steps)

    def _launch(self, make_kernel, exchanged, arguments):
        """Run all steps at once; False if that is not the way, or no longer."""
        n_blocks = self.device.n_multiprocessors
        while self.way != STEPS:
            n = arguments[-1].n
            layout = lay_out(self.way, *self.sizes, n, n_blocks, exchanged)
            of_layout = self.way == GRID, layout.in_shared, layout.n_rows
            kernel = make_kernel(self.step, self.dtype, *of_layout)
            given = *arguments, layout.units, layout.tile
            n_blocks = self._most_blocks(kernel, layout, given)
            if layout.blocks[0] * layout.blocks[1] <= n_blocks:
                place = layout.blocks, layout.threads
                self.device.launch(kernel, *place, *given, shared=layout.n_bytes)
                return True
            if n_blocks < layout.blocks[1]:  # too few for all units
                self.way = STEPS
        return False

    def _most_blocks(self, kernel, layout, arguments):
        """How many may be launched: if they wait for each other, all run at once."""
        if layout.way == BLOCK:
            return inf
        key = kernel, layout.threads, layout.n_bytes
        if key not in self._fitting:
            self._fitting[key] = self.device.blocks_at_once(*key, arguments)
        return self._fitting[key]

    def _forward_steps(self, job, m, w, at, steps):
        formula, _ = step_kernels(self.step, self.dtype)
        hidden, over = self.hidden, self.device.over
        fed, z = job.final, job.z + self.step.h_first * job.plane
        if job.mask >= 0:
            fed, n = job.exchange, job.n * hidden
            over(n, mask_states, m, job.final, job.mask, fed, n)
        add_products = self._forward_products(job, m, w, at, fed)
        for t in _in_order(job, bool(job.reverse)):
            n, row = _step_of(job, steps, t)
            add_products(z + row * hidden, n)
            over(n * hidden, formula, m, job, row, n)

    def _forward_products(self, job, m, w, at, fed):
        """A function that adds those of n rows at `fed` to each block of z."""
        hidden, n_h = self.hidden, self.n_h
        if library() is not None:
            products = StepProducts(library(), m, w, at, hidden, n_h)
            return lambda to, n: products.add_to_each(to, job.plane, fed, n)
        weights = Matrix(w, at, hidden, batch=hidden * hidden)
        rows, product = Matrix(m, fed, hidden), self.products.product
        return lambda to, n: product(
            Matrix(m, to, hidden, batch=job.plane),
            *(rows, weights, (n, hidden, hidden)),
            n=n_h,
            adds=True,
        )

    def _backward_steps(self, job, m, transposed, steps):
        _, formula = step_kernels(self.step, self.dtype)
        hidden, over = self.hidden, self.device.over
        z = job.z + self.step.h_first * job.plane
        n_states, is_masked = self.step.n_states * job.d_plane, job.mask >= 0
        over(n_states, fill, m, job.d, n_states, 0)
        to = job.exchange if is_masked else job.d
        products = self._backward_products(job, m, transposed, to, not is_masked)
        for t in _in_order(job, not job.reverse):
            n, row = _step_of(job, steps, t)
            over(n * hidden, formula, m, job, row, n)
            products(z + row * hidden, n)
            if is_masked:
                over(n * hidden, add_masked, m, to, job.mask, job.d, n * hidden)

    def _backward_products(self, job, m, transposed, to, adds):
        """A function that sums those of all blocks of z, n rows of each."""
        hidden, n_h, plane = self.hidden, self.n_h, job.plane
        if library() is not None:
            products = StepProducts(library(), m, m, transposed, hidden, n_h)
            return lambda z, n: products.sum_of_all(to, z, plane, n, adds)
        weights = Matrix(m, transposed, hidden, term=hidden * hidden)
        sums, product = Matrix(m, to, hidden), self.products.product
        return lambda z, n: product(
            *(sums, Matrix(m, z, hidden, term=plane), weights, (n, hidden, hidden)),
            n_terms=n_h,
            adds=adds,
        )


def _step_of(job, steps, t):
    """Sequences of a step, and its first row in the window."""
    return int(steps[t, 0]), int(steps[t, 1] - steps[job.first, 1])


def _in_order(job, backwards):
    steps = range(job.first, job.last)
    return reversed(steps) if backwards else steps
