"""A batch through the whole network, a window of time steps at a time.

As on the CPU, with the whole batch as one shard: a window is laid out so that the rows
of a step are neighbours, all that is computed is in one vector, and where in it is what
says `Work`.
"""

from typing import NamedTuple

import numpy as np

from skrnn.backends.cuda import rows as kernels
from skrnn.backends.cuda.poolings import POOLINGS, start_kept
from skrnn.backends.cuda.products import Matrix
from skrnn.backends.cuda.recurrent_kernels import Job
from skrnn.backends.table import N_COLUMNS


class Work(NamedTuple):
    """Where in the memory is what; rows are those of the largest window."""

    n_rows: int
    plane: int  # distance between the blocks of z, and between states
    final_plane: int  # the same in `final`
    z: int  # (blocks, slots * rows * units)
    states: int  # (states, slots * rows * units), before each step
    fed: int  # (slots * rows * units), h as it enters the recurrent product; or -1
    masks: int  # (layers and directions * sequences * units), or -1
    final: int  # (states, layers and directions * sequences * units)
    d: int  # (states, sequences * units)
    exchange: int  # (2, sequences * units)
    transposed: int  # recurrent matrices of one layer
    x: int  # (rows, inputs of the first layer)
    outs: int  # (layers, rows, outputs); later their gradients
    normal: int  # (layers, rows, outputs), normalised outputs; or -1
    scales: int  # (layers, rows), one over their standard deviations
    kept: int  # (sequences, numbers): what the pooling keeps of the steps so far
    pooled: int  # (sequences, outputs): its result; later the gradient of that
    room: int  # what else the pooling needs for a window
    outputs: int  # (rows of the head, outputs): later their gradient


