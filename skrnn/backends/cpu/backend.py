"""The CPU backend's entry points: loss and gradient of a batch, and outputs."""

import threading
from functools import lru_cache

import numpy as np

from skrnn.backends.arguments import check_learned, check_sequences
from skrnn.backends.cpu import shard
from skrnn.backends.cpu.embedding import Lookup
from skrnn.backends.cpu.plan import make_plan
from skrnn.backends.cpu.poolings import start_kept
from skrnn.backends.cpu.threads import run_shared, run_threads, thread_limit
from skrnn.backends.cpu.tile import PANEL_BYTES, TILE_ROWS, aligned
from skrnn.backends.shares import shares_of_steps
from skrnn.backends.steps import HostSteps
from skrnn.backends.table import table_of
from skrnn.lazy import cached_property
from skrnn.mathematics.dropout import NO_DROPOUT

# Sequences of a shard: enough to use a panel of weights several times while it is in
# the cache, few enough to give every thread a shard of a small batch.
TRAIN_ROWS = 16
PREDICT_ROWS = 32
# Rows of a window of prediction: what it computes stays in the second-level cache.
WINDOW_ROWS = 256
# Multiply-adds that are worth one more thread: some 100 us of work, where to hand over
# the work takes 25 us.
WORTH_A_THREAD = 4_000_000
# Numbers that are worth a thread more to copy: some 200 us of work.
COPY_WORTH_A_THREAD = 200_000
# Bytes of the gradients that a round of shards may take, or else two for each thread:
# they fit the third-level cache, and a round takes long enough that its end, where
# threads wait for each other, does not count.
ROUND_BYTES = 2**24
# Parameters of the networks whose backends are kept, and how many; a backend takes
# 10 us to make, a prediction of a large network much longer.
KEPT_PARAMETERS, KEPT_BACKENDS = 50_000, 4
ALL_STEPS = np.iinfo(np.int64).max // 2


