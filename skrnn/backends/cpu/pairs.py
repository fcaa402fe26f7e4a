"""Pairs of sequences through an encoder, a decoder and attention, in compiled code.

A shard is a few pairs. Both networks run over all their steps in one window, each with
the sequences in its own order, that of falling length; `partners` says for each of the
decoder's where the encoder has the other one of the pair. Layers, head and loss are
those of any network.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from skrnn.backends.cpu.atomics import exchange_add
from skrnn.backends.cpu.attention import (
    READ,
    WRITTEN,
    Pairs,
    attend,
    attend_back,
    find_queries,
    find_shares,
    of_pair,
    room_of,
    whole_panels,
)
from skrnn.backends.cpu.calls import share_call
from skrnn.backends.cpu.head import head_gradient, write_head_outputs
from skrnn.backends.cpu.layer import copy, copy_row, reserve
from skrnn.backends.cpu.options import ENTRY, INNER, OWNING
from skrnn.backends.cpu.products import CHUNK
from skrnn.backends.cpu.shard import backward_window, forward_window, new_work
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, aligned
from skrnn.backends.cpu.window import FIRST, window_of
from skrnn.backends.table import LENGTH, START
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.denormals import flush_denormals, restore
from skrnn.mathematics.dropout import factor, output_key, unless_no_dropout

#: What `attend_pairs` writes: outputs of the head, or shares of what is read.
OUTPUTS, SHARES = range(2)
#: Columns of its table: the first rows of a pair, how many there are, and the place of
#: its first share.
FIRST_READ, N_READ, FIRST_WRITTEN, N_WRITTEN, FIRST_SHARE, N_PAIR_COLUMNS = range(6)

#: What no pooling needs of `Work`.
NOTHING_POOLED = 0, 0


@njit(**OWNING)
def bounds_of(shards, partners):
    """The first rows of each pair, and the end."""
    bounds = np.zeros((partners.size + 1, 2), np.int64)
    for p in range(partners.size):
        bounds[p + 1, READ] = bounds[p, READ] + shards[0][partners[p], LENGTH]
        bounds[p + 1, WRITTEN] = bounds[p, WRITTEN] + shards[1][p, LENGTH]
    return bounds


@njit(**OWNING)
def pairs_of(shards, partners, bounds, windows, works, sizes):
    """Where the rows of both windows are, pair after pair."""
    n_pairs, n = partners.size, bounds[partners.size]
    read, written = np.empty(n[READ], np.int64), np.empty(n[WRITTEN], np.int64)
    targets = np.empty((n[WRITTEN], 1), np.int64)
    for p in range(n_pairs):
        first, n_steps = of_pair(bounds, p, READ)
        for t in range(n_steps):
            row = windows[0].steps[t, FIRST] + partners[p]
            read[first + t] = works[0].last + row * sizes[0].out_row
        first, n_steps = of_pair(bounds, p, WRITTEN)
        for t in range(n_steps):
            row = windows[1].steps[t, FIRST] + p
            written[first + t] = works[1].last + row * sizes[1].out_row
            targets[first + t, 0] = shards[1][p, START] + t
    return Pairs(bounds, read, written, targets)


@njit(**INNER)
def hand_states(step, sizes, works, partners, ends, starts, is_back):
    """Copy states at `ends` of the encoder to `starts` of the decoder; or back."""
    (encoder, decoder), n, k = sizes, partners.size, sizes[0].hidden_size
    n_places = works[0].final_plane // (n * encoder.padded_size)
    for s in range(step.n_states):
        for q in range(n_places):
            layer, direction = q // encoder.n_directions, q % encoder.n_directions
            end = ends + s * works[0].final_plane + q * n * encoder.padded_size
            start = starts + s * works[1].final_plane + layer * n * decoder.padded_size
            for p in range(n):
                here = end + partners[p] * encoder.padded_size
                there = start + p * decoder.padded_size + direction * k
                if is_back:
                    copy_row(works[1].m, there, works[0].m, here, k)
                else:
                    copy_row(works[0].m, here, works[1].m, there, k)


@njit(**INNER)
def clear_gradients(step, work):
    """Zeros for the gradients of all states."""
    d = work.m[work.d :]
    for j in range(step.n_states * work.final_plane):
        d[j] = 0


def _drop_attended(dropout, sizes, last_layer, pairs, m, room):
    if dropout.rate == 0:
        return
    for r in range(pairs.written.size):
        key = output_key(dropout, last_layer, pairs.targets[r, 0])
        row = m[room.attended + r * room.row :]
        for j in range(sizes.n_out):
            row[j] *= row.dtype.type(factor(key, j, dropout.rate))


#: drop_attended(dropout, sizes, last_layer, pairs, m, room): drop numbers of what the
#: head reads, or of their gradients: the same ones. They stand for the outputs of the
#: decoder's last layer, which are not dropped by themselves.
drop_attended = unless_no_dropout(_drop_attended)


@njit(**OWNING)
def pairs_gradient(
    networks, attention, dropouts, kind, packed, batch, shards, partners, gradient
):
    """Loss of a shard; its gradient replaces what is in `gradient`."""
    encoder, decoder = networks
    (read, written), learned = batch
    step, sizes, head = encoder[0], (encoder[1], decoder[1]), decoder[4]
    for p in range(gradient.size):
        gradient[p] = 0
    bounds = bounds_of(shards, partners)
    windows = (
        window_of(shards[0], ZERO, shards[0][0, LENGTH]),
        window_of(shards[1], ZERO, shards[1][0, LENGTH]),
    )
    (n_read, _), (n_written, _) = windows[0].rows.shape, windows[1].rows.shape
    n_more = room_of(sizes[1], attention, bounds, packed, ZERO, ONE).end
    works = (
        new_work(
            *encoder[:3],
            NOTHING_POOLED,
            encoder[4],
            dropouts[0],
            shards[0],
            n_read,
            packed,
            ONE,
            ZERO,
        ),
        new_work(
            *decoder[:3],
            NOTHING_POOLED,
            decoder[4],
            dropouts[1],
            shards[1],
            n_written,
            packed,
            ONE,
            n_more,
        ),
    )
    pairs = pairs_of(shards, partners, bounds, windows, works, sizes)
    m, source = works[1].m, works[0].m
    room = room_of(sizes[1], attention, bounds, packed, works[1].more, ONE)

    others = read, shards[0], windows[0], works[0]
    forward_window(*encoder[:3], dropouts[0], packed, *others, ONE)
    hand_states(step, sizes, works, partners, works[0].final, works[1].final, False)
    others = written, shards[1], windows[1], works[1]
    forward_window(*decoder[:3], dropouts[1], packed, *others, ONE)
    before = flush_denormals()
    attend(sizes[1], attention, packed, pairs, source, m, m, room)
    copy(m, room.attended, room.spare, n_written * room.row)
    last_layer = decoder[2].shape[0] - 1
    drop_attended(dropouts[1], sizes[1], last_layer, pairs, m, room)
    rows = room.attended, pairs.targets, 0
    loss = head_gradient(
        sizes[1],
        head,
        kind,
        packed,
        learned,
        works[1],
        rows,
        shards[1],
        windows[1],
        gradient,
    )
    n_layers = last_layer + 1
    if sizes[1].first_trained <= n_layers:
        drop_attended(dropouts[1], sizes[1], last_layer, pairs, m, room)
        attend_back(
            sizes[1], attention, packed, pairs, source, m, works[1], room, gradient
        )
    restore(before)
    if sizes[1].first_trained < n_layers:
        clear_gradients(step, works[1])
        backward_window(*decoder[:3], dropouts[1], packed, *others, gradient, ONE)
    if sizes[0].first_trained < n_layers:
        clear_gradients(step, works[0])
        hand_states(step, sizes, works, partners, works[0].d, works[1].d, True)
        others = read, shards[0], windows[0], works[0]
        backward_window(*encoder[:3], dropouts[0], packed, *others, gradient, ONE)
    return loss


@cached_njit(**ENTRY)
def train_pairs(
    n_helpers,
    helpers,
    counter,
    networks,
    attention,
    dropouts,
    kind,
    packed,
    batch,
    tables,
    partners,
    bounds,
    gradients,
    losses,
):
    """Take shards until none is left, as `train_shards` does.

    Shard s has the rows of `tables`, one for each network, and `partners` from
    ``bounds[s]`` on and before ``bounds[s + 1]``.
    """
    share_call(n_helpers, helpers)
    s = exchange_add(counter, ONE)
    while s < losses.size:
        first, last = bounds[s], bounds[s + 1]
        losses[s] = pairs_gradient(
            networks,
            attention,
            dropouts,
            kind,
            packed,
            batch,
            (tables[0][first:last], tables[1][first:last]),
            partners[first:last],
            gradients[s],
        )
        s = exchange_add(counter, ONE)


class HeadWork(NamedTuple):
    """What the head needs of `Work`."""

    m: np.ndarray
    scratch: int


@cached_njit(**ENTRY)
def attend_pairs(
    n_helpers,
    helpers,
    counter,
    sizes,
    attention,
    head,
    packed,
    states,
    table,
    bounds,
    wanted,
    results,
):
    """Take shards until none is left; writes what is wanted of their pairs.

    `states` are those of the encoder's steps and of the decoder's, in vectors.
    """
    share_call(n_helpers, helpers)
    s = exchange_add(counter, ONE)
    while s < bounds.size - 1:
        shard = table[bounds[s] : bounds[s + 1]]
        attend_shard(sizes, attention, head, packed, states, shard, wanted, results)
        s = exchange_add(counter, ONE)


@njit(**OWNING)
def attend_shard(sizes, attention, head, packed, states, shard, wanted, results):
    pairs = rows_of(shard, sizes.n_out)
    room = room_of(sizes, attention, pairs.bounds, packed, ZERO, ZERO)
    of_head = CHUNK * head.padded_outputs if wanted == OUTPUTS else ZERO
    scratch, free = reserve(room.end, of_head)
    width = PANEL_BYTES // packed.itemsize
    m = aligned(np.empty(free + width, packed.dtype))
    source, asking = states
    before = flush_denormals()
    if wanted == OUTPUTS:
        attend(sizes, attention, packed, pairs, source, asking, m, room)
        rows, work = (room.attended, pairs.targets, 0), HeadWork(m, scratch)
        write_head_outputs(sizes, head, packed, work, rows, results)
    else:
        find_queries(sizes, attention, packed, pairs, asking, m, room)
        for p in range(shard.shape[0]):
            find_shares(sizes, pairs, p, source, m, room)
            write_shares(pairs, p, shard[p, FIRST_SHARE], m, room, results)
    restore(before)


@njit(**OWNING)
def rows_of(shard, k):
    """The rows of pairs that are neighbours in their vectors, each of k numbers."""
    n_pairs = shard.shape[0]
    bounds = np.zeros((n_pairs + 1, 2), np.int64)
    for p in range(n_pairs):
        bounds[p + 1, READ] = bounds[p, READ] + shard[p, N_READ]
        bounds[p + 1, WRITTEN] = bounds[p, WRITTEN] + shard[p, N_WRITTEN]
    n = bounds[n_pairs]
    read, written = np.empty(n[READ], np.int64), np.empty(n[WRITTEN], np.int64)
    targets = np.empty((n[WRITTEN], 1), np.int64)
    for p in range(n_pairs):
        first, n_rows = of_pair(bounds, p, READ)
        for r in range(n_rows):
            read[first + r] = (shard[p, FIRST_READ] + r) * k
        first, n_rows = of_pair(bounds, p, WRITTEN)
        for r in range(n_rows):
            targets[first + r, 0] = shard[p, FIRST_WRITTEN] + r
            written[first + r] = targets[first + r, 0] * k
    return Pairs(bounds, read, written, targets)


@njit(**INNER)
def write_shares(pairs, p, place, m, room, results):
    """The shares of a pair, row by row."""
    n_read = of_pair(pairs.bounds, p, READ)[1]
    for r in range(of_pair(pairs.bounds, p, WRITTEN)[1]):
        shares = m[room.scores + r * whole_panels(n_read, m) :]
        for j in range(n_read):
            results[place + r * n_read + j, 0] = shares[j]
