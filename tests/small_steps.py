"""The small data with a target for every time step, and estimators for them."""

import numpy as np
from small import RAGGED, X, make

from skrnn import RNNClassifier, RNNRegressor

#: For each step the sum of the first feature so far, as a value and in three classes.
Y_ARRAY = X[:, :, 0].cumsum(axis=1)
LABELS_ARRAY = np.digitize(Y_ARRAY, [-0.5, 0.5])
#: Two columns: values of different units, labels with classes of their own, or labels
#: that are there or not.
TWO_ARRAY = np.stack([Y_ARRAY, 100 + 7 * X[:, :, 1]], axis=2)
LABEL_COLUMNS_ARRAY = np.stack([LABELS_ARRAY, np.digitize(X[:, :, 1], [0.0])], axis=2)
INDICATOR_ARRAY = (X > 0).astype(int)
WEIGHTS_ARRAY = np.random.default_rng(1).uniform(0.5, 2, Y_ARRAY.shape)


def cut(array):
    """The part of each sequence of RAGGED in an array for all of X."""
    return [part[: len(x)] for part, x in zip(array, RAGGED, strict=True)]


Y = cut(Y_ARRAY)
LABELS = cut(LABELS_ARRAY)
TWO = cut(TWO_ARRAY)
LABEL_COLUMNS = cut(LABEL_COLUMNS_ARRAY)
INDICATOR = cut(INDICATOR_ARRAY)
WEIGHTS = cut(WEIGHTS_ARRAY)

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}
ARRAY_TARGETS = {RNNClassifier: LABELS_ARRAY, RNNRegressor: Y_ARRAY}
#: Enough to learn them by heart.
LEARNING = {"hidden_size": 16, "max_iter": 150, "learning_rate_init": 0.02}
#: One step of the solver, which changes nothing: the loss is that of the predictions.
STILL = {"max_iter": 1, "learning_rate_init": 1e-30, "alpha": 0.0}


def make_steps(estimator_class, **parameters):
    """A small estimator with a target for every step."""
    return make(estimator_class, return_sequences=True, **parameters)


def weights_of(estimator):
    """All weights of a fitted estimator, in one vector."""
    return np.concatenate([array.ravel() for array in estimator.get_weights().values()])
