"""The parts of the documentation that both estimators share, written once.

A docstring names a part in braces on a line of its own. There may be no docstrings
(``python -OO``), and from Python 3.13 on they come without their indentation.
"""

import inspect
import re
import textwrap

_SECTIONS = {
    "attributes": """
n_features_in_ : int
    Number of columns of the 2D X seen during fit, or the number of features per step
    of the sequences.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Column names of X, if X was a DataFrame whose names are all strings.
n_features_per_step_ : int
    Number of features of a time step.
n_outputs_ : int
    Number of outputs of the network.
out_activation_ : str
    "softmax", "logistic" or "identity".
n_iter_ : int
    Number of epochs trained.
loss_ : float
    Loss of the last epoch, the penalty included.
best_loss_ : float
    Lowest loss of an epoch.
loss_curve_ : list of float
    Loss of each epoch.
grad_norm_curve_ : list of float
    Norm of the gradient before clipping, mean over the steps of each epoch.
validation_scores_ : list of float or None
    Score of the validation data after each epoch; None without early stopping.
best_validation_score_ : float or None
    The highest of them, that of the weights that the estimator has.
""",
    "notes": """
Nothing is padded: the cost follows the sum of the lengths. A prediction has the same
bits whatever other samples are predicted with it.

Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed, biases
at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.
""",
    "X": """
X : array-like or list of array-like
    Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of arrays
    (n_timesteps_i, n_features) or (n_timesteps_i,) of any lengths; or a 2D array or
    DataFrame (n_samples, n_timesteps * n_features_per_step) of flattened sequences.
""",
    "sample_weight": """
sample_weight : array-like of shape (n_samples,), default=None
    Weight of each sample. None: all weights are 1. With ``return_sequences=True``
    that of all of its steps; or one weight for each step, in the form of y.
""",
    "validation": """
X_val, y_val : as X and y, default=None
    Validation data for early stopping; None: a part of the samples is set aside. A
    `Pipeline` with ``transform_input=["X_val"]`` transforms them as X.
sample_weight_val : as sample_weight, default=None
    Weights of the validation data.
""",
    "fitted": """
Returns
-------
self : object
    The fitted estimator.

Raises
------
skrnn.exceptions.DivergenceError
    If the loss, a gradient or the weights become infinite or NaN.
""",
    "init_weights": """
init_weights : estimator or dict of str to ndarray, default=None
    Where training starts: a fitted estimator, or what its `get_weights` returned. The
    output layer may differ: it starts anew if its shape, or the estimator's classes,
    are others. None: at random weights.
""",
}


def with_common_sections(estimator_class):
    """Fill in the shared parts in the docstrings of a class and its methods."""
    estimator_class.__doc__ = fill(estimator_class.__doc__, _SECTIONS)
    for method in vars(estimator_class).values():
        # What is there under a condition only is an object that holds the function.
        function = getattr(method, "fn", method)
        if inspect.isfunction(function):
            method.__doc__ = function.__doc__ = fill(function.__doc__, _SECTIONS)
    return estimator_class


def fill(docstring, sections):
    """Replace names in braces, on lines of their own, by their sections if known."""

    def section(match):
        if match["name"] not in sections:
            return match[0]
        return textwrap.indent(sections[match["name"]].strip(), match["indent"])

    if docstring is None:
        return None
    return re.sub(r"^(?P<indent> *)\{(?P<name>\w+)\}$", section, docstring, flags=re.M)
