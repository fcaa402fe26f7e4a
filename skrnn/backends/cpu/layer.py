"""One recurrent layer in one direction, over one window of a shard.

The layers of a network share the memory of `Work`, where each has a *slot*. While
training, each layer in each direction has a slot of its own, so that `z`
(pre-activations, later their gradients) and `states` (before each step) are kept for
the way back; otherwise all take the first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import (
    CHUNK,
    CHUNK_PANELS,
    add_product,
    copy_panels,
    product,
)
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO
from skrnn.backends.cpu.window import ACTIVE, FIRST
from skrnn.backends.table import NUMBER
from skrnn.mathematics import cells
from skrnn.mathematics.dropout import factor, recurrent_key, unless_no_dropout

# Rows that the input product takes at a time: a product of few rows wastes the tile.
INPUT_ROWS = 32


class Sizes(NamedTuple):
    """What all layers have in common."""

    n_directions: int
    n_features: int  # numbers of a step
    frame_length: int
    hop_length: int
    # Of the first layer: a frame's steps, one after the other, and the static ones.
    n_inputs: int
    n_static: int
    hidden_size: int
    padded_size: int
    n_out: int  # outputs of a layer, of both directions
    # The lowest layer with anything to train; what pools comes after the last layer,
    # and then the head. Gradients do not reach below it.
    first_trained: int
    out_row: int  # distance between rows of outputs: room for a 1, and whole panels


class LayerPlan(NamedTuple):
    """Where the panels of a layer in one direction start in the packed weights."""

    n_inputs: int
    x_at: int  # input weights and biases of the first n_x blocks
    bias_at: int  # biases of the other blocks
    h_at: int
    h_transposed_at: int
    x_transposed_at: int
    norm_at: int  # weights, then biases of the layer's normalisation; or -1
    trains: int  # 0 where all weights of this layer and direction are frozen


@njit(**INNER)
def layer_plan(layers, q):
    """Row q of the table as a `LayerPlan`."""
    row = layers[q]
    return LayerPlan(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])


class Work(NamedTuple):
    """The memory of a shard: one vector `m`, and where in it is what.

    One vector, since every array that a function takes makes it longer to compile.
    Rows are those of the window. A state is that of all slots, rows and units.
    """

    m: np.ndarray
    n_sequences: int
    n_rows: int  # of a slot
    plane: int  # distance between the blocks of z, and between states
    final_plane: int  # the same in `final`
    z: int  # (blocks, slots * rows * units)
    states: int  # (states, slots * rows * units), before each step
    fed_back: int  # h as it enters the recurrent product: `states`, or a plane
    masks: int  # (layers and directions * sequences * units), or -1
    final: int  # (states, layers and directions * sequences * units)
    d: int  # as final: gradients of states
    d_fed: int  # (sequences * units), or -1: gradients of what recurrent dropout leaves
    x: int  # (rows, inputs of the first layer + 1)
    outs: int  # (layers * rows, out_row): outputs, a 1; later their gradients
    last: int  # where those of the last layer start
    normal: int  # as outs, or -1: normalised outputs, 1 / deviation
    kept: int  # (sequences, n_kept): what the pooling keeps of the steps so far
    pooled: int  # (sequences, out_row): its result
    d_pooled: int  # as pooled, its gradient
    panels: int  # room for `copy_panels`
    scratch: int  # room for what is computed of a chunk of rows, or of a sum over them
    more: int  # room for what comes between the last layer and the head, or -1
    best: np.ndarray  # (sequences * out_row): max pooling's step


@njit(**INNER)
def reserve(free, n):
    """Where n numbers stand, -1 if there are none; and what is free behind them.

    All start at a multiple of a panel's width, in either precision.
    """
    return free if n > 0 else -ONE, free + -(-n // PANEL_BYTES) * PANEL_BYTES


class Place(NamedTuple):
    """Where one layer in one direction finds its own in `Work`."""

    reverse: bool
    z: int  # its slot
    states: int
    fed_back: int
    masks: int
    final: int
    d: int
    x: int  # its inputs
    x_row: int
    out: int


@njit(**INNER)
def place_of(sizes, work, q, keep):
    """The place of layer and direction number q."""
    layer, direction = q // sizes.n_directions, q % sizes.n_directions
    slot = q * work.n_rows * sizes.padded_size if keep else ZERO
    of_sequences = q * work.n_sequences * sizes.padded_size
    layer_size = work.n_rows * sizes.out_row
    return Place(
        direction == 1,
        work.z + slot,
        work.states + slot,
        work.fed_back + slot,
        work.masks + of_sequences,
        work.final + of_sequences,
        work.d + of_sequences,
        work.outs + (layer - 1) * layer_size if layer > 0 else work.x,
        sizes.out_row if layer > 0 else sizes.n_inputs + 1,
        work.outs + layer * layer_size + direction * sizes.hidden_size,
    )


@njit(**INNER)
def copy_row(source, at, target, to, n):
    """Copy n neighbours from one vector to another.

    Like all loops over neighbours, it is one over slices: an index that is a sum might
    be negative, for all that Numba knows, and then no loop is vectorised.
    """
    here, there = source[at:], target[to:]
    for j in range(n):
        there[j] = here[j]


@njit(**INNER)
def copy(m, source, target, n):
    """Copy n neighbours from one place of the memory to another."""
    copy_row(m, source, m, target, n)


def _fill_masks(dropout, sizes, shard, work, n_places):
    if work.masks < 0:
        return
    for q in range(n_places):
        for i in range(shard.shape[0]):
            key = recurrent_key(dropout, q, shard[i, NUMBER])
            mask = work.m[work.masks + (q * shard.shape[0] + i) * sizes.padded_size :]
            for j in range(sizes.hidden_size):
                mask[j] = factor(key, j, dropout.recurrent_rate)
            for j in range(sizes.hidden_size, sizes.padded_size):
                mask[j] = 0


#: fill_masks(dropout, sizes, shard, work, n_places): draw the masks of recurrent
#: dropout; they keep for all windows.
fill_masks = unless_no_dropout(_fill_masks)


@njit(**INNER)
def input_products(step, sizes, plan, packed, place, work, first, n):
    """``z = x W_x + b`` for n rows of the window, `first` on."""
    padded, n_x, m = sizes.padded_size, plan.n_inputs + 1, work.m
    z_at, x_at = place.z + first * padded, place.x + first * place.x_row
    z, rows = (m, z_at, padded, work.plane), (m, x_at, place.x_row, ZERO)
    shape = (step.n_x, padded, ONE, n_x)
    product(n, z, rows, (packed, plan.x_at), shape, ZERO)
    if step.n_blocks > step.n_x:  # the 1 at the end of each row of x alone
        z = (m, z_at + step.n_x * work.plane, padded, work.plane)
        rows = (m, x_at + n_x - 1, place.x_row, ZERO)
        shape = (step.n_blocks - step.n_x, padded, ONE, ONE)
        product(n, z, rows, (packed, plan.bias_at), shape, ZERO)


@njit(**INNER)
def take_states(step, sizes, place, work, first, last, row):
    """Start the sequences from `first` on at the states in `final`, at a step's row."""
    padded = sizes.padded_size
    for s in range(step.n_states):
        source = place.final + s * work.final_plane + first * padded
        target = place.states + s * work.plane + (row + first) * padded
        copy(work.m, source, target, (last - first) * padded)


