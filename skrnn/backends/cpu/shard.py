"""One shard of a batch through the whole network, in one call of compiled code.

A shard is a few sequences, in order of falling length. Threads take shards from a
common counter; each shard has a gradient vector and a loss of its own, so the result
does not depend on which thread took it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.atomics import exchange_add
from skrnn.backends.cpu.layer import (
    backward_layer,
    forward_layer,
    layer_gradient,
)
from skrnn.backends.cpu.options import ENTRY, MERGED
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, panel_product
from skrnn.mathematics.losses import loss_gradient


class HeadPlan(NamedTuple):
    """Sizes of the last matrix product, and where its panels start."""

    n_features: int
    n_outputs: int
    padded_outputs: int
    at: int  # weights and biases
    transposed_at: int


@njit(**MERGED)
def sequences_of(rows, offsets):
    """Starts, lengths, number of active sequences at each step, number of all steps.

    `rows` is in order of falling length. ``active`` ends with a 0.
    """
    n = rows.size
    starts, lengths = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        starts[i] = offsets[rows[i]]
        lengths[i] = offsets[rows[i] + 1] - starts[i]
    active = np.zeros(lengths[0] + 1, np.int64)
    n_rows = ZERO
    for i in range(n):
        n_rows += lengths[i]
        for t in range(lengths[i]):
            active[t] += 1
    return starts, lengths, active, n_rows


@njit(**MERGED)
def work_arrays(step, plan, n_sequences, n_rows, n_state_rows, like):
    """Memory for `forward_layer`: z, states, x, final states, argmax of max pooling."""
    padded = plan.padded_size
    return (
        np.empty((step.n_blocks, n_rows * padded), like.dtype),
        np.empty((step.n_states, n_state_rows * padded), like.dtype),
        np.empty((n_rows, plan.n_inputs + 1), like.dtype),
        np.empty((step.n_states, n_sequences * padded), like.dtype),
        np.empty((n_sequences, padded), np.int32),
    )


@njit(**MERGED)
def apply_head(head, packed, pooled):
    """The network's outputs, padded to whole panels. The last column of pooled is 1."""
    n, n_features = pooled.shape
    width = PANEL_BYTES // pooled.itemsize
    outputs = np.empty((n, head.padded_outputs), pooled.dtype)
    for j in range(head.padded_outputs // width):
        at = (j * width, ZERO, head.at + j * n_features * width)
        strides = (head.padded_outputs, n_features, ONE, ZERO)
        panel_product(n, outputs, pooled, packed, at, strides, (ONE, n_features), ZERO)
    return outputs


@njit(**MERGED)
def head_backward(head, packed_transposed, pooled, d_outputs, gradient):
    """Add the head's gradient; returns that of the pooled states."""
    n, n_features = pooled.shape
    width = PANEL_BYTES // pooled.itemsize
    d_panel = np.empty((1, n * width), pooled.dtype)
    for j in range(head.padded_outputs // width):
        for i in range(n):
            for lane in range(width):
                d_panel[0, i * width + lane] = d_outputs[i, j * width + lane]
        at = (head.at + j * n_features * width, ZERO, ZERO)
        strides = (width, ONE, n_features, ZERO)
        panel_product(
            n_features, gradient, pooled, d_panel, at, strides, (ONE, n), ZERO
        )
    d_pooled = np.empty((n, n_features - 1), pooled.dtype)
    for j in range((n_features - 1) // width):
        at = (j * width, ZERO, head.transposed_at + j * head.n_outputs * width)
        strides = (n_features - 1, head.padded_outputs, ONE, ZERO)
        panel_product(
            n,
            d_pooled,
            d_outputs,
            packed_transposed,
            at,
            strides,
            (ONE, head.n_outputs),
            ZERO,
        )
    return d_pooled


@njit(**MERGED)
def forward_shard(network, packed, values, offsets, rows, keep):
    """The head's outputs, and what the way back needs."""
    step, plan, head, pooling = network
    shard = sequences_of(rows, offsets)
    n, n_rows = rows.size, shard[3]
    if keep:  # the states after the last step are the final states
        work = work_arrays(step, plan, n, n_rows, n_rows, values)
    else:
        work = work_arrays(step, plan, n, n, 2 * n, values)
    pooled = np.zeros((n, plan.padded_size + 1), values.dtype)
    for i in range(n):
        pooled[i, plan.padded_size] = 1
    forward_layer(step, plan, packed, values, shard, keep, work, pooling, pooled)
    return shard, work, pooled, apply_head(head, packed, pooled)


@njit(**MERGED)
def shard_gradient(network, kind, weights, batch, rows, gradient):
    """Loss of a shard; its gradient replaces what is in `gradient`."""
    step, plan, head, pooling = network
    packed, packed_transposed = weights
    values, offsets, targets, scales = batch
    shard, work, pooled, outputs = forward_shard(
        network, packed, values, offsets, rows, ONE
    )
    loss = 0.0
    for i in range(rows.size):
        loss += loss_gradient(kind, outputs[i], targets[rows[i]], scales[rows[i]])
        for o in range(head.n_outputs, head.padded_outputs):
            outputs[i, o] = 0
    for p in range(gradient.size):
        gradient[0, p] = 0
    d_pooled = head_backward(head, packed_transposed, pooled, outputs, gradient)
    backward_layer(step, plan, packed_transposed, shard, work, pooling, d_pooled)
    layer_gradient(step, plan, work, gradient)
    return loss


@njit(**ENTRY)
def train_shards(
    counter, network, kind, weights, batch, order, bounds, gradients, losses
):
    """Take shards until none is left.

    Shard s holds the sequences ``order[bounds[s]:bounds[s + 1]]``, and has row s of
    `gradients` and of `losses`.
    """
    s = exchange_add(counter, ONE)
    while s < losses.size:
        rows = order[bounds[s] : bounds[s + 1]]
        losses[s] = shard_gradient(
            network, kind, weights, batch, rows, gradients[s : s + 1]
        )
        s = exchange_add(counter, ONE)


@njit(**ENTRY)
def predict_shards(counter, network, packed, values, offsets, order, bounds, outputs):
    """Take shards until none is left; writes the outputs of their sequences."""
    s = exchange_add(counter, ONE)
    while s < bounds.size - 1:
        rows = order[bounds[s] : bounds[s + 1]]
        result = forward_shard(network, packed, values, offsets, rows, ZERO)[3]
        for i in range(rows.size):
            for o in range(outputs.shape[1]):
                outputs[rows[i], o] = result[i, o]
        s = exchange_add(counter, ONE)
