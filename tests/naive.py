"""Recurrent networks in plain NumPy: the slow reference that judges the kernels.

One sequence at a time, one step at a time. A sequence is an array ``(T, F)``; a batch
is a list of them. Weights are a dict with PyTorch's names and shapes, for G gates,
H hidden units, D directions and O outputs::

    weight_ih_l0 (G*H, F)   bias_ih_l0 (G*H,)   head.weight (O, D*H)
    weight_hh_l0 (G*H, H)   bias_hh_l0 (G*H,)   head.bias   (O,)

Other layers have other numbers, and inputs of size D*H; names of the second direction
end with ``_reverse``. So the names tell how many layers and directions there are.
Pooling by attention has ``attention.weight (H, D*H)``, ``attention.bias (H,)`` and
``attention.query (H,)``, layer normalisation ``norm_l0.weight`` and ``norm_l0.bias
(D*H,)``.

Everything is computed in the dtype of the weights and of ``X``.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # unlike 1 / (1 + exp(-x)), cannot overflow


# Cells. Every cell sees the input x and the last hidden state h' only through
#     from_x = W_ih x + b_ih    and    from_h = W_hh h' + b_hh,
# so that a cell is element-wise. A state is a tuple whose first item is h. `backward`
# takes the gradient of the new state and returns those of from_x, from_h and the last
# state (the latter without the path through from_h, which all cells share).


def tanh_forward(from_x, from_h, state):
    return (np.tanh(from_x + from_h),)


def tanh_backward(from_x, from_h, state, grad_state):
    grad = grad_state[0] * (1 - np.tanh(from_x + from_h) ** 2)
    return grad, grad, (np.zeros_like(grad),)


def relu_forward(from_x, from_h, state):
    return (np.maximum(from_x + from_h, 0),)


def relu_backward(from_x, from_h, state, grad_state):
    grad = grad_state[0] * (from_x + from_h > 0)
    return grad, grad, (np.zeros_like(grad),)


def lstm_gates(from_x, from_h):
    i, f, g, o = np.split(from_x + from_h, 4)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_forward(from_x, from_h, state):
    i, f, g, o = lstm_gates(from_x, from_h)
    c = f * state[1] + i * g
    return o * np.tanh(c), c


def lstm_backward(from_x, from_h, state, grad_state):
    i, f, g, o = lstm_gates(from_x, from_h)
    last_c = state[1]
    tanh_c = np.tanh(f * last_c + i * g)
    grad_h, grad_c = grad_state
    grad_c = grad_c + grad_h * o * (1 - tanh_c**2)
    grad_i = grad_c * g * i * (1 - i)
    grad_f = grad_c * last_c * f * (1 - f)
    grad_g = grad_c * i * (1 - g**2)
    grad_o = grad_h * tanh_c * o * (1 - o)
    grad = np.concatenate([grad_i, grad_f, grad_g, grad_o])
    return grad, grad, (np.zeros_like(grad_h), grad_c * f)


def gru_gates(from_x, from_h):
    x_r, x_z, x_n = np.split(from_x, 3)
    h_r, h_z, h_n = np.split(from_h, 3)
    r = sigmoid(x_r + h_r)
    return r, sigmoid(x_z + h_z), np.tanh(x_n + r * h_n), h_n


def gru_forward(from_x, from_h, state):
    _, z, n, _ = gru_gates(from_x, from_h)
    return ((1 - z) * n + z * state[0],)


def gru_backward(from_x, from_h, state, grad_state):
    r, z, n, h_n = gru_gates(from_x, from_h)
    (last_h,), (grad_h,) = state, grad_state
    grad_n = grad_h * (1 - z) * (1 - n**2)
    grad_z = grad_h * (last_h - n) * z * (1 - z)
    grad_r = grad_n * h_n * r * (1 - r)
    grad_x = np.concatenate([grad_r, grad_z, grad_n])
    grad_from_h = np.concatenate([grad_r, grad_z, grad_n * r])
    return grad_x, grad_from_h, (grad_h * z,)


class Cell(NamedTuple):
    n_gates: int
    n_states: int
    forward: Callable
    backward: Callable


CELLS = {
    ("rnn", "tanh"): Cell(1, 1, tanh_forward, tanh_backward),
    ("rnn", "relu"): Cell(1, 1, relu_forward, relu_backward),
    ("lstm", "tanh"): Cell(4, 2, lstm_forward, lstm_backward),
    ("gru", "tanh"): Cell(3, 1, gru_forward, gru_backward),
}


# Layers and directions, as the names of the weights tell them.


def layers(weights):
    """For each layer, how the names of its weights end: once for each direction."""
    found = []
    while f"weight_hh_l{len(found)}" in weights:
        ends = f"_l{len(found)}", f"_l{len(found)}_reverse"
        found.append([end for end in ends if f"weight_hh{end}" in weights])
    return found


def in_time(steps, end):
    """Steps in the order in which a direction takes them, or back in that of time."""
    return steps[::-1] if end.endswith("_reverse") else steps


class Masks(NamedTuple):
    """Dropout for one sequence: what states are multiplied by."""

    outputs: list  # of each layer but the last: (T, D*H)
    recurrent: list  # of each layer, for each direction: (H,)


def no_masks(weights):
    ends = layers(weights)
    return Masks([1.0] * (len(ends) - 1), [[1.0] * len(layer) for layer in ends])


# The loop over time.


def gate_inputs(weights, end, x, h):
    return (
        weights[f"weight_ih{end}"] @ x + weights[f"bias_ih{end}"],
        weights[f"weight_hh{end}"] @ h + weights[f"bias_hh{end}"],
    )


def run(weights, end, inputs, cell, mask, start=None):
    """States (h, ...) before the first step, after it, ..., after the last: T + 1."""
    zeros = np.zeros_like(weights[f"weight_hh{end}"][0])
    states = [start or (zeros,) * cell.n_states]
    for x in inputs:
        from_x, from_h = gate_inputs(weights, end, x, mask * states[-1][0])
        states.append(cell.forward(from_x, from_h, states[-1]))
    return states


def add_run_gradients(
    gradients,
    weights,
    end,
    inputs,
    states,
    grad_outputs,
    cell,
    mask,
    bptt_steps,
    grad_last=None,
):
    """Add one run's share, given the loss's gradient for each step's h: (T, H).

    And that for the last state, if it is not 0. Returns the gradient of `inputs` and of
    the first state.
    """
    zeros = tuple(np.zeros_like(s) for s in states[0])
    grad_state, grad_inputs = grad_last or zeros, np.empty_like(inputs)
    for t in reversed(range(len(inputs))):
        x, last = inputs[t], states[t]
        grad_state = (grad_state[0] + grad_outputs[t], *grad_state[1:])
        grad_x, grad_h, grad_state = cell.backward(
            *gate_inputs(weights, end, x, mask * last[0]), last, grad_state
        )
        grad_state = (
            grad_state[0] + mask * (weights[f"weight_hh{end}"].T @ grad_h),
            *grad_state[1:],
        )
        if bptt_steps is not None and t % bptt_steps == 0:
            grad_state = zeros
        gradients[f"weight_ih{end}"] += np.outer(grad_x, x)
        gradients[f"weight_hh{end}"] += np.outer(grad_h, mask * last[0])
        gradients[f"bias_ih{end}"] += grad_x
        gradients[f"bias_hh{end}"] += grad_h
        grad_inputs[t] = weights[f"weight_ih{end}"].T @ grad_x
    return grad_inputs, grad_state


# Frames: neighbouring steps as one input.


def frame_ends(n_steps, length, hop, is_pooled):
    """The last step of each frame: whole frames, then one that ends where all do.

    Without pooling each step ends a frame.
    """
    if not is_pooled:
        return list(range(n_steps))
    return [*range(length - 1, n_steps - 1, hop), n_steps - 1]


def frames(sequence, length, hop, is_pooled):
    """The steps of each frame one after the other; zeros before the first step."""
    padded = np.concatenate([np.zeros_like(sequence[:1])] * (length - 1) + [sequence])
    ends = frame_ends(len(sequence), length, hop, is_pooled)
    return np.array([padded[end : end + length].ravel() for end in ends])


# Layers, each with one run per direction, and perhaps its outputs normalised.


def hidden_states(ends, runs):
    """The states h of all steps and directions: (T, D*H)."""
    states = [
        in_time(np.array([h for h, *_ in run])[1:], end)
        for end, run in zip(ends, runs, strict=True)
    ]
    return np.concatenate(states, axis=1)


def standardize(states):
    """Each step's states with mean 0 and variance 1, and their standard deviations."""
    centered = states - states.mean(axis=1, keepdims=True)
    variance = (centered**2).mean(axis=1, keepdims=True)
    deviation = np.sqrt(variance + variance.dtype.type(1e-5))
    return centered / deviation, deviation