@njit(**INNER)
def feed_back(sizes, place, work, row, n):
    """Drop units of n rows of states on their way to the recurrent product."""
    if work.masks >= 0:
        m, at = work.m, row * sizes.padded_size
        h, fed_back = m[place.states + at :], m[place.fed_back + at :]
        mask = m[place.masks :]
        for j in range(n * sizes.padded_size):
            fed_back[j] = h[j] * mask[j]


@njit(**INNER)
def write_outputs(sizes, place, work, row, h_at, n):
    """Copy the new h of n sequences into the rows of their step."""
    for i in range(n):
        out = place.out + (row + i) * sizes.out_row
        copy(work.m, h_at + i * sizes.padded_size, out, sizes.hidden_size)


@njit(**INNER)
def recurrent_step(step, sizes, plan, packed, work, place, row, n, next_row, n_stay):
    """One step of n rows: `n_stay` sequences go on at `next_row`, the others end."""
    padded, k, m, plane = sizes.padded_size, sizes.hidden_size, work.m, work.plane
    at, old = place.z + row * padded, place.states + row * padded
    fed = place.fed_back + row * padded
    z, h = (m, at + step.h_first * plane, padded, plane), (m, fed, padded, ZERO)
    shape = (step.n_blocks - step.h_first, padded, ONE, k)
    product(n, z, h, (packed, plan.h_at), shape, ONE)
    stay = n_stay * padded
    new, end = place.states + next_row * padded, place.final + stay
    cells.forward(step, m, at, plane, old, new, plane, stay)
    at, old, n_units = at + stay, old + stay, n * padded - stay
    cells.forward(step, m, at, plane, old, end, work.final_plane, n_units)
    write_outputs(sizes, place, work, row, new, n_stay)
    write_outputs(sizes, place, work, row + n_stay, end, n - n_stay)


