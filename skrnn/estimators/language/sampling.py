"""Tokens drawn from the probabilities that a language model gives them."""

import numpy as np

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
    n, n_columns = logits.shape
    uniform = random_state.random_sample((n, 1))
    order = np.argsort(-logits, axis=1, kind="stable")[:, :top_k]
    logits = np.take_along_axis(logits, order, axis=1).astype(np.float64)
    if temperature == 0:
        return order[:, 0]
    with np.errstate(under="ignore"):
        shares = np.exp((logits - logits[:, :1]) / temperature)
    shares /= shares.sum(axis=1, keepdims=True)
    up_to = np.cumsum(shares, axis=1)
    if top_p is not None:
        # The first that reaches it is among them.
        shares[up_to - shares >= top_p] = 0
        up_to = np.cumsum(shares, axis=1)
    place = (up_to <= uniform * up_to[:, -1:]).sum(axis=1)
    # By rounding, a number just below 1 may have no place.
    place = np.minimum(place, np.count_nonzero(shares, axis=1) - 1)
    return order[np.arange(n), place]


def continuations(reader, codes, n, max_length, choose):
    """New codes of n sequences that begin with these: to the end, at most `max_length`.

    `choose` takes the logits of the tokens and the end, a row for each sequence.
    """
    backend, end = reader.backend, reader.targets.n_tokens
    begin = np.concatenate([[end], codes])
    memory = backend.new_memory(1)
    if codes.size:
        reader.last(_one(begin[:-1], backend.dtype), "features", memory)
    memory, last = np.repeat(memory, n, axis=0), np.full(n, begin[-1])
    results, going = [[] for _ in range(n)], np.arange(n)
    for _ in range(max_length):
        outputs = backend.outputs(
            reader.parameters, _each(last, backend.dtype), memory=memory
        )
        last = choose(outputs)
        goes_on = last != end
        if not goes_on.all():
            memory, last, going = memory[goes_on], last[goes_on], going[goes_on]
        if not going.size:
            break
        for i, code in zip(going, last.tolist(), strict=True):
            results[i].append(code)
    return results


def _one(codes, dtype):
    """One sequence of codes."""
    values = codes.astype(dtype)[:, None]
    return Sequences(read_only(values), np.array([0, len(values)]))


def _each(codes, dtype):
    """A sequence of one step for each code."""
    values = codes.astype(dtype)[:, None]
    return Sequences(read_only(values), np.arange(codes.size + 1))
