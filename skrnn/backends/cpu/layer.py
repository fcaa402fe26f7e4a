"""One recurrent layer over one shard of a batch: forward, backward, weight gradients.

The shard's sequences stand in order of falling length, so the rows that are active at
step t are the first ``active[t]``; the rows of all steps follow each other in memory,
and nothing is stored or computed for a step that does not exist.

While training, `z` (pre-activations, later their gradients), `states` (before each
step) and `x` (inputs, each row followed by a 1 for the biases) keep all steps. Without
training they keep what one step needs.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER, MERGED
from skrnn.backends.cpu.pooling import pool_step, pool_step_backward
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, panel_product
from skrnn.mathematics import cells

# Steps x rows of a weight-gradient product at a time: a packed panel of gradients
# (64 bytes a row) stays in the first-level cache.
CHUNK = 128


class LayerPlan(NamedTuple):
    """Sizes, and where the panels start in the packed vectors."""

    n_inputs: int
    hidden_size: int
    padded_size: int
    x_at: int  # input weights and biases of the first n_x blocks
    bias_at: int  # biases of the other blocks
    h_at: int  # recurrent weights
    h_transposed_at: int


@njit(**MERGED)
def gather_step(values, starts, t, n, x, row):
    """Copy step t of n sequences into the rows of x from `row` on, then a 1 each."""
    n_inputs = values.shape[1]
    for i in range(n):
        for f in range(n_inputs):
            x[row + i, f] = values[starts[i] + t, f]
        x[row + i, n_inputs] = 1


@njit(**INNER)
def pre_activations(step, plan, packed, x, row, states, state_at, n, z, z_at):
    """``z = x W_x + b + h W_h`` for the n rows of one step."""
    width = PANEL_BYTES // z.itemsize
    padded, n_x = plan.padded_size, plan.n_inputs + 1
    panels = padded // width
    x_at = row * n_x
    for block in range(step.n_blocks):
        for j in range(panels):
            c_at = block * z.shape[1] + z_at + j * width
            if block < step.n_x:
                at = (c_at, x_at, plan.x_at + (block * panels + j) * n_x * width)
                sizes = (ONE, n_x)
            else:  # the 1 at the end of each row of x alone
                other = (block - step.n_x) * panels + j
                at = (c_at, x_at + n_x - 1, plan.bias_at + other * width)
                sizes = (ONE, ONE)
            panel_product(n, z, x, packed, at, (padded, n_x, ONE, ZERO), sizes, ZERO)
            if block >= step.h_first:
                k = plan.hidden_size
                other = (block - step.h_first) * panels + j
                at = (c_at, state_at, plan.h_at + other * k * width)
                strides = (padded, padded, ONE, ZERO)
                panel_product(n, z, states, packed, at, strides, (ONE, k), ONE)


@njit(**MERGED)
def forward_layer(step, plan, packed, values, shard, keep, work, pooling, pooled):
    """Run all steps of a shard and pool the states.

    `shard` is what `sequences_of` gives; with `keep` the work arrays have room for all
    steps.
    """
    starts, lengths, active, _ = shard
    z, states, x, final, argmax = work
    padded = plan.padded_size
    n_all = starts.size
    row = row_next = ZERO
    for s in range(step.n_states):
        for j in range(n_all * padded):
            states[s, j] = 0
    for t in range(active.size - 1):
        n, n_next = active[t], active[t + 1]
        # Without training, two places for the states are used in turn.
        row_next = row + n if keep else n_all - row
        z_row = row if keep else ZERO
        z_at, old_at, new_at = z_row * padded, row * padded, row_next * padded
        gather_step(values, starts, t, n, x, z_row)
        pre_activations(step, plan, packed, x, z_row, states, old_at, n, z, z_at)
        # Sequences that go on, then those that end here.
        m, m_next = n * padded, n_next * padded
        cells.forward(step, z, z_at, states, old_at, states, new_at, m_next)
        cells.forward(
            step, z, z_at + m_next, states, old_at + m_next, final, m_next, m - m_next
        )
        pool_step(
            pooling,
            t,
            n,
            n_next,
            states,
            new_at,
            final,
            padded,
            lengths,
            pooled,
            argmax,
        )
        row = row_next


@njit(**MERGED)
def backward_layer(step, plan, packed_transposed, shard, work, pooling, d_pooled):
    """Replace z by the gradient of the pre-activations."""
    _, lengths, active, n_rows = shard
    z, states, _, _, argmax = work
    width = PANEL_BYTES // z.itemsize
    padded, k = plan.padded_size, plan.hidden_size
    n_h = step.n_blocks - step.h_first
    d = np.zeros((step.n_states, lengths.size * padded), z.dtype)
    strides = (padded, padded, ONE, z.shape[1])
    at = n_rows * padded
    for t in range(active.size - 2, -1, -1):
        n = active[t]
        at -= n * padded
        pool_step_backward(pooling, t, n, d_pooled, padded, lengths, argmax, d)
        cells.backward(step, z, at, states, at, d, n * padded)
        if t > 0:
            a_at = step.h_first * z.shape[1] + at
            for j in range(padded // width):
                b_at = plan.h_transposed_at + j * n_h * k * width
                here = (j * width, a_at, b_at)
                panel_product(n, d, z, packed_transposed, here, strides, (n_h, k), ONE)


@njit(**MERGED)
def layer_gradient(step, plan, work, gradient):
    """Add the gradients of the packed weights, from z as `backward_layer` left it.

    One product over all steps: gradient = [x, 1]^T dz and h^T dz, a panel at a time.
    """
    dz, states, x, _, _ = work
    width = PANEL_BYTES // dz.itemsize
    padded, n_x, n_h = plan.padded_size, plan.n_inputs + 1, plan.hidden_size
    panels = padded // width
    panel = np.empty((1, CHUNK * width), dz.dtype)
    for first in range(0, x.shape[0], CHUNK):
        k = min(CHUNK, x.shape[0] - first)
        for block in range(step.n_blocks):
            for j in range(panels):
                for r in range(k):
                    at = (first + r) * padded + j * width
                    for lane in range(width):
                        panel[0, r * width + lane] = dz[block, at + lane]
                if block < step.n_x:
                    to = plan.x_at + (block * panels + j) * n_x * width
                    n, a_at = n_x, first * n_x
                else:
                    to = plan.bias_at + ((block - step.n_x) * panels + j) * width
                    n, a_at = ONE, first * n_x + n_x - 1
                strides = (width, ONE, n_x, ZERO)
                panel_product(
                    n, gradient, x, panel, (to, a_at, ZERO), strides, (ONE, k), ONE
                )
                if block >= step.h_first:
                    other = (block - step.h_first) * panels + j
                    here = (plan.h_at + other * n_h * width, first * padded, ZERO)
                    strides = (width, ONE, padded, ZERO)
                    panel_product(
                        n_h, gradient, states, panel, here, strides, (ONE, k), ONE
                    )