@njit(**INNER)
def forward_layer(step, sizes, plan, packed, window, place, work):
    """Run all steps of a window, from the states in `final`, which it renews."""
    steps = window.steps
    n_steps = steps.shape[0] - 1
    t, move = (n_steps - 1, -1) if place.reverse else (ZERO, 1)
    take_states(step, sizes, place, work, ZERO, steps[t, ACTIVE], steps[t, FIRST])
    ready = t  # the first step whose input product is not made
    for left in range(n_steps - 1, -1, -1):
        n, row = steps[t, ACTIVE], steps[t, FIRST]
        if t == ready:
            ready = input_steps(step, sizes, plan, packed, steps, place, work, t)
        feed_back(sizes, place, work, row, n)
        n_next = steps[t + move, ACTIVE] if left > 0 else ZERO
        next_row = steps[t + move, FIRST] if left > 0 else ZERO
        n_stay = min(n, n_next)
        recurrent_step(step, sizes, plan, packed, work, place, row, n, next_row, n_stay)
        take_states(step, sizes, place, work, n_stay, n_next, next_row)
        t += move


@njit(**INNER)
def input_steps(step, sizes, plan, packed, steps, place, work, t):
    """The input products of step t and, if they are few rows, of some after it."""
    n_steps = steps.shape[0] - 1
    first, last = t, t + 1
    if place.reverse:
        while first > 0 and steps[last, FIRST] - steps[first, FIRST] < INPUT_ROWS:
            first -= 1
    else:
        while last < n_steps and steps[last, FIRST] - steps[first, FIRST] < INPUT_ROWS:
            last += 1
    row = steps[first, FIRST]
    n = steps[last, FIRST] - row
    input_products(step, sizes, plan, packed, place, work, row, n)
    return first - 1 if place.reverse else last


