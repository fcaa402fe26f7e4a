"""The error of a training that went wrong."""

from skrnn.exceptions import DivergenceError

_ADVICE = (
    "Scale the data, or try a lower learning_rate_init or max_grad_norm, or "
    "dtype='float64'."
)


def divergence(problem, state, what):
    """The error of a step after this state, with the last good weights.

    Those after the last whole epoch may be the ones with which the loss is infinite.
    """
    error = DivergenceError(f"{what} in epoch {state.n_epochs + 1}. {_ADVICE}")
    vector = state.vector if state.good_vector is None else state.good_vector
    parameters = problem.trainable.parameters(vector)
    error.weights = problem.network.export_weights(parameters)
    return error
