"""The same networks in JAX: one `lax.scan` a layer and direction, all under `jit`."""

from functools import partial

import jax
import jax.numpy as jnp
from _skrnn import LEARNING_RATE, MAX_NORM
from jax import lax

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def step_makers(problem):
    """For each title of a column a function that gives a training step."""
    if problem.steps or problem.trainable != "all":
        return {}
    return {"JAX": make_step}


def elman(x, from_h, states):
    return (jnp.tanh(x + from_h),)


def lstm(x, from_h, states):
    i, f, g, o = jnp.split(x + from_h, 4, axis=-1)
    c = jax.nn.sigmoid(f) * states[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(x, from_h, states):
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (jnp.split(a, 3, axis=-1) for a in (x, from_h))
    r, z = jax.nn.sigmoid(r_x + r_h), jax.nn.sigmoid(z_x + z_h)
    return ((1 - z) * jnp.tanh(n_x + r * n_h) + z * states[0],)


CELLS = {"rnn": (elman, 1), "lstm": (lstm, 2), "gru": (gru, 1)}


def run_layer(cell, weights, X):
    """The outputs of all steps; X is (T, N, inputs)."""
    w_ih, w_hh, b_ih, b_hh = weights
    formula, n_states = CELLS[cell]

    def step(states, x):
        states = formula(x, states[0] @ w_hh.T + b_hh, states)
        return states, states[0]

    start = (jnp.zeros((X.shape[1], w_hh.shape[1])),) * n_states
    return lax.scan(step, start, X @ w_ih.T + b_ih)[1]


def flip(X, lengths):
    """Each sequence from its last step to its first one, its padding still behind."""
    if lengths is None:
        return X[::-1]
    t = jnp.arange(len(X))[:, None]
    return jnp.take_along_axis(
        X, jnp.where(t < lengths, lengths - 1 - t, t)[:, :, None], axis=0
    )


def loss_of(weights, problem, X, lengths, y):
    for layer in range(problem.n_layers):
        outputs = []
        for suffix in problem.suffixes:
            own = [weights[f"{name}_l{layer}{suffix}"] for name in NAMES]
            turn = partial(flip, lengths=lengths) if suffix else lambda x: x
            outputs.append(turn(run_layer(problem.cell, own, turn(X))))
        X = jnp.concatenate(outputs, axis=-1)
    if lengths is None:
        last = X[-1, :, : problem.H]
    else:
        last = X[lengths - 1, jnp.arange(problem.N), : problem.H]
    # The other direction, if there is one, has its last state at the first step.
    last = jnp.concatenate([last, X[0, :, problem.H :]], axis=-1)
    scores = jax.nn.log_softmax(last @ weights["head.weight"].T + weights["head.bias"])
    return -scores[jnp.arange(problem.N), y].mean()


def update(state, problem, X, lengths, y):
    """One step of Adam with clipped gradients."""
    weights, means, squares, t = state
    loss, gradients = jax.value_and_grad(loss_of)(weights, problem, X, lengths, y)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradients)))
    scale, t = jnp.minimum(1, MAX_NORM / norm), t + 1
    gradients = jax.tree.map(lambda g: g * scale, gradients)
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g**2, squares, gradients)
    rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    weights = jax.tree.map(
        lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-8), weights, means, squares
    )
    return (weights, means, squares, t), loss


def make_step(problem):
    """Return a callable that makes one training step; its first call compiles."""
    weights = jax.tree.map(jnp.asarray, problem.weights())
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0)
    X = jnp.asarray(problem.padded().swapaxes(0, 1))
    lengths = jnp.asarray(problem.lengths) if problem.ragged else None
    y = jnp.asarray(problem.labels())
    compiled = jax.jit(update, static_argnums=1, donate_argnums=0)

    def step():
        nonlocal state
        state, loss = jax.block_until_ready(compiled(state, problem, X, lengths, y))
        return loss

    return step
