"""The solver's steps of an epoch on the device: vector and data stay there."""

import numpy as np

from skrnn.backends.arguments import check_learned, check_sequences, check_solver
from skrnn.backends.cuda.device import THREADS, use
from skrnn.backends.cuda.output import Learned
from skrnn.backends.cuda.solver import (
    FAILED,
    FIRST_RESULT,
    PARTS,
    Entries,
    note_step,
    penalize,
    step_kernel,
)
from skrnn.backends.steps import NotFinite

#: Losses and norms of so many steps are kept on the device.
CAPACITY = 4096


class DeviceSteps:
    """As `HostSteps`; a loss or norm that is not finite is found at the end."""

    def __init__(self, backend, trainable, vector, state, solver, data, carries):
        self.backend, self.trainable = backend, trainable
        self.solver, self.data = solver, data
        self.host = vector, state
        self.n_taken, self.results = 0, []
        check_sequences(backend, vector, data.sequences)
        check_learned(backend.network, data.sequences, data.targets, data.weights)
        mask = trainable.weight_mask
        check_solver(solver, vector, state, mask)
        with use():
            put = backend.memory.put
            self.vector, self.state = put("vector", vector), put("state", state)
            self.mask = put("mask", mask)
            self.values = backend.once("values", data.sequences.values)
            backend.put_static(data.sequences)
            targets = backend.once("targets", data.targets)
            weights = backend.once("weights", data.weights)
            self.totals = put("totals", np.zeros(FIRST_RESULT + 2 * CAPACITY))
            self.learned = Learned(targets, weights, 1.0, self.totals)
            vector_of = backend.memory.vector
            self.gradient = vector_of("gradient", vector.size, vector.dtype)
            self.sums = vector_of("sums", 2 * PARTS, np.float64)
            self.carried = None
            if carries:
                memory = backend.new_memory(data.sequences.n_sequences)
                self.carried = put("carried", memory.ravel())

    def pass_over(self, part):
        """Go through steps that have nothing to learn, for the states they leave."""
        with use():
            # Without targets that count, the loss is 0, and adds nothing to the next.
            self._add_gradient(part, 1.0)

    def _add_gradient(self, part, divisor):
        self.backend.train_batch(
            self.vector,
            self.values,
            (self.data.sequences, part.rows, part.steps),
            self.learned._replace(divisor=divisor),
            self.gradient,
            part.dropout,
            part.bptt_steps,
            self.carried,
        )

    def take(self, part, strength, rate, t):
        """One step of the solver; its loss and norm are known in the end."""
        with use():
            if self.n_taken == CAPACITY:
                self._drain()
            self._add_gradient(part, part.weight)
            launch = self.backend.device.launch
            vector, gradient, totals = self.vector, self.gradient, self.totals
            entries, solver = self._entries(), self.solver
            penalty = vector, self.mask, strength, gradient, entries, self.sums
            launch(penalize, PARTS, THREADS, *penalty)
            launch(note_step, 1, 1, self.sums, totals, self.n_taken)
            self.backend.device.over(
                entries.n,
                step_kernel(solver.name),
                (vector, gradient, self.state, self.mask),
                entries,
                totals,
                float(solver.max_grad_norm),
                (rate, rate * solver.weight_decay),
                t,
                solver.hyperparameters,
            )
            self.n_taken += 1

    def _entries(self):
        """What this step changes."""
        some, first = self.trainable.entries(self.backend.rows_read)
        n, memory = some.size, self.backend.memory
        places = memory.vector("entries", n, np.int64)
        if n > 0:
            places = memory.put_numbers("entries", some)
        return Entries(places, n, first, n + self.vector.size - first)

    def _drain(self):
        """Take losses and norms to the host."""
        totals = self.backend.memory.fetch(self.totals)
        results = totals[FIRST_RESULT:].reshape(-1, 2)
        if totals[FAILED]:
            raise NotFinite(*results[int(totals[FAILED]) - 1])
        self.results += [tuple(pair) for pair in results[: self.n_taken].tolist()]
        self.n_taken = 0

    def finish(self):
        """Bring vector and state to the host; returns losses and norms."""
        with use():
            self._drain()
            for host, array in zip(self.host, (self.vector, self.state), strict=True):
                self.backend.memory.fetch(array, host)
        return self.results
