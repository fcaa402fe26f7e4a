"""The same networks in PyTorch, as its users write them."""

from functools import partial

import numba
import numpy as np
import torch
from _problems import N_CLASSES
from _skrnn import LEARNING_RATE, MAX_NORM
from report.timing import time_burst
from torch import nn

TITLE = "PyTorch"

torch.set_num_threads(numba.config.NUMBA_NUM_THREADS)


def step_makers(problem):
    """For each title of a column a function that gives a training step."""
    if not problem.ragged:
        return {TITLE: partial(make_step, is_packed=False)}
    makers = {"packed": partial(make_step, is_packed=True)}
    # In padded batches the other direction would start in the padding; and targets
    # for every step would be those of the padding, too.
    if problem.bidirectional or problem.steps:
        return makers
    return {TITLE: partial(make_step, is_packed=False)} | makers


class Classifier(nn.Module):
    """Layers and head. Ragged batches are packed, or else padded at the end."""

    def __init__(self, problem, is_packed):
        super().__init__()
        self.n_directions = len(problem.suffixes)
        self.steps = problem.steps
        self.last = None
        if problem.ragged and not is_packed:
            self.last = torch.from_numpy(problem.lengths - 1), torch.arange(problem.N)
        self.rnn = make_layers(problem)
        self.rnn.requires_grad_(problem.trainable == "all")
        self.head = nn.Linear(self.n_directions * problem.H, N_CLASSES)
        self.load_state_dict(
            {
                name if name.startswith("head") else f"rnn.{name}": torch.tensor(array)
                for name, array in problem.weights().items()
            }
        )

    def forward(self, X):
        results = self.rnn(X)
        if self.last is not None:
            return self.head(results[0][self.last])
        if not self.steps:
            return self.head(last_states(results, self.n_directions))
        states = results[0]
        is_packed = isinstance(states, nn.utils.rnn.PackedSequence)
        return self.head(states.data if is_packed else states.flatten(0, 1))


def make_layers(problem):
    return getattr(nn, problem.cell.upper())(
        problem.F,
        problem.H,
        num_layers=problem.n_layers,
        bidirectional=problem.bidirectional,
    )


def make_input(problem, is_packed):
    """Time first; packed or padded, which no benchmark times."""
    X = [torch.from_numpy(x) for x in problem.arrays()]
    if is_packed:
        return nn.utils.rnn.pack_sequence(X, enforce_sorted=False)
    return nn.utils.rnn.pad_sequence(X)


def make_labels(problem, is_packed):
    """One label a sequence; or one a step, in the order of the module's outputs."""
    labels = torch.from_numpy(problem.labels())
    if not problem.steps:
        return labels
    parts = labels.split(problem.lengths.tolist())
    if is_packed:
        return nn.utils.rnn.pack_sequence(parts, enforce_sorted=False).data
    return torch.stack(parts, dim=1).flatten()


def last_states(results, n_directions):
    """Last states of the last layer, (N, directions * H), from what nn.LSTM returns."""
    state = results[1]
    h = state[0] if isinstance(state, tuple) else state  # the LSTM has (h, c)
    return torch.cat(h[-n_directions:].unbind(), dim=1)


def make_step(problem, is_packed):
    """Return a callable that makes one training step, with the faster of two Adams."""
    X, y = make_input(problem, is_packed), make_labels(problem, is_packed)

    def step_with(**implementation):
        model = Classifier(problem, is_packed)
        adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, **implementation)
        return partial(train, model, adam, X, y)

    steps = step_with(fused=True), step_with(foreach=True)
    return min(steps, key=lambda step: np.median(time_burst(step)))


def train(model, optimizer, X, y):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(X), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
    optimizer.step()
    return loss.detach()


def inference_call(problem, weights):
    """The layers alone; ragged batches are packed beforehand, which favours them."""
    module = make_layers(problem).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))
    X = make_input(problem, problem.ragged)

    def call():
        with torch.inference_mode():
            return module(X)

    return call
