"""The CUDA backend's entry points: as the CPU's, and an epoch's steps on the device."""

import weakref
from typing import NamedTuple

import numpy as np

from skrnn.backends.arguments import check_learned, check_sequences
from skrnn.backends.cuda.batch import Batch
from skrnn.backends.cuda.blas import library
from skrnn.backends.cuda.device import Device, Memory, check, release, use
from skrnn.backends.cuda.embedding import Lookup
from skrnn.backends.cuda.output import Learned, Output, arrays_of
from skrnn.backends.cuda.poolings import POOLINGS
from skrnn.backends.cuda.products import Products
from skrnn.backends.cuda.recurrence import Recurrence
from skrnn.backends.cuda.rows import fill, index_of
from skrnn.backends.cuda.solver import FIRST_RESULT, LOSS
from skrnn.backends.cuda.steps import DeviceSteps
from skrnn.backends.shares import shares_of_steps
from skrnn.backends.steps import HostSteps
from skrnn.mathematics.dropout import NO_DROPOUT
from skrnn.sequences import Spans

#: Sequences that are predicted at a time, numbers of these that are on the device, and
#: numbers of the memory for a window.
PREDICT_SEQUENCES = 4096
PREDICT_NUMBERS = 2**26
WINDOW_NUMBERS = 2**27
OUTPUTS, STATES, SCORES = range(3)


class Wanted(NamedTuple):
    """What is wanted of a prediction."""

    what: int  # OUTPUTS, STATES or SCORES
    n_columns: int
    of_steps: bool  # for each step, or for each sequence

    def n_rows(self, sequences):
        """How many results these sequences have."""
        return len(sequences.values) if self.of_steps else sequences.n_sequences


