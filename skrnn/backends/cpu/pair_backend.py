"""The CPU backend of an encoder and a decoder: gradients, and all for predictions."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skrnn.backends.arguments import check_learned, check_parameters, check_values
from skrnn.backends.cpu import pairs
from skrnn.backends.cpu.backend import PREDICT_ROWS, TRAIN_ROWS, CPUBackend, deal
from skrnn.backends.cpu.embedding import Lookup
from skrnn.backends.cpu.packing import PackedNetwork
from skrnn.backends.cpu.plan import make_pair_plan
from skrnn.backends.cpu.threads import run_shared
from skrnn.backends.table import table_of
from skrnn.mathematics.dropout import NO_DROPOUT


class PairBackend(PackedNetwork):
    """Computes for one `EncoderDecoder`, as `CPUBackend` does for a network."""

    def __init__(self, network, trained=None):
        self.lookups, before = [], 0
        for one in network.networks:
            self.lookups.append(Lookup(one, trained, network, before))
            before += self.lookups[-1].n_numbers
        super().__init__(network, make_pair_plan, trained, before)
        step = network.decoder.cell.step
        self.compiled_networks = tuple((step, *plan) for plan in self.plan.networks)

    @classmethod
    def to_predict_once(cls, network):
        """A backend for a single prediction."""
        return cls(network)

    @property
    def rows_read(self):
        """Of each embedding, the rows that the last `loss_gradient` read."""
        return [rows for lookup in self.lookups for rows in lookup.rows_read]

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
        """As that of `CPUBackend`, of `SequencePairs`, which are always taken whole."""
        check_parameters(self, parameters, gradient)
        check_learned(self.network, sequences.target, targets, scales)
        sides = [
            _Side(lookup, part, rows, parameters)
            for lookup, part in zip(self.lookups, sequences, strict=True)
        ]
        self._pack(parameters, self._pairs + self._transposed_pairs)
        counts = sum(side.spans.counts for side in sides)
        order, bounds = deal(counts, TRAIN_ROWS)
        orders, partners = _orders(order, bounds, [s.spans.counts for s in sides])
        losses = np.empty(bounds.size - 1)
        n_threads = self._threads_for(losses.size, counts, 3)
        inputs = tuple(side.inputs for side in sides)
        tables = tuple(s.table(rows, o) for s, o in zip(sides, orders, strict=True))
        for first, gradients in self._rounds(losses.size, n_threads):
            last = first + len(gradients)
            run_shared(
                n_threads,
                pairs.train_pairs,
                np.zeros(1, np.int64),
                self.compiled_networks,
                self.plan.attention,
                # Each draws masks of its own.
                (dropout, dropout._replace(seed=dropout.seed ^ 1)),
                self.network.kind,
                self.packed,
                (inputs, (targets, scales)),
                tables,
                partners,
                bounds[first : last + 1],
                gradients,
                losses[first:last],
            )
            self._sum(gradients, first > 0)
        self._copy(self._pairs_to(gradient))
        for side in sides:
            side.lookup.write_gradient(side.sequences, side.read, side.inputs, gradient)
        return float(losses.sum())

    def predictor(self, parameters):
        """Predicts with these parameters, which must not change.

        It holds them by itself: this backend may go on with others.
        """
        check_parameters(self, parameters)
        return PairPredictor(PairBackend(self.network), parameters)


class _Side:
    """What one of the networks reads of a batch."""

    def __init__(self, lookup, sequences, rows, parameters):
        check_values(lookup.network, sequences)
        self.lookup, self.sequences = lookup, sequences
        self.spans = lookup.network.frames.spans(sequences.lengths[rows])
        self.read = lookup.steps_read(sequences, rows, self.spans)
        self.inputs = lookup.inputs(parameters, sequences, self.read)

    def table(self, rows, order):
        """Of the batch's sequences, in this order."""
        compact = self.read.compact
        return table_of(self.sequences.offsets, rows, self.spans, order, compact)


def _orders(order, bounds, counts):
    """The sequences of each network in each shard, in order of falling length.

    And for each of the decoder's where in its shard the encoder's is.
    """
    shards = np.repeat(np.arange(bounds.size - 1), np.diff(bounds))
    orders = [order[np.lexsort((-lengths[order], shards))] for lengths in counts]
    places = np.empty_like(order)
    places[orders[0]] = np.arange(order.size)
    return orders, places[orders[1]] - bounds[shards]


