"""The kernels of a layer's recurrent part in one direction.

A thread computes a unit of a sequence, with all its gates: the cell's formula is the
CPU's, called for one unit, on an array that the compiler keeps in registers.
"""

from functools import lru_cache
from typing import NamedTuple

from numba import cuda, from_dtype

from skrnn.backends.cuda.device import unsigned
from skrnn.backends.cuda.rows import LENGTH, N_COLUMNS
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


@lru_cache(typed=True)  # the class of a step is what tells cells apart
def unit_functions(step, dtype):
    """One step of one unit of one sequence, forward and backward, on the device."""
    kind = from_dtype(dtype)
    n_blocks, n_states = step.n_blocks, step.n_states
    old, new = n_blocks, n_blocks + n_states
    size = n_blocks + 2 * n_states

    @cuda.jit(device=True)
    def advance(m, job, u, i, row, j):
        """From the pre-activations in u; returns what is fed back."""
        here = row * job.hidden + j
        own = job.final + i * job.hidden + j
        for s in range(n_states):
            u[old + s] = m[unsigned(own + s * job.final_plane)]
        mask = m[unsigned(job.mask + i * job.hidden + j)] if job.mask >= 0 else kind(1)
        if job.keep:
            for s in range(n_states):
                m[unsigned(job.states + s * job.plane + here)] = u[old + s]
            if job.fed >= 0:
                m[unsigned(job.fed + here)] = u[old] * mask
        cells.forward(step, u, 0, 1, old, new, 1, 1)
        if job.keep:
            for b in range(n_blocks):
                m[unsigned(job.z + b * job.plane + here)] = u[b]
        for s in range(n_states):
            m[unsigned(own + s * job.final_plane)] = u[new + s]
        m[unsigned(job.out + row * job.out_row + j)] = u[new]
        return u[new] * mask

    @cuda.jit(device=True)
    def give_back(m, job, u, i, row, j):
        """Leaves the gradients of the pre-activations in u and in z."""
        here = row * job.hidden + j
        own = job.d + i * job.hidden + j
        for b in range(n_blocks):
            u[b] = m[unsigned(job.z + b * job.plane + here)]
        for s in range(n_states):
            u[old + s] = m[unsigned(job.states + s * job.plane + here)]
            u[new + s] = m[unsigned(own + s * job.d_plane)]
        u[new] += m[unsigned(job.out + row * job.out_row + j)]
        cells.backward(step, u, 0, 1, old, new, 1, 1)
        for b in range(n_blocks):
            m[unsigned(job.z + b * job.plane + here)] = u[b]
        for s in range(n_states):
            m[unsigned(own + s * job.d_plane)] = u[new + s]

    return advance, give_back, size


@lru_cache(typed=True)
def step_kernels(step, dtype):
    """The cell's formula for all units of one step, of its first n sequences."""
    kind = from_dtype(dtype)
    advance, give_back, size = unit_functions(step, dtype)
    n_blocks = step.n_blocks

    @cuda.jit
    def forward(m, job, row, n):
        u = cuda.local.array(size, kind)
        for p in range(cuda.grid(1), n * job.hidden, cuda.gridsize(1)):
            i, j = p // job.hidden, p % job.hidden
            for b in range(n_blocks):
                u[b] = m[job.z + b * job.plane + (row + i) * job.hidden + j]
            fed = advance(m, job, u, i, row + i, j)
            if job.mask >= 0:
                m[job.exchange + p] = fed

    @cuda.jit
    def backward(m, job, row, n):
        u = cuda.local.array(size, kind)
        for p in range(cuda.grid(1), n * job.hidden, cuda.gridsize(1)):
            i, j = p // job.hidden, p % job.hidden
            give_back(m, job, u, i, row + i, j)

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


# Two functions, since any kernel with the first in it is launched as a whole grid.


@cuda.jit(device=True)
def _wait_for_grid():
    cuda.cg.this_grid().sync()


@cuda.jit(device=True)
def _wait_for_block():
    cuda.syncthreads()


class Share(NamedTuple):
    """What one thread of a persistent kernel does."""

    unit: int
    lane: int  # of the unit among those of the block
    block: int  # the first of the block's sequences
    first: int  # of its own
    last: int  # before this one; none where there is no such unit
    stride: int  # from some of its own to the next