def normalize(weights, k, states):
    if f"norm_l{k}.weight" not in weights:
        return states
    normal, _ = standardize(states)
    return weights[f"norm_l{k}.weight"] * normal + weights[f"norm_l{k}.bias"]


def normalize_backward(gradients, weights, k, states, grad):
    """Gradient of the states; adds that of the weights."""
    if f"norm_l{k}.weight" not in weights:
        return grad
    normal, deviation = standardize(states)
    gradients[f"norm_l{k}.weight"] += (grad * normal).sum(axis=0)
    gradients[f"norm_l{k}.bias"] += grad.sum(axis=0)
    grad = grad * weights[f"norm_l{k}.weight"]
    along = (grad * normal).mean(axis=1, keepdims=True)
    return (grad - grad.mean(axis=1, keepdims=True) - along * normal) / deviation


def run_layers(weights, sequence, cell, masks, starts=None):
    """What each layer gets, and what the last one gives; the states of all runs.

    `starts` are the first states of each run of each layer; None: zeros.
    """
    inputs, runs = [sequence], []
    starts = starts or [[None] * len(ends) for ends in layers(weights)]
    for k, (ends, factor, recurrent) in enumerate(
        zip(layers(weights), [*masks.outputs, 1.0], masks.recurrent, strict=True)
    ):
        runs.append(
            [
                run(weights, end, in_time(inputs[-1], end), cell, mask, start)
                for end, mask, start in zip(ends, recurrent, starts[k], strict=True)
            ]
        )
        outputs = normalize(weights, k, hidden_states(ends, runs[-1]))
        inputs.append(factor * outputs)
    return inputs, runs


