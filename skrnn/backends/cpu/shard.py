"""One shard of a batch through the whole network, in one call of compiled code.

A shard is a few sequences, in order of falling length. Threads take shards from a
common counter; each shard has a gradient vector and a loss of its own, so the result
does not depend on which thread took it.

A shard goes through the network a *window* of time steps at a time; the states at its
end are where the next one starts. Training has one window, or several whose gradients
do not reach back into each other (truncated backpropagation through time).
"""

import numpy as np
from numba import njit

from skrnn.backends.cpu.atomics import exchange_add
from skrnn.backends.cpu.head import head_gradient, write_head_outputs
from skrnn.backends.cpu.layer import (
    LayerPlan,
    Work,
    backward_layer,
    fill_masks,
    forward_layer,
    input_gradient,
    layer_gradient,
    place_of,
)
from skrnn.backends.cpu.norm import normalize, normalize_back
from skrnn.backends.cpu.options import ENTRY, INNER, MERGED
from skrnn.backends.cpu.pooling import (
    add_window,
    finish_pool,
    head_rows,
    is_pooled,
    new_pool,
    spread_window,
    write_scores,
)
from skrnn.backends.cpu.tile import ONE, ZERO
from skrnn.backends.cpu.window import Shard, count_rows, gather, window_of
from skrnn.mathematics.dropout import NO_DROPOUT, factor, output_key

#: What `predict_shards` writes.
OUTPUTS, STATES, SCORES = range(3)


@njit(**INNER)
def layer_plan(layers, q):
    """Row q of the table as a `LayerPlan`."""
    row = layers[q]
    return LayerPlan(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])


@njit(**INNER)
def new_work(network, dropout, shard, n_rows, like, keep):
    """Memory for windows of up to `n_rows` rows."""
    step, sizes, layers, _, _ = network
    padded, n = sizes.padded_size, shard.rows.size
    n_places = layers.shape[0]
    n_outs = n_places // sizes.n_directions * n_rows
    is_normed = keep and layer_plan(layers, 0).norm_at >= 0
    n_units = (n_places if keep else 1) * n_rows * padded
    states = np.empty((step.n_states, n_units), like.dtype)
    is_masked = dropout.recurrent_rate > 0
    masks = np.zeros((n_places if is_masked else 0, n * padded), like.dtype)
    fill_masks(dropout, sizes, shard.rows, masks)
    return Work(
        n,
        n_rows,
        np.empty((step.n_blocks, n_units), like.dtype),
        states,
        np.empty((1, n_units), like.dtype) if is_masked else states,
        masks,
        np.zeros((step.n_states, n_places * n * padded), like.dtype),
        np.empty((n_rows, sizes.n_features + 1), like.dtype),
        np.empty((n_outs, sizes.out_row), like.dtype),
        np.empty((n_outs if is_normed else 0, sizes.out_row), like.dtype),
    )


@njit(**INNER)
def reset_states(work):
    """Let all sequences start again."""
    for s in range(work.final.shape[0]):
        for j in range(work.final.shape[1]):
            work.final[s, j] = 0


@njit(**INNER)
def drop_outputs(dropout, sizes, window, work, layer):
    """Drop units of a layer's outputs, or of their gradients: the same ones."""
    for r in range(window.positions.size):
        key = output_key(dropout, layer, window.positions[r])
        row = work.outs[layer * work.n_rows + r]
        for j in range(sizes.n_out):
            row[j] *= row.dtype.type(factor(key, j, dropout.rate))


