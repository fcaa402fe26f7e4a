"""The CPU backend's entry points: loss and gradient of a batch, and outputs."""

import numpy as np

from skrnn.backends.cpu import packing, shard
from skrnn.backends.cpu.plan import make_plan
from skrnn.backends.cpu.threads import run_threads, thread_limit
from skrnn.backends.cpu.tile import PANEL_BYTES
from skrnn.mathematics.poolings import POOLINGS

# Sequences of a shard: enough to use a panel of weights several times while it is in
# the cache, few enough to give every thread a shard of a small batch.
TRAIN_ROWS = 16
PREDICT_ROWS = 32
# Multiply-adds that are worth one more thread: some 100 us of work, where to hand over
# the work takes 25 us.
WORTH_A_THREAD = 4_000_000


class CPUBackend:
    """Computes for one network; holds its plan and the memory of its weights."""

    def __init__(self, network):
        self.n_threads = thread_limit()
        self.dtype = np.dtype(network.dtype)
        self.width = PANEL_BYTES // self.dtype.itemsize
        self.plan = make_plan(network, self.width)
        self.kind = network.kind
        self.compiled_network = (
            network.cell.step,
            self.plan.layer,
            self.plan.head,
            POOLINGS[network.pooling],
        )
        self.packed = np.zeros((1, self.plan.n_packed), self.dtype)
        self.packed_transposed = np.zeros((1, self.plan.n_transposed), self.dtype)
        self.gradients = np.empty((0, self.plan.n_packed), self.dtype)

    def loss_gradient(self, parameters, sequences, rows, targets, scales, gradient):
        """Weighted loss of a batch, ``sum_i scales[i] * loss_i``, and its gradient.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            The network's flat vector.
        sequences : Sequences
            The training data.
        rows : ndarray of shape (n_batch,)
            Which of the sequences make the batch.
        targets : ndarray of shape (n_sequences, n_columns)
            As the network's loss takes them.
        scales : ndarray of shape (n_sequences,)
            Weight of each sequence in the loss.
        gradient : ndarray of shape (n_parameters,)
            Written.
        """
        self._pack(parameters, self.plan.pieces_transposed)
        lengths = sequences.offsets[rows + 1] - sequences.offsets[rows]
        order, bounds = _deal(rows, lengths, TRAIN_ROWS)
        n_shards = bounds.size - 1
        if len(self.gradients) < n_shards:
            self.gradients = np.empty((n_shards, self.plan.n_packed), self.dtype)
        gradients, losses = self.gradients[:n_shards], np.empty(n_shards)
        run_threads(
            self._threads_for(n_shards, 3 * lengths.sum()),
            shard.train_shards,
            np.zeros(1, np.int64),
            self.compiled_network,
            self.kind,
            (self.packed, self.packed_transposed),
            (sequences.values, sequences.offsets, targets, scales),
            order,
            bounds,
            gradients,
            losses,
        )
        packing.unpack_sum(gradients, self.plan.pieces, self.width, gradient)
        return float(losses.sum())

    def outputs(self, parameters, sequences):
        """The head's outputs, of shape (n_sequences, n_outputs)."""
        self._pack(parameters, self.plan.pieces_transposed[:0])
        outputs = np.empty(
            (sequences.n_sequences, self.plan.head.n_outputs), self.dtype
        )
        # Neighbours in length together, so that a shard's rows stay active.
        order = np.argsort(-sequences.lengths, kind="stable")
        bounds = np.append(np.arange(0, order.size, PREDICT_ROWS), order.size)
        run_threads(
            self._threads_for(bounds.size - 1, len(sequences.values)),
            shard.predict_shards,
            np.zeros(1, np.int64),
            self.compiled_network,
            self.packed,
            sequences.values,
            sequences.offsets,
            order,
            bounds,
            outputs,
        )
        return outputs

    def _threads_for(self, n_shards, n_passes):
        """Threads for so many shards and passes through the weights."""
        work = int(n_passes) * self.plan.n_packed
        return min(self.n_threads, n_shards, 1 + work // WORTH_A_THREAD)

    def _pack(self, parameters, pieces_transposed):
        packing.pack_weights(
            parameters,
            self.width,
            self.plan.pieces,
            self.packed,
            pieces_transposed,
            self.packed_transposed,
        )


def _deal(rows, lengths, shard_rows):
    """Deal a batch, longest first, to shards of equal work.

    The number of shards depends on the batch alone, never on the threads: so do the
    order of all sums, and the bits of the result.
    """
    by_length = rows[np.argsort(-lengths, kind="stable")]
    n_shards = -(-rows.size // shard_rows)
    order = np.concatenate([by_length[s::n_shards] for s in range(n_shards)])
    sizes = [-(-(rows.size - s) // n_shards) for s in range(n_shards)]
    return order, np.concatenate([[0], np.cumsum(sizes)])
