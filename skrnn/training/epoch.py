"""One epoch of a stochastic solver."""

import numpy as np

from skrnn.backends.steps import NotFinite, Part, Solver
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout
from skrnn.mathematics.schedules import SCHEDULES, warmed_up
from skrnn.sequences import SequencePairs, read_only
from skrnn.training.errors import divergence


def with_unknown(sequences, network, fraction, random_state):
    """Sequences with a part of the codes replaced by the last, which is the unknown's.

    So its row of an embedding is trained.
    """
    if not (network.embeddings and fraction):
        return sequences
    if network.is_pair:
        parts = zip(sequences, network.networks, strict=True)
        return SequencePairs(
            *(with_unknown(*part, fraction, random_state) for part in parts)
        )
    values = sequences.values.copy()
    codes = values[:, -len(network.embeddings) :]
    unknown = np.array([n_rows - 1 for n_rows, _ in network.embeddings], values.dtype)
    is_replaced = random_state.random_sample(codes.shape) < fraction
    np.copyto(codes, unknown, where=is_replaced)
    return sequences._replace(values=read_only(values))


class Epoch:
    """One pass over the data, which changes `state`; `before` is the state before.

    Vector and solver's memory are the backend's while the epoch lasts: it may have them
    elsewhere, and tell losses only at the end.
    """

    def __init__(self, problem, state, before, random_state):
        self.problem, self.state, self.before = problem, state, before
        self.random_state = random_state
        self.settings = problem.settings
        sequences = with_unknown(
            problem.data.sequences,
            problem.network,
            self.settings.unknown_fraction,
            random_state,
        )
        self.data = problem.data._replace(sequences=sequences)
        self.has_steps = problem.network.has_step_targets
        # With a target for every step, truncation cuts the sequences in chunks, each
        # with a solver step of its own, that hand on their states.
        self.is_cut = self.has_steps and self.settings.bptt_steps is not None
        self.weights = []  # of the targets of each solver step
        self.steps = problem.backend.begin(
            problem.trainable,
            state.vector,
            state.optimizer,
            self._solver(),
            self.data,
            self.is_cut,
        )

    def _solver(self):
        settings = self.settings
        return Solver(
            settings.solver,
            settings.hyperparameters,
            settings.weight_decay,
            settings.max_grad_norm,
        )

    def train(self):
        """Train on all data; returns means of the loss and of the gradient's norm.

        Both are of the weights before each step, the norm before clipping.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # it is found
            return self._train()

    def _train(self):
        try:
            self._take_batches()
            results = self.steps.finish()
        except NotFinite as error:
            raise divergence(
                self.problem,
                self.before,
                f"The loss became {error.loss:.3g} and the norm of the gradient "
                f"{error.norm:.3g}",
            ) from None
        if not np.isfinite(self.state.vector).all():
            raise divergence(
                self.problem,
                self.before,
                f"Weights became infinite (gradient norm {results[-1][1]:.3g})",
            )
        total, weight = 0.0, 0.0
        for (loss, _), weight_here in zip(results, self.weights, strict=True):
            total, weight = total + loss * weight_here, weight + weight_here
        return float(total / weight), float(np.mean([norm for _, norm in results]))

    def _take_batches(self):
        rows, size = self.data.rows, self.settings.batch_size
        order = self.random_state.permutation(rows) if self.settings.shuffle else rows
        firsts = range(0, rows.size, size)
        for i, first in enumerate(firsts):
            batch = order[first : first + size]
            dropout = self._draw_dropout()
            chunks = self._chunks(batch)
            for j, steps in enumerate(chunks):
                share = 1 / (len(firsts) * len(chunks))
                done = i / len(firsts) + j * share
                self._train_chunk(batch, steps, dropout, done, share)

    def _draw_dropout(self):
        settings = self.settings
        rates = settings.dropout, settings.recurrent_dropout
        network, of_inputs = self.problem.network, (0.0, 0.0, 0)
        if network.embeddings:
            of_inputs = *settings.embedding_dropout, network.first_of_ngrams
        if not any([*rates, *of_inputs[:2]]):
            return NO_DROPOUT
        seed = int(self.random_state.randint(2**63 - 1, dtype=np.int64))
        return Dropout(*map(float, rates), seed, *of_inputs)

    def _chunks(self, batch):
        """First and last step of each chunk of a batch; None for all steps at once."""
        if not self.is_cut:
            return [None]
        longest = self.data.sequences.lengths[batch].max()
        size = self.settings.bptt_steps
        return [(first, first + size) for first in range(0, longest, size)]

    def _train_chunk(self, batch, steps, dropout, done, share):
        """One step of the solver."""
        data, settings, state = self.data, self.settings, self.state
        if steps is not None:
            batch = batch[data.sequences.lengths[batch] > steps[0]]
        places = data.sequences.places(batch, steps) if self.has_steps else batch
        weight = data.weights[places].sum()
        part = Part(batch, steps, places, weight, dropout, settings.bptt_steps)
        if weight > 0:
            state.n_steps += 1
            rate = self._rate(done, share)
            self.steps.take(part, settings.alpha / weight, rate, state.n_steps)
            self.weights.append(weight)
        elif steps is not None:
            # Nothing to learn, but the states move on.
            self.steps.pass_over(part)

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
