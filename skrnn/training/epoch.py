"""One epoch of a stochastic solver."""

from math import isfinite

import numpy as np

from skrnn.mathematics.dropout import NO_DROPOUT, Dropout
from skrnn.mathematics.gradients import add_l2, clip_norm, shrink
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES, warmed_up
from skrnn.training.errors import divergence


class Epoch:
    """One pass over the data, which changes `state`; `before` is the state before."""

    def __init__(self, problem, state, before, random_state):
        self.problem, self.state, self.before = problem, state, before
        self.random_state = random_state
        self.data, self.settings = problem.data, problem.settings
        self.mask = problem.trainable.weight_mask
        self.has_steps = problem.network.pooling is None
        self.gradient = np.empty(problem.network.n_parameters, state.vector.dtype)
        self.scales = np.empty(self.data.weights.size)
        # With a target for every step, truncation cuts the sequences in chunks, each
        # with a solver step of its own, that hand on their states.
        is_cut = self.has_steps and self.settings.bptt_steps is not None
        n = self.data.sequences.n_sequences
        self.memory = problem.backend.new_memory(n) if is_cut else None
        self.norms = []

    def train(self):
        """Train on all data; returns means of the loss and of the gradient's norm.

        Both are of the weights before each step, the norm before clipping.
        """
        rows, size = self.data.rows, self.settings.batch_size
        order = self.random_state.permutation(rows) if self.settings.shuffle else rows
        firsts, total, weight = range(0, rows.size, size), 0.0, 0.0
        for i, first in enumerate(firsts):
            batch = order[first : first + size]
            dropout = self._draw_dropout()
            chunks = self._chunks(batch)
            for j, steps in enumerate(chunks):
                share = 1 / (len(firsts) * len(chunks))
                done = i / len(firsts) + j * share
                loss, weight_here = self._train_chunk(
                    batch, steps, dropout, done, share
                )
                total, weight = total + loss * weight_here, weight + weight_here
        if not np.isfinite(self.state.vector).all():
            raise divergence(
                self.problem,
                self.before,
                f"Weights became infinite (gradient norm {self.norms[-1]:.3g})",
            )
        return float(total / weight), float(np.mean(self.norms))

    def _draw_dropout(self):
        rates = self.settings.dropout, self.settings.recurrent_dropout
        if not any(rates):
            return NO_DROPOUT
        seed = int(self.random_state.randint(2**63 - 1, dtype=np.int64))
        return Dropout(*map(float, rates), seed)

    def _chunks(self, batch):
        """First and last step of each chunk of a batch; None for all steps at once."""
        if self.memory is None:
            return [None]
        longest = self.data.sequences.lengths[batch].max()
        size = self.settings.bptt_steps
        return [(first, first + size) for first in range(0, longest, size)]

    def _train_chunk(self, batch, steps, dropout, done, share):
        """One step of the solver; returns the loss before it and its weight."""
        data = self.data
        if steps is not None:
            batch = batch[data.sequences.lengths[batch] > steps[0]]
        places = data.sequences.places(batch, steps) if self.has_steps else batch
        weight = data.weights[places].sum()
        if weight == 0 and steps is None:
            return 0.0, 0.0
        self.scales[places] = data.weights[places] / (weight or 1)
        loss = self.problem.backend.loss_gradient(
            self.problem.trainable.parameters(self.state.vector),
            data.sequences,
            batch,
            data.targets,
            self.scales,
            self.gradient,
            dropout=dropout,
            bptt_steps=self.settings.bptt_steps,
            steps=steps,
            memory=self.memory,
        )
        if weight == 0:  # nothing to learn, but the states have moved on
            return 0.0, 0.0
        return self._step(loss, weight, done, share), weight

    def _step(self, loss, weight, done, share):
        """Change the trained vector; returns the loss with the penalty."""
        settings, state = self.settings, self.state
        vector = state.vector
        gradient = self.problem.trainable.gradient(vector, self.gradient)
        if settings.alpha > 0:
            loss += add_l2(vector, self.mask, settings.alpha / weight, gradient)
        norm = clip_norm(gradient, settings.max_grad_norm)
        if not (isfinite(norm) and isfinite(loss)):
            raise divergence(
                self.problem,
                self.before,
                f"The loss became {loss:.3g} and the norm of the gradient {norm:.3g}",
            )
        self.norms.append(norm)
        state.n_steps += 1
        rate = self._rate(done, share)
        optimizer = OPTIMIZERS[settings.solver]
        if optimizer.decays:
            shrink(vector, self.mask, rate * settings.weight_decay)
        optimizer.step(
            vector,
            gradient,
            state.optimizer,
            rate,
            state.n_steps,
            *settings.hyperparameters,
        )
        return loss

    def _rate(self, done, share):
        settings, state = self.settings, self.state
        factor = warmed_up(
            SCHEDULES[settings.learning_rate],
            settings.warmup_fraction,
            (state.n_epochs + done) / settings.max_iter,
            share / settings.max_iter,
            state.n_steps,
            settings.power_t,
        )
        return settings.learning_rate_init * state.rate_factor * factor
