"""Parameters that are no good, and numbers that are not Python's own."""

import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from small import TARGETS, WEIGHTS, X, Y, first_partial_fit, make, state_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.callbacks import Checkpoint
from skrnn.estimators.runs import settings_of
from skrnn.preprocessing import SequenceScaler

both = pytest.mark.parametrize("estimator_class", TARGETS)

BAD = {
    "solver": "x",
    "learning_rate": "x",
    "learning_rate_init": -1.0,
    "batch_size": -3,
    "bptt_steps": 0,
    "dtype": "x",
    "trainable": 5,
    "alpha": None,
    "dropout": 5.0,
    "max_grad_norm": -1.0,
    "beta_1": 7.0,
    "epsilon": 0,
    "device": [],
    "adapter_rank": "x",
    "verbose": "x",
}


# After set_params nothing has been checked


@pytest.mark.parametrize("name", BAD)
@both
def test_partial_fit_checks_parameters_at_each_call(estimator_class, name):
    estimator = make(estimator_class)
    y = TARGETS[estimator_class]
    first_partial_fit(estimator, X, y).set_params(**{name: BAD[name]})
    before = state_of(estimator)
    message = f"The {name!r} parameter of {estimator_class.__name__} must be "
    with pytest.raises(ValueError, match=message):
        estimator.partial_fit(X, y)
    assert state_of(estimator) == before


def test_a_bad_class_weight_is_found_first():
    classifier = first_partial_fit(make(RNNClassifier), X, TARGETS[RNNClassifier])
    classifier.set_params(class_weight=np.ones(3))
    with pytest.raises(ValueError, match="The 'class_weight' parameter of"):
        classifier.partial_fit(X, TARGETS[RNNClassifier])


def test_the_scaler_checks_them_as_well():
    scaler = SequenceScaler().partial_fit(X).set_params(with_std="x")
    with pytest.raises(ValueError, match="The 'with_std' parameter of SequenceScaler"):
        scaler.partial_fit(X)


def test_no_check_where_the_user_wants_none():
    regressor = make(RNNRegressor).partial_fit(X, Y).set_params(verbose=None)
    with config_context(skip_parameter_validation=True):
        regressor.partial_fit(X, Y)
    with pytest.raises(ValueError, match="The 'verbose' parameter"):
        regressor.partial_fit(X, Y)


@both
def test_predictions_check_the_device(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class).fit(X, y).set_params(device=[])
    calls = [estimator.predict, estimator.transform, lambda X: estimator.score(X, y)]
    for call in [*calls, lambda X: estimator.stream()]:
        with pytest.raises(ValueError, match="The 'device' parameter of"):
            call(X)


@pytest.mark.parametrize("name", BAD)
@both
def test_the_display_shows_bad_parameters(estimator_class, name):
    estimator = make(estimator_class).fit(X, TARGETS[estimator_class])
    estimator.set_params(**{name: BAD[name]})
    assert name in estimator._repr_html_()
    assert name in repr(estimator)
    if name != "device":
        assert estimator.predict(X).shape == (24,)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_warnings_name_the_line_of_the_call(method):
    regressor = make(RNNRegressor, dropout=0.5)
    with pytest.warns(UserWarning, match="no effect with n_layers=1") as caught:
        getattr(regressor, method)(X, Y)
    assert [warning.filename for warning in caught] == [__file__]


# Numbers that are not Python's own


def curve(**parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regressor = make(RNNRegressor, **parameters).fit(X, Y, WEIGHTS)
    return regressor.loss_curve_


INTEGERS = {
    "batch_size": 7,
    "bptt_steps": 2,
    "max_iter": 3,
    "n_iter_no_change": 2,
    "hidden_size": 3,
    "n_layers": 1,
    "n_features_per_step": 1,
    "adapter_rank": 1,
    "random_state": 3,
}
FLOATS = {
    "alpha": 0.5,
    "learning_rate_init": 0.25,
    "power_t": 3.0,
    "warmup_fraction": 0.5,
    "validation_fraction": 0.25,
    "tol": 0.5,
    "recurrent_dropout": 0.5,
    "beta_1": 0.5,
    "beta_2": 0.5,
    "epsilon": 0.5,
    "max_grad_norm": 0.5,
}
SETTINGS = {
    "power_t": {"learning_rate": "invscaling", "batch_size": 7},
    "tol": {"learning_rate": "constant", "n_iter_no_change": 1},
    "validation_fraction": {"early_stopping": True},
}


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint64])
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_of_numpy(name, kind):
    value = INTEGERS[name]
    assert curve(**{name: kind(value)}) == curve(**{name: value})


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("name", FLOATS)
def test_floats_of_other_kinds(name, kind):
    value, settings = FLOATS[name], SETTINGS.get(name, {})
    expected = curve(**{name: value}, **settings)
    assert curve(**{name: kind(value)}, **settings) == expected


@pytest.mark.parametrize("value", [10**30, 10**400, 2**63 - 1], ids=int.bit_length)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("name", ["bptt_steps", "batch_size", "n_iter_no_change"])
def test_large_integers_mean_all(name, return_sequences, value):
    y = X[:, :, 0] if return_sequences else Y
    settings = {"return_sequences": return_sequences, "learning_rate": "cosine"}
    curves = [
        make(RNNRegressor, **settings, **{name: large}).fit(X, y).loss_curve_
        for large in (value, 1000)
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("name", ["epsilon", "max_grad_norm"])
def test_large_integers_are_floats(name):
    assert curve(**{name: 10**30}) == curve(**{name: 1e30})


@pytest.mark.parametrize(
    "value", [10**400, np.longdouble("1e4000"), 1e-310], ids=["int", "long", "tiny"]
)
@pytest.mark.parametrize("name", ["learning_rate_init", "max_grad_norm", "epsilon"])
def test_numbers_that_do_not_fit(name, value):
    if value == np.inf:
        pytest.skip("long double has no more digits than double on this machine")
    regressor = make(RNNRegressor, **{name: value})
    message = (
        f"The {name!r} parameter of RNNRegressor must fit float(32|64): it must be 0"
    )
    with pytest.raises(ValueError, match=message) as caught:
        regressor.fit(X, Y)
    assert len(str(caught.value)) < 150
    assert not hasattr(regressor, "n_iter_")


def test_solvers_numbers_fit_the_networks_dtype():
    # In float32 it would be 0, and 0 / 0 where a gradient is 0.
    with pytest.raises(ValueError, match="'epsilon' parameter .* must fit float32"):
        curve(epsilon=1e-60)
    regressor = RNNRegressor(epsilon=1e-60, dtype="float64")
    assert settings_of(regressor, np.full(24, 5)).hyperparameters == (0.9, 0.999, 1e-60)


def test_a_stream_of_a_number_of_few_bits():
    regressor = make(RNNRegressor, hidden_size=100).fit(X, Y)
    many = np.concatenate([X] * 6)[:127]
    stream = regressor.stream(np.int8(127))
    assert_array_equal(stream.predict(many), regressor.predict(many))


def test_a_checkpoint_after_a_number_of_few_bits(tmp_path):
    path = tmp_path / "model.joblib"
    regressor = make(RNNRegressor, max_iter=300, tol=0)
    regressor.set_callbacks(Checkpoint(path, every=np.uint8(200))).fit(X, Y)
    assert joblib.load(path).n_iter_ == 300