@njit(**MERGED)
def forward_window(network, dropout, packed, values, window, work, keep):
    """All layers, from the states in ``work.final``, which are renewed.

    With `keep` all is kept that `backward_window` needs.
    """
    step, sizes, layers, _, _ = network
    n_rows, last = window.positions.size, layers.shape[0] - 1
    gather(values, window.positions, work.x)
    for q in range(layers.shape[0]):
        place = place_of(sizes, work, q, keep)
        x = work.outs if q >= sizes.n_directions else work.x
        plan = layer_plan(layers, q)
        forward_layer(step, sizes, plan, packed, window, x, place, work)
        if q % sizes.n_directions == sizes.n_directions - 1:
            layer = q // sizes.n_directions
            if plan.norm_at >= 0:
                normalize(sizes, plan.norm_at, packed, work, layer, n_rows)
            for r in range(n_rows):
                work.outs[layer * work.n_rows + r, sizes.n_out] = 1
            if dropout.rate > 0 and q < last:
                drop_outputs(dropout, sizes, window, work, layer)


@njit(**MERGED)
def backward_window(network, dropout, weights, window, work, gradient):
    """Add the gradient of all layers' weights; the last layer's outputs have theirs."""
    step, sizes, layers, _, _ = network
    packed, packed_transposed = weights
    n_rows, n_directions = window.positions.size, sizes.n_directions
    lowest = sizes.first_trained
    for layer in range(layers.shape[0] // n_directions - 1, lowest - 1, -1):
        if dropout.rate > 0 and (layer + 1) * n_directions < layers.shape[0]:
            drop_outputs(dropout, sizes, window, work, layer)
        plan = layer_plan(layers, layer * n_directions)
        if plan.norm_at >= 0:
            normalize_back(sizes, plan.norm_at, packed, work, layer, n_rows, gradient)
        x = work.outs if layer > 0 else work.x
        for q in range(layer * n_directions, (layer + 1) * n_directions):
            place, plan = place_of(sizes, work, q, True), layer_plan(layers, q)
            backward_layer(step, sizes, plan, packed_transposed, window, place, work)
            if plan.trains:
                layer_gradient(step, sizes, plan, n_rows, x, place, work, gradient)
        if layer > lowest:
            # Not before: the inputs, which it replaces, were needed.
            for q in range(layer * n_directions, (layer + 1) * n_directions):
                place, plan = place_of(sizes, work, q, True), layer_plan(layers, q)
                more = ONE if q % n_directions > 0 else ZERO
                input_gradient(
                    step, sizes, plan, packed_transposed, n_rows, place, work, more
                )


@njit(**INNER)
def use_memory(sizes, shard, memory, work, pool, save):
    """Go on from what the memory holds of the sequences; or `save` where they are."""
    padded, n = sizes.padded_size, shard.rows.size
    n_units = work.final.shape[1] // n  # of one sequence, in all layers
    for i in range(n if memory.shape[1] > 0 else 0):
        saved = memory[shard.rows[i]]
        for s in range(work.final.shape[0]):
            for j in range(n_units):
                at = (j // padded * n + i) * padded + j % padded
                move(saved, s * n_units + j, work.final[s], at, save)
        k = work.final.shape[0] * n_units
        for j in range(sizes.n_out):
            move(saved, k + j, pool.rows[i], j, save)
        for j in range(2):
            move(saved, saved.size - 2 + j, pool.extra[i], j, save)


@njit(**INNER)
def move(saved, at, here, here_at, save):
    """Copy a number to the memory, or from there."""
    if save:
        saved[at] = here[here_at]
    else:
        here[here_at] = saved[at]


@njit(**MERGED)
def shard_gradient(network, dropout, kind, weights, batch, shard, n_steps, gradient):
    """Loss of a shard; its gradient replaces what is in `gradient`."""
    _, sizes, layers, pooling, head = network
    values, learned, memory = batch
    for p in range(gradient.size):
        gradient[0, p] = 0
    longest, loss = shard.lengths[0], 0.0
    work = new_work(network, dropout, shard, count_rows(shard, n_steps), values, True)
    pool = new_pool(pooling, sizes, shard.rows.size, values)
    use_memory(sizes, shard, memory, work, pool, False)
    # The gradient of pooled states is known after the last window only: with several,
    # all of them run once more.
    reaches_back = sizes.first_trained <= layers.shape[0] // sizes.n_directions
    is_twice = reaches_back and is_pooled(pooling) and longest > n_steps
    n_passes = 2 if is_twice else 1
    d_rows = pool.rows
    for k in range(n_passes):
        for t in range(0, longest, n_steps):
            window = window_of(shard, t, t + n_steps)
            forward_window(network, dropout, weights[0], values, window, work, True)
            if k == 0:
                add_window(pooling, sizes, weights[0], window, shard, work, pool)
            if k == 0 and (not is_pooled(pooling) or t + n_steps >= longest):
                finish_pool(pooling, sizes, shard, pool)
                d_rows = pool.rows.copy()
                rows = head_rows(pooling, d_rows, work, shard, window)
                loss += head_gradient(
                    sizes, head, kind, weights, learned, rows, gradient
                )
            if reaches_back and k == n_passes - 1:
                spread_window(
                    pooling, sizes, weights, window, shard, work, pool, d_rows, gradient
                )
                backward_window(network, dropout, weights, window, work, gradient)
        if k < n_passes - 1:
            reset_states(work)
    use_memory(sizes, shard, memory, work, pool, True)
    return loss


@njit(**INNER)
def part_of(shards, first, last):
    """The shard with the sequences from `first` on and before `last`."""
    starts, lengths, totals, rows = shards
    return Shard(
        starts[first:last], lengths[first:last], totals[first:last], rows[first:last]
    )


@njit(**ENTRY)
def train_shards(
    counter,
    network,
    dropout,
    kind,
    weights,
    batch,
    shards,
    bounds,
    n_steps,
    gradients,
    losses,
):
    """Take shards until none is left.

    Shard s holds the sequences of `shards` from ``bounds[s]`` on and before
    ``bounds[s + 1]``, and has row s of `gradients` and of `losses`.
    """
    s = exchange_add(counter, ONE)
    while s < losses.size:
        shard = part_of(shards, bounds[s], bounds[s + 1])
        losses[s] = shard_gradient(
            network, dropout, kind, weights, batch, shard, n_steps, gradients[s : s + 1]
        )
        s = exchange_add(counter, ONE)


@njit(**ENTRY)
def predict_shards(
    counter, network, packed, values, memory, shards, bounds, n_rows, wanted, results
):
    """Take shards until none is left; writes what is wanted of their sequences.

    A window has at most `n_rows` rows, if it has more than one step.
    """
    s = exchange_add(counter, ONE)
    while s < bounds.size - 1:
        shard = part_of(shards, bounds[s], bounds[s + 1])
        predict_shard(network, packed, values, memory, shard, n_rows, wanted, results)
        s = exchange_add(counter, ONE)


@njit(**MERGED)
def predict_shard(network, packed, values, memory, shard, n_rows, wanted, results):
    _, sizes, _, pooling, head = network
    longest, n_steps = shard.lengths[0], max(1, n_rows // shard.rows.size)
    n_rows = count_rows(shard, n_steps)
    work = new_work(network, NO_DROPOUT, shard, n_rows, values, False)
    pool = new_pool(pooling, sizes, shard.rows.size, values)
    use_memory(sizes, shard, memory, work, pool, False)
    for t in range(0, longest, n_steps):
        window = window_of(shard, t, t + n_steps)
        forward_window(network, NO_DROPOUT, packed, values, window, work, False)
        if wanted == SCORES:
            write_scores(pooling, sizes, packed, window, work, results)
            continue
        add_window(pooling, sizes, packed, window, shard, work, pool)
        is_last = t + n_steps >= longest
        if is_last:
            use_memory(sizes, shard, memory, work, pool, True)
        if is_last or not is_pooled(pooling):
            finish_pool(pooling, sizes, shard, pool)
            rows = head_rows(pooling, pool.rows, work, shard, window)
            if wanted == STATES:
                write_states(sizes, rows, results)
            else:
                write_head_outputs(sizes, head, packed, rows, results)


@njit(**INNER)
def write_states(sizes, rows, results):
    """Write rows of states to their places."""
    states, first, places = rows
    for i in range(places.size):
        for j in range(sizes.n_out):
            results[places[i], j] = states[first + i, j]