def add_layers_gradients(
    gradients,
    weights,
    inputs,
    runs,
    grad_outputs,
    cell,
    masks,
    bptt_steps,
    grad_lasts=None,
):
    """Add one sequence's share, given the gradient of what the last layer gives.

    And those of the last states of each run of each layer, if they are not 0. Returns
    the gradients of the inputs, and of the first states.
    """
    names, factors = layers(weights), [*masks.outputs, 1.0]
    grad_lasts = grad_lasts or [[None] * len(ends) for ends in names]
    grad_firsts = [[None] * len(ends) for ends in names]
    for k in reversed(range(len(names))):
        states = hidden_states(names[k], runs[k])
        grad_states = normalize_backward(
            gradients, weights, k, states, factors[k] * grad_outputs
        )
        grads = np.split(grad_states, len(names[k]), axis=1)
        grad_outputs = np.zeros_like(inputs[k])
        for d, end in enumerate(names[k]):
            grad_inputs, grad_firsts[k][d] = add_run_gradients(
                gradients,
                weights,
                end,
                in_time(inputs[k], end),
                runs[k][d],
                in_time(grads[d], end),
                cell,
                masks.recurrent[k][d],
                bptt_steps,
                grad_lasts[k][d],
            )
            grad_outputs += in_time(grad_inputs, end)
    return grad_outputs, grad_firsts


# Pooling of the states (T, D*H) of one sequence: a sum of what each step has a share
# in. With a pooling of None every step stands for itself.