class CUDABackend:
    """Computes for one network; holds what it has on the device.

    `trained` are the names of the arrays whose gradients are needed; None: of all.
    """

    def __init__(self, network, trained=None, *, device=None, way=None):
        if device is None:
            check()
        self.network, self.trained = network, trained
        self.dtype = np.dtype(network.dtype)
        needed = frozenset(network.shapes) if trained is None else trained
        with use():
            self.device = device or Device()
            self.memory = Memory(self.device)
            # The arrays go first, and none is held elsewhere: what comes after the
            # driver's queue of arrays to free is cleared would wait in it.
            weakref.finalize(self, _free, self.memory).atexit = False
            self.products = Products(self.device, self.memory, self.dtype)
            self.recurrence = Recurrence(self.device, self.products, network, way)
            for name, array in arrays_of(network.kind).items():
                self.memory.put(name, array)
            first_kept = POOLINGS[network.pooling].first_kept(network)
            self.first_kept = np.array(first_kept, self.dtype)
            if self.first_kept.size > 0:
                self.memory.put("first_kept", self.first_kept)
            self.lookup = Lookup(network, needed, self.device, self.memory)
            self.memory.put("static", np.zeros((1, 1), self.dtype))
        levels = network.levels
        # Gradients do not reach below the lowest layer with anything to train.
        self.first_trained = min(levels[name] for name in needed)
        self.trains = [not needed.isdisjoint(layer.shapes) for layer in network.layers]
        self._copied = {}

    @classmethod
    def to_predict_once(cls, network):
        """A new backend: what it has on the device is not kept."""
        return cls(network)

    def __reduce__(self):
        # All else is made anew.
        return CUDABackend, (self.network, self.trained)

    @property
    def rows_read(self):
        """Of each embedding, the rows that the last batch read to learn them."""
        return self.lookup.rows_read

    def new_memory(self, n_sequences):
        """Where sequences stand before their first step; unidirectional networks only.

        `outputs` and `loss_gradient` go on from there, and leave there what the next
        call needs to go on.
        """
        row = np.zeros(self.memory_size, self.dtype)
        row[row.size - self.first_kept.size :] = self.first_kept
        return np.tile(row, (n_sequences, 1))

    @property
    def memory_size(self):
        """Numbers of a sequence in what `new_memory` makes."""
        network = self.network
        n_places = network.cell.step.n_states * len(network.layers)
        return n_places * network.hidden_size + self.first_kept.size

    def begin(self, trainable, *others):
        """The solver's steps of one epoch, as `HostSteps`.

        They run on the device where the trained vector is the network's own, and the
        loss is computed there.
        """
        on_device = trainable.is_whole and not self.network.loss.reads_sequences
        steps = DeviceSteps if on_device else HostSteps
        return steps(self, trainable, *others)

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
        """As the method of `CPUBackend`."""
        given = {"memory": memory, "gradient": gradient}
        check_sequences(self, parameters, sequences, **given)
        check_learned(self.network, sequences, targets, scales)
        with use():
            put = self.memory.put
            w = put("parameters", np.ascontiguousarray(parameters, self.dtype))
            totals = put("totals", np.zeros(FIRST_RESULT))
            if not self.network.loss.reads_sequences:
                targets = self.once("given_targets", targets)
                scales = put("given_scales", np.ascontiguousarray(scales, np.float64))
            learned = Learned(targets, scales, 1.0, totals)
            carried = None if memory is None else put("carried", memory.ravel())
            result = self.memory.vector("gradient", w.size, self.dtype)
            values = self.once("values", sequences.values)
            self.put_static(sequences)
            # Of other rows than those that it reads, a batch writes no gradient.
            n_embedded = self.lookup.n_numbers
            self.device.over(n_embedded, fill, result, 0, n_embedded, 0)
            batch = sequences, rows, steps
            options = dropout, bptt_steps
            self.train_batch(w, values, batch, learned, result, *options, carried)
            self.memory.fetch(result, gradient)
            if memory is not None:
                memory[...] = self.memory.fetch(carried).reshape(memory.shape)
            return float(self.memory.fetch(learned.totals)[LOSS])

    def once(self, name, host):
        """A copy on the device of what does not change in a fit."""
        if self._copied.get(name) is not host:
            self.memory.put(name, np.ascontiguousarray(host))
            self._copied[name] = host
        return self.memory.arrays[name]

    def put_static(self, sequences):
        """Have the static features of these sequences on the device, if there are."""
        if self.network.n_static > 0:
            self.once("static", sequences.static)

    def train_batch(
        self, w, values, batch, learned, gradient, dropout, bptt_steps, carried
    ):
        """Loss and gradient of a batch, all of it on the device.

        `batch` are all sequences, which of them it has, and of which steps; None: of
        all. Of embeddings, the gradient of the rows that it reads is written.
        """
        first = self.lookup.n_numbers
        self.device.over(w.size - first, fill, gradient, first, w.size - first, 0)
        sequences, rows, steps = batch
        offsets = sequences.offsets
        self.lookup.begin(sequences.values)
        lengths = offsets[rows + 1] - offsets[rows]
        table = index_of(offsets, rows, self.network.frames.spans(lengths, steps))
        longest = len(table[1]) - 1
        n_steps = longest if bptt_steps is None else min(bptt_steps, longest)
        arguments = self, w, values, table, n_steps
        run = Batch(*arguments, keep=True, dropout=dropout)
        if carried is not None:
            run.move_memory(carried, False)
        self._train_windows(run, Output(run), learned, gradient)
        if carried is not None:
            run.move_memory(carried, True)

    def _train_windows(self, run, output, learned, gradient):
        # The gradient of pooled states is known after the last window only: with
        # several, all of them run once more.
        reaches_back = self.first_trained <= self.network.n_layers
        is_twice = reaches_back and output.is_pooled and len(run.windows) > 1
        if is_twice:
            for window in run.windows:
                run.forward(window)
                output.pooling.add_window()
            output.add_loss(learned, gradient)
            run.reset_states()
        for window in run.windows:
            run.forward(window)
            if not is_twice:
                output.pooling.add_window()
                if not output.is_pooled or window == run.windows[-1]:
                    output.add_loss(learned, gradient)
            if reaches_back:
                output.pooling.spread_window(gradient)
                run.backward(gradient)

    def outputs(self, parameters, sequences, *, memory=None, spans=None):
        """The head's outputs, (n_sequences, n_outputs) or (n_steps, n_outputs).

        With `memory` the sequences go on from where they were; `spans` are the frames
        to compute, None: all. Outputs of steps that end none of them may be anything.
        """
        of_steps = self.network.pooling is None
        wanted = Wanted(OUTPUTS, self.network.n_outputs, of_steps)
        return self._predict(parameters, sequences, memory, spans, wanted)

    def features(self, parameters, sequences, *, memory=None, spans=None):
        """States of the last layer: pooled, or those of every step if nothing is."""
        of_steps = self.network.pooling is None
        wanted = Wanted(STATES, self.network.n_states_out, of_steps)
        return self._predict(parameters, sequences, memory, spans, wanted)

    def attention_weights(self, parameters, sequences):
        """Share of each step in what attention pools, of shape (n_steps,)."""
        wanted = Wanted(SCORES, 1, True)
        scores = self._predict(parameters, sequences, None, None, wanted)
        return shares_of_steps(scores[:, 0], sequences, self.network.frames)

    def _predict(self, parameters, sequences, memory, spans, wanted):
        given = {"memory": memory, "spans": spans}
        check_sequences(self, parameters, sequences, **given)
        spans = spans or self.network.frames.spans(sequences.lengths)
        groups = self._groups(sequences.lengths, spans.counts)
        with use():
            w = np.ascontiguousarray(parameters, self.dtype)
            w = self.memory.put("parameters", w)
            if len(groups) == 1:
                # They stay: a fit scores the same ones after each epoch.
                values = self.once("values_to_predict", sequences.values)
                arguments = w, values, sequences, memory, spans
                return self._predict_group(*arguments, wanted)
            arguments = w, groups, sequences, memory, spans
            return self._predict_groups(*arguments, wanted)

    def _predict_groups(self, w, groups, sequences, memory, spans, wanted):
        """Results of one group after the other; no more is on the device at a time."""
        shape = wanted.n_rows(sequences), wanted.n_columns
        spans = spans._replace(firsts=spans.firsts + np.zeros_like(spans.counts))
        results = np.empty(shape, self.dtype)
        for rows in groups:
            places = sequences.places(rows) if wanted.of_steps else rows
            part = sequences.take(rows)
            values = self.memory.put_numbers("values_of_group", part.values)
            own = None if memory is None else memory[rows]
            some = Spans(*(numbers[rows] for numbers in spans))
            arguments = w, values, part, own, some
            results[places] = self._predict_group(*arguments, wanted)
            if memory is not None:
                memory[rows] = own
        return results

    def _predict_group(self, w, values, sequences, memory, spans, wanted):
        """Results for all of these sequences at once."""
        n, n_columns = wanted.n_rows(sequences), wanted.n_columns
        carried = None if memory is None else self.memory.put("carried", memory.ravel())
        results = self.memory.vector("results", n * n_columns, self.dtype)
        rows = np.arange(sequences.n_sequences)
        table = index_of(sequences.offsets, rows, spans)
        self.put_static(sequences)
        n_steps = len(table[1]) - 1  # where a layer needs the last step first
        if not self.network.bidirectional:
            n_steps = max(1, self._rows_at_once // rows.size)
        arguments = self, w, values, table, n_steps
        run = Batch(*arguments, keep=False, dropout=NO_DROPOUT)
        self._predict_windows(run, wanted, results, carried)
        if memory is not None:
            memory[...] = self.memory.fetch(carried).reshape(memory.shape)
        return self.memory.fetch(results[: n * n_columns]).reshape(n, n_columns)

    @property
    def _rows_at_once(self):
        """Of a window of a prediction."""
        network = self.network
        n_blocks = network.cell.step.n_blocks + 1
        of_row = n_blocks * network.hidden_size + network.n_inputs
        of_row += network.n_layers * network.n_states_out + network.n_outputs
        return max(1, WINDOW_NUMBERS // of_row)

    def _groups(self, lengths, n_frames):
        """Which sequences to predict at a time: those of about equal length."""
        most = min(PREDICT_SEQUENCES, self._rows_at_once)
        if self.network.bidirectional:
            most = min(most, self._rows_at_once // int(n_frames.max(initial=1)))
        by_length = np.argsort(-lengths, kind="stable")
        ends = np.cumsum(lengths[by_length])
        n_steps, first, groups = PREDICT_NUMBERS // self.network.n_channels, 0, []
        while first < lengths.size:
            before = ends[first - 1] if first else 0
            last = np.searchsorted(ends, before + n_steps, side="right")
            last = max(first + 1, min(last, first + most))
            groups.append(np.sort(by_length[first:last]))
            first = last
        return groups

    def _predict_windows(self, run, wanted, results, carried):
        output, last = Output(run), run.windows[-1]
        if carried is not None:
            run.move_memory(carried, False)
        for window in run.windows:
            run.forward(window)
            if wanted.what == SCORES:
                places = run.rows, 0, 2
                at = output.pooling.score()
                output.write(at, run.n_here, 1, places, results)
                continue
            output.pooling.add_window()
            if window == last or not output.is_pooled:
                at, n, table = output.finish()
                if wanted.what == OUTPUTS:
                    output.apply_head(at, n)
                    at = run.work.outputs
                output.write(at, n, wanted.n_columns, table, results)
        if carried is not None:
            run.move_memory(carried, True)


def _free(memory):
    memory.clear()
    release()
    if library() is not None:  # it keeps what its products were written to
        library().get_default_memory_pool().free_all_blocks()
