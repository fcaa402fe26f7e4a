"""The training loop: knows a network's flat vector, not its cells."""

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.dropout import NO_DROPOUT, Dropout
from skrnn.mathematics.gradients import add_l2, clip_norm
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.sequences import Sequences

_ADVICE = "Scale the data, or try a lower learning_rate_init or max_grad_norm."


class Data(NamedTuple):
    """What is learned from."""

    sequences: Sequences
    targets: np.ndarray  # as the network's loss takes them
    weights: np.ndarray  # of the targets, 0 where one is missing


@dataclass(frozen=True)
class Settings:
    """The parameters of the estimator that the loop needs, under their names."""

    solver: str
    hyperparameters: tuple  # those of the solver
    alpha: float
    batch_size: int
    learning_rate: str
    learning_rate_init: float
    max_iter: int
    shuffle: bool
    tol: float
    n_iter_no_change: int
    max_grad_norm: float
    dropout: float
    recurrent_dropout: float
    bptt_steps: int | None


@dataclass
class State:
    """What training changes. Between epochs a copy is as good as the original."""

    parameters: np.ndarray
    optimizer: np.ndarray  # what the solver remembers
    n_steps: int = 0
    loss_curve: list = field(default_factory=list)
    best_loss: float = np.inf
    n_stale_epochs: int = 0

    @classmethod
    def start(cls, parameters, solver):
        """The state before the first step."""
        n_rows = OPTIMIZERS[solver].n_state_rows
        return cls(parameters, np.zeros((n_rows, parameters.size), parameters.dtype))

    def copy(self):
        """A state that shares nothing with this one."""
        return replace(
            self,
            parameters=self.parameters.copy(),
            optimizer=self.optimizer.copy(),
            loss_curve=list(self.loss_curve),
        )


def train(backend, network, data, settings, state, random_state):
    """Train epoch after epoch; yield ``(state, done)`` after each.

    The state that is yielded is not changed later. Stop asking, and training stops.
    """
    for epoch in range(settings.max_iter):
        state = state.copy()
        run = _Epoch(backend, network, data, settings, state, random_state)
        loss = run.train(epoch)
        if not np.isfinite(state.parameters).all():
            raise ValueError(f"Weights became infinite in epoch {epoch + 1}. {_ADVICE}")
        state.loss_curve.append(loss)
        if loss > state.best_loss - settings.tol:
            state.n_stale_epochs += 1
        else:
            state.n_stale_epochs = 0
        state.best_loss = min(state.best_loss, loss)
        converged = state.n_stale_epochs > settings.n_iter_no_change
        yield state, converged
        if converged:
            return


class _Epoch:
    """One pass over the data, which changes the state."""

    def __init__(self, backend, network, data, settings, state, random_state):
        self.backend, self.settings, self.state = backend, settings, state
        self.data, self.random_state = data, random_state
        self.mask = network.weight_mask()
        self.has_steps = network.pooling is None
        self.gradient = np.empty_like(state.parameters)
        self.scales = np.empty(data.weights.size)
        # With a target for every step, truncation cuts the sequences in chunks, each
        # with a solver step of its own, that hand on their states.
        is_cut = self.has_steps and settings.bptt_steps is not None
        n = data.sequences.n_sequences
        self.memory = backend.new_memory(n) if is_cut else None

    def train(self, epoch):
        """Train on all data; returns the mean loss before each step."""
        settings, n = self.settings, self.data.sequences.n_sequences
        order = self.random_state.permutation(n) if settings.shuffle else np.arange(n)
        firsts, total = range(0, n, settings.batch_size), 0.0
        for i, first in enumerate(firsts):
            rows = order[first : first + settings.batch_size]
            dropout = self._draw_dropout()
            chunks = self._chunks(rows)
            for j, steps in enumerate(chunks):
                done = (i + j / len(chunks)) / len(firsts)
                total += self._train_chunk(rows, steps, dropout, epoch, done)
        return total / self.data.weights.sum()

    def _draw_dropout(self):
        rates = self.settings.dropout, self.settings.recurrent_dropout
        if not any(rates):
            return NO_DROPOUT
        seed = int(self.random_state.randint(2**63 - 1, dtype=np.int64))
        return Dropout(*map(float, rates), seed)

    def _chunks(self, rows):
        """First and last step of each chunk of a batch; None for all steps at once."""
        if self.memory is None:
            return [None]
        longest, size = (
            self.data.sequences.lengths[rows].max(),
            self.settings.bptt_steps,
        )
        return [(first, first + size) for first in range(0, longest, size)]

    def _train_chunk(self, rows, steps, dropout, epoch, done):
        """One step of the solver; returns the sum of the losses before it."""
        data, settings, state = self.data, self.settings, self.state
        if steps is not None:
            rows = rows[data.sequences.lengths[rows] > steps[0]]
        places = self._places(rows, steps)
        weight = data.weights[places].sum()
        if weight == 0 and steps is None:
            return 0.0
        self.scales[places] = data.weights[places] / (weight or 1)
        loss = self.backend.loss_gradient(
            state.parameters,
            data.sequences,
            rows,
            data.targets,
            self.scales,
            self.gradient,
            dropout=dropout,
            bptt_steps=settings.bptt_steps,
            steps=steps,
            memory=self.memory,
        )
        if weight == 0:  # nothing to learn, but the states have moved on
            return 0.0
        loss += add_l2(
            state.parameters, self.mask, settings.alpha / weight, self.gradient
        )
        norm = clip_norm(self.gradient, settings.max_grad_norm)
        if not isfinite(norm):
            raise ValueError(
                f"The gradient became {norm} in epoch {epoch + 1} (loss {loss}). "
                f"{_ADVICE}"
            )
        self._step((epoch + done) / settings.max_iter)
        return loss * weight

    def _places(self, rows, steps):
        """Where the targets of some sequences, or of some of their steps, are."""
        if not self.has_steps:
            return rows
        starts, ends = (self.data.sequences.offsets[rows + i] for i in (0, 1))
        if steps is not None:
            starts, ends = starts + steps[0], np.minimum(ends, starts + steps[1])
        lengths = ends - starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(lengths.sum())

    def _step(self, progress):
        settings, state = self.settings, self.state
        state.n_steps += 1
        OPTIMIZERS[settings.solver].step(
            state.parameters,
            self.gradient,
            state.optimizer,
            settings.learning_rate_init * SCHEDULES[settings.learning_rate](progress),
            state.n_steps,
            *settings.hyperparameters,
        )
