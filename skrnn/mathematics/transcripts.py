"""From probabilities of blank and labels at each step to transcripts, and to steps.

`log_p` are their logarithms, a row a step, blank first: see `losses/ctc.py`.
"""

from math import exp, log1p

import numpy as np
from numba import njit

from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.compilation import PART, formula
from skrnn.mathematics.losses.ctc import BLANK, IMPOSSIBLE

#: What a beginning ends with: its last label, or a blank behind that.
_BY_LABEL, _BY_BLANK = range(2)
#: Of a node of the tree of beginnings: the node before its label, the label, the first
#: node behind it, and the next one that has the same before it.
_PARENT, _LABEL, _CHILD, _NEXT = range(4)

_part = njit(error_model="numpy", **PART)


def best_paths(outputs, offsets, before=BLANK):
    """What the most probable output of each step says, of many sequences.

    `before` is the code that each sequence had last. Returns the labels of all, where
    those of each sequence begin, and the end; and the last code of each.
    """
    codes, has_steps = outputs.argmax(axis=1), np.diff(offsets) > 0
    firsts, ends = offsets[:-1][has_steps], offsets[1:][has_steps]
    last = np.full(has_steps.size, before)
    previous = np.roll(codes, 1)
    previous[firsts], last[has_steps] = last[has_steps], codes[ends - 1]
    is_said = (codes != BLANK) & (codes != previous)
    counts = np.concatenate([[0], np.cumsum(is_said)])
    return codes[is_said], counts[offsets], last


@formula
def _add_logs(a, b):
    low, high = (a, b) if a < b else (b, a)
    return high + log1p(exp(low - high))


@_part
def _child(tree, n_nodes, node, label):
    """The node that adds a label to another one; made, with this number, if need be."""
    child = tree[node, _CHILD]
    while child >= 0 and tree[child, _LABEL] != label:
        child = tree[child, _NEXT]
    if child < 0:
        child = n_nodes
        tree[child] = node, label, -1, tree[node, _CHILD]
        tree[node, _CHILD] = child
    return child


@_part
def _with_room(array):
    """The same, with room for as many more behind it."""
    return np.concatenate((array, np.full_like(array, -1)))


@_part
def _go_on(p, tree, beam, ends, place_of, scores, stay):
    """Log-probabilities of the beginnings of a beam, one step on.

    ``scores[i, k]`` is that of number i with label k behind it, and `stay` those of it
    as it is, by what it ends with. What another beginning makes of itself is one of
    the beam perhaps, and adds to that.
    """
    for i, node in enumerate(beam):
        last, both = tree[node, _LABEL], _add_logs(ends[i, 0], ends[i, 1])
        stay[i, _BY_BLANK] = both + p[BLANK]
        stay[i, _BY_LABEL] = ends[i, _BY_LABEL] + p[last]
        for k in range(1, p.size):
            scores[i, k] = p[k] + (ends[i, _BY_BLANK] if k == last else both)
    for i, node in enumerate(beam):
        child = tree[node, _CHILD]
        while child >= 0:
            j, k = place_of[child], tree[child, _LABEL]
            if j >= 0:
                stay[j, _BY_LABEL] = _add_logs(stay[j, _BY_LABEL], scores[i, k])
                scores[i, k] = IMPOSSIBLE
            child = tree[child, _NEXT]
    for i in range(beam.size):
        scores[i, BLANK] = _add_logs(stay[i, 0], stay[i, 1])


@cached_njit(nogil=True, error_model="numpy")
def beam_search(log_p, width):
    """The most probable transcript among `width` beginnings that are followed.

    A beginning collects the probability of all ways to say it (A. Hannun, A. Maas,
    D. Jurafsky and A. Ng, First-pass large vocabulary continuous speech recognition
    using bi-directional recurrent DNNs, 2014). It is a node of a tree, whose root, that
    ends with no label but a blank, is number 0.
    """
    n_steps, n_outputs = log_p.shape
    # They grow, since nobody knows how many of the `width` of a step will be new.
    tree = np.full((16, 4), -1)
    tree[0, _LABEL], n_nodes = BLANK, 1
    place_of = np.full(len(tree), -1)  # of a node, in the beam
    beam, ends = np.zeros(1, np.int64), np.full((1, 2), IMPOSSIBLE)
    ends[0, _BY_BLANK] = 0.0
    for t in range(n_steps):
        scores, stay = np.empty((beam.size, n_outputs)), np.empty((beam.size, 2))
        for i, node in enumerate(beam):
            place_of[node] = i
        _go_on(log_p[t], tree, beam, ends, place_of, scores, stay)
        for node in beam:
            place_of[node] = -1
        flat = scores.ravel()
        best = np.argsort(-flat, kind="mergesort")[:width]
        best = best[flat[best] > IMPOSSIBLE / 2]
        if best.size == 0:  # what is no number says nothing more
            break
        while n_nodes + best.size > len(tree):
            tree, place_of = _with_room(tree), _with_room(place_of)
        new, ends = np.empty(best.size, np.int64), np.full((best.size, 2), IMPOSSIBLE)
        for i, candidate in enumerate(best):
            node, k = beam[candidate // n_outputs], candidate % n_outputs
            if k == BLANK:
                new[i], ends[i] = node, stay[candidate // n_outputs]
            else:
                new[i] = _child(tree, n_nodes, node, k)
                ends[i, _BY_LABEL] = flat[candidate]
                n_nodes = max(n_nodes, new[i] + 1)
        beam = new
    return _labels_to(tree, beam[0])


@_part
def _labels_to(tree, node):
    """The labels from the root to a node."""
    n, above = 0, node
    while above > 0:
        n, above = n + 1, tree[above, _PARENT]
    labels = np.empty(n, np.int64)
    while node > 0:
        n -= 1
        labels[n], node = tree[node, _LABEL], tree[node, _PARENT]
    return labels


@cached_njit(nogil=True, error_model="numpy")
def alignment(log_p, labels):
    """The first step that says each label, and the one behind its last.

    They are those of the most probable way to say just these labels, of which there
    must be one.
    """
    n_steps, n_places = log_p.shape[0], 2 * labels.size + 1
    best, new = np.full(n_places, IMPOSSIBLE), np.empty(n_places)
    came = np.zeros((n_steps, n_places), np.int8)  # from so many places before
    for t in range(n_steps):
        for s in range(n_places):
            k = labels[s // 2] if s % 2 else BLANK
            highest = best[s] if t > 0 else (0.0 if s < 2 else IMPOSSIBLE)
            if t > 0 and s > 0 and best[s - 1] > highest:
                highest, came[t, s] = best[s - 1], 1
            is_open = s % 2 == 1 and s > 1 and labels[s // 2] != labels[s // 2 - 1]
            if t > 0 and is_open and best[s - 2] > highest:
                highest, came[t, s] = best[s - 2], 2
            new[s] = highest + log_p[t, k]
        best, new = new, best
    spans = np.zeros((labels.size, 2), np.int64)
    s = n_places - 1
    if s > 0 and best[s - 1] > best[s]:
        s -= 1
    for t in range(n_steps - 1, -1, -1):
        if s % 2:
            spans[s // 2, 0] = t
            if spans[s // 2, 1] == 0:
                spans[s // 2, 1] = t + 1
        s -= came[t, s]
    return spans