def attention(weights, outputs):
    """Of each step: what is compared with the query (T, H), and its weight (T,)."""
    keys = np.tanh(outputs @ weights["attention.weight"].T + weights["attention.bias"])
    scores = keys @ weights["attention.query"]
    exponentials = np.exp(scores - scores.max())
    return keys, exponentials / exponentials.sum()


def shares(weights, outputs, pooling):
    """How much of each step's states is in the pooled state: (T, D*H)."""
    steps = np.arange(len(outputs))[:, np.newaxis]
    if pooling == "last":  # that of the reverse direction is the first in time
        hidden_size = len(weights["weight_hh_l0"][0])
        return steps == np.repeat([len(outputs) - 1, 0], hidden_size)[: len(outputs[0])]
    if pooling == "mean":
        return np.full_like(outputs, 1 / len(outputs))
    if pooling == "max":  # the first step where it is the largest
        return steps == outputs.argmax(axis=0)
    return np.repeat(attention(weights, outputs)[1][:, np.newaxis], outputs.shape[1], 1)


def pool(weights, outputs, pooling):
    """What the head sees: (1, D*H), or (T, D*H) for a pooling of None."""
    if pooling is None:
        return outputs
    return (shares(weights, outputs, pooling) * outputs).sum(axis=0, keepdims=True)


def pool_backward(gradients, weights, outputs, grad_pooled, pooling):
    """Gradient of every step's states; adds that of the attention's weights."""
    if pooling is None:
        return grad_pooled
    grad_outputs = shares(weights, outputs, pooling) * grad_pooled
    if pooling == "attention":
        keys, p = attention(weights, outputs)
        grad_p = outputs @ grad_pooled[0]
        grad_scores = p * (grad_p - p @ grad_p)
        gradients["attention.query"] += grad_scores @ keys
        grad_keys = np.outer(grad_scores, weights["attention.query"]) * (1 - keys**2)
        gradients["attention.weight"] += grad_keys.T @ outputs
        gradients["attention.bias"] += grad_keys.sum(axis=0)
        grad_outputs = grad_outputs + grad_keys @ weights["attention.weight"]
    return grad_outputs


# Heads: the loss of one sample and its gradient with respect to the logits (O,). It is
# the mean over the columns of the target, of which a missing one adds nothing.


def softmax(logits, codes, output_sizes):
    """A column of `codes` chooses one of its group of logits; -1 is missing."""
    loss, grads = logits.dtype.type(0), []
    groups = np.split(logits, np.cumsum(output_sizes)[:-1])
    for group, code in zip(groups, codes, strict=True):
        shifted = group - group.max()
        log_probabilities = shifted - np.log(np.exp(shifted).sum())
        one_hot = np.arange(len(group)) == code
        loss -= log_probabilities[one_hot].sum() / len(codes)
        grads.append((code >= 0) * (np.exp(log_probabilities) - one_hot) / len(codes))
    return loss, np.concatenate(grads)


def logistic(logits, y, output_sizes):
    known = ~np.isnan(y)
    y = np.where(known, y, 0)
    losses = known * (np.logaddexp(0, logits) - y * logits)
    return losses.mean(), known * (sigmoid(logits) - y) / len(logits)


def squared_error(logits, y, output_sizes):
    error = np.where(np.isnan(y), 0, logits - y)
    return 0.5 * (error**2).mean(), error / len(logits)


def absolute_error(logits, y, output_sizes):
    error = np.where(np.isnan(y), 0, logits - y)
    return np.abs(error).mean(), np.sign(error) / len(logits)


def huber(logits, y, output_sizes, delta=1):
    error = np.where(np.isnan(y), 0, logits - y)
    near, size = abs(error) <= delta, abs(error)
    losses = np.where(near, 0.5 * error**2, delta * (size - 0.5 * delta))
    return losses.mean(), np.where(near, error, delta * np.sign(error)) / len(logits)


def poisson(logits, y, output_sizes):
    known = ~np.isnan(y)
    losses = np.where(known, np.exp(logits) - y * logits, 0)
    return losses.mean(), np.where(known, np.exp(logits) - y, 0) / len(logits)