@lru_cache(typed=True)
def persistent_kernels(step, dtype, is_grid, in_shared, n_rows):
    """All steps of a window in one launch, forward and backward."""
    kind = from_dtype(dtype)
    advance, give_back, size = unit_functions(step, dtype)
    n_blocks, n_states, h_first = step.n_blocks, step.n_states, step.h_first
    n_h = n_blocks - h_first
    n_sums = n_h * n_rows
    wait = _wait_for_grid if is_grid else _wait_for_block

    @cuda.jit(device=True)
    def share_of(job, units, tile):
        lane, group = cuda.threadIdx.x % units, cuda.threadIdx.x // units
        unit, block = cuda.blockIdx.y * units + lane, cuda.blockIdx.x * tile
        last = min(job.n, block + tile) if unit < job.hidden else block
        stride = cuda.blockDim.x // units * n_rows
        return Share(unit, lane, block, block + group * n_rows, last, stride)

    @cuda.jit(device=True)
    def n_steps_of(job, index, block):
        """Steps of the window for the sequences of a block."""
        n = job.last - job.first
        if is_grid:  # all blocks wait for each other
            return n
        return max(0, min(n, index[N_COLUMNS * block + LENGTH] - job.first))

    @cuda.jit(device=True)
    def rows_of(job, index, t, last):
        """First row of a step in the window, and its sequences before `last`."""
        steps = N_COLUMNS * job.n
        row = index[steps + 2 * t + 1] - index[steps + 2 * job.first + 1]
        return row, min(last, index[steps + 2 * t])

    @cuda.jit(device=True)
    def copy_weights(shared, weights, at, job, units):
        """Those of the block's units: of each block of z and input all units."""
        unit = cuda.blockIdx.y * units
        n = n_h * job.hidden * units
        for p in range(cuda.threadIdx.x, n, cuda.blockDim.x):
            k, u = p // units, p % units
            shared[p] = 0
            if unit + u < job.hidden:
                shared[p] = weights[at + k * job.hidden + unit + u]

    # The innermost loops are "while", which the compiler unrolls; see `unsigned`.

    @cuda.jit(device=True)
    def add_forward(sums, v, v_at, v_row, e, e_at, last, hidden):
        """Add the products with all units of a row, for each block and sequence."""
        at, row, plane = unsigned(v_at), unsigned(v_row), unsigned(hidden * v_row)
        k, n = unsigned(0), unsigned(hidden)
        while k < n:
            for b in range(n_h):
                weight = v[at + unsigned(b) * plane]
                for r in range(n_rows):
                    here = unsigned(e_at + min(r, last) * hidden)
                    sums[b * n_rows + r] += weight * e[here + k]
            at += row
            k += unsigned(1)

    @cuda.jit(device=True)
    def add_backward(sums, v, v_at, v_row, e, e_at, e_row, e_plane, last, hidden):
        """Add the products with all units and blocks, for each sequence."""
        at, row, n = unsigned(v_at), unsigned(v_row), unsigned(hidden)
        for b in range(n_h):
            k = unsigned(0)
            while k < n:
                weight = v[at]
                for r in range(n_rows):
                    here = unsigned(e_at + b * e_plane + min(r, last) * e_row)
                    sums[r] += weight * e[here + k]
                at += row
                k += unsigned(1)

    @cuda.jit(device=True)
    def feed_first(m, job, mine, exchange, here, there):
        """What is fed back into the first step of each sequence."""
        for i0 in range(mine.first, mine.last, mine.stride):
            for i in range(i0, min(mine.last, i0 + n_rows)):
                own = i * job.hidden + mine.unit
                h = m[job.final + own]
                if job.mask >= 0:
                    h *= m[job.mask + own]
                exchange[here + own] = h
                exchange[there + own] = h

    @cuda.jit(device=True)
    def step_forward(m, job, mine, row, end, v, v_at, v_row, exchange, here, there):
        """One step: `here` is what is fed back into it, `there` into the next."""
        u = cuda.local.array(size, kind)
        sums = cuda.local.array(n_sums, kind)
        for i0 in range(mine.first, end, mine.stride):
            for r in range(n_sums):
                sums[r] = 0
            e_at, most = here + i0 * job.hidden, end - 1 - i0
            add_forward(sums, v, v_at, v_row, exchange, e_at, most, job.hidden)
            for r in range(n_rows):
                i = i0 + r
                if i < end:
                    z = job.z + (row + i) * job.hidden + mine.unit
                    for b in range(n_blocks):
                        u[b] = m[unsigned(z + b * job.plane)]
                    for b in range(n_h):
                        u[h_first + b] += sums[b * n_rows + r]
                    fed = advance(m, job, u, i, row + i, mine.unit)
                    exchange[there + i * job.hidden + mine.unit] = fed

    @cuda.jit
    def forward(m, weights, at, index, job, units, tile):
        shared = cuda.shared.array(0, kind)
        mine, fed = share_of(job, units, tile), 0
        v, v_at, v_row = weights, at + mine.unit, job.hidden
        if in_shared:
            copy_weights(shared, weights, at, job, units)
            v, v_at, v_row, fed = shared, mine.lane, units, n_h * job.hidden * units
        # What is fed back: of the block's sequences in its memory, or of all.
        if is_grid:
            exchange, base, one = m, job.exchange, job.n * job.hidden
        else:
            exchange, one = shared, tile * job.hidden
            base = fed - mine.block * job.hidden
        feed_first(m, job, mine, exchange, base, base + one)
        wait()
        n = n_steps_of(job, index, mine.block)
        for s in range(n):
            t = job.first + (n - 1 - s if job.reverse else s)
            row, end = rows_of(job, index, t, mine.last)
            here, there = base + s % 2 * one, base + (s + 1) % 2 * one
            step_forward(m, job, mine, row, end, v, v_at, v_row, exchange, here, there)
            wait()

    @cuda.jit(device=True)
    def clear_gradients(m, job, mine):
        for i0 in range(mine.first, mine.last, mine.stride):
            for i in range(i0, min(mine.last, i0 + n_rows)):
                for s in range(n_states):
                    m[job.d + s * job.d_plane + i * job.hidden + mine.unit] = 0

    @cuda.jit(device=True)
    def step_back(m, job, mine, row, end, shared, base):
        """Back through the formula of one step, for all of the thread's sequences."""
        u = cuda.local.array(size, kind)
        for i0 in range(mine.first, end, mine.stride):
            for i in range(i0, min(end, i0 + n_rows)):
                give_back(m, job, u, i, row + i, mine.unit)
                if not is_grid:
                    at = base + i * n_h * job.hidden + mine.unit
                    for b in range(n_h):
                        shared[at + b * job.hidden] = u[h_first + b]

    @cuda.jit(device=True)
    def feed_back(m, job, mine, end, v, v_at, v_row, e, base, e_row, e_plane):
        """Add what reaches the states before through the recurrent product."""
        sums = cuda.local.array(n_rows, kind)
        for i0 in range(mine.first, end, mine.stride):
            for r in range(n_rows):
                sums[r] = 0
            at, most, hidden = base + i0 * e_row, end - 1 - i0, job.hidden
            add_backward(sums, v, v_at, v_row, e, at, e_row, e_plane, most, hidden)
            for r in range(n_rows):
                i = i0 + r
                if i < end:
                    own = i * hidden + mine.unit
                    if job.mask >= 0:
                        sums[r] *= m[unsigned(job.mask + own)]
                    m[unsigned(job.d + own)] += sums[r]

    @cuda.jit
    def backward(m, weights, at, index, job, units, tile):
        shared = cuda.shared.array(0, kind)
        mine, fed, hidden = share_of(job, units, tile), 0, job.hidden
        v, v_at, v_row = weights, at + mine.unit, hidden
        if in_shared:
            copy_weights(shared, weights, at, job, units)
            v, v_at, v_row, fed = shared, mine.lane, units, n_h * hidden * units
        clear_gradients(m, job, mine)
        wait()
        n = n_steps_of(job, index, mine.block)
        for s in range(n):
            t = job.first + (s if job.reverse else n - 1 - s)
            row, end = rows_of(job, index, t, mine.last)
            # Where the gradients of what the states were fed into are exchanged.
            if is_grid:
                exchange, e_row, e_plane = m, hidden, job.plane
                base = job.z + h_first * job.plane + row * hidden
            else:
                exchange, e_row, e_plane = shared, n_h * hidden, hidden
                base = fed + (s % 2 * tile - mine.block) * e_row
            step_back(m, job, mine, row, end, shared, base)
            wait()
            if s < n - 1:
                feed_back(
                    m, job, mine, end, v, v_at, v_row, exchange, base, e_row, e_plane
                )

    return forward, backward
