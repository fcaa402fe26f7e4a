"""How far one sequence of tokens is from another: the fewest edits between them."""

import numpy as np


def error_rate(pairs, weights):
    """Edits that predictions need, a true token; NaN if there is none of these.

    A pair are the true tokens and the predicted ones, as lists.
    """
    n_tokens = weights @ np.array([len(true) for true, _ in pairs])
    n_edits_of_all = weights @ np.array([n_edits(*pair) for pair in pairs])
    return float(n_edits_of_all / n_tokens) if n_tokens > 0 else np.nan


def n_edits(true, predicted):
    """The fewest edits that make one list of the other."""
    codes = {
        token: code for code, token in enumerate(dict.fromkeys([*true, *predicted]))
    }
    true = np.array([codes[token] for token in true], int)
    # The fewest edits from each beginning of the true tokens to what is predicted so
    # far; the last step of `accumulate` leaves tokens out.
    places = np.arange(true.size + 1)
    edits = places
    for n, token in enumerate(predicted, 1):
        other = edits[:-1] + (true != codes[token])
        edits = np.concatenate([[n], np.minimum(other, edits[1:] + 1)])
        edits = np.minimum.accumulate(edits - places) + places
    return int(edits[-1])
