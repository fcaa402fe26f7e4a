"""All steps of a window in one launch: the kernels of the ways *block* and *grid*.

The two differ only in how threads give each other what is fed back, which is an
`Exchange`. Views of memory are small tuples, which the compiler takes apart.
"""

from functools import lru_cache
from typing import NamedTuple

from numba import cuda, from_dtype

from skrnn.backends.cuda.device import unsigned
from skrnn.backends.cuda.recurrent_kernels import (
    Job,
    Place,
    at_sequence,
    unit_functions,
)
from skrnn.backends.table import LENGTH, N_COLUMNS


class Share(NamedTuple):
    """What one thread computes."""

    unit: int
    lane: int  # of the unit among those of the block
    block: int  # the first of the block's sequences
    tile: int  # and how many it has
    first: int  # of its own
    last: int  # before this one; none where there is no such unit
    stride: int  # from some of its own to the next


class Thread(NamedTuple):
    """A thread's share, and what it works on."""

    m: object
    shared: object
    free: int  # where shared memory is, behind the weights
    table: object  # of the batch: `index` elsewhere, a method of tuples to Numba
    job: Job
    share: Share


class View(NamedTuple):
    """Rows of numbers, one for each input of a matrix or for each sequence."""

    vector: object
    at: int
    row: int  # distance between rows
    plane: int  # distance between those of one block of z and of the next


class Step(NamedTuple):
    """A time step of the thread's sequences."""

    row: int  # its first row in the window
    end: int  # the sequences that have it stand before this one


class Exchange(NamedTuple):
    """How threads give each other what is fed back: functions on the device."""

    wait: object  # until all have come here
    n_steps_of: object  # steps of the window that the thread must take part in
    states: object  # where those are that enter step number s
    gradients: object  # where those of its pre-activations are, on the way back
    publish: object  # put a thread's own gradients there


# What a thread does, in either way.


@cuda.jit(device=True)
def share_of(job, units, tile, n_rows):
    """Of this thread, which takes n_rows sequences at a time."""
    lane, group = cuda.threadIdx.x % units, cuda.threadIdx.x // units
    unit, block = cuda.blockIdx.y * units + lane, cuda.blockIdx.x * tile
    last = min(job.n, block + tile) if unit < job.hidden else block
    stride = cuda.blockDim.x // units * n_rows
    return Share(unit, lane, block, tile, block + group * n_rows, last, stride)


@cuda.jit(device=True)
def step_of(my, t):
    """Step t of all."""
    steps, before = N_COLUMNS * my.job.n, my.job.first
    row = my.table[steps + 2 * t + 1] - my.table[steps + 2 * before + 1]
    return Step(row, min(my.share.last, my.table[steps + 2 * t]))


@cuda.jit(device=True)
def rows_from(view, i):
    """A view whose first row is that of sequence i."""
    return View(view.vector, view.at + i * view.row, view.row, view.plane)


# The two exchanges. A kernel with the second one's `wait` is launched as a whole grid.


@lru_cache
def exchange_in_block(n_h, h_first):
    """Through the block's shared memory, of the block's sequences only."""

    @cuda.jit(device=True)
    def wait():
        cuda.syncthreads()

    @cuda.jit(device=True)
    def n_steps_of(my):
        job, longest = my.job, my.table[N_COLUMNS * my.share.block + LENGTH]
        return max(0, min(job.last, longest) - job.first)

    @cuda.jit(device=True)
    def states(my, s):
        hidden, share = my.job.hidden, my.share
        at = my.free + (s % 2 * share.tile - share.block) * hidden
        return View(my.shared, at, hidden, hidden)

    @cuda.jit(device=True)
    def gradients(my, s, step):
        hidden, share = my.job.hidden, my.share
        row = n_h * hidden
        at = my.free + (s % 2 * share.tile - share.block) * row
        return View(my.shared, at, row, hidden)

    @cuda.jit(device=True)
    def publish(u, view, place):
        at = view.at + place.sequence * view.row + place.unit
        for b in range(n_h):
            view.vector[at + b * view.plane] = u[h_first + b]

    return Exchange(wait, n_steps_of, states, gradients, publish)


