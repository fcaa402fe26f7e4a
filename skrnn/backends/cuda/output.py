"""What stands behind the last layer: pooling, head and loss, of one batch."""

from typing import NamedTuple

import numpy as np

from skrnn.backends.cuda import pooling as kernels
from skrnn.backends.cuda.device import THREADS
from skrnn.backends.cuda.head import add_losses, loss_kernel
from skrnn.backends.cuda.products import Matrix
from skrnn.backends.cuda.rows import N_COLUMNS, NUMBER, copy
from skrnn.backends.cuda.solver import LOSS


class Learned(NamedTuple):
    """What a batch is to learn, on the device."""

    targets: object
    weights: object
    divisor: float  # of the weights
    totals: object  # the loss is added to its first number


class Output:
    """Pooling, head and loss of a `Batch`; takes its windows one by one."""

    def __init__(self, batch):
        self.batch, self.network = batch, batch.network
        self.device, self.products = batch.device, batch.products
        self.m, self.w, self.work = batch.m, batch.w, batch.work
        self.n_out, self.hidden = self.network.n_states_out, self.network.hidden_size
        self.sizes = self.n_out, self.hidden
        self.is_pooled = self.network.pooling is not None
        self.states = batch._outs(self.network.n_layers - 1)

    def _start(self, name):
        return self.network.starts[name]

    # Forward.

    def add_window(self):
        """Take in the last layer's outputs of the window that the batch is in."""
        batch, work, pooling = self.batch, self.work, self.network.pooling
        if not self.is_pooled:
            return
        if pooling == "attention":
            self.score()
        window = self.m, batch.index, batch.n, *batch.window
        n, places = batch.n * self.n_out, (self.states, work.pooled, work.extra)
        kernel, places = kernels.add_kernel(pooling), (*places, work.scores)
        self.device.over(n, kernel, *window, self.sizes, places, batch.best)
        if pooling == "attention":
            self.device.over(batch.n, kernels.add_scores, *window, places)

    def score(self):
        """Attention's hidden layer for the rows of a window, and their scores."""
        work, n, hidden = self.work, self.batch.n_here, self.hidden
        units = Matrix(self.m, work.units, hidden)
        self.products.product(
            units,
            Matrix(self.m, self.states, self.n_out),
            Matrix(self.w, self._start("attention"), hidden),
            (n, hidden, self.n_out),
            bias=Matrix(self.w, self._start("attention_bias"), hidden),
        )
        arguments = self.m, work.units, n * hidden
        self.device.over(n * hidden, kernels.apply_tanh, *arguments)
        query = Matrix(self.w, self._start("attention_query"), 1)
        scores = Matrix(self.m, work.scores, 1)
        self.products.product(scores, units, query, (n, 1, hidden))

    def finish(self):
        """Make means of sums; returns the head's rows: start, number, and places."""
        batch, work = self.batch, self.work
        if not self.is_pooled:
            return self.states, batch.n_here, (batch.rows, 0, 2)
        n = batch.n * self.n_out
        if self.network.pooling in ("mean", "attention"):
            sums = batch.n, self.n_out, work.pooled, work.extra, work.means
            is_mean = self.network.pooling == "mean"
            arguments = self.m, batch.index, *sums, is_mean
            self.device.over(n, kernels.divide_sums, *arguments)
        else:
            self.device.over(n, copy, self.m, work.pooled, work.means, n)
        return work.means, batch.n, (batch.index, NUMBER, N_COLUMNS)

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
        self.device.over(n * n_columns, kernels.write_rows, *arguments)

    # Backward.

    def add_loss(self, learned, gradient):
        """Add the loss; the head's inputs are replaced by their gradient."""
        at, n, table = self.finish()
        self.apply_head(at, n)
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

    def _losses(self, n, table, learned):
        network, memory = self.network, self.batch.memory
        losses = memory.vector("losses", n, np.float64)
        bounds, n_outputs = memory.arrays["bounds"], network.n_outputs
        arguments = self.m, self.work.outputs, n, bounds, n_outputs
        given = learned.targets, learned.weights, learned.divisor
        kernel = loss_kernel(network.loss.kind_class)
        self.device.over(n, kernel, *arguments, given, table, losses)
        arguments = losses, n, learned.totals, LOSS
        self.device.launch(add_losses, 1, THREADS, *arguments)

    def spread_window(self, gradient):
        """Replace the last layer's outputs of a window by their gradient."""
        batch, work, pooling = self.batch, self.work, self.network.pooling
        if pooling == "attention":
            self._spread_attention(gradient)
        elif self.is_pooled:
            n = batch.n_here * self.n_out
            arguments = self.m, batch.index, batch.rows, batch.n_here, self.sizes
            kernel = kernels.spread_kernel(pooling)
            self.device.over(n, kernel, *arguments, self.states, work.means, batch.best)

    def _spread_attention(self, gradient):
        batch, work, over = self.batch, self.work, self.device.over
        n, n_out, hidden = batch.n_here, self.n_out, self.hidden
        self.score()
        places = self.states, work.pooled, work.extra, work.scores
        places = *places, work.means, work.shares
        over(n, kernels.score_gradients, self.m, batch.rows, n, n_out, places)
        query = self._start("attention_query")
        arguments = self.m, n, hidden, self.w, query, work.units, work.scores
        over(n * hidden, kernels.unit_gradients, *arguments, work.d_units)
        self._attention_gradient(gradient, n)
        arguments = self.m, batch.rows, n, n_out, self.states, work.shares
        over(n * n_out, kernels.share_gradients, *arguments, work.means)
        states = Matrix(self.m, self.states, n_out)
        weights = Matrix(self.w, self._start("attention"), hidden).transposed
        d_units = Matrix(self.m, work.d_units, hidden)
        self.products.product(states, d_units, weights, (n, n_out, hidden), adds=True)

    def _attention_gradient(self, gradient, n):
        """Add that of the weights; the states are those of the window still."""
        work, hidden, products = self.work, self.hidden, self.products
        units, d_units = (
            Matrix(self.m, at, hidden) for at in (work.units, work.d_units)
        )
        scores = Matrix(self.m, work.scores, 1)
        states = Matrix(self.m, self.states, self.n_out).transposed
        sizes, at = (self.n_out, hidden, n), self._start("attention")
        products.add_gradient(gradient, at, states, d_units, sizes)
        at = self._start("attention_query")
        products.add_gradient(gradient, at, units.transposed, scores, (hidden, 1, n))
        columns = self.m, work.d_units, n, hidden, hidden
        products.add_column_sums(gradient, self._start("attention_bias"), *columns)
