"""Recurrent networks in plain NumPy: the slow reference that judges the kernels.

One sequence at a time, one step at a time. A sequence is an array ``(T, F)``; a batch
is a list of them. Weights are a dict with PyTorch's names and shapes, for G gates,
H hidden units and O outputs::

    weight_ih_l0 (G*H, F)   bias_ih_l0 (G*H,)   head.weight (O, H)
    weight_hh_l0 (G*H, H)   bias_hh_l0 (G*H,)   head.bias   (O,)

Everything is computed in the dtype of the weights and of ``X``.
"""

from collections.abc import Callable
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


# The loop over time.


def gate_inputs(weights, x, h):
    return (
        weights["weight_ih_l0"] @ x + weights["bias_ih_l0"],
        weights["weight_hh_l0"] @ h + weights["bias_hh_l0"],
    )


def run(weights, sequence, cell):
    """States (h, ...) before the first step, after it, ..., after the last: T + 1."""
    zeros = np.zeros_like(weights["weight_hh_l0"][0])
    states = [(zeros,) * cell.n_states]
    for x in sequence:
        from_x, from_h = gate_inputs(weights, x, states[-1][0])
        states.append(cell.forward(from_x, from_h, states[-1]))
    return states


def add_run_gradients(gradients, weights, sequence, states, grad_outputs, cell):
    """Add one sequence's share, given the loss's gradient for each step's h: (T, H)."""
    grad_state = tuple(np.zeros_like(s) for s in states[0])
    for t in reversed(range(len(sequence))):
        x, last = sequence[t], states[t]
        grad_state = (grad_state[0] + grad_outputs[t], *grad_state[1:])
        grad_x, grad_h, grad_state = cell.backward(
            *gate_inputs(weights, x, last[0]), last, grad_state
        )
        grad_state = (
            grad_state[0] + weights["weight_hh_l0"].T @ grad_h,
            *grad_state[1:],
        )
        gradients["weight_ih_l0"] += np.outer(grad_x, x)
        gradients["weight_hh_l0"] += np.outer(grad_h, last[0])
        gradients["bias_ih_l0"] += grad_x
        gradients["bias_hh_l0"] += grad_h


# Pooling of the hidden states (T, H) of one sequence.


def pool(outputs, pooling):
    return {
        "last": outputs[-1],
        "mean": outputs.mean(axis=0),
        "max": outputs.max(axis=0),
    }[pooling]


def pool_backward(outputs, grad_pooled, pooling):
    """Gradient of every step's h; that of a maximum goes to the first step there."""
    steps = np.arange(len(outputs))[:, np.newaxis]
    share = {
        "last": steps == len(outputs) - 1,
        "mean": np.full_like(outputs, 1 / len(outputs)),
        "max": steps == outputs.argmax(axis=0),
    }[pooling]
    return share * grad_pooled


# Heads: the loss of one sample and its gradient with respect to the logits (O,).


def softmax(logits, y):
    shifted = logits - logits.max()
    one_hot = np.arange(len(logits)) == y
    log_probabilities = shifted - np.log(np.exp(shifted).sum())
    return -log_probabilities[y], np.exp(log_probabilities) - one_hot


def logistic(logits, y):
    losses = np.logaddexp(0, logits) - y * logits
    return losses.mean(), (sigmoid(logits) - y) / len(logits)


def squared(logits, y):
    error = logits - y
    return 0.5 * (error**2).mean(), error / len(logits)


HEADS = {"softmax": softmax, "logistic": logistic, "squared": squared}


# The network.


def forward(weights, X, cell="lstm", activation="tanh", pooling="last"):
    """Pooled states (N, H) and logits (N, O)."""
    cell = CELLS[cell, activation]
    pooled = []
    for sequence in X:
        outputs = np.array([state[0] for state in run(weights, sequence, cell)[1:]])
        pooled.append(pool(outputs, pooling))
    pooled = np.array(pooled)
    return pooled, pooled @ weights["head.weight"].T + weights["head.bias"]


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
):
    """Weighted mean loss plus L2 penalty, and its gradients in a dict like `weights`.

    The penalty, ``alpha / 2 * sum(W**2) / sum(sample_weight)``, leaves biases out.
    `y` holds integers (N,) for the head "softmax" and an array (N, O) for the others.
    """
    cell = CELLS[cell, activation]
    if sample_weight is None:
        sample_weight = np.ones(len(X))
    # NumPy would let one float64 number turn every float32 array it meets to float64.
    sample_weight = np.asarray(sample_weight, dtype=weights["head.weight"].dtype)
    total_weight = np.sum(sample_weight)
    gradients = {name: np.zeros_like(w) for name, w in weights.items()}
    loss = 0.0
    for sequence, target, weight in zip(X, y, sample_weight, strict=True):
        states = run(weights, sequence, cell)
        outputs = np.array([state[0] for state in states[1:]])
        pooled = pool(outputs, pooling)
        logits = weights["head.weight"] @ pooled + weights["head.bias"]
        sample_loss, grad_logits = HEADS[head](logits, target)
        loss += weight / total_weight * sample_loss
        grad_logits = weight / total_weight * grad_logits
        gradients["head.weight"] += np.outer(grad_logits, pooled)
        gradients["head.bias"] += grad_logits
        grad_pooled = weights["head.weight"].T @ grad_logits
        grad_outputs = pool_backward(outputs, grad_pooled, pooling)
        add_run_gradients(gradients, weights, sequence, states, grad_outputs, cell)
    for name in ("weight_ih_l0", "weight_hh_l0", "head.weight"):
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
