"""One shard of a batch through the whole network, in one call of compiled code.

A shard is a few sequences, in order of falling length. Threads take shards from a
common counter; each shard has a gradient vector and a loss of its own, so the result
does not depend on which thread took it.

A shard goes through the network a *window* of time steps at a time; the states at its
end are where the next one starts. Training has one window, or several whose gradients
do not reach back into each other (truncated backpropagation through time).

What does not depend on the pooling or on the loss takes neither, and is a unit
(`compilation`): networks that differ in these only share its code.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.atomics import exchange_add
from skrnn.backends.cpu.calls import share_call
from skrnn.backends.cpu.head import head_gradient, write_head_outputs
from skrnn.backends.cpu.inputs import gather, padded_inputs, spread
from skrnn.backends.cpu.layer import (
    Work,
    backward_layer,
    copy,
    fill_masks,
    forward_layer,
    input_gradient,
    layer_gradient,
    layer_plan,
    place_of,
    reserve,
)
from skrnn.backends.cpu.norm import normalize, normalize_back
from skrnn.backends.cpu.options import ENTRY, INNER, OWNING
from skrnn.backends.cpu.poolings import (
    add_window,
    finish_pool,
    head_rows,
    is_pooled,
    spread_window,
    start_pool,
    write_scores,
)
from skrnn.backends.cpu.products import CHUNK, CHUNK_PANELS
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, aligned
from skrnn.backends.cpu.window import POSITION, count_rows, window_of
from skrnn.backends.table import LENGTH, NUMBER
from skrnn.mathematics.cache import cached_njit, cached_unit
from skrnn.mathematics.denormals import flush_denormals, restore
from skrnn.mathematics.dropout import (
    NO_DROPOUT,
    factor,
    output_key,
    unless_no_dropout,
)
from skrnn.mathematics.intrinsics import by_type

#: What `predict_shards` writes.
OUTPUTS, STATES, SCORES = range(3)


@cached_unit(**OWNING)
def new_work(
    step, sizes, layers, of_pooling, head, dropout, shard, n_rows, like, keep, n_more
):
    """Memory for windows of up to `n_rows` rows, and so many numbers more.

    `of_pooling` is what the pooling needs: its `n_kept` and `n_scratch`.
    """
    n_kept, n_scratch = of_pooling
    n, n_places, width = shard.shape[0], layers.shape[0], PANEL_BYTES // like.itemsize
    plane = (n_places if keep else ONE) * n_rows * sizes.padded_size
    of_places, of_sequences = n_places * sizes.padded_size * n, n * sizes.padded_size
    of_pooled, of_layer = n * sizes.out_row, n_rows * sizes.out_row
    of_outs = n_places // sizes.n_directions * of_layer
    masked = ONE if dropout.recurrent_rate > 0 else ZERO
    normed = keep if layer_plan(layers, 0).norm_at >= 0 else ZERO
    # The head's outputs, what the pooling needs, gradients of inputs, or sums of a
    # normalisation.
    of_row = max(head.padded_outputs, n_scratch)
    if sizes.first_trained < 0:
        of_row = max(of_row, padded_inputs(sizes, like))
    is_whole = keep and head.takes_all_rows
    n_at_once = n_rows if is_whole else min(CHUNK, max(n, n_rows))
    of_scratch = max(n_at_once * of_row, 2 * sizes.out_row)
    z, free = reserve(ZERO, step.n_blocks * plane)
    states, free = reserve(free, step.n_states * plane)
    final, free = reserve(free, step.n_states * of_places)
    fed_back, free = reserve(free, masked * plane)  # behind the states, if at all
    masks, free = reserve(free, masked * of_places)
    d, free = reserve(free, keep * step.n_states * of_places)
    d_fed, free = reserve(free, keep * masked * of_sequences)
    x, free = reserve(free, n_rows * (sizes.n_inputs + 1))
    outs, free = reserve(free, of_outs)
    normal, free = reserve(free, normed * of_outs)
    kept, free = reserve(free, n * n_kept)
    pooled, free = reserve(free, of_pooled)
    d_pooled, free = reserve(free, keep * of_pooled)
    panels, free = reserve(free, CHUNK_PANELS * CHUNK * width)
    scratch, free = reserve(free, of_scratch)
    more, free = reserve(free, n_more)
    work = Work(
        m=aligned(np.empty(free + width, like.dtype)),
        n_sequences=n,
        n_rows=n_rows,
        plane=plane,
        final_plane=of_places,
        z=z,
        states=states,
        fed_back=max(fed_back, states),
        masks=masks,
        final=final,
        d=d,
        d_fed=d_fed,
        x=x,
        outs=outs,
        last=outs + of_outs - of_layer,
        normal=normal,
        kept=kept,
        pooled=pooled,
        d_pooled=d_pooled,
        panels=panels,
        scratch=scratch,
        more=more,
        best=np.empty(of_pooled, np.int32),
    )
    fill_masks(dropout, sizes, shard, work, n_places)
    reset_states(step, work)
    return work


@njit(**INNER)
def reset_states(step, work):
    """Let all sequences start again."""
    final = work.m[work.final :]
    for j in range(step.n_states * work.final_plane):
        final[j] = 0


def _drop_outputs(dropout, sizes, window, work, layer):
    if dropout.rate == 0:
        return
    for r in range(window.rows.shape[0]):
        key = output_key(dropout, layer, window.rows[r, POSITION])
        row = work.m[work.outs + (layer * work.n_rows + r) * sizes.out_row :]
        for j in range(sizes.n_out):
            row[j] *= row.dtype.type(factor(key, j, dropout.rate))


#: drop_outputs(dropout, sizes, window, work, layer): drop units of a layer's outputs,
#: or of their gradients: the same ones.
drop_outputs = unless_no_dropout(_drop_outputs)


@cached_unit(**INNER)
def forward_window(
    step, sizes, layers, dropout, packed, inputs, shard, window, work, keep
):
    """All layers, from the states in ``work.final``, which are renewed.

    With `keep` all is kept that `backward_window` needs.
    """
    n_rows, last = window.rows.shape[0], layers.shape[0] - 1
    before = flush_denormals()
    gather(inputs, dropout, sizes, shard, window, work)
    for q in range(layers.shape[0]):
        place, plan = place_of(sizes, work, q, keep), layer_plan(layers, q)
        forward_layer(step, sizes, plan, packed, window, place, work)
        if q % sizes.n_directions == sizes.n_directions - 1:
            layer = q // sizes.n_directions
            if plan.norm_at >= 0:
                normalize(sizes, plan.norm_at, packed, work, layer, n_rows)
            first = work.outs + layer * work.n_rows * sizes.out_row + sizes.n_out
            for r in range(n_rows):
                work.m[first + r * sizes.out_row] = 1
            if q < last:
                drop_outputs(dropout, sizes, window, work, layer)
    restore(before)


@cached_unit(**INNER)
def backward_window(
    step,
    sizes,
    layers,
    dropout,
    packed,
    inputs,
    shard,
    window,
    work,
    gradient,
    goes_on,
):
    """Add the gradient of all layers' weights; the last layer's outputs have theirs.

    `goes_on`: see `backward_layer`.
    """
    n_rows, n_directions = window.rows.shape[0], sizes.n_directions
    lowest, before = max(sizes.first_trained, ZERO), flush_denormals()
    for layer in range(layers.shape[0] // n_directions - 1, lowest - 1, -1):
        if (layer + 1) * n_directions < layers.shape[0]:
            drop_outputs(dropout, sizes, window, work, layer)
        plan = layer_plan(layers, layer * n_directions)
        if plan.norm_at >= 0:
            normalize_back(sizes, plan.norm_at, packed, work, layer, n_rows, gradient)
        for q in range(layer * n_directions, (layer + 1) * n_directions):
            place, plan = place_of(sizes, work, q, ONE), layer_plan(layers, q)
            backward_layer(step, sizes, plan, packed, window, place, work, goes_on)
            if plan.trains:
                layer_gradient(step, sizes, plan, n_rows, place, work, gradient)
        if layer > lowest:
            # Not before: the inputs, which it replaces, were needed.
            for q in range(layer * n_directions, (layer + 1) * n_directions):
                place, plan = place_of(sizes, work, q, ONE), layer_plan(layers, q)
                more = ONE if q % n_directions > 0 else ZERO
                input_gradient(step, sizes, plan, packed, n_rows, place, work, more)
    if sizes.first_trained < 0:
        spread(inputs, dropout, step, sizes, layers, packed, shard, window, work)
    restore(before)


class Memory(NamedTuple):
    """Where sequences stand, one a row: all states, and what the pooling keeps."""

    rows: np.ndarray


class NoMemory(Memory):
    """Sequences start at their first step; compiled code leaves the memory out."""

    __slots__ = ()


def _use_memory(memory, step, sizes, pooling, shard, work, save):
    padded, n = sizes.padded_size, shard.shape[0]
    n_units = work.final_plane // n  # of one sequence, in all layers
    for i in range(n):
        saved = memory.rows[shard[i, NUMBER]]
        for s in range(step.n_states):
            for j in range(n_units):
                at = s * work.final_plane + (j // padded * n + i) * padded + j % padded
                move(saved, s * n_units + j, work.m, work.final + at, save)
        k = step.n_states * n_units
        for j in range(pooling.n_kept):
            move(saved, k + j, work.m, work.kept + i * pooling.n_kept + j, save)


def _use_no_memory(memory, step, sizes, pooling, shard, work, save):
    pass


#: use_memory(memory, step, sizes, pooling, shard, work, save): go on from what the
#: memory holds of the sequences; or `save` where they are.
use_memory = by_type(lambda kind: _use_no_memory if kind is NoMemory else _use_memory)


@njit(**INNER)
def move(saved, at, here, here_at, save):
    """Copy a number to the memory, or from there."""
    if save:
        saved[at] = here[here_at]
    else:
        here[here_at] = saved[at]


@njit(**OWNING)
def shard_gradient(network, dropout, kind, packed, batch, shard, n_steps, gradient):
    """Loss of a shard; its gradient replaces what is in `gradient`."""
    step, sizes, layers, pooling, head = network
    inputs, learned, memory = batch
    layered = step, sizes, layers, dropout
    for p in range(gradient.size):
        gradient[p] = 0
    longest, loss = shard[0, LENGTH], 0.0
    n_rows = count_rows(shard, n_steps)
    of_pooling, others = (pooling.n_kept, pooling.n_scratch), (packed, ONE, ZERO)
    work = new_work(
        step, sizes, layers, of_pooling, head, dropout, shard, n_rows, *others
    )
    start_pool(pooling, shard, work)
    use_memory(memory, step, sizes, pooling, shard, work, False)
    # The gradient of pooled states is known after the last window only: with several,
    # all of them run once more.
    reaches_back = sizes.first_trained <= layers.shape[0] // sizes.n_directions
    is_twice = reaches_back and is_pooled(pooling) and longest > n_steps
    n_passes = 2 if is_twice else 1
    for k in range(n_passes):
        for t in range(0, longest, n_steps):
            window = window_of(shard, t, t + n_steps)
            forward_window(*layered, packed, inputs, shard, window, work, ONE)
            if k == 0:
                add_window(pooling, sizes, packed, window, shard, work)
            if k == 0 and (not is_pooled(pooling) or t + n_steps >= longest):
                finish_pool(pooling, sizes, shard, work)
                n_pooled = shard.shape[0] * sizes.out_row
                copy(work.m, work.pooled, work.d_pooled, n_pooled)
                rows = head_rows(pooling, work.d_pooled, work, shard, window)
                loss += head_gradient(
                    sizes,
                    head,
                    kind,
                    packed,
                    learned,
                    work,
                    rows,
                    shard,
                    window,
                    gradient,
                )
            if reaches_back and k == n_passes - 1:
                spread_window(pooling, sizes, packed, window, shard, work, gradient)
                others = inputs, shard, window, work, gradient, ZERO
                backward_window(*layered, packed, *others)
        if k < n_passes - 1:
            reset_states(step, work)
    use_memory(memory, step, sizes, pooling, shard, work, True)
    return loss


@cached_njit(**ENTRY)
def train_shards(
    n_helpers,
    helpers,
    counter,
    network,
    dropout,
    kind,
    packed,
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
    share_call(n_helpers, helpers)
    s = exchange_add(counter, ONE)
    while s < losses.size:
        shard = shards[bounds[s] : bounds[s + 1]]
        losses[s] = shard_gradient(
            network, dropout, kind, packed, batch, shard, n_steps, gradients[s]
        )
        s = exchange_add(counter, ONE)


@cached_njit(**ENTRY)
def predict_shards(
    n_helpers,
    helpers,
    counter,
    network,
    packed,
    inputs,
    memory,
    shards,
    bounds,
    n_rows,
    wanted,
    results,
):
    """Take shards until none is left; writes what is wanted of their sequences.

    A window has at most `n_rows` rows, if it has more than one step.
    """
    share_call(n_helpers, helpers)
    s = exchange_add(counter, ONE)
    while s < bounds.size - 1:
        shard = shards[bounds[s] : bounds[s + 1]]
        predict_shard(network, packed, inputs, memory, shard, n_rows, wanted, results)
        s = exchange_add(counter, ONE)


@njit(**OWNING)
def predict_shard(network, packed, inputs, memory, shard, n_rows, wanted, results):
    step, sizes, layers, pooling, head = network
    layered = step, sizes, layers, NO_DROPOUT
    # Where all sequences of a stream pause there is a window without a row.
    longest, n_steps = max(ONE, shard[0, LENGTH]), max(1, n_rows // shard.shape[0])
    n_rows = count_rows(shard, n_steps)
    of_pooling, others = (pooling.n_kept, pooling.n_scratch), (packed, ZERO, ZERO)
    work = new_work(
        step, sizes, layers, of_pooling, head, NO_DROPOUT, shard, n_rows, *others
    )
    start_pool(pooling, shard, work)
    use_memory(memory, step, sizes, pooling, shard, work, False)
    for t in range(0, longest, n_steps):
        window = window_of(shard, t, t + n_steps)
        forward_window(*layered, packed, inputs, shard, window, work, ZERO)
        if wanted == SCORES:
            write_scores(pooling, sizes, packed, window, work, results)
            continue
        add_window(pooling, sizes, packed, window, shard, work)
        is_last = t + n_steps >= longest
        if is_last:
            use_memory(memory, step, sizes, pooling, shard, work, True)
        if is_last or not is_pooled(pooling):
            finish_pool(pooling, sizes, shard, work)
            rows = head_rows(pooling, work.pooled, work, shard, window)
            if wanted == STATES:
                write_states(sizes, work.m, rows, results)
            else:
                write_head_outputs(sizes, head, packed, work, rows, results)


@njit(**INNER)
def write_states(sizes, m, rows, results):
    """Write rows of states to their places; see `head_gradient`."""
    first, places, column = rows
    for i in range(places.shape[0]):
        for j in range(sizes.n_out):
            results[places[i, column], j] = m[first + i * sizes.out_row + j]
