"""A network's weights, packed for compiled code, and sums of gradients of them."""

import numpy as np

from skrnn.backends.cpu.threads import run_threads, thread_limit
from skrnn.backends.cpu.tile import PANEL_BYTES, aligned
from skrnn.backends.steps import HostSteps
from skrnn.lazy import cached_property

# Multiply-adds that are worth one more thread: some 100 us of work, where to hand over
# the work takes 25 us.
WORTH_A_THREAD = 4_000_000
# Numbers that are worth a thread more to copy: some 200 us of work.
COPY_WORTH_A_THREAD = 200_000
# Bytes of the gradients that a round of shards may take, or else two for each thread:
# they fit the third-level cache, and a round takes long enough that its end, where
# threads wait for each other, does not count.
ROUND_BYTES = 2**24


class PackedNetwork:
    """What all backends of the CPU share.

    Parameters
    ----------
    network : Network or EncoderDecoder
    make_plan : callable
        Makes its plan, of the network, the width of panels and what is trained.
    trained : frozenset of str or None
        Names of the arrays whose gradients are needed; None: of all.
    n_first : int
        The flat vector begins with so many numbers that are not packed.
    """

    def __init__(self, network, make_plan, trained, n_first):
        self.network, self.trained, self.n_first = network, trained, n_first
        self.dtype = np.dtype(network.dtype)
        self.width = PANEL_BYTES // self.dtype.itemsize
        self.plan = plan = make_plan(network, self.width, trained)
        self.flat = np.empty(network.n_parameters, self.dtype)
        # Zeros where no weight goes.
        size = plan.n_packed + plan.n_transposed
        self.packed = aligned(np.zeros(size + self.width, self.dtype))[:size]
        self.held = None
        self.gradients = np.empty((0, plan.n_packed), self.dtype)
        self._gradient = None  # the one that was given last

    def __reduce__(self):
        # All else is made anew.
        return type(self), (self.network, self.trained)

    @cached_property
    def n_threads(self):
        """Threads that may run; to find out takes longer than a small prediction."""
        return thread_limit()

    def begin(self, *arguments):
        """The solver's steps of one epoch; takes what else `HostSteps` takes."""
        return HostSteps(self, *arguments)

    def _rounds(self, n_shards, n_threads):
        """The first shard of each round, and a row for the gradient of each in it.

        With one round for all shards, memory would grow with the batch.
        """
        columns = self.plan.n_packed
        n = max(2 * n_threads, ROUND_BYTES // (columns * self.dtype.itemsize))
        n = min(n, n_shards)
        if len(self.gradients) < n:
            memory = aligned(np.empty(n * columns + self.width, self.dtype))
            self.gradients = memory[: n * columns].reshape(n, -1)
        for first in range(0, n_shards, n):
            yield first, self.gradients[: min(n, n_shards - first)]

    def _threads_for(self, n_shards, counts, n_passes):
        """Threads for so many shards and frames, and passes through the weights."""
        if n_shards <= 1:
            return 1
        work = n_passes * int(counts.sum()) * self.plan.n_packed
        useful = min(n_shards, 1 + work // WORTH_A_THREAD)
        return 1 if useful <= 1 else min(useful, self.n_threads)

    def _sum(self, gradients, goes_on):
        """Add up those of the shards in their order, one after the other.

        The total `goes_on` after a round: the bits are those of one round for all.
        """
        columns = self.plan.n_packed
        if columns < COPY_WORTH_A_THREAD:
            _add_all(iter([slice(None)]), gradients, self._total, goes_on)
            return
        firsts = range(0, columns, COPY_WORTH_A_THREAD // 4)
        slices = iter([slice(i, i + firsts.step) for i in firsts])
        arguments = slices, gradients, self._total, goes_on
        run_threads(self.n_threads, _add_all, *arguments)

    @cached_property
    def _total(self):
        """The packed gradient."""
        return np.empty(self.plan.n_packed, self.dtype)

    @cached_property
    def _pairs(self):
        """Where the weights go, and where they come from."""
        pieces = self.plan.pieces
        return [(p.packed_view(self.packed), p.flat_view(self.flat)) for p in pieces]

    @cached_property
    def _transposed_pairs(self):
        """The same of those that are packed a second time."""
        pieces = self.plan.transposed
        return [(p.packed_view(self.packed), p.flat_view(self.flat)) for p in pieces]

    def _pairs_to(self, gradient):
        """Where the gradient goes, and where it comes from; a fit always gives one."""
        if self._gradient is not gradient:
            self._gradient, pieces = gradient, self.plan.pieces
            self._gradient_pairs = [
                (p.flat_view(gradient), p.packed_view(self._total)) for p in pieces
            ]
        return self._gradient_pairs

    def hold(self, parameters):
        """Pack the weights for all coming predictions with these parameters."""
        self._pack(parameters, self._pairs)
        self.held = parameters

    def _pack(self, parameters, pairs):
        if parameters is self.held:
            return
        # Embeddings, which may be large, stay where they are.
        first = self.n_first
        self.flat[first:] = parameters[first:]
        self._copy(pairs)

    def _copy(self, pairs):
        """Copy to the first of each pair from the second, in threads if that pays."""
        if self.plan.n_packed < COPY_WORTH_A_THREAD:
            _copy_all(pairs)
        else:
            # Blocks are about equal; an iterator hands each of them to one thread.
            blocks = [blocks for pair in pairs for blocks in zip(*pair, strict=True)]
            run_threads(self.n_threads, _copy_all, iter(blocks))


def _copy_all(pairs):
    for target, source in pairs:
        target[...] = source


def _add_all(slices, gradients, total, goes_on):
    # What overflows is found later. No gradient has denormal numbers.
    with np.errstate(over="ignore", invalid="ignore"):
        for some in slices:
            if goes_on:
                gradients[0, some] += total[some]
            np.add.reduce(gradients[:, some], out=total[some])
