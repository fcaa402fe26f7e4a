"""The same networks in Keras, trained by `train_on_batch`."""

import os

from peers import KERAS_BACKEND

os.environ["KERAS_BACKEND"] = KERAS_BACKEND  # which Keras reads while it is imported

import keras
import numpy as np
from _problems import N_CLASSES
from _skrnn import LEARNING_RATE, MAX_NORM

print(f"Keras computes with the backend {keras.backend.backend()}.")

LAYERS = {
    "rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
}
GATES = {"rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}  # where PyTorch has them


def step_makers(problem):
    """For each title of a column a function that gives a training step."""
    if problem.steps or problem.trainable != "all":
        return {}
    return {"Keras": make_step}


def make_step(problem):
    """Return a callable that makes one training step; its first call compiles."""
    keras.backend.clear_session()
    model = make_model(problem)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8, global_clipnorm=MAX_NORM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    X, y = problem.padded(), problem.labels()
    return lambda: model.train_on_batch(X, y)


def make_model(problem):
    """Ragged batches are padded with zeros, which a layer masks."""
    weights = problem.weights()
    model = keras.Sequential([keras.Input(problem.padded().shape[1:])])
    if problem.ragged:
        model.add(keras.layers.Masking(0.0))
    for number in range(problem.n_layers):
        is_last = number == problem.n_layers - 1
        layer = LAYERS[problem.cell](problem.H, return_sequences=not is_last)
        if problem.bidirectional:
            layer = keras.layers.Bidirectional(layer)
        model.add(layer)
        layer.set_weights(
            [
                array
                for suffix in problem.suffixes
                for array in layer_weights(problem.cell, weights, f"l{number}{suffix}")
            ]
        )
    model.add(keras.layers.Dense(N_CLASSES))
    model.layers[-1].set_weights([weights["head.weight"].T, weights["head.bias"]])
    return model


def layer_weights(cell, weights, name):
    """Kernel, recurrent kernel and bias of a layer in one direction."""

    def reordered(kind):
        gates = np.split(weights[f"{kind}_{name}"], len(GATES[cell]))
        return np.concatenate([gates[place] for place in GATES[cell]])

    biases = np.stack([reordered("bias_ih"), reordered("bias_hh")])
    bias = biases if cell == "gru" else biases.sum(axis=0)
    return reordered("weight_ih").T, reordered("weight_hh").T, bias
