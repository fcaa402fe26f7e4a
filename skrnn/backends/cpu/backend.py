"""The CPU backend's entry points: loss and gradient of a batch, and outputs."""

import threading
from functools import lru_cache

import numpy as np

from skrnn.backends.arguments import check_learned, check_sequences
from skrnn.backends.cpu import shard
from skrnn.backends.cpu.embedding import Lookup
from skrnn.backends.cpu.packing import PackedNetwork
from skrnn.backends.cpu.plan import make_plan
from skrnn.backends.cpu.poolings import start_kept
from skrnn.backends.cpu.threads import run_shared
from skrnn.backends.cpu.tile import TILE_ROWS
from skrnn.backends.shares import shares_of_steps
from skrnn.backends.table import table_of
from skrnn.mathematics.dropout import NO_DROPOUT

# Sequences of a shard: enough to use a panel of weights several times while it is in
# the cache, few enough to give every thread a shard of a small batch.
TRAIN_ROWS = 16
PREDICT_ROWS = 32
# Rows of a window of prediction: what it computes stays in the second-level cache.
WINDOW_ROWS = 256
# Parameters of the networks whose backends are kept, and how many; a backend takes
# 10 us to make, a prediction of a large network much longer.
KEPT_PARAMETERS, KEPT_BACKENDS = 50_000, 4
ALL_STEPS = np.iinfo(np.int64).max // 2


class CPUBackend(PackedNetwork):
    """Computes for one network; holds its plan and the memory of its weights.

    `trained` are the names of the arrays whose gradients are needed; None: of all. The
    gradients of the others may be anything.
    """

    def __init__(self, network, trained=None):
        self.lookup = Lookup(network, trained)
        super().__init__(network, make_plan, trained, self.lookup.n_numbers)
        self.compiled_network = (network.cell.step, *self.plan[:4])
        self.no_memory = shard.NoMemory(np.empty((0, 0), self.dtype))

    @classmethod
    def to_predict_once(cls, network):
        """A backend that this thread may have used before, for a single prediction."""
        if network.n_parameters > KEPT_PARAMETERS:
            return cls(network)
        backend = _kept.backend_of(network)
        backend.__dict__.pop("n_threads", None)  # there may be another limit by now
        return backend

    @property
    def rows_read(self):
        """Of each embedding, the rows that the last `loss_gradient` read."""
        return self.lookup.rows_read

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
            As the network's loss takes them; for every step if nothing is pooled. Of a
            loss that reads sequences `Sequences` of labels.
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
        order, bounds = deal(spans.counts, TRAIN_ROWS)
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
            order, bounds = deal(counts, -(-rows.size // n_threads))
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


class _Kept(threading.local):
    """The backends of the last networks that predicted in this thread."""

    def __init__(self):
        self.backend_of = lru_cache(KEPT_BACKENDS)(CPUBackend)


_kept = _Kept()


def deal(lengths, shard_rows):
    """Deal a batch, longest first, to shards of equal work.

    The number of shards depends on the batch alone, never on the threads: so do the
    order of all sums, and the bits of the result.
    """
    dealt, bounds = _deal_of(lengths.size, shard_rows)
    if lengths.size == 1:  # to sort it takes a tenth of its prediction
        return dealt, bounds
    by_length = np.argsort(-lengths, kind="stable")
    return by_length[dealt], bounds


@lru_cache(maxsize=64)
def _deal_of(n, shard_rows):
    """For n sequences: which go to each shard, and where the shards end."""
    n_shards = -(-n // shard_rows)
    shards = np.arange(n) % n_shards
    bounds = np.append(0, np.cumsum(np.bincount(shards)))
    return np.argsort(shards, kind="stable"), bounds
