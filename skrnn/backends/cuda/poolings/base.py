"""From the states of all steps to one vector a sequence, and back.

A thread takes one output of one sequence and goes through the steps of the window in
their order; so the steps may come in any pieces, with the same bits in the end.
"""

from functools import lru_cache

from numba import cuda

from skrnn.backends.table import LENGTH, N_COLUMNS, START, TOTAL


class Pooling:
    """Outputs for every step; the others pool a batch, whose windows come one by one.

    What it keeps of a sequence is in `Work.kept`, what it makes of it in `Work.pooled`,
    where later the gradient of that is.
    """

    def __init__(self, output):
        # Not the output itself, which holds the pooling: the device's memory would wait
        # for the garbage collector.
        self.states, self.batch = output.states, output.batch
        self.network = output.network
        self.device, self.products = output.device, output.products
        self.m, self.w, self.work = output.m, output.w, output.work
        self.n_out, self.hidden = output.n_out, output.hidden

    @classmethod
    def first_kept(cls, network):
        """The numbers that it keeps of a sequence before the first step."""
        return []

    @classmethod
    def room(cls, network, n_rows, keep):
        """Numbers that it needs for a window; with `keep` there is a way back."""
        return 0

    def add_window(self):
        """Take in the last layer's outputs of a window."""

    def finish(self):
        """Write the pooled states of all sequences."""

    def spread_window(self, gradient):
        """Replace the last layer's outputs of a window by their gradient.

        That of the pooling's own weights is added to `gradient`.
        """


class OfSteps(Pooling):
    """A pooling whose formulas take a number of one step at a time."""

    #: What `take` starts from.
    start = 0.0

    @staticmethod
    def take(value, rest, best, state, step):
        """What is kept after one more step: a value, its rest, and a step's number."""
        raise NotImplementedError

    @staticmethod
    def result(value, n_steps):
        """The pooled state after so many steps."""
        return value

    @staticmethod
    def share(d, best, step, ends, n_steps):
        """A step's part of the pooled state's gradient d.

        `ends` says whether it is the last step of its direction.
        """
        raise NotImplementedError

    @classmethod
    def first_kept(cls, network):
        """Values, and then their rests."""
        return [cls.start] * network.n_states_out + [0.0] * network.n_states_out

    def add_window(self):
        """Take in the last layer's outputs of a window."""
        batch, n_out = self.batch, self.n_out
        window = self.m, batch.index, batch.n, *batch.window
        places = self.states, self.work.kept
        kernel = add_kernel(type(self))
        self.device.over(batch.n * n_out, kernel, *window, n_out, places, batch.best)

    def finish(self):
        """Write the pooled states of all sequences."""
        batch, n_out = self.batch, self.n_out
        places = self.work.kept, self.work.pooled
        arguments = self.m, batch.index, batch.n, n_out, places
        self.device.over(batch.n * n_out, finish_kernel(type(self)), *arguments)

    def spread_window(self, gradient):
        """Replace the last layer's outputs of a window by their gradient."""
        batch, sizes = self.batch, (self.n_out, self.hidden)
        places = self.states, self.work.pooled
        arguments = self.m, batch.index, batch.rows, batch.n_here, sizes, places
        n = batch.n_here * self.n_out
        self.device.over(n, spread_kernel(type(self)), *arguments, batch.best)


@cuda.jit(device=True)
def end_of(index, i, j, hidden):
    """The step of a sequence that is the last one for the direction of output j."""
    return index[N_COLUMNS * i + LENGTH] - 1 if j < hidden else 0


@cuda.jit(device=True)
def row_of(index, n, i, step, first):
    """The row of a sequence's step in the window from step `first` on."""
    steps = N_COLUMNS * n
    return index[steps + 2 * step + 1] - index[steps + 2 * first + 1] + i


@cuda.jit(device=True)
def add_exactly(total, rest, term):
    """A sum, and what rounding has left out of it, after one more term.

    A plain sum in float32 stands still after some ten million steps of a stream.
    W. Kahan, Further remarks on reducing truncation errors, CACM 8(1), 1965.
    """
    term -= rest
    new = total + term
    return new, (new - total) - term


@cuda.jit
def start_kept(m, n, kept, first):
    """What is kept of n sequences before their first step."""
    for p in range(cuda.grid(1), n * first.size, cuda.gridsize(1)):
        m[kept + p] = first[p % first.size]


@lru_cache
def add_kernel(pooling):
    """The kernel that takes in the outputs of the last layer in a window."""
    take = cuda.jit(device=True)(pooling.take)

    @cuda.jit
    def add_window(m, index, n, first, last, n_out, places, best):
        states, kept = places
        for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
            i, j = p // n_out, p % n_out
            at = kept + 2 * i * n_out + j
            value, rest, found = m[at], m[at + n_out], best[p]
            for t in range(first, min(last, index[N_COLUMNS * i + LENGTH])):
                state = m[states + row_of(index, n, i, t, first) * n_out + j]
                value, rest, found = take(value, rest, found, state, t)
            m[at], m[at + n_out], best[p] = value, rest, found

    return add_window


@lru_cache
def finish_kernel(pooling):
    """The kernel that makes pooled states of what is kept."""
    result = cuda.jit(device=True)(pooling.result)

    @cuda.jit
    def finish(m, index, n, n_out, places):
        kept, pooled = places
        for p in range(cuda.grid(1), n * n_out, cuda.gridsize(1)):
            i, j = p // n_out, p % n_out
            n_steps = m.dtype.type(index[N_COLUMNS * i + TOTAL])
            m[pooled + p] = result(m[kept + 2 * i * n_out + j], n_steps)

    return finish


@lru_cache
def spread_kernel(pooling):
    """The kernel that replaces outputs of a window by their gradient."""
    share = cuda.jit(device=True)(pooling.share)

    @cuda.jit
    def spread_window(m, index, rows, n_rows, sizes, places, best):
        n_out, hidden = sizes
        states, d_pooled = places
        for p in range(cuda.grid(1), n_rows * n_out, cuda.gridsize(1)):
            r, j = p // n_out, p % n_out
            i = rows[2 * r + 1]
            step = rows[2 * r] - index[N_COLUMNS * i + START]
            q = i * n_out + j
            ends = step == end_of(index, i, j, hidden)
            n_steps = m.dtype.type(index[N_COLUMNS * i + TOTAL])
            m[states + p] = share(m[d_pooled + q], best[q], step, ends, n_steps)

    return spread_window