@njit(**INNER)
def backward_layer(step, sizes, plan, packed, window, place, work, goes_on):
    """Replace z by the gradient of the pre-activations, from that of the outputs.

    With `goes_on`, `d` has the gradient of the states with which each sequence ended,
    and on return that of those with which it began. Without, the former is 0.
    """
    m, padded, k, steps = work.m, sizes.padded_size, sizes.hidden_size, window.steps
    n_h, n_steps = step.n_blocks - step.h_first, steps.shape[0] - 1
    if goes_on == 0:
        start_gradients(step, sizes, place, work)
    d = m[place.d :]
    t, move = (ZERO, 1) if place.reverse else (n_steps - 1, -1)
    for left in range(n_steps - 1, -1, -1):
        n, row = steps[t, ACTIVE], steps[t, FIRST]
        at, old = place.z + row * padded, place.states + row * padded
        for i in range(n):
            d_h, d_out = d[i * padded :], m[place.out + (row + i) * sizes.out_row :]
            for j in range(k):
                d_h[j] += d_out[j]
        plane = work.final_plane
        cells.backward(step, m, at, work.plane, old, place.d, plane, n * padded)
        t += move
        if goes_on == 0:
            # The sequences that the step before it in time has as well.
            n = min(n, steps[t, ACTIVE]) if left > 0 else ZERO
        if n > 0:
            to, more = (work.d_fed, ZERO) if work.masks >= 0 else (place.d, ONE)
            dz = (m, at + step.h_first * work.plane, padded, work.plane)
            panels, shape = (packed, plan.h_transposed_at), (ONE, padded, n_h, k)
            product(n, (m, to, padded, ZERO), dz, panels, shape, more)
            if work.masks >= 0:
                d_fed, mask = m[work.d_fed :], m[place.masks :]
                for j in range(n * padded):
                    d[j] += d_fed[j] * mask[j]


@njit(**INNER)
def start_gradients(step, sizes, place, work):
    """Zeros for the states of all sequences of a layer in a direction."""
    for s in range(step.n_states):
        d = work.m[place.d + s * work.final_plane :]
        for j in range(work.n_sequences * sizes.padded_size):
            d[j] = 0


@njit(**INNER)
def layer_gradient(step, sizes, plan, n_rows, place, work, gradient):
    """Add the gradients of the packed weights, from z as `backward_layer` left it.

    One product over all steps, gradient = [x, 1]^T dz and h^T dz, by some panels.
    """
    m, padded = work.m, sizes.padded_size
    width = PANEL_BYTES // m.itemsize
    for first in range(0, n_rows, CHUNK):
        n = min(CHUNK, n_rows - first)
        for block in range(step.n_blocks):
            for j in range(0, padded, CHUNK_PANELS * width):
                n_panels = min(CHUNK_PANELS, (padded - j) // width)
                dz = place.z + block * work.plane + first * padded + j
                copy_panels(m, dz, padded, n, n_panels, work.panels)
                columns = (block, j, n_panels)
                columns_gradient(
                    step, sizes, plan, first, n, columns, place, work, gradient
                )


@njit(**INNER)
def columns_gradient(step, sizes, plan, first, n, columns, place, work, gradient):
    """`layer_gradient` of some columns of a block, from n rows of `work.panels`."""
    m, padded, panels = work.m, sizes.padded_size, work.panels
    block, j, n_panels = columns
    if block < step.n_x:
        n_x, k = plan.n_inputs + 1, 0
        to = plan.x_at + (block * padded + j) * n_x
    else:  # a block without input has but a bias, the last row
        n_x, k = ONE, plan.n_inputs
        to = plan.bias_at + (block - step.n_x) * padded + j
    x = (m, place.x + first * place.x_row + k, place.x_row)
    add_product(n, n_x, x, m, panels, n_panels, gradient, to)
    if block >= step.h_first:
        h, k = (m, place.fed_back + first * padded, padded), sizes.hidden_size
        to = plan.h_at + ((block - step.h_first) * padded + j) * k
        add_product(n, k, h, m, panels, n_panels, gradient, to)


@njit(**INNER)
def input_gradient(step, sizes, plan, packed, n_rows, place, work, more):
    """Replace the inputs of a layer above the first by their gradient.

    With `more` it is added to what the other direction left there.
    """
    width = PANEL_BYTES // work.m.itemsize
    inputs = (work.m, place.x, place.x_row, ZERO)
    dz = (work.m, place.z, sizes.padded_size, work.plane)
    panels = (packed, plan.x_transposed_at)
    n_columns = -(-sizes.n_out // width) * width
    shape = (ONE, n_columns, step.n_x, sizes.hidden_size)
    product(n_rows, inputs, dz, panels, shape, more)
