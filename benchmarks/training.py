"""Time one training step of skrnn beside PyTorch's, in turns in one process.

A step is forward, backward, clipping by the global norm and Adam, in float32.
"""

import argparse
from functools import partial

import numpy as np
import torch
from _problems import (
    N_CLASSES,
    SHAPES,
    add_options,
    last_states,
    problems_of,
    set_threads,
)
from _timing import (
    PER_STEP_FIELDS,
    PER_STEP_FORMATS,
    print_means,
    print_table,
    time_burst,
    time_in_turns,
    time_per_step,
)
from torch import nn

from skrnn import training
from skrnn.backends import make_backend

MAX_NORM = 1.0
# Steps on one and the same batch would soon fit it, and gradients would sink to
# denormal numbers, which are slow. At this rate the weights hardly move.
LEARNING_RATE = 1e-7
FIELDS = ("skrnn_ms", "IQR", "PyTorch_ms", "IQR", "PyTorch/skrnn")
FORMATS = ("10.3f", "8.3f", "11.3f", "8.3f", "14.2f")


def skrnn_step(problem):
    """Return a callable that makes one training step: an epoch of one batch, as in fit.

    The checks of the input, which fit makes once, are left out, as PyTorch has none.
    """
    network, labels = problem.network(), problem.labels()
    settings = training.Settings(
        solver="adam",
        hyperparameters=(0.9, 0.999, 1e-8),
        weight_decay=0.0,
        alpha=0.0,
        batch_size=problem.N,
        learning_rate="constant",
        learning_rate_init=LEARNING_RATE,
        power_t=0.5,
        warmup_fraction=0.0,
        max_iter=10**9,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=10**9,
        max_grad_norm=MAX_NORM,
        dropout=0.0,
        recurrent_dropout=0.0,
        bptt_steps=None,
    )
    data = training.Data(
        problem.sequences(), labels[:, None], np.ones(labels.size), np.arange(problem.N)
    )
    random_state = np.random.RandomState(0)
    parameters = network.initial_parameters(random_state)
    pattern = {"all": "*", "head": "head.*"}[problem.trainable]
    trainable = training.Trainable(network, parameters, network.parts([pattern]))
    backend = make_backend("cpu", network, trainable.needed)
    given = training.Problem(backend, network, trainable, data, settings)
    state = training.State.start(trainable.start(parameters, random_state), "adam")

    def step():
        nonlocal state
        state, _ = training.train_epoch(given, state, random_state)

    return step


class TorchClassifier(nn.Module):
    def __init__(self, problem):
        super().__init__()
        self.n_directions = 2 if problem.bidirectional else 1
        self.steps = problem.steps
        self.rnn = problem.torch_layers()
        self.rnn.requires_grad_(problem.trainable == "all")
        self.head = nn.Linear(self.n_directions * problem.H, N_CLASSES)

    def forward(self, X):
        results = self.rnn(X)
        if not self.steps:
            return self.head(last_states(results, self.n_directions))
        states = results[0]
        is_packed = isinstance(states, nn.utils.rnn.PackedSequence)
        return self.head(states.data if is_packed else states.flatten(0, 1))


def torch_labels(problem):
    """One label a sequence; or one a step, in the order of the module's outputs."""
    labels = torch.from_numpy(problem.labels())
    if not problem.steps:
        return labels
    parts = labels.split(problem.lengths.tolist())
    return nn.utils.rnn.pack_sequence(parts, enforce_sorted=False).data


def torch_step(problem):
    """Return a callable that makes one training step, with the faster of two Adams."""
    X, y = problem.torch_input(), torch_labels(problem)
    steps = [
        partial(train_torch, model, optimizer, X, y)
        for model, optimizer in (
            make_torch(problem, fused=True),
            make_torch(problem, foreach=True),
        )
    ]
    return min(steps, key=lambda step: np.median(time_burst(step)))


def make_torch(problem, **implementation):
    torch.manual_seed(0)
    model = TorchClassifier(problem)
    return model, torch.optim.Adam(
        model.parameters(), lr=LEARNING_RATE, **implementation
    )


def train_torch(model, optimizer, X, y):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(X), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
    optimizer.step()


def compare(problem, seconds):
    """What the table says of a problem."""
    ours, theirs = time_in_turns([skrnn_step(problem), torch_step(problem)], seconds)
    return *ours, *theirs, theirs[0] / ours[0]


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--steps", action="store_true", help="a target for every step")
    parser.add_argument("--trainable", choices=["all", "head"], default="all")
    return parser.parse_args()


def main():
    args = parse_args()
    set_threads(args.threads)
    problems = problems_of(args, SHAPES)
    if args.per_step:
        make_row = partial(time_per_step, skrnn_step, seconds=args.seconds)
        table = PER_STEP_FIELDS, PER_STEP_FORMATS, make_row
    else:
        table = FIELDS, FORMATS, partial(compare, seconds=args.seconds)
    rows = print_table(problems, *table, args.csv)
    print_means(rows, [-1], table[0][-1:])


if __name__ == "__main__":
    main()
