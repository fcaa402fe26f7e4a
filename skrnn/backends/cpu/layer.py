"""One recurrent layer in one direction, over one window of a shard.

The layers of a network share the arrays of `Work`, where each has a *slot*. While
training, each layer in each direction has a slot of its own, so that `z`
(pre-activations, later their gradients) and `states` (before each step) are kept for
the way back; otherwise all take the first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER, MERGED
from skrnn.backends.cpu.products import CHUNK, copy_panel, product
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, panel_product
from skrnn.mathematics import cells
from skrnn.mathematics.dropout import factor, recurrent_key

# Rows that the input product takes at a time: a product of few rows wastes the tile.
INPUT_ROWS = 32


class Sizes(NamedTuple):
    """What all layers have in common."""

    n_directions: int
    n_features: int
    hidden_size: int
    padded_size: int
    n_out: int  # outputs of a layer, of both directions
    # The lowest layer with anything to train; what pools comes after the last layer,
    # and then the head. Gradients do not reach below it.
    first_trained: int
    out_row: int  # distance between rows of outputs: room for a 1, and whole panels


class LayerPlan(NamedTuple):
    """Where the panels of a layer in one direction start in the packed vectors."""

    n_inputs: int
    x_at: int  # input weights and biases of the first n_x blocks
    bias_at: int  # biases of the other blocks
    h_at: int
    h_transposed_at: int
    x_transposed_at: int
    norm_at: int  # weights, then biases of the layer's normalisation; or -1
    trains: int  # 0 where all weights of this layer and direction are frozen


class Work(NamedTuple):
    """The memory of a shard. Rows are those of the window."""

    n_sequences: int
    n_rows: int  # of a slot
    z: np.ndarray  # (blocks, slots * rows * units)
    states: np.ndarray  # (states, slots * rows * units), before each step
    fed_back: np.ndarray  # as states: h as it enters the recurrent product
    masks: np.ndarray  # (layers and directions, sequences * units), or empty
    final: np.ndarray  # (states, layers and directions * sequences * units)
    x: np.ndarray  # (rows, features + 1)
    outs: np.ndarray  # (layers * rows, out_row): outputs, a 1; later their gradients
    normal: np.ndarray  # as outs, or empty: normalised outputs, 1 / deviation


class Place(NamedTuple):
    """Where one layer in one direction finds its own in `Work`."""

    q: int  # its number
    reverse: bool
    row: int  # first row in z and states
    x_row: int  # first row of its inputs
    x_stride: int
    out_row: int  # first row in outs
    out_column: int


@njit(**INNER)
def place_of(sizes, work, q, keep):
    """The place of layer and direction number q."""
    layer, direction = q // sizes.n_directions, q % sizes.n_directions
    return Place(
        q,
        direction == 1,
        q * work.n_rows if keep else ZERO,
        max(layer - 1, 0) * work.n_rows,
        sizes.out_row if layer > 0 else sizes.n_features + 1,
        layer * work.n_rows,
        direction * sizes.hidden_size,
    )


@njit(**INNER)
def last_outputs(work):
    """The outputs of the last layer: the array, and the first row."""
    return work.outs, work.outs.shape[0] - work.n_rows


@njit(**INNER)
def fill_masks(dropout, sizes, rows, masks):
    """Draw the masks of recurrent dropout; they keep for all windows."""
    for q in range(masks.shape[0]):
        for i in range(rows.size):
            key = recurrent_key(dropout, q, rows[i])
            mask = masks[q, i * sizes.padded_size :]
            for j in range(sizes.hidden_size):
                mask[j] = factor(key, j, dropout.recurrent_rate)


@njit(**MERGED)
def input_products(step, sizes, plan, packed, x, place, work, first, n):
    """``z = x W_x + b`` for n rows of the window, `first` on."""
    padded, n_x = sizes.padded_size, plan.n_inputs + 1
    z_at = (place.row + first) * padded
    x_at = (place.x_row + first) * place.x_stride
    for block in range(step.n_blocks):
        if block < step.n_x:
            b_at, at, k = plan.x_at + block * n_x * padded, x_at, n_x
        else:  # the 1 at the end of each row of x alone
            b_at = plan.bias_at + (block - step.n_x) * padded
            at, k = x_at + n_x - 1, ONE
        z = (work.z, block * work.z.shape[1] + z_at, padded)
        rows = (x, at, place.x_stride)
        product(n, padded, z, rows, (packed, b_at), (ONE, k), ZERO)


@njit(**INNER)
def take_states(sizes, place, work, first, last, at):
    """Start the sequences from `first` on at the states in ``work.final``."""
    padded = sizes.padded_size
    start = (place.q * work.n_sequences + first) * padded
    for s in range(work.states.shape[0]):
        source, target = work.final[s, start:], work.states[s, at + first * padded :]
        for j in range((last - first) * padded):
            target[j] = source[j]


@njit(**MERGED)
def feed_back(sizes, place, work, at, n):
    """Drop units of n rows of states on their way to the recurrent product."""
    if work.masks.size > 0:
        h, fed_back, mask = (
            work.states[0, at:],
            work.fed_back[0, at:],
            work.masks[place.q],
        )
        for j in range(n * sizes.padded_size):
            fed_back[j] = h[j] * mask[j]


@njit(**INNER)
def write_outputs(sizes, place, work, row, states, at, n):
    """Copy the new h of n sequences into the rows of their step."""
    first = place.out_row + row
    for i in range(n):
        source = states[0, at + i * sizes.padded_size :]
        target = work.outs[first + i, place.out_column :]
        for j in range(sizes.hidden_size):
            target[j] = source[j]


@njit(**MERGED)
def recurrent_step(step, sizes, plan, packed, work, place, row, n, next_row, n_stay):
    """One step of n rows: `n_stay` sequences go on at `next_row`, the others end."""
    padded, k = sizes.padded_size, sizes.hidden_size
    z, states, final = work.z, work.states, work.final
    at, next_at = (place.row + row) * padded, (place.row + next_row) * padded
    h = (work.fed_back, at, padded)
    for block in range(step.h_first, step.n_blocks):
        c = (z, block * z.shape[1] + at, padded)
        b_at = plan.h_at + (block - step.h_first) * k * padded
        product(n, padded, c, h, (packed, b_at), (ONE, k), ONE)
    m = n_stay * padded
    end = place.q * work.n_sequences * padded + m
    cells.forward(step, z, at, states, at, states, next_at, m)
    cells.forward(step, z, at + m, states, at + m, final, end, n * padded - m)
    write_outputs(sizes, place, work, row, states, next_at, n_stay)
    write_outputs(sizes, place, work, row + n_stay, final, end, n - n_stay)


@njit(**INNER)
def forward_layer(step, sizes, plan, packed, window, x, place, work):
    """Run all steps of a window, from the states in ``work.final``, which it renews."""
    active, firsts, padded = window.active, window.firsts, sizes.padded_size
    n_steps = active.size
    t, move = (n_steps - 1, -1) if place.reverse else (ZERO, 1)
    take_states(sizes, place, work, ZERO, active[t], (place.row + firsts[t]) * padded)
    ready = t  # the first step whose input product is not made
    for left in range(n_steps - 1, -1, -1):
        n, row = active[t], firsts[t]
        if t == ready:
            ready = input_steps(step, sizes, plan, packed, window, x, place, work, t)
        feed_back(sizes, place, work, (place.row + row) * padded, n)
        n_next = active[t + move] if left > 0 else ZERO
        next_row = firsts[t + move] if left > 0 else ZERO
        n_stay = min(n, n_next)
        recurrent_step(step, sizes, plan, packed, work, place, row, n, next_row, n_stay)
        take_states(sizes, place, work, n_stay, n_next, (place.row + next_row) * padded)
        t += move


@njit(**MERGED)
def input_steps(step, sizes, plan, packed, window, x, place, work, t):
    """The input products of step t and, if they are few rows, of some after it."""
    firsts, n_steps = window.firsts, window.active.size
    first, last = t, t + 1
    if place.reverse:
        while first > 0 and firsts[last] - firsts[first] < INPUT_ROWS:
            first -= 1
    else:
        while last < n_steps and firsts[last] - firsts[first] < INPUT_ROWS:
            last += 1
    n = firsts[last] - firsts[first]
    input_products(step, sizes, plan, packed, x, place, work, firsts[first], n)
    return first - 1 if place.reverse else last


@njit(**MERGED)
def backward_layer(step, sizes, plan, packed_transposed, window, place, work):
    """Replace z by the gradient of the pre-activations, from that of the outputs."""
    active, firsts, padded = window.active, window.firsts, sizes.padded_size
    z, k, n_steps = work.z, sizes.hidden_size, window.active.size
    n_h = step.n_blocks - step.h_first
    d = np.zeros((step.n_states, work.n_sequences * padded), z.dtype)
    d_fed_back = np.empty((1, work.n_sequences * padded), z.dtype)
    t, move = (ZERO, 1) if place.reverse else (n_steps - 1, -1)
    for left in range(n_steps - 1, -1, -1):
        n, row = active[t], firsts[t]
        at = (place.row + row) * padded
        first = place.out_row + row
        for i in range(n):
            d_h, d_out = d[0, i * padded :], work.outs[first + i, place.out_column :]
            for j in range(k):
                d_h[j] += d_out[j]
        cells.backward(step, z, at, work.states, at, d, n * padded)
        if left > 0:
            t += move
            # The sequences that the step before it in time has as well.
            n = min(n, active[t])
            to, more = (d_fed_back, ZERO) if work.masks.size > 0 else (d, ONE)
            dz = (z, step.h_first * z.shape[1] + at, padded)
            panels = (packed_transposed, plan.h_transposed_at)
            product(n, padded, (to, ZERO, padded), dz, panels, (n_h, k), more)
            if work.masks.size > 0:
                d_h, d_fed, mask = d[0], d_fed_back[0], work.masks[place.q]
                for j in range(n * padded):
                    d_h[j] += d_fed[j] * mask[j]


@njit(**MERGED)
def layer_gradient(step, sizes, plan, n_rows, x, place, work, gradient):
    """Add the gradients of the packed weights, from z as `backward_layer` left it.

    One product over all steps: gradient = [x, 1]^T dz and h^T dz, a panel at a time.
    """
    dz, padded, n_x = work.z, sizes.padded_size, plan.n_inputs + 1
    width = PANEL_BYTES // dz.itemsize
    k_h = sizes.hidden_size
    panel = np.empty((1, CHUNK * width), dz.dtype)
    for first in range(0, n_rows, CHUNK):
        k = min(CHUNK, n_rows - first)
        x_at = (place.x_row + first) * place.x_stride
        at = (place.row + first) * padded
        for block in range(step.n_blocks):
            for j in range(0, padded, width):
                copy_panel(dz, block, at + j, padded, k, panel)
                if block < step.n_x:
                    to = plan.x_at + (block * padded + j) * n_x
                    n, a_at = n_x, x_at
                else:
                    to = plan.bias_at + (block - step.n_x) * padded + j
                    n, a_at = ONE, x_at + n_x - 1
                strides = (width, ONE, place.x_stride, ZERO)
                panel_product(
                    n, gradient, x, panel, (to, a_at, ZERO), strides, (ONE, k), ONE
                )
                if block >= step.h_first:
                    to = plan.h_at + ((block - step.h_first) * padded + j) * k_h
                    strides = (width, ONE, padded, ZERO)
                    sides = gradient, work.fed_back, panel
                    panel_product(k_h, *sides, (to, at, ZERO), strides, (ONE, k), ONE)


@njit(**MERGED)
def input_gradient(step, sizes, plan, packed_transposed, n_rows, place, work, more):
    """Replace the inputs of a layer above the first by their gradient.

    With `more` it is added to what the other direction left there.
    """
    padded = sizes.padded_size
    width = PANEL_BYTES // work.z.itemsize
    inputs = (work.outs, place.x_row * place.x_stride, place.x_stride)
    dz = (work.z, place.row * padded, padded)
    panels = (packed_transposed, plan.x_transposed_at)
    n_columns = -(-sizes.n_out // width) * width
    blocks = (step.n_x, sizes.hidden_size)
    product(n_rows, n_columns, inputs, dz, panels, blocks, more)