class Encoded(NamedTuple):
    """What a decoder reads of some sequences."""

    states: np.ndarray  # of all steps
    offsets: np.ndarray
    memory: np.ndarray  # where the decoder starts


class PairPredictor:
    """Reads sequences, and tells what may follow what is written of others.

    All weights are packed once, since a prediction has a call for each step.
    """

    def __init__(self, backend, parameters):
        self.backend, network = backend, backend.network
        backend.hold(parameters)
        parts, self.parameters = network.split(parameters), []
        # Attention stands between the decoder and its head.
        headless = replace(network.decoder, output_sizes=())
        self.networks = [CPUBackend(network.encoder), CPUBackend(headless)]
        for one, flat in zip(self.networks, parts, strict=True):
            self.parameters.append(flat[: one.network.n_parameters])
            one.hold(self.parameters[-1])

    def encode(self, sequences):
        """What the decoder needs of sequences."""
        (encoder, decoder), parameters = self.networks, self.parameters[0]
        n, network = sequences.n_sequences, encoder.network
        memory = encoder.new_memory(n)
        states = encoder.features(parameters, sequences, memory=memory)
        shape = n, -1, network.n_layers, network.n_directions
        ends = memory.reshape(*shape, encoder.plan.sizes.padded_size)
        ends = ends[..., : network.hidden_size]
        starts = decoder.new_memory(n)
        places = starts.reshape(*shape[:3], decoder.plan.sizes.padded_size)
        places[..., : decoder.network.hidden_size] = ends.reshape(*ends.shape[:3], -1)
        return Encoded(states, sequences.offsets, starts)

    def starts(self, encoded):
        """The states of the decoder's last layer before its first step."""
        sizes, layers = self.networks[1].compiled_network[1:3]
        last = (len(layers) - 1) * sizes.padded_size
        return encoded.memory[:, last:][:, : sizes.hidden_size].copy()

    def outputs(self, encoded, which, steps, memory):
        """The head's outputs after each of some steps, whose codes the decoder reads.

        Parameters
        ----------
        encoded : Encoded
        which : ndarray of shape (n,)
            Which of the encoded sequences each one of `steps` belongs to.
        steps : Sequences
            With n sequences of codes.
        memory : ndarray
            Where these stand: at first rows of ``encoded.memory``; renewed.
        """
        n_outputs = self.backend.network.n_outputs
        results = np.empty((len(steps.values), n_outputs), self.backend.dtype)
        self._attend(encoded, which, steps, memory, pairs.OUTPUTS, results)
        return results

    def shares(self, encoded, which, steps, memory):
        """The share of each step that was read in the context of each of some steps.

        Returns a list of arrays (steps, steps that were read).
        """
        n_read = np.diff(encoded.offsets)[which]
        sizes = steps.lengths * n_read
        results = np.empty((sizes.sum(), 1), self.backend.dtype)
        self._attend(encoded, which, steps, memory, pairs.SHARES, results)
        parts = np.split(results[:, 0], np.cumsum(sizes)[:-1])
        return [
            part.reshape(n, -1) if part.size else np.empty((n, m), results.dtype)
            for part, n, m in zip(parts, steps.lengths, n_read, strict=True)
        ]

    def _attend(self, encoded, which, steps, memory, wanted, results):
        backend, decoder = self.backend, self.networks[1]
        states = decoder.features(self.parameters[1], steps, memory=memory)
        table = np.empty((which.size, pairs.N_PAIR_COLUMNS), np.int64)
        n_read, n_written = np.diff(encoded.offsets)[which], steps.lengths
        table[:, pairs.FIRST_READ] = encoded.offsets[which]
        table[:, pairs.N_READ] = n_read
        table[:, pairs.FIRST_WRITTEN] = steps.offsets[:-1]
        table[:, pairs.N_WRITTEN] = n_written
        ends = np.cumsum(n_read * n_written)
        table[:, pairs.FIRST_SHARE] = ends - n_read * n_written
        bounds = np.append(np.arange(0, which.size, PREDICT_ROWS), which.size)
        n_threads = backend._threads_for(bounds.size - 1, n_written, 1)
        _, sizes, _, _, head = backend.compiled_networks[1]
        run_shared(
            n_threads,
            pairs.attend_pairs,
            np.zeros(1, np.int64),
            sizes,
            backend.plan.attention,
            head,
            backend.packed,
            (encoded.states.reshape(-1), states.reshape(-1)),
            table,
            bounds,
            wanted,
            results,
        )