class CPUBackend:
    """Computes for one network; holds its plan and the memory of its weights.

    `trained` are the names of the arrays whose gradients are needed; None: of all. The
    gradients of the others may be anything.
    """

    def __init__(self, network, trained=None):
        self.network, self.trained = network, trained
        self.dtype = np.dtype(network.dtype)
        self.width = PANEL_BYTES // self.dtype.itemsize
        self.plan = plan = make_plan(network, self.width, trained)
        self.compiled_network = (
            network.cell.step,
            plan.sizes,
            plan.layers,
            plan.pooling,
            plan.head,
        )
        self.lookup = Lookup(network, trained)
        self.flat = np.empty(network.n_parameters, self.dtype)
        # Zeros where no weight goes.
        size = plan.n_packed + plan.n_transposed
        self.packed = aligned(np.zeros(size + self.width, self.dtype))[:size]
        self.gradients = np.empty((0, plan.n_packed), self.dtype)
        self._gradient = None  # the one that was given last
        self.no_memory = shard.NoMemory(np.empty((0, 0), self.dtype))

    @classmethod
    def to_predict_once(cls, network):
        """A backend that this thread may have used before, for a single prediction."""
        if network.n_parameters > KEPT_PARAMETERS:
            return cls(network)
        backend = _kept.backend_of(network)
        backend.__dict__.pop("n_threads", None)  # there may be another limit by now
        return backend

    def __reduce__(self):
        # All else is made anew.
        return CPUBackend, (self.network, self.trained)

    @property
    def rows_read(self):
        """Of each embedding, the rows that the last `loss_gradient` read."""
        return self.lookup.rows_read

    @cached_property
    def n_threads(self):
        """Threads that may run; to find out takes longer than a small prediction."""
        return thread_limit()

    def new_memory(self, n_sequences):
        """Where sequences stand before their first step; unidirectional networks only.

        `outputs` and `loss_gradient` go on from there, and leave there what the next
        call needs to go on.
        """
        row = np.zeros(self.memory_size, self.dtype)
        pooling = self.plan.pooling
        start_kept(pooling, row[row.size - pooling.n_kept :])
        return np.tile(row, (n_sequences, 1))

    @property
    def memory_size(self):
        """Numbers of a sequence in what `new_memory` makes."""
        sizes, step = self.plan.sizes, self.network.cell.step
        n_states = step.n_states * len(self.plan.layers) * sizes.padded_size
        return n_states + self.plan.pooling.n_kept

    def begin(self, *arguments):
        """The solver's steps of one epoch; takes what else `HostSteps` takes."""
        return HostSteps(self, *arguments)

    def loss_gradient(
        self,
        parameters,
        sequences,
        rows,
        targets,
        scales,
        gradient,
        *,
        dropout=NO_DROPOUT,
        bptt_steps=None,
        steps=None,
        memory=None,
    ):
        """Weighted loss of a batch, ``sum_i scales[i] * loss_i``, and its gradient.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            The network's flat vector.
        sequences : Sequences
            The training data.
        rows : ndarray of shape (n_batch,)
            Which of the sequences make the batch.
        targets : ndarray of shape (n_sequences, n_columns) or (n_steps, n_columns)
            As the network's loss takes them; for every step if nothing is pooled.
        scales : ndarray of shape (n_sequences,) or (n_steps,)
            Weight of each target in the loss.
        gradient : ndarray of shape (n_parameters,)
            Written.
        dropout : Dropout
            What to leave out.
        bptt_steps : int or None
            Gradients reach back to the last multiple of so many frames; None: to the
            first one.
        steps : (int, int) or None
            Take these steps of each sequence only, from the first and before the last;
            where nothing is pooled.
        memory : ndarray or None
            As `new_memory` makes it: where the sequences stand before these steps;
            renewed. Not together with `bptt_steps` where states are pooled.
        """
        given = {"memory": memory, "gradient": gradient}
        check_sequences(self, parameters, sequences, **given)
        check_learned(self.network, sequences, targets, scales)
        self._pack(parameters, self._pairs + self._transposed_pairs)
        offsets = sequences.offsets
        spans = self.network.frames.spans(offsets[rows + 1] - offsets[rows], steps)
        order, bounds = _deal(spans.counts, TRAIN_ROWS)
        losses = np.empty(bounds.size - 1)
        memory = self.no_memory if memory is None else shard.Memory(memory)
        n_threads = self._threads_for(losses.size, spans.counts, 3)
        read = self.lookup.steps_read(sequences, rows, spans)
        inputs = self.lookup.inputs(parameters, sequences, read)
        table = table_of(offsets, rows, spans, order, read.compact)
        for first, gradients in self._rounds(losses.size, n_threads):
            last = first + len(gradients)
            run_shared(
                n_threads,
                shard.train_shards,
                np.zeros(1, np.int64),
                self.compiled_network,
                dropout,
                self.network.kind,
                self.packed,
                (inputs, (targets, scales), memory),
                table,
                bounds[first : last + 1],
                ALL_STEPS if bptt_steps is None else bptt_steps,
                gradients,
                losses[first:last],
            )
            self._sum(gradients, first > 0)
        self._copy(self._pairs_to(gradient))
        self.lookup.write_gradient(sequences, read, inputs, gradient)
        return float(losses.sum())

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

    def outputs(self, parameters, sequences, *, memory=None, spans=None):
        """The head's outputs, (n_sequences, n_outputs) or (n_steps, n_outputs).

        With `memory` the sequences go on from where they were; `spans` are the frames
        to compute, None: all. Outputs of steps that end none of them may be anything.
        """
        n = self.plan.head.n_outputs
        return self._predict(parameters, sequences, shard.OUTPUTS, n, memory, spans)

    def features(self, parameters, sequences, *, memory=None, spans=None):
        """States of the last layer: pooled, or those of every step if nothing is."""
        n = self.plan.sizes.n_out
        return self._predict(parameters, sequences, shard.STATES, n, memory, spans)

    def attention_weights(self, parameters, sequences):
        """Share of each step in what attention pools, of shape (n_steps,)."""
        n_steps = len(sequences.values)
        scores = np.empty((n_steps, 1), self.dtype)
        self._run_predict(parameters, sequences, shard.SCORES, scores, None, None)
        return shares_of_steps(scores[:, 0], sequences, self.network.frames)

    def _predict(self, parameters, sequences, wanted, n_columns, memory, spans):
        is_pooled = self.network.pooling is not None
        n = sequences.n_sequences if is_pooled else len(sequences.values)
        results = np.empty((n, n_columns), self.dtype)
        self._run_predict(parameters, sequences, wanted, results, memory, spans)
        return results

    def _run_predict(self, parameters, sequences, wanted, results, memory, spans):
        given = {"memory": memory, "spans": spans}
        check_sequences(self, parameters, sequences, **given)
        self._pack(parameters, self._pairs)
        spans = spans or self.network.frames.spans(sequences.lengths)
        counts, rows = spans.counts, np.arange(sequences.n_sequences)
        n_threads = self._threads_for(rows.size // TILE_ROWS, counts, 1)
        if rows.size <= n_threads * PREDICT_ROWS:
            order, bounds = _deal(counts, -(-rows.size // n_threads))
        else:
            # Neighbours in length together, so that a shard's rows stay active.
            order = np.argsort(-counts, kind="stable")
            bounds = np.append(np.arange(0, order.size, PREDICT_ROWS), order.size)
        run_shared(
            n_threads,
            shard.predict_shards,
            np.zeros(1, np.int64),
            self.compiled_network,
            self.packed,
            self.lookup.inputs(parameters, sequences),
            self.no_memory if memory is None else shard.Memory(memory),
            table_of(sequences.offsets, rows, spans, order),
            bounds,
            # Where a layer needs the last step first, there is one window.
            ALL_STEPS if self.network.bidirectional else WINDOW_ROWS,
            wanted,
            results,
        )

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

    def _pack(self, parameters, pairs):
        # Embeddings, which may be large, stay where they are.
        first = self.lookup.n_numbers
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


class _Kept(threading.local):
    """The backends of the last networks that predicted in this thread."""

    def __init__(self):
        self.backend_of = lru_cache(KEPT_BACKENDS)(CPUBackend)


_kept = _Kept()


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


def _deal(lengths, shard_rows):
    """Deal a batch, longest first, to shards of equal work.

    The number of shards depends on the batch alone, never on the threads: so do the
    order of all sums, and the bits of the result.
    """
    deal, bounds = _deal_of(lengths.size, shard_rows)
    if lengths.size == 1:  # to sort it takes a tenth of its prediction
        return deal, bounds
    by_length = np.argsort(-lengths, kind="stable")
    return by_length[deal], bounds


@lru_cache(maxsize=64)
def _deal_of(n, shard_rows):
    """For n sequences: which go to each shard, and where the shards end."""
    n_shards = -(-n // shard_rows)
    shards = np.arange(n) % n_shards
    bounds = np.append(0, np.cumsum(np.bincount(shards)))
    return np.argsort(shards, kind="stable"), bounds
