"""Tokens drawn from the probabilities that a language model gives them."""

import numpy as np

from skrnn.estimators.language.reading import AT_A_TIME
from skrnn.sequences import Sequences, read_only


def draw(logits, random_state, temperature, top_k, top_p):
    """A column of each row, drawn by the softmax of the logits.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_columns)
    random_state : RandomState
    temperature : float
        What they are divided by; 0: the column with the largest is taken.
    top_k : int or None
        So many of the most probable columns are drawn from.
    top_p : float or None
        As few of these as have this probability together (A. Holtzman et al., The
        curious case of neural text degeneration, ICLR 2020).
    """
    if temperature == 0:
        return logits.argmax(axis=1)
    n, n_columns = logits.shape
    uniform = random_state.random_sample((n, 1))
    columns = np.empty(n, np.int64)
    n_rows = max(1, AT_A_TIME // n_columns)
    for first in range(0, n, n_rows):
        some = slice(first, first + n_rows)
        columns[some] = _drawn(logits[some], uniform[some], temperature, top_k, top_p)
    return columns


def _drawn(logits, uniform, temperature, top_k, top_p):
    places, n_columns = None, logits.shape[1]
    if top_k is not None and top_k < n_columns:
        places = np.argpartition(-logits, top_k - 1, axis=1)[:, :top_k]
        logits = np.take_along_axis(logits, places, axis=1)
    shares = logits.astype(np.float64)
    shares -= shares.max(axis=1, keepdims=True)
    with np.errstate(under="ignore", over="ignore"):  # to 0, to -infinity
        shares /= temperature
        np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    if top_p is not None:
        _leave_most_probable(shares, top_p)
    up_to = np.cumsum(shares, axis=1)
    drawn = (up_to <= uniform * up_to[:, -1:]).sum(axis=1)
    # By rounding, a number just below 1 may be beyond the last one that is possible.
    last = n_columns if places is None else top_k
    possible = last - 1 - (shares[:, ::-1] > 0).argmax(axis=1)
    drawn = np.minimum(drawn, possible)
    return drawn if places is None else places[np.arange(len(drawn)), drawn]


def _leave_most_probable(shares, top_p):
    """Make 0 of all but the largest of each row, which reach `top_p` together."""
    order = np.argsort(-shares, axis=1, kind="stable")
    falling = np.take_along_axis(shares, order, axis=1)
    # The first that reaches it is among them.
    falling[np.cumsum(falling, axis=1) - falling >= top_p] = 0
    np.put_along_axis(shares, order, falling, axis=1)


def continuations(reader, codes, n, max_length, choose):
    """New codes of n sequences that begin with these: to the end, at most `max_length`.

    `choose` takes the logits of the tokens and the end, a row for each sequence.
    """
    backend, end = reader.backend, reader.targets.n_tokens
    begin = np.concatenate([[end], codes])
    memory = backend.new_memory(1)
    values = begin[:-1].astype(backend.dtype)[:, None]
    reader.advance(Sequences(read_only(values), np.array([0, len(values)])), memory)
    memory, last = np.repeat(memory, n, axis=0), np.full(n, begin[-1])
    results, going = [[] for _ in range(n)], np.arange(n)
    for _ in range(max_length):
        last = choose(reader.outputs(last, memory))
        goes_on = last != end
        if not goes_on.all():
            memory, last, going = memory[goes_on], last[goes_on], going[goes_on]
        if not going.size:
            break
        for i, code in zip(going, last.tolist(), strict=True):
            results[i].append(code)
    return results
