"""The training loop: knows a network's flat vector, not its cells."""

from skrnn.training.epoch import Epoch
from skrnn.training.lbfgs import LBFGS, minimize
from skrnn.training.progress import note_epoch
from skrnn.training.state import save_random_state


def train(problem, state, random_state, watch):
    """Train until done or stopped; returns whether it converged.

    Parameters
    ----------
    problem : Problem
    state : State
        Where training starts; it is not changed.
    random_state : RandomState
        For the order of the sequences and for dropout.
    watch : object
        Its ``begin_epoch()`` is called before each epoch, and
        ``end_epoch(state, converged)`` after it, with a state that is not changed
        later; training stops if that returns True.
    """
    if problem.settings.solver == LBFGS:
        return minimize(problem, state, watch)
    # A fit that is resumed may have had its last epoch.
    while not state.has_converged and state.n_epochs < problem.settings.max_iter:
        watch.begin_epoch()
        state, converged = train_epoch(problem, state, random_state)
        if watch.end_epoch(state, converged):
            break
    return state.has_converged


def train_epoch(problem, before, random_state):
    """The state after one more epoch, and whether training has converged."""
    state = before.copy()
    loss, norm = Epoch(problem, state, before, random_state).train()
    state.n_epochs += 1
    state.good_vector = before.vector
    converged = note_epoch(problem, state, loss, norm)
    state.has_converged = converged
    state.random_state = save_random_state(random_state)
    return state, converged