def gamma(logits, y, output_sizes):
    known = ~np.isnan(y)
    losses = np.where(known, logits + y / np.exp(logits), 0)
    return losses.mean(), np.where(known, 1 - y / np.exp(logits), 0) / len(logits)


#: The quantiles, and those of the standard normal distribution: where all begin.
QUANTILES = {0.1: -1.2815515655446004, 0.5: 0.0, 0.9: 1.2815515655446004}


def quantile(logits, y, output_sizes):
    """Each target has a row of logits, one for each quantile."""
    dtype = logits.dtype
    q = np.array(list(QUANTILES), dtype)
    predicted = logits.reshape(len(y), -1) + np.array([*QUANTILES.values()], dtype)
    error = y[:, np.newaxis] - predicted
    losses = np.where(np.isnan(error), 0, np.maximum(q * error, (q - 1) * error))
    slopes = np.where(np.isnan(error), 0, (error < 0) - q)
    return losses.mean(), slopes.astype(dtype).ravel() / len(logits)


def gaussian(logits, y, output_sizes):
    """Each target has a mean, and what a softplus makes its deviation of."""
    known, (mean, x) = ~np.isnan(y), logits.reshape(len(y), 2).T
    first = logits.dtype.type(np.log(np.expm1(0.999)))  # makes a deviation of 1
    deviation, slope = 0.001 + np.logaddexp(0, x + first), sigmoid(x + first)
    z = np.where(known, (mean - y) / deviation, 0)
    losses = np.where(known, np.log(deviation) + 0.5 * z**2, 0)
    grads = np.stack([z, np.where(known, (1 - z**2) * slope, 0)], 1)
    grads = grads / deviation[:, np.newaxis] / len(y)
    return losses.mean(), grads.ravel()


def multi_task(logits, y, output_sizes):
    """A softmax over all but two logits, then one logistic and one identity."""
    code, n = np.where(np.isnan(y[:1]), -1, y[:1]), len(logits) - 2
    parts = [
        softmax(logits[:n], code, (n,)),
        logistic(logits[n:-1], y[1:2], (1,)),
        squared_error(logits[-1:], y[2:], (1,)),
    ]
    losses, grads = zip(*parts, strict=True)
    return sum(losses) / 3, np.concatenate(grads) / 3


HEADS = {
    "softmax": softmax,
    "logistic": logistic,
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "poisson": poisson,
    "gamma": gamma,
    "quantile": quantile,
    "gaussian": gaussian,
    "multi_task": multi_task,
}


def head_loss(gradients, weights, features, targets, scales, compute):
    """Loss of the rows of `features`, and its gradient; adds that of the weights."""
    loss, grad_features = 0.0, np.empty_like(features)
    for i, (row, target, scale) in enumerate(
        zip(features, targets, scales, strict=True)
    ):
        logits = weights["head.weight"] @ row + weights["head.bias"]
        row_loss, grad_logits = compute(logits, target)
        loss += scale * row_loss
        gradients["head.weight"] += scale * np.outer(grad_logits, row)
        gradients["head.bias"] += scale * grad_logits
        grad_features[i] = scale * (weights["head.weight"].T @ grad_logits)
    return loss, grad_features


# The network.


def forward(weights, X, cell="lstm", activation="tanh", pooling="last", masks=None):
    """Features (N, D*H) and logits (N, O); for a pooling of None those of all steps.

    The features are the pooled states, or all states of the last layer. `masks`, if
    any, holds `Masks` for each sequence.
    """
    cell = CELLS[cell, activation]
    features = []
    for sequence, mask in zip(X, masks or [no_masks(weights)] * len(X), strict=True):
        inputs, _ = run_layers(weights, sequence, cell, mask)
        features.append(pool(weights, inputs[-1], pooling))
    features = np.concatenate(features)
    return features, features @ weights["head.weight"].T + weights["head.bias"]