@lru_cache
def exchange_in_grid(n_h, h_first):
    """Through the device's memory, of all sequences; `n_h` is for the other one."""

    @cuda.jit(device=True)
    def wait():
        cuda.cg.this_grid().sync()

    @cuda.jit(device=True)
    def n_steps_of(my):
        return my.job.last - my.job.first  # all blocks wait for each other

    @cuda.jit(device=True)
    def states(my, s):
        job = my.job
        return View(my.m, job.exchange + s % 2 * job.n * job.hidden, job.hidden, 0)

    @cuda.jit(device=True)
    def gradients(my, s, step):
        job = my.job
        at = job.z + h_first * job.plane + step.row * job.hidden
        return View(my.m, at, job.hidden, job.plane)

    @cuda.jit(device=True)
    def publish(u, view, place):
        pass  # they are in z already

    return Exchange(wait, n_steps_of, states, gradients, publish)


# The recurrent product. The innermost loops are "while", which the compiler unrolls:
# see `unsigned`.


@lru_cache
def weight_function(n_h, in_shared):
    """The function that finds a thread's weights: in shared memory, or at home."""

    @cuda.jit(device=True)
    def copy(my, weights, at, units):
        """Those of the block's units: of each block of z and input all units."""
        hidden, unit = my.job.hidden, cuda.blockIdx.y * units
        for p in range(cuda.threadIdx.x, n_h * hidden * units, cuda.blockDim.x):
            k, u = p // units, p % units
            my.shared[p] = 0
            if unit + u < hidden:
                my.shared[p] = weights[at + k * hidden + unit + u]

    @cuda.jit(device=True)
    def weights_of(my, weights, at, units):
        hidden = my.job.hidden
        if in_shared:
            copy(my, weights, at, units)
            return View(my.shared, my.share.lane, units, hidden * units)
        return View(weights, at + my.share.unit, hidden, hidden * hidden)

    return weights_of


@lru_cache
def product_functions(n_h, n_rows):
    """Sums over all units for n_rows sequences, forward and backward.

    Of these the last one is number `most`; where a thread has fewer, it counts again.
    """

    @cuda.jit(device=True)
    def add_forward(sums, weights, fed, most, hidden):
        """Of each block of z."""
        at, row = unsigned(weights.at), unsigned(weights.row)
        plane, k, n = unsigned(weights.plane), unsigned(0), unsigned(hidden)
        while k < n:
            for b in range(n_h):
                weight = weights.vector[at + unsigned(b) * plane]
                for r in range(n_rows):
                    here = unsigned(fed.at + min(r, most) * fed.row)
                    sums[b * n_rows + r] += weight * fed.vector[here + k]
            at += row
            k += unsigned(1)

    @cuda.jit(device=True)
    def add_backward(sums, weights, fed, most, hidden):
        """Over all blocks of z as well."""
        at, row, n = unsigned(weights.at), unsigned(weights.row), unsigned(hidden)
        for b in range(n_h):
            k = unsigned(0)
            while k < n:
                weight = weights.vector[at]
                for r in range(n_rows):
                    here = fed.at + b * fed.plane + min(r, most) * fed.row
                    sums[r] += weight * fed.vector[unsigned(here) + k]
                at += row
                k += unsigned(1)

    return add_forward, add_backward


class Parts(NamedTuple):
    """Of what a kernel is made; all but the numbers are functions on the device."""

    kind: object
    thread_of: object
    weights_of: object
    exchange: Exchange


@lru_cache(typed=True)
def parts_of(step, dtype, is_grid, in_shared, n_rows):
    """Those that both directions have."""
    n_h = step.n_blocks - step.h_first
    make = exchange_in_grid if is_grid else exchange_in_block

    @cuda.jit(device=True)
    def thread_of(m, shared, index, job, units, tile):
        free = n_h * job.hidden * units if in_shared else 0
        return Thread(m, shared, free, index, job, share_of(job, units, tile, n_rows))

    weights_of = weight_function(n_h, in_shared)
    return Parts(from_dtype(dtype), thread_of, weights_of, make(n_h, step.h_first))


# The kernels.


