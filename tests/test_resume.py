"""A fit that was interrupted is finished by fit with warm_start, as if it never was."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from small import LABELS, RAGGED, TARGETS, AfterEpoch, X, Y, make, output_of

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)
KINDS = {
    "default": {},
    "dropout": {"n_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.25},
    "adapters": {"adapter_rank": 2, "trainable": "head"},
    "frozen": {"trainable": ["weight_*"], "solver": "sgd"},
    "warm-up": {"warmup_fraction": 0.4, "learning_rate": "one-cycle"},
    "adaptive": {"learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
}
LENGTH = {"max_iter": 8, "batch_size": 7}


def interrupt(n_epochs):
    if n_epochs == 3:
        raise KeyboardInterrupt


def all_of(estimator):
    return (
        output_of(estimator, X).tolist(),
        estimator.loss_curve_,
        estimator.grad_norm_curve_,
        estimator.validation_scores_,
        estimator.n_iter_,
    )


@both
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_same_bits_as_an_unbroken_fit(estimator_class, kind):
    y = TARGETS[estimator_class]
    expected = make(estimator_class, **LENGTH | KINDS[kind]).fit(RAGGED, y)
    estimator = make(estimator_class, **LENGTH | KINDS[kind])
    estimator.set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        estimator.fit(RAGGED, y)
    assert estimator.n_iter_ == 3
    estimator.set_callbacks()
    estimator = pickle.loads(pickle.dumps(estimator)).set_params(warm_start=True)
    estimator.fit(RAGGED, y)
    assert all_of(estimator) == all_of(expected)
    # That fit is whole now: the next one makes as many epochs again.
    estimator.fit(RAGGED, y)
    assert estimator.n_iter_ == expected.n_iter_ + 8


@both
def test_a_given_generator_goes_on_as_a_copy(estimator_class):
    y = TARGETS[estimator_class]

    def new():
        return make(
            estimator_class, **LENGTH | {"random_state": np.random.RandomState(5)}
        )

    expected, estimator = new().fit(X, y), new()
    estimator.set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, y)
    estimator.set_callbacks().set_params(warm_start=True).fit(X, y)
    assert all_of(estimator) == all_of(expected)


def test_without_warm_start_it_starts_anew():
    expected = make(RNNClassifier, **LENGTH).fit(X, LABELS)
    estimator = make(RNNClassifier, **LENGTH).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, LABELS)
    estimator.set_callbacks().fit(X, LABELS)
    assert all_of(estimator) == all_of(expected)


@pytest.mark.parametrize(
    "changes", [{"solver": "sgd"}, {"trainable": "head"}, {"adapter_rank": 1}], ids=str
)
def test_a_fit_of_other_weights_or_another_solver_is_a_new_one(changes):
    estimator = make(RNNClassifier, **LENGTH).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, LABELS)
    estimator.set_callbacks().set_params(warm_start=True, **changes).fit(X, LABELS)
    assert estimator.n_iter_ == 3 + 8


def test_what_a_callback_stopped_is_whole():
    stopper = AfterEpoch(lambda n_epochs: n_epochs == 3)
    estimator = make(RNNClassifier, **LENGTH).set_callbacks(stopper).fit(X, LABELS)
    estimator.set_callbacks().set_params(warm_start=True).fit(X, LABELS)
    assert estimator.n_iter_ == 3 + 8


def test_lbfgs_goes_on_from_the_weights_to_the_planned_end():
    settings = {"solver": "lbfgs", "max_iter": 8, "tol": 0.0}
    estimator = make(RNNRegressor, **settings).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, Y)
    estimator = pickle.loads(pickle.dumps(estimator.set_callbacks()))
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        estimator.set_params(warm_start=True).fit(X, Y)
    assert estimator.n_iter_ == 8
    assert estimator.loss_ < estimator.loss_curve_[2]
