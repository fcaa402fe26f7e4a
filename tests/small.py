"""Small seeded data, and estimators that train on them in milliseconds."""

import numpy as np

from skrnn import RNNClassifier, RNNRegressor

_rng = np.random.default_rng(0)

#: 24 sequences of 5 steps with 2 features, and what to learn from them.
X = _rng.standard_normal((24, 5, 2))
Y = X[:, :, 0].sum(axis=1)
LABELS = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))
INDICATOR = (X[:, :3, 1] > 0).astype(int)
WEIGHTS = _rng.uniform(0.5, 2, len(X))
#: The same sequences, cut to lengths from 1 to 5.
RAGGED = [x[: 1 + i % 5] for i, x in enumerate(X)]

#: One batch of all an epoch, and one direction, of which streams can be made.
SMALL = {"hidden_size": 3, "max_iter": 3, "batch_size": 24, "random_state": 0}
SMALL |= {"bidirectional": False, "add_time": False, "early_stopping": False}
SMALL |= {"ngram_length": 1}

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}


def make(estimator_class, **parameters):
    """A small estimator; the parameters replace its own."""
    return estimator_class(**SMALL | parameters)


def output_of(estimator, X):
    """All that an estimator says about X, in one array of floats."""
    if isinstance(estimator, RNNClassifier):
        return estimator.predict_proba(X)
    return estimator.predict(X)


def first_partial_fit(estimator, X, y, **arguments):
    """The first call of partial_fit, which a classifier tells its classes."""
    if isinstance(estimator, RNNClassifier):
        arguments["classes"] = np.unique(LABELS)
    return estimator.partial_fit(X, y, **arguments)


class AfterEpoch:
    """A callback that calls a function with the number of epochs done."""

    def __init__(self, function):
        self.function = function

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and self.function(context.task_id + 1)


def state_of(estimator):
    """What an estimator is, to be compared with what it is later."""
    weights = estimator.get_weights() if hasattr(estimator, "n_iter_") else {}
    return {
        name: np.array(value, dtype=object, copy=True).tolist()
        for name, value in {**vars(estimator), **weights}.items()
        if not name.startswith("_")
    }


class During:
    """A y or X that calls a function while it is converted."""

    def __init__(self, array, function):
        self.array, self.function = array, function

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        self.function()
        return np.array(self.array, dtype)
