"""The training loop: knows a network's flat vector, not its cells."""

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.gradients import add_l2, clip_norm
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.sequences import Sequences

_ADVICE = "Scale the data, or try a lower learning_rate_init or max_grad_norm."


class Data(NamedTuple):
    """What is learned from."""

    sequences: Sequences
    targets: np.ndarray  # as the network's loss takes them
    weights: np.ndarray  # of the samples


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
    mask = network.weight_mask()
    for epoch in range(settings.max_iter):
        state = state.copy()
        loss = _train_epoch(backend, mask, data, settings, state, random_state, epoch)
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


def _train_epoch(backend, mask, data, settings, state, random_state, epoch):
    """One pass over the data; returns the mean loss before each step."""
    n = data.sequences.n_sequences
    order = random_state.permutation(n) if settings.shuffle else np.arange(n)
    firsts = range(0, n, settings.batch_size)
    gradient, scales = np.empty_like(state.parameters), np.empty(n)
    total = 0.0
    for i, first in enumerate(firsts):
        rows = order[first : first + settings.batch_size]
        weight = data.weights[rows].sum()
        if weight == 0:
            continue
        scales[rows] = data.weights[rows] / weight
        loss = backend.loss_gradient(
            state.parameters, data.sequences, rows, data.targets, scales, gradient
        )
        loss += add_l2(state.parameters, mask, settings.alpha / weight, gradient)
        norm = clip_norm(gradient, settings.max_grad_norm)
        if not isfinite(norm):
            raise ValueError(
                f"The gradient became {norm} in epoch {epoch + 1} (loss {loss}). "
                f"{_ADVICE}"
            )
        progress = (epoch + i / len(firsts)) / settings.max_iter
        state.n_steps += 1
        OPTIMIZERS[settings.solver].step(
            state.parameters,
            gradient,
            state.optimizer,
            settings.learning_rate_init * SCHEDULES[settings.learning_rate](progress),
            state.n_steps,
            *settings.hyperparameters,
        )
        total += loss * weight
    return total / data.weights.sum()
