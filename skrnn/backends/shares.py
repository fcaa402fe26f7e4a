"""The share of each step in a mean, from the scores of frames."""

import numpy as np


def shares_of_steps(scores, sequences, frames):
    """Softmax of the scores over the frames of each sequence, divided among its steps.

    The score of a frame stands at its place (`table.py`). Each of its steps has an
    equal part of its share; what a step has of several frames adds up.
    """
    oldest, newest = sequences.offsets[:-1], sequences.offsets[1:] - 1
    if frames.length == 1:
        return _softmax(scores, oldest, sequences.lengths)
    firsts, counts, _ = frames.spans(sequences.lengths)
    before = np.cumsum(counts) - counts
    t = np.arange(counts.sum()) - np.repeat(before, counts)
    starts = np.repeat(oldest + firsts, counts)
    shares = _softmax(scores[starts + t], before, counts)
    ends = np.minimum(starts + t * frames.hop, np.repeat(newest, counts))
    n_steps = np.minimum(ends + 1 - np.repeat(oldest, counts), frames.length)
    parts, results = shares / n_steps.astype(scores.dtype), np.zeros_like(scores)
    for back in range(min(frames.length, n_steps.max(initial=0))):
        has = back < n_steps
        results[ends[has] - back] += parts[has]  # no two frames end at one step
    return results


def _softmax(scores, firsts, counts):
    highest = np.maximum.reduceat(scores, firsts)
    with np.errstate(invalid="ignore"):  # the callers look at what is not finite
        weights = np.exp(scores - np.repeat(highest, counts))
        return weights / np.repeat(np.add.reduceat(weights, firsts), counts)
