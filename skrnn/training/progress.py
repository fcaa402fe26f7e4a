"""What is noted after an epoch, and when training has converged."""

from skrnn.mathematics.schedules import SCHEDULES

# As scikit-learn's MLP: the adaptive rate falls to a fifth, and ends below this.
RATE_FALL, LOWEST_RATE = 5, 1e-6


def note_epoch(problem, state, loss, norm):
    """Write down how an epoch went; returns whether training has converged."""
    settings = problem.settings
    state.loss_curve.append(loss)
    state.grad_norm_curve.append(norm)
    improves = loss <= state.best_loss - settings.tol
    state.best_loss = min(state.best_loss, loss)
    if problem.validate is not None:
        improves = _note_score(problem, state)
    state.n_stale_epochs = 0 if improves else state.n_stale_epochs + 1
    if state.n_stale_epochs <= settings.n_iter_no_change:
        return False
    if not SCHEDULES[settings.learning_rate].reacts:
        return True
    state.n_stale_epochs = 0
    state.rate_factor /= RATE_FALL
    return settings.learning_rate_init * state.rate_factor <= LOWEST_RATE


def _note_score(problem, state):
    """Score the validation data; returns whether that improves on the best score."""
    score = problem.validate(problem.trainable.parameters(state.vector))
    improves = score >= state.best_score + problem.settings.tol
    state.validation_scores.append(score)
    # R^2 of targets that are all equal is 0 whatever is predicted, and would keep the
    # weights of the first epoch.
    is_tie = score == state.best_score and problem.network.loss.regresses
    if score > state.best_score or is_tie:
        state.best_score, state.best_vector = score, state.vector.copy()
    return improves
