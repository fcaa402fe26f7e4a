"""The full batch and SciPy's L-BFGS-B, for small data.

R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, A limited memory algorithm for bound
constrained optimization, SIAM Journal on Scientific Computing, 1995.
"""

from math import isfinite

import numpy as np
from scipy import optimize

from skrnn.mathematics.blas import OneBlasThread
from skrnn.mathematics.gradients import add_l2, clip_norm
from skrnn.training.errors import divergence
from skrnn.training.progress import note_epoch

LBFGS = "lbfgs"


def minimize(problem, state, watch):
    """As `train`; an epoch is an iteration of L-BFGS."""
    settings = problem.settings
    if state.has_converged or state.n_epochs >= settings.max_iter:
        return state.has_converged
    run = _Run(problem, state, watch)
    # The bits of SciPy's own products depend on it.
    with OneBlasThread() as limit:
        result = optimize.minimize(
            limit.lifted(run.loss_gradient),
            state.vector.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=limit.lifted(run.end_iteration),
            options={
                "maxiter": settings.max_iter - state.n_epochs,
                "maxfun": np.inf,
                "gtol": settings.tol,
            },
        )
    if run.state.n_epochs == 0:
        # SciPy found no better point than the start: an epoch that changes nothing.
        # The last gradient may be that of a point it went back from.
        result.fun, _ = run.loss_gradient(result.x)
        run.end_epoch(result)
    return run.is_done or result.status == 0


class _Run:
    """The functions that SciPy calls."""

    def __init__(self, problem, state, watch):
        self.problem, self.state, self.watch = problem, state, watch
        data = problem.data
        has_steps = problem.network.has_step_targets
        places = data.sequences.places(data.rows) if has_steps else data.rows
        self.mask = problem.trainable.weight_mask
        self.weight = data.weights[places].sum()
        self.scales = np.zeros(data.weights.size)
        self.scales[places] = data.weights[places] / self.weight
        self.gradient = np.empty(problem.network.n_parameters, state.vector.dtype)
        self.in_epoch = self.is_done = False

    def loss_gradient(self, x):
        """Loss of all data at a vector in float64, and its gradient."""
        if not self.in_epoch:
            self.watch.begin_epoch()
            self.in_epoch = True
        with np.errstate(over="ignore", invalid="ignore"):  # it is found
            loss, gradient = self._compute(x)
        if not (isfinite(loss) and isfinite(self.norm)):
            raise divergence(
                self.problem,
                self.state,
                f"The loss became {loss:.3g} and the norm of the gradient "
                f"{self.norm:.3g}",
            )
        return loss, gradient.astype(np.float64)

    def _compute(self, x):
        problem, data = self.problem, self.problem.data
        vector = x.astype(self.state.vector.dtype)
        loss = problem.backend.loss_gradient(
            problem.trainable.parameters(vector),
            data.sequences,
            data.rows,
            data.targets,
            self.scales,
            self.gradient,
        )
        gradient = problem.trainable.gradient(vector, self.gradient)
        strength = problem.settings.alpha / self.weight
        loss += add_l2(vector, self.mask, strength, gradient)
        self.norm = clip_norm(gradient, np.inf)
        return loss, gradient

    def end_iteration(self, intermediate_result):
        """Called by SciPy with the new point, the last one that it has evaluated."""
        if self.end_epoch(intermediate_result) or self.is_done:
            raise StopIteration

    def end_epoch(self, result):
        """Note the point of a result; returns whether a callback wants to stop."""
        before, self.state = self.state, self.state.copy()
        state = self.state
        state.good_vector = before.vector
        state.vector = result.x.astype(state.vector.dtype)
        state.n_epochs += 1
        no_gain = note_epoch(self.problem, state, float(result.fun), self.norm)
        # Without a score to watch, SciPy knows better when it has converged.
        self.is_done = no_gain and self.problem.validate is not None
        state.has_converged, self.in_epoch = self.is_done, False
        return self.watch.end_epoch(state, self.is_done)
