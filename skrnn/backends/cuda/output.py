"""What stands behind the last layer: pooling, head and loss, of one batch."""

from typing import NamedTuple

import numpy as np

from skrnn.backends.cuda.device import THREADS
from skrnn.backends.cuda.head import add_losses, fill_losses
from skrnn.backends.cuda.poolings import POOLINGS
from skrnn.backends.cuda.products import Matrix
from skrnn.backends.cuda.rows import write_rows
from skrnn.backends.cuda.solver import LOSS
from skrnn.backends.outputs import losses_of_outputs
from skrnn.backends.table import N_COLUMNS, NUMBER

#: Before the names of a loss's arrays, which may be like those of others.
_OF_KIND = "kind."


class Learned(NamedTuple):
    """What a batch is to learn, on the device; of a loss that reads sequences, here."""

    targets: object
    weights: object
    divisor: float  # of the weights
    totals: object  # the loss is added to its first number


def arrays_of(kind):
    """What the kind of a loss has that must be on the device, by names of its own."""
    arrays = {k: v for k, v in kind._asdict().items() if isinstance(v, np.ndarray)}
    return {f"{_OF_KIND}{name}": array for name, array in arrays.items()}


class Output:
    """Pooling, head and loss of a `Batch`; takes its windows one by one."""

    def __init__(self, batch):
        self.batch, self.network = batch, batch.network
        self.device, self.products = batch.device, batch.products
        self.m, self.w, self.work = batch.m, batch.w, batch.work
        self.n_out, self.hidden = self.network.n_states_out, self.network.hidden_size
        self.is_pooled = self.network.pooling is not None
        self.states = batch._outs(self.network.n_layers - 1)
        self.pooling = POOLINGS[self.network.pooling](self)

    def _start(self, name):
        return self.network.starts[name]

    # Forward.

    def finish(self):
        """Pool what is kept; returns the head's rows: start, number, and places."""
        batch = self.batch
        if not self.is_pooled:
            return self.states, batch.n_here, (batch.rows, 0, 2)
        self.pooling.finish()
        return self.work.pooled, batch.n, (batch.index, NUMBER, N_COLUMNS)

    def apply_head(self, at, n):
        """The outputs of n rows of states."""
        n_outputs = self.network.n_outputs
        self.products.product(
            Matrix(self.m, self.work.outputs, n_outputs),
            Matrix(self.m, at, self.n_out),
            Matrix(self.w, self._start("head"), n_outputs),
            (n, n_outputs, self.n_out),
            bias=Matrix(self.w, self._start("head_bias"), n_outputs),
        )

    def write(self, at, n, n_columns, table, results):
        """Write n rows to their places among the results."""
        places, column, width = table
        arguments = self.m, at, n, n_columns, places, column, width, results
        self.device.over(n * n_columns, write_rows, *arguments)

    # Backward.

    def add_loss(self, learned, gradient):
        """Add the loss; the head's inputs are replaced by their gradient."""
        at, n, table = self.finish()
        self.apply_head(at, n)
        if self.network.loss.reads_sequences:
            self._losses_of_sequences(n, learned)
        else:
            self._losses(n, table, learned)
        n_outputs, work = self.network.n_outputs, self.work
        d_outputs = Matrix(self.m, work.outputs, n_outputs)
        rows, head = Matrix(self.m, at, self.n_out), self._start("head")
        self.products.add_gradient(
            *(gradient, head, rows.transposed, d_outputs, (self.n_out, n_outputs, n))
        )
        self.products.add_column_sums(
            *(gradient, self._start("head_bias")),
            *(self.m, work.outputs, n, n_outputs, n_outputs),
        )
        weights = Matrix(self.w, head, n_outputs).transposed
        self.products.product(rows, d_outputs, weights, (n, self.n_out, n_outputs))

    def _losses_of_sequences(self, n, learned):
        """On the host: the outputs go there, and come back as their gradient."""
        network, batch, at = self.network, self.batch, self.work.outputs
        outputs = self.m[at : at + n * network.n_outputs]
        host = batch.memory.fetch(outputs)
        index, steps = batch.table
        table = index[: index.size - steps.size].reshape(-1, N_COLUMNS)
        loss = losses_of_outputs(
            network.kind, host, steps, table, learned.targets, learned.weights
        )
        self.device.send(host, outputs)
        self.device.wait()
        totals = batch.memory.fetch(learned.totals)
        totals[LOSS] += loss
        learned.totals.copy_to_device(totals)

    def _losses(self, n, table, learned):
        network, memory = self.network, self.batch.memory
        losses = memory.vector("losses", n, np.float64)
        names = arrays_of(network.kind)
        on_device = {name.removeprefix(_OF_KIND): memory.arrays[name] for name in names}
        kind = network.kind._replace(**on_device)
        given = learned.targets, learned.weights, learned.divisor
        arguments = self.m, self.work.outputs, n, kind, given, table, losses
        self.device.over(n, fill_losses, *arguments)
        arguments = losses, n, learned.totals, LOSS
        self.device.launch(add_losses, 1, THREADS, *arguments)
