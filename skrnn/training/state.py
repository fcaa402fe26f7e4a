"""What training is given, and what it changes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.network import Network
from skrnn.sequences import Sequences
from skrnn.training.trainable import Trainable


def save_random_state(random_state):
    """Where a generator stands: a fifth of the time that a copy of it takes."""
    return random_state.get_state(legacy=False)


def restore_random_state(saved):
    """A generator that stands there."""
    random_state = np.random.RandomState(getattr(np.random, saved["bit_generator"])())
    random_state.set_state(saved)
    return random_state


class Data(NamedTuple):
    """What is learned from."""

    sequences: Sequences
    targets: np.ndarray  # as the network's loss takes them
    weights: np.ndarray  # of the targets, 0 where one is missing
    rows: np.ndarray  # which of the sequences are learned from


@dataclass(frozen=True)
class Settings:
    """The parameters of the estimator that the loop needs, under their names."""

    solver: str
    hyperparameters: tuple  # those of the solver
    weight_decay: float
    alpha: float
    batch_size: int
    learning_rate: str
    learning_rate_init: float
    power_t: float
    warmup_fraction: float
    max_iter: int
    shuffle: bool
    tol: float
    n_iter_no_change: int
    max_grad_norm: float
    dropout: float
    recurrent_dropout: float
    bptt_steps: int | None
    unknown_fraction: float
    embedding_dropout: tuple  # of categories, and of n-grams


class Problem(NamedTuple):
    """All that stays the same while training goes on."""

    backend: Any
    network: Network
    trainable: Trainable
    data: Data
    settings: Settings
    validate: Callable | None = None  # parameters -> score


@dataclass
class State:
    """What training changes. Between epochs a copy is as good as the original."""

    vector: np.ndarray  # as `Trainable` makes it
    optimizer: np.ndarray  # what the solver remembers
    random_state: dict | None = None  # after the epoch, as `save_random_state` has it
    split_seed: int = 0  # of the validation data
    n_steps: int = 0
    n_epochs: int = 0  # of this fit
    rate_factor: float = 1.0
    n_stale_epochs: int = 0
    has_converged: bool = False  # in its last epoch
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_vector: np.ndarray | None = None  # the one with the best score
    good_vector: np.ndarray | None = None  # before the last whole epoch
    loss_curve: list = field(default_factory=list)
    grad_norm_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)

    @classmethod
    def start(cls, vector, solver, **values):
        """The state before the first step."""
        n_rows = OPTIMIZERS[solver].n_state_rows if solver in OPTIMIZERS else 0
        optimizer = np.zeros((n_rows, vector.size), vector.dtype)
        return cls(vector, optimizer, **values)

    def copy(self):
        """A state that shares nothing with this one that training changes."""
        return replace(
            self,
            vector=self.vector.copy(),
            optimizer=self.optimizer.copy(),
            loss_curve=list(self.loss_curve),
            grad_norm_curve=list(self.grad_norm_curve),
            validation_scores=list(self.validation_scores),
        )

    @property
    def result(self):
        """The vector that training gives: the last one, or the best validated."""
        return self.vector if self.best_vector is None else self.best_vector