def plan_work(network, n, n_rows, *, keep, is_masked):
    """Lay out the memory for n sequences; returns `Work` and its size."""
    step, hidden = network.cell.step, network.hidden_size
    n_places, n_out = len(network.layers), network.n_states_out
    is_pooled, pooling = network.pooling is not None, POOLINGS[network.pooling]
    plane, final_plane = (n_places if keep else 1) * n_rows * hidden, n_places * n
    final_plane *= hidden
    sizes = {
        "z": step.n_blocks * plane,
        "states": step.n_states * plane * keep,
        "fed": plane * (keep and is_masked),
        "masks": final_plane * is_masked,
        "final": step.n_states * final_plane,
        "d": step.n_states * n * hidden * keep,
        "exchange": 2 * n * hidden,
        "transposed": (step.n_blocks - step.h_first) * hidden**2 * keep,
        "x": n_rows * network.n_inputs,
        "outs": network.n_layers * n_rows * n_out,
        "normal": network.n_layers * n_rows * n_out * keep * network.layer_norm,
        "scales": network.n_layers * n_rows * keep * network.layer_norm,
        "kept": n * len(pooling.first_kept(network)),
        "pooled": n * n_out,
        "room": pooling.room(network, n_rows, keep),
        "outputs": (n if is_pooled else n_rows) * network.n_outputs,
    }
    places, size = {}, 0
    for name, n_numbers in sizes.items():
        # What begins at a multiple of a cache line is read in whole ones.
        places[name], size = size, size + -(-int(n_numbers) // 32) * 32
    for name in ("fed", "masks", "normal"):
        places[name] = places[name] if sizes[name] else -1
    return Work(n_rows, plane, final_plane, **places), size


class Batch:
    """One batch on its way through the network.

    Parameters
    ----------
    backend : CUDABackend
    w : device array
        The network's flat vector.
    values : device array
        Of all sequences.
    table : tuple
        As `index_of` makes it, of the batch's sequences.
    n_steps : int
        Of a window at most.
    keep : bool
        Whether there is a way back.
    """

    def __init__(self, backend, w, values, table, n_steps, *, keep, dropout):
        self.table, (host, self.steps) = table, table
        self.backend, self.network = backend, backend.network
        self.device, self.products = backend.device, backend.products
        self.w, self.values, self.dropout = w, values, tuple(dropout)
        self.keep, self.memory = keep, backend.memory
        self.n = (host.size - self.steps.size) // N_COLUMNS
        self.n_steps = n_steps
        self.longest = len(self.steps) - 1
        n_rows = int(self._n_rows(0))  # no later window has more
        self.work, size = plan_work(
            self.network,
            self.n,
            n_rows,
            keep=keep,
            is_masked=dropout.recurrent_rate > 0,
        )
        dtype = self.network.dtype
        self.m = self.memory.vector("m", size, dtype)
        self.index = self.memory.put_numbers("index", host)
        self.rows = self.memory.vector("rows", 2 * n_rows, np.int64)
        n_best = self.n * self.network.n_states_out
        self.best = self.memory.vector("best", n_best, np.int64)
        self._start()

    def _n_rows(self, first):
        """Rows of the window from a step on."""
        last = min(first + self.n_steps, self.longest)
        return self.steps[last, 1] - self.steps[first, 1]

    def _start(self):
        drop_masks = kernels.dropout_kernels(self.network.dtype)[1]
        network, work, hidden = self.network, self.work, self.network.hidden_size
        if work.masks >= 0:
            n_places = len(network.layers)
            arguments = self.m, work.masks, hidden, self.index, self.n, n_places
            n = n_places * self.n * hidden
            self.device.over(n, drop_masks, *arguments, self.dropout)
        self.reset_states()
        if network.pooling is not None:
            first = self.memory.arrays["first_kept"]
            n_kept, n_best = self.n * first.size, self.n * network.n_states_out
            arguments = self.m, self.n, work.kept, first
            self.device.over(n_kept, start_kept, *arguments)
            self.device.over(n_best, kernels.fill, self.best, 0, n_best, 0)

    def reset_states(self):
        """Let all sequences start again."""
        n = self.network.cell.step.n_states * self.work.final_plane
        self.device.over(n, kernels.fill, self.m, self.work.final, n, 0)

    def move_memory(self, memory, save):
        """Go on from what the memory holds of the sequences; or save it there."""
        network, work = self.network, self.work
        plane, n_kept = network.hidden_size, self.backend.first_kept.size
        n_states = network.cell.step.n_states * len(network.layers) * plane
        n_columns = n_states + n_kept
        places = work.final, plane, n_states, work.kept, n_kept
        arguments = memory, n_columns, self.index, self.n, self.m, places, save
        self.device.over(self.n * n_columns, kernels.move_memory, *arguments)

    @property
    def windows(self):
        """First step of each window, and the one after its last."""
        # Where all sequences of a stream pause there is a window without a row.
        firsts = range(0, max(1, self.longest), self.n_steps)
        return [(first, min(first + self.n_steps, self.longest)) for first in firsts]

    def forward(self, window):
        """All layers, from the states that the last window left."""
        self.window, self.n_here = window, int(self._n_rows(window[0]))
        self._gather()
        network = self.network
        for q in range(len(network.layers)):
            self._forward_layer(q)
            layer, direction = divmod(q, network.n_directions)
            if direction == network.n_directions - 1:
                if network.norms:
                    self._normalize(layer)
                if layer < network.n_layers - 1:
                    self._drop_outputs(layer)

    def _gather(self):
        """The inputs of the first layer."""
        network, (first, last), over = self.network, self.window, self.device.over
        arguments = self.index, self.n, first, last, self.rows
        over((last - first) * self.n, kernels.fill_rows, *arguments)
        arrays = self.memory.arrays
        read = self.values, arrays["static"], self.w, arrays["columns"]
        rows = self.index, self.rows, self.n_here
        frames = network.frame_length, network.hop_length
        frames += network.n_features, network.n_static
        arguments = *read, *rows, frames, self.m, self.work.x
        over(self.n_here * network.n_inputs, kernels.gather, *arguments)
        self._drop_embedded()

    def _drop_embedded(self):
        """Drop numbers read of embeddings, or of their gradients: the same ones."""
        if max(self.dropout[3:5]) > 0:
            network = self.network
            kernel = kernels.dropout_kernels(network.dtype)[2]
            n_inputs, of_step = network.n_inputs, self.backend.lookup.n_columns
            sizes = n_inputs, network.n_static, of_step, network.n_features
            arguments = self.m, self.work.x, sizes, self.rows, self.n_here
            self.device.over(self.n_here * n_inputs, kernel, *arguments, self.dropout)

    def _outs(self, layer):
        """Where the outputs of a layer are."""
        n_out = self.network.n_states_out
        return self.work.outs + layer * self.work.n_rows * n_out

    def _inputs(self, q):
        layer = q // self.network.n_directions
        if layer == 0:
            return Matrix(self.m, self.work.x, self.network.n_inputs)
        return Matrix(self.m, self._outs(layer - 1), self.network.n_states_out)

    def _job(self, q):
        """The recurrent part of layer and direction number q."""
        network, work, hidden = self.network, self.work, self.network.hidden_size
        layer, direction = divmod(q, network.n_directions)
        slot = q * work.n_rows * hidden if self.keep else 0
        of_sequences = q * self.n * hidden
        return Job(
            hidden=hidden,
            n=self.n,
            first=self.window[0],
            last=self.window[1],
            reverse=direction,
            keep=int(self.keep),
            plane=work.plane,
            z=work.z + slot,
            states=work.states + slot,
            fed=work.fed + slot if work.fed >= 0 else -1,
            final_plane=work.final_plane,
            final=work.final + of_sequences,
            mask=work.masks + of_sequences if work.masks >= 0 else -1,
            out=self._outs(layer) + direction * hidden,
            out_row=network.n_states_out,
            d_plane=self.n * hidden,
            d=work.d,
            exchange=work.exchange,
        )

    def _forward_layer(self, q):
        network, job, w = self.network, self._job(q), self.w
        layer, starts = network.layers[q], network.starts
        n_inputs, step, hidden = layer.n_inputs, layer.cell.step, layer.hidden_size
        z = Matrix(self.m, job.z, hidden, batch=job.plane)
        bias = Matrix(w, starts[layer.bias], hidden, batch=hidden)
        weights = Matrix(w, starts[layer.input], hidden, batch=n_inputs * hidden)
        sizes = self.n_here, hidden, n_inputs
        self.products.product(z, self._inputs(q), weights, sizes, n=step.n_x, bias=bias)
        if step.n_blocks > step.n_x:  # blocks without an input: their biases
            z = z._replace(at=z.at + step.n_x * job.plane)
            bias = bias._replace(at=bias.at + step.n_x * hidden)
            sizes = self.n_here, hidden, 0
            n = step.n_blocks - step.n_x
            self.products.product(z, z, weights, sizes, n=n, bias=bias)
        at = starts[layer.recurrent]
        arguments = self.m, w, at, self.index, self.steps
        self.backend.recurrence.forward(job, *arguments)

    def _normalize(self, layer):
        starts, places = self.network.starts, self._norm_places(layer)
        norm = self.network.norms[layer]
        weights = starts[norm.weight], starts[norm.bias]
        rows = self._rows_of(layer)
        kernel = kernels.normalize
        self.device.over(self.n_here, kernel, *rows, self.w, *weights, places)

    def _rows_of(self, layer):
        return self.m, self._outs(layer), self.network.n_states_out, self.n_here

    def _norm_places(self, layer):
        """Where the normalised outputs of a layer are, and their scales."""
        work, n_out = self.work, self.network.n_states_out
        if work.normal < 0:
            return -1, -1
        first = layer * work.n_rows
        return work.normal + first * n_out, work.scales + first

    def _normalize_back(self, layer, gradient):
        starts, places = self.network.starts, self._norm_places(layer)
        norm = self.network.norms[layer]
        weights, biases = starts[norm.weight], starts[norm.bias]
        at, n_out = self._outs(layer), self.network.n_states_out
        columns = self.m, at, self.n_here, n_out, n_out
        add_sums = self.products.add_column_sums
        add_sums(gradient, biases, *columns)
        add_sums(gradient, weights, *columns, factor=places[0])
        rows, kernel = self._rows_of(layer), kernels.normalize_back
        self.device.over(self.n_here, kernel, *rows, self.w, weights, places)

    def _drop_outputs(self, layer):
        """Drop units of a layer's outputs, or of their gradients: the same ones."""
        if self.dropout[0] > 0:
            kernel = kernels.dropout_kernels(self.network.dtype)[0]
            n_out = self.network.n_states_out
            arguments = self.m, self._outs(layer), n_out, self.rows, self.n_here
            n = self.n_here * n_out
            self.device.over(n, kernel, *arguments, layer, self.dropout)

    def backward(self, gradient):
        """Add the gradient of all layers; the last one's outputs have theirs."""
        network, lowest = self.network, self.backend.first_trained
        for layer in range(network.n_layers - 1, max(0, lowest) - 1, -1):
            if layer < network.n_layers - 1:
                self._drop_outputs(layer)
            if network.norms:
                self._normalize_back(layer, gradient)
            places = range(
                layer * network.n_directions, (layer + 1) * network.n_directions
            )
            for q in places:
                self._backward_layer(q, gradient)
            if layer > lowest:
                # Not before: the inputs, which it replaces, were needed.
                for q in places:
                    self._input_gradient(q, adds=q > places[0])
        if lowest < 0:
            self._drop_embedded()
            self.backend.lookup.add_gradient(self, gradient)

    def _backward_layer(self, q, gradient):
        """Replace z by the gradient of the pre-activations; add that of the weights."""
        job, layer, starts = self._job(q), self.network.layers[q], self.network.starts
        step, hidden = layer.cell.step, layer.hidden_size
        recurrent = starts[layer.recurrent]
        arguments = self.m, self.w, recurrent, self.work.transposed
        self.backend.recurrence.backward(job, *arguments, self.index, self.steps)
        if not self.backend.trains[q]:
            return
        d_z = Matrix(self.m, job.z, hidden, batch=job.plane)
        self.products.add_gradient(
            gradient,
            starts[layer.input],
            self._inputs(q).transposed,
            d_z,
            (layer.n_inputs, hidden, self.n_here),
            step.n_x,
        )
        self.products.add_column_sums(
            *(gradient, starts[layer.bias], self.m, job.z, self.n_here),
            *(hidden, hidden),
            n=step.n_blocks,
            plane=job.plane,
        )
        fed = Matrix(self.m, job.fed if job.fed >= 0 else job.states, hidden)
        self.products.add_gradient(
            gradient,
            recurrent,
            fed.transposed,
            d_z._replace(at=d_z.at + step.h_first * job.plane),
            (hidden, hidden, self.n_here),
            step.n_blocks - step.h_first,
        )

    def _input_gradient(self, q, adds):
        """Replace a layer's inputs by their gradient, or add it."""
        job, layer = self._job(q), self.network.layers[q]
        n_inputs, hidden = layer.n_inputs, layer.hidden_size
        at = self.network.starts[layer.input]
        weights = Matrix(self.w, at, hidden, term=n_inputs * hidden).transposed
        d_z = Matrix(self.m, job.z, hidden, term=job.plane)
        sizes = self.n_here, n_inputs, hidden
        n_terms = self.network.cell.step.n_x
        self.products.product(
            self._inputs(q), d_z, weights, sizes, n_terms=n_terms, adds=adds
        )