def loss_and_gradients(
    weights,
    X,
    y,
    sample_weight=None,
    cell="lstm",
    activation="tanh",
    pooling="last",
    head="softmax",
    alpha=0.0,
    *,
    output_sizes=None,
    masks=None,
    bptt_steps=None,
):
    """Weighted mean loss plus L2 penalty, and its gradients in a dict like `weights`.

    The penalty, ``alpha / 2 * sum(W**2) / sum(sample_weight)``, leaves out the biases
    and the weights of a normalisation.

    `y` and `sample_weight` hold an item for each sequence; for a pooling of None it is
    a list with an item for each step. The item of `y` is an integer for the head
    "softmax", or several if `output_sizes` tells how many outputs belong to each; for
    the other heads it is an array (O,). With `bptt_steps`, no gradient flows through
    the states before a step whose index that number divides.
    """
    cell, dtype = CELLS[cell, activation], weights["head.weight"].dtype
    masks = masks or [no_masks(weights)] * len(X)
    output_sizes = output_sizes or [len(weights["head.bias"])]
    compute = partial(HEADS[head], output_sizes=output_sizes)
    if sample_weight is None:
        sample_weight = [np.ones(1 if pooling else len(sequence)) for sequence in X]
    # NumPy would let one float64 number turn every float32 array it meets to float64.
    sample_weight = [np.reshape(w, -1).astype(dtype) for w in sample_weight]
    total_weight = np.concatenate(sample_weight).sum()
    gradients = {name: np.zeros_like(w) for name, w in weights.items()}
    loss = 0.0
    for sequence, targets, scales, mask in zip(X, y, sample_weight, masks, strict=True):
        inputs, runs = run_layers(weights, sequence, cell, mask)
        features = pool(weights, inputs[-1], pooling)
        targets = np.reshape(targets, (len(features), -1))
        sequence_loss, grad_features = head_loss(
            gradients, weights, features, targets, scales / total_weight, compute
        )
        loss += sequence_loss
        grad_outputs = pool_backward(
            gradients, weights, inputs[-1], grad_features, pooling
        )
        add_layers_gradients(
            gradients, weights, inputs, runs, grad_outputs, cell, mask, bptt_steps
        )
    for name in weights:
        if "bias" not in name and "norm" not in name:
            loss += 0.5 * alpha * np.sum(weights[name] ** 2) / total_weight
            gradients[name] += alpha * weights[name] / total_weight
    return loss, gradients


# Optimizers, on one flat vector of parameters. They change nothing in place.


def clip_by_norm(gradient, max_norm):
    norm = np.linalg.norm(gradient)
    return gradient * (max_norm / norm) if norm > max_norm else gradient


def sgd(parameters, gradient, gathered, learning_rate, momentum, nesterov):
    """One step in PyTorch's form; returns the parameters and what is gathered."""
    gathered = momentum * gathered + gradient
    update = gradient + momentum * gathered if nesterov else gathered
    return parameters - learning_rate * update, gathered


def adam(parameters, gradient, mean, square, learning_rate, t, beta_1, beta_2, epsilon):
    """Step ``t = 1, 2, ...``; returns the parameters and both moments.

    As in the paper and in PyTorch, `epsilon` is added to the root of the corrected
    moment; scikit-learn adds it to the uncorrected one.
    """
    mean = beta_1 * mean + (1 - beta_1) * gradient
    square = beta_2 * square + (1 - beta_2) * gradient**2
    corrected_mean, corrected_square = mean / (1 - beta_1**t), square / (1 - beta_2**t)
    step = learning_rate * corrected_mean / (np.sqrt(corrected_square) + epsilon)
    return parameters - step, mean, square


def adamw(
    parameters, gradient, mean, square, learning_rate, t, *hyperparameters, weight_decay
):
    """Adam after decoupled decay of every parameter."""
    decayed = parameters - learning_rate * weight_decay * parameters
    return adam(decayed, gradient, mean, square, learning_rate, t, *hyperparameters)


def rmsprop(parameters, gradient, square, learning_rate, rho, epsilon):
    """Returns the parameters and the mean of squares."""
    square = rho * square + (1 - rho) * gradient**2
    return parameters - learning_rate * gradient / (np.sqrt(square) + epsilon), square
