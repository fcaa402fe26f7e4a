"""An encoder, a decoder and attention in plain NumPy: the reference for pairs.

One pair at a time, of networks as `naive.py` has them. A sequence is an array of
numbers (T, F), or of codes (T,) that stand for rows of ``embedding.weight``. Weights
are a dict with the names of both networks behind ``encoder.`` and ``decoder.``, and
those of attention and the head, for N states::

    attention.output.weight (N, 2 * N)   head.weight (O, N)
    attention.weight (N, N), if any      head.bias (O,)
"""

from typing import NamedTuple

import naive
import numpy as np


def inner(weights, name):
    """The weights of one of the networks, or their gradients: the same arrays."""
    start = f"{name}."
    return {k.removeprefix(start): w for k, w in weights.items() if k.startswith(start)}


class Masks(NamedTuple):
    """Dropout for one sequence of one network."""

    read: np.ndarray | float  # of the numbers read of the embedding: (T, E)
    layers: naive.Masks
    attended: np.ndarray | float = 1.0  # of what the head reads: (T', N)


def no_masks(weights):
    return Masks(1.0, naive.no_masks(weights))


def read(weights, sequence, factors):
    """What the first layer gets: rows of the embedding, if there is one."""
    table = weights.get("embedding.weight")
    return sequence if table is None else factors * table[sequence]


def add_read_gradients(gradients, sequence, grad_inputs, factors):
    if "embedding.weight" in gradients:
        np.add.at(gradients["embedding.weight"], sequence, factors * grad_inputs)


def last_states(runs):
    """Of each layer those of its directions, one behind the other."""
    return [
        [tuple(map(np.concatenate, zip(*(run[-1] for run in layer), strict=True)))]
        for layer in runs
    ]


def grads_of_last(grad_firsts, n_directions):
    """Of the decoder's first states, the parts that the encoder's directions gave."""
    halves = [
        [np.split(part, n_directions) for part in layer[0]] for layer in grad_firsts
    ]
    return [[*zip(*parts, strict=True)] for parts in halves]


def attend(weights, states, memory):
    """Shares of the rows of `memory` (T', T), what the head gets, and its pieces."""
    queries = states
    if "attention.weight" in weights:
        queries = states @ weights["attention.weight"].T
    scores = queries @ memory.T
    shares = np.exp(scores - scores.max(axis=1, initial=-np.inf, keepdims=True))
    shares = shares / shares.sum(axis=1, keepdims=True)
    both = np.hstack([shares @ memory, states])
    return shares, np.tanh(both @ weights["attention.output.weight"].T), both, queries


def attend_backward(gradients, weights, states, memory, grad_attended):
    """Gradients of both kinds of states; adds those of the weights."""
    shares, attended, both, queries = attend(weights, states, memory)
    grad = grad_attended * (1 - attended**2)
    gradients["attention.output.weight"] += grad.T @ both
    grad_both = grad @ weights["attention.output.weight"]
    grad_contexts, grad_states = np.split(grad_both, 2, axis=1)
    grad_shares = grad_contexts @ memory.T
    along = (shares * grad_shares).sum(axis=1, keepdims=True)
    grad_scores = shares * (grad_shares - along)
    grad_memory = shares.T @ grad_contexts + grad_scores.T @ queries
    grad_queries = grad_scores @ memory
    if "attention.weight" in weights:
        gradients["attention.weight"] += grad_queries.T @ states
        grad_queries = grad_queries @ weights["attention.weight"]
    return grad_states + grad_queries, grad_memory


class Pair:
    """What a pair goes through, forward."""

    def __init__(self, weights, source, target, cell, masks=None):
        self.encoder = inner(weights, "encoder")
        self.decoder = inner(weights, "decoder")
        self.masks = masks or [no_masks(w) for w in (self.encoder, self.decoder)]
        self.inputs, self.runs = naive.run_layers(
            self.encoder,
            read(self.encoder, source, self.masks[0].read),
            cell,
            self.masks[0].layers,
        )
        self.outputs, self.written = naive.run_layers(
            self.decoder,
            read(self.decoder, target, self.masks[1].read),
            cell,
            self.masks[1].layers,
            last_states(self.runs),
        )
        self.shares, self.attended, *_ = attend(
            weights, self.outputs[-1], self.inputs[-1]
        )


def outputs(weights, source, target, cell="lstm", activation="tanh"):
    """Logits (T', O) of one pair, and the shares (T', T)."""
    pair = Pair(weights, source, target, naive.CELLS[cell, activation])
    logits = pair.attended @ weights["head.weight"].T + weights["head.bias"]
    return logits, pair.shares


def loss_and_gradients(
    weights,
    sources,
    inputs,
    targets,
    scales,
    cell="lstm",
    activation="tanh",
    masks=None,
):
    """Sum over all steps of scale times loss, and its gradients.

    `inputs` is what the decoder reads of each pair, `targets` what follows each step,
    and `scales` its weight. `masks` are two `Masks` for each pair.
    """
    cell, total = naive.CELLS[cell, activation], 0.0
    gradients = {name: np.zeros_like(w) for name, w in weights.items()}
    of_encoder, of_decoder = inner(gradients, "encoder"), inner(gradients, "decoder")
    for i, (source, target) in enumerate(zip(sources, inputs, strict=True)):
        pair = Pair(weights, source, target, cell, masks and masks[i])
        loss, grad = naive.head_loss(
            gradients,
            weights,
            pair.masks[1].attended * pair.attended,
            targets[i][:, None],
            scales[i],
            lambda logits, code: naive.softmax(logits, code, [len(logits)]),
        )
        total += loss
        grad *= pair.masks[1].attended
        states, memory = pair.outputs[-1], pair.inputs[-1]
        grad, grad_memory = attend_backward(gradients, weights, states, memory, grad)
        grad_inputs, grad_firsts = naive.add_layers_gradients(
            of_decoder,
            pair.decoder,
            pair.outputs,
            pair.written,
            grad,
            cell,
            pair.masks[1].layers,
            None,
        )
        add_read_gradients(of_decoder, target, grad_inputs, pair.masks[1].read)
        grad_inputs, _ = naive.add_layers_gradients(
            of_encoder,
            pair.encoder,
            pair.inputs,
            pair.runs,
            grad_memory,
            cell,
            pair.masks[0].layers,
            None,
            grads_of_last(grad_firsts, len(pair.runs[0])),
        )
        add_read_gradients(of_encoder, source, grad_inputs, pair.masks[0].read)
    return total, gradients
