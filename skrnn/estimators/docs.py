"""The parts of the documentation that both estimators share, written once.

A docstring names a part in braces on a line of its own.
"""

import inspect
import re
import textwrap

_SECTIONS = {
    "parameters": """
Parameters
----------
cell : {"gru", "lstm", "rnn"}, default="gru"
    Gated recurrent unit, long short-term memory, or Elman's network.
hidden_size : int, default=64
    Number of units, the size of a state.
activation : {"tanh", "relu"}, default="tanh"
    Of Elman's network; the other cells have activations of their own.
pooling : {"max", "last", "mean"}
    How the states of a sequence become one vector for the output layer: the maximum
    over the steps, the last state, or the mean over the steps. The default is "max" for
    the classifier and "last" for the regressor, whose usual task is to forecast.
n_features_per_step : int, default=1
    For 2D X, whose rows are flattened sequences: how many neighbouring columns make
    one time step. Other X say so by their shape.
solver : {"adam", "sgd"}, default="adam"
    Adam, or stochastic gradient descent with momentum.
alpha : float, default=1e-4
    Strength of the L2 penalty on weights, divided by the number of samples of the
    batch as in scikit-learn's MLP. Biases are not penalised.
batch_size : int or "auto", default="auto"
    Sequences per step of the solver. "auto" is ``min(32, n_samples)``.
learning_rate : {"cosine", "constant"}, default="cosine"
    "cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs. `partial_fit`
    always uses the constant one.
learning_rate_init : float, default=0.01
    The first learning rate.
max_iter : int, default=100
    Largest number of epochs.
shuffle : bool, default=True
    Whether each epoch takes the samples in a new random order.
random_state : int, RandomState instance or None, default=None
    Determines the initial weights and the order of the samples. With an int, the
    result is the same in every bit on any number of threads.
tol : float, default=1e-4
    An epoch improves the loss if it lowers the best one by at least so much.
n_iter_no_change : int, default=10
    Training ends when more than so many epochs in a row improve nothing.
verbose : bool, default=False
    Print the loss of each epoch.
warm_start : bool, default=False
    Let `fit` go on from the weights of the last fit.
momentum : float, default=0.9
    Of the solver "sgd".
nesterovs_momentum : bool, default=True
    Whether that momentum is Nesterov's.
beta_1 : float, default=0.9
    Of the solver "adam": decay of the mean of the gradients.
beta_2 : float, default=0.999
    Of the solver "adam": decay of the mean of their squares.
epsilon : float, default=1e-8
    Of the solver "adam": added to the root of that mean.
max_grad_norm : float or None, default=1.0
    A gradient with a larger norm is scaled down to it. None: never.
dtype : {"float32", "float64"}, default="float32"
    Precision of weights and states.
device : {"auto", "cpu", "cuda"}, default="auto"
    Where to compute. This version has no "cuda"; "auto" is the CPU.
""",
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
    Weight of each sample in the loss. None: all weights are 1.
""",
}


def with_common_sections(estimator_class):
    """Fill in the shared parts in the docstrings of a class and its methods."""
    estimator_class.__doc__ = _fill(estimator_class.__doc__)
    for method in vars(estimator_class).values():
        if inspect.isfunction(method) and method.__doc__:
            method.__doc__ = _fill(method.__doc__)
    return estimator_class


def _fill(docstring):
    def section(match):
        return textwrap.indent(_SECTIONS[match["name"]].strip(), match["indent"])

    return re.sub(r"^(?P<indent> *)\{(?P<name>\w+)\}$", section, docstring, flags=re.M)