@lru_cache(typed=True)
def forward_kernel(step, dtype, is_grid, in_shared, n_rows):
    """All steps of a window in their order."""
    kind, thread_of, weights_of, exchange = parts_of(
        step, dtype, is_grid, in_shared, n_rows
    )
    wait, n_steps_of, states, *_ = exchange
    h_first, n_h = step.h_first, step.n_blocks - step.h_first
    advance, _, size, load = unit_functions(step, dtype)
    add_products, _ = product_functions(n_h, n_rows)
    n_sums = n_h * n_rows

    @cuda.jit(device=True)
    def feed_first(my, fed, feeds):
        """What enters the first step of each sequence, whichever it is."""
        m, job, share = my.m, my.job, my.share
        for i0 in range(share.first, share.last, share.stride):
            for i in range(i0, min(share.last, i0 + n_rows)):
                own = at_sequence(job, Place(i, 0, share.unit))
                h = m[job.final + own]
                if job.mask >= 0:
                    h *= m[job.mask + own]
                fed.vector[fed.at + own] = h
                feeds.vector[feeds.at + own] = h

    @cuda.jit(device=True)
    def take(my, weights, now, fed, feeds):
        """One step: the view `fed` enters it, and `feeds` the next one."""
        u = cuda.local.array(size, kind)
        sums = cuda.local.array(n_sums, kind)
        m, job, share = my.m, my.job, my.share
        for i0 in range(share.first, now.end, share.stride):
            for r in range(n_sums):
                sums[r] = 0
            most = now.end - 1 - i0
            add_products(sums, weights, rows_from(fed, i0), most, job.hidden)
            for r in range(n_rows):
                if r <= most:
                    place = Place(i0 + r, now.row + i0 + r, share.unit)
                    load(m, job, u, place)
                    for b in range(n_h):
                        u[h_first + b] += sums[b * n_rows + r]
                    h = advance(m, job, u, place)
                    feeds.vector[feeds.at + at_sequence(job, place)] = h

    @cuda.jit
    def forward(m, weights, at, index, job, units, tile):
        shared = cuda.shared.array(0, kind)
        my = thread_of(m, shared, index, job, units, tile)
        own = weights_of(my, weights, at, units)
        feed_first(my, states(my, 0), states(my, 1))
        wait()
        n = n_steps_of(my)
        for s in range(n):
            t = job.first + (n - 1 - s if job.reverse else s)
            take(my, own, step_of(my, t), states(my, s), states(my, s + 1))
            wait()

    return forward


@lru_cache(typed=True)
def backward_kernel(step, dtype, is_grid, in_shared, n_rows):
    """All steps of a window in the opposite order."""
    kind, thread_of, weights_of, exchange = parts_of(
        step, dtype, is_grid, in_shared, n_rows
    )
    wait, n_steps_of, _, gradients, publish = exchange
    n_states, n_h = step.n_states, step.n_blocks - step.h_first
    _, give_back, size, _ = unit_functions(step, dtype)
    _, add_products = product_functions(n_h, n_rows)

    @cuda.jit(device=True)
    def clear_gradients(my):
        m, job, share = my.m, my.job, my.share
        for i0 in range(share.first, share.last, share.stride):
            for i in range(i0, min(share.last, i0 + n_rows)):
                own = at_sequence(job, Place(i, 0, share.unit))
                for s in range(n_states):
                    m[job.d + s * job.d_plane + own] = 0

    @cuda.jit(device=True)
    def take(my, now, fed):
        """Back through the formula of one step, for all of the thread's sequences."""
        u = cuda.local.array(size, kind)
        share = my.share
        for i0 in range(share.first, now.end, share.stride):
            for i in range(i0, min(now.end, i0 + n_rows)):
                place = Place(i, now.row + i, share.unit)
                give_back(my.m, my.job, u, place)
                publish(u, fed, place)

    @cuda.jit(device=True)
    def feed_back(my, weights, now, fed):
        """Add what reaches the states before through the recurrent product."""
        sums = cuda.local.array(n_rows, kind)
        m, job, share = my.m, my.job, my.share
        for i0 in range(share.first, now.end, share.stride):
            for r in range(n_rows):
                sums[r] = 0
            most = now.end - 1 - i0
            add_products(sums, weights, rows_from(fed, i0), most, job.hidden)
            for r in range(n_rows):
                if r <= most:
                    own = at_sequence(job, Place(i0 + r, 0, share.unit))
                    if job.mask >= 0:
                        sums[r] *= m[unsigned(job.mask + own)]
                    m[unsigned(job.d + own)] += sums[r]

    @cuda.jit
    def backward(m, weights, at, index, job, units, tile):
        shared = cuda.shared.array(0, kind)
        my = thread_of(m, shared, index, job, units, tile)
        own = weights_of(my, weights, at, units)
        clear_gradients(my)
        wait()
        n = n_steps_of(my)
        for s in range(n):
            now = step_of(my, job.first + (s if job.reverse else n - 1 - s))
            fed = gradients(my, s, now)
            take(my, now, fed)
            wait()
            if s < n - 1:
                feed_back(my, own, now, fed)

    return backward
