"""The solver's steps of one epoch, as the training floor asks for them."""

from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from skrnn.backends.arguments import check_solver
from skrnn.mathematics.dropout import Dropout
from skrnn.mathematics.gradients import add_l2, clip_norm, shrink
from skrnn.mathematics.optimizers import OPTIMIZERS


class Solver(NamedTuple):
    """What changes the trained vector, and how."""

    name: str
    hyperparameters: tuple
    weight_decay: float
    max_grad_norm: float


class Part(NamedTuple):
    """What one step learns from."""

    rows: np.ndarray  # which sequences
    steps: Any  # (first, last): those of their steps; None: all
    places: np.ndarray  # of their targets
    weight: float  # of these together
    dropout: Dropout
    bptt_steps: int | None


class NotFinite(ArithmeticError):
    """A loss or the norm of a gradient was infinite or NaN."""

    def __init__(self, loss, norm):
        super().__init__(loss, norm)
        self.loss, self.norm = loss, norm


class HostSteps:
    """Steps on the host, with gradients of any backend.

    Parameters
    ----------
    backend : object
        Computes the gradients.
    trainable : object
        Makes parameters of the trained vector, and its gradient of theirs.
    vector, state : ndarray
        What is trained, and what the solver remembers; both are changed.
    solver : Solver
    data : object
        Has `sequences`, `targets` and `weights`.
    carries : bool
        Whether sequences go on from the states that the last part left.
    """

    def __init__(self, backend, trainable, vector, state, solver, data, carries):
        self.backend, self.trainable = backend, trainable
        self.vector, self.state = vector, state
        self.solver, self.data = solver, data
        self.mask = trainable.weight_mask
        check_solver(solver, vector, state, self.mask)
        self.gradient = np.empty(backend.network.n_parameters, vector.dtype)
        self.scales = np.empty(data.weights.size)
        n = data.sequences.n_sequences
        self.memory = backend.new_memory(n) if carries else None
        self.results = []

    def pass_over(self, part):
        """Go through steps that have nothing to learn, for the states they leave."""
        self._loss_gradient(part, 1.0)

    def take(self, part, strength, rate, t):
        """Step number t of the solver; `strength` is that of the penalty."""
        loss = self._loss_gradient(part, part.weight)
        gradient = self.trainable.gradient(self.vector, self.gradient)
        if not self.backend.network.embeddings:
            self._move(
                self.vector, self.state, self.mask, gradient, loss, strength, rate, t
            )
            return
        # Copies of what the step changes: rows that the batch did not read stay, and
        # cost nothing.
        some, first = self.trainable.entries(self.backend.rows_read)
        arrays = self.vector, self.state, self.mask, gradient
        copies = [
            np.concatenate([array[..., some], array[..., first:]], axis=-1)
            for array in arrays
        ]
        self._move(*copies, loss, strength, rate, t)
        for array, copy in zip(arrays[:2], copies, strict=False):
            array[..., some], array[..., first:] = np.split(copy, [some.size], axis=-1)

    def _move(self, vector, state, mask, gradient, loss, strength, rate, t):
        """Change the vector and the solver's memory."""
        solver = self.solver
        if strength > 0:
            loss += add_l2(vector, mask, strength, gradient)
        norm = clip_norm(gradient, solver.max_grad_norm)
        if not (isfinite(norm) and isfinite(loss)):
            raise NotFinite(loss, norm)
        self.results.append((loss, norm))
        optimizer = OPTIMIZERS[solver.name]
        if optimizer.decays:
            shrink(vector, mask, rate * solver.weight_decay)
        optimizer.step(vector, gradient, state, rate, t, *solver.hyperparameters)

    def _loss_gradient(self, part, divisor):
        data = self.data
        self.scales[part.places] = data.weights[part.places] / divisor
        return self.backend.loss_gradient(
            self.trainable.parameters(self.vector),
            data.sequences,
            part.rows,
            data.targets,
            self.scales,
            self.gradient,
            dropout=part.dropout,
            bptt_steps=part.bptt_steps,
            steps=part.steps,
            memory=self.memory,
        )

    def finish(self):
        """The loss, with the penalty, and the norm before clipping, of each step."""
        return self.results
