"""The estimators on device="cuda", beside the CPU."""

import gc
import pickle

import numpy as np
import pytest
import small_steps
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from small import LABELS, RAGGED, TARGETS, AfterEpoch, X, Y, make, output_of

from skrnn import RNNClassifier, RNNMultiTask, RNNRegressor
from skrnn.backends import cuda
from skrnn.exceptions import DeviceError, DivergenceError
from skrnn.mathematics.losses import LOSSES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("estimator_class", TARGETS)
FEW, FEW_Y = RAGGED[:6], Y[:6]
OTHER_LOSSES = [
    name
    for name, loss in LOSSES.items()
    if loss.regresses and name != RNNRegressor().loss
]
DOUBLE = {"dtype": "float64", "max_iter": 2, "batch_size": 5}


def weights_of(estimator):
    return small_steps.weights_of(estimator)


def assert_devices_agree(estimator_class, X, y, **parameters):
    """Weights, losses and norms of a fit on either device; returns that with CUDA."""
    host, device = (
        make(estimator_class, device=name, **DOUBLE | parameters).fit(X, y)
        for name in ("cpu", "cuda")
    )
    assert_allclose(weights_of(device), weights_of(host), 1e-9, 1e-12)
    assert_allclose(device.loss_curve_, host.loss_curve_, 1e-9)
    assert_allclose(device.grad_norm_curve_, host.grad_norm_curve_, 1e-9)
    return device


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam", "alpha": 0.1, "max_grad_norm": 0.1},
        {"solver": "adamw", "weight_decay": 0.1, "max_grad_norm": None},
        {"solver": "sgd"},
        {"solver": "rmsprop", "alpha": 0.0},
        {"solver": "lbfgs"},
        {"n_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2},
        {"bptt_steps": 2},
        {"trainable": "head", "bptt_steps": 2},
        {"adapter_rank": 1},
    ],
    ids=str,
)
def test_a_fit_is_that_of_the_cpu(parameters):
    assert_devices_agree(RNNRegressor, FEW, FEW_Y, **parameters)


@pytest.mark.parametrize(
    "parameters", [{}, {"trainable": ["embedding.weight", "head.*"], "bptt_steps": 2}]
)
def test_a_fit_with_categories_is_that_of_the_cpu(parameters):
    tokens = [[str(int(value) % 4) for value in 3 * np.abs(x[:, 0])] for x in RAGGED]
    parameters |= {"categorical_features": "all", "max_iter": 3}
    device = assert_devices_agree(RNNClassifier, tokens, LABELS, **parameters)
    outputs, stream = device.predict_proba(tokens[4:5]), device.stream()
    for token in tokens[4]:
        so_far = stream.predict_proba([[token]])
    assert_array_equal(so_far, outputs)
    expected = device.set_params(device="cpu").predict_proba(tokens[4:5])
    assert_allclose(outputs, expected, 1e-9, 1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_with_static_features_is_that_of_the_cpu(solver):
    """Each epoch is scored with those of other sequences."""
    static = np.column_stack([Y, np.arange(len(Y))])
    validation = {"X_val": RAGGED[6:9], "y_val": Y[6:9], "static_val": static[6:9]}
    parameters = {"solver": solver, "early_stopping": True, "frame_length": 2}
    host, device = (
        make(RNNRegressor, device=name, **DOUBLE | parameters)
        for name in ("cpu", "cuda")
    )
    for estimator in (host, device):
        estimator.fit(FEW, FEW_Y, static=static[:6], **validation)
    assert_allclose(weights_of(device), weights_of(host), 1e-9, 1e-12)
    assert_allclose(device.validation_scores_, host.validation_scores_, 1e-9)
    found = device.predict(RAGGED, static=static)
    assert_allclose(found, host.predict(RAGGED, static=static), 1e-9)


@pytest.mark.parametrize("loss", OTHER_LOSSES)
def test_a_fit_with_another_loss_is_that_of_the_cpu(loss):
    y = np.exp(np.c_[FEW_Y, FEW_Y[::-1]])
    regressor = assert_devices_agree(RNNRegressor, FEW, y, loss=loss, max_iter=1)
    assert regressor.predict(FEW).shape[:2] == (6, 2)
    assert np.isfinite(regressor.score(FEW, y))


def test_a_fit_of_several_tasks():
    y = np.c_[LABELS[:6], np.where(FEW_Y > 0, FEW_Y, np.nan), FEW_Y > 0]
    kinds = ["classification", "regression", "classification"]
    weights = {"loss_weights": [1, 3, 2], "max_iter": 1}
    assert_devices_agree(RNNMultiTask, FEW, y, tasks=kinds, **weights)


def test_a_fit_of_a_classifier_with_early_stopping():
    assert_devices_agree(RNNClassifier, RAGGED, LABELS, early_stopping=True)


def test_a_fit_with_a_target_for_every_step():
    """Of which some are missing, so that whole chunks have nothing to learn."""
    y = [np.where(np.arange(len(part)) < 3, np.nan, part) for part in small_steps.Y]
    parameters = {"return_sequences": True, "bptt_steps": 2}
    assert_devices_agree(RNNRegressor, FEW, y[:6], **parameters)


@both
def test_predictions_are_those_of_the_cpu(estimator_class):
    y = TARGETS[estimator_class][:6]
    estimator = make(estimator_class, device="cuda").fit(FEW, y)
    outputs = output_of(estimator, FEW)
    assert outputs.dtype == output_of(estimator.set_params(device="cpu"), FEW).dtype
    assert_allclose(outputs, output_of(estimator, FEW), 1e-5, 1e-6)


@both
def test_a_pickle_predicts_on_either_device(estimator_class):
    y = TARGETS[estimator_class][:6]
    for here, there in (("cuda", "cpu"), ("cpu", "cuda")):
        estimator = make(estimator_class, device=here, max_iter=1).fit(FEW, y)
        reopened = pickle.loads(pickle.dumps(estimator)).set_params(device=there)
        assert_array_equal(weights_of(reopened), weights_of(estimator))
        outputs = output_of(estimator, FEW)
        assert_allclose(output_of(reopened, FEW), outputs, 1e-5, 1e-6)


def test_a_backend_can_be_pickled():
    network = make(RNNRegressor, device="cpu").fit(FEW, FEW_Y)._model.network
    reopened = pickle.loads(pickle.dumps(cuda.CUDABackend(network)))
    assert reopened.network == network


def test_two_fits_give_the_same_bits():
    fits = [make(RNNRegressor, device="cuda").fit(FEW, FEW_Y) for _ in range(2)]
    assert_array_equal(*map(weights_of, fits))


def test_partial_fit_and_warm_start_go_on():
    host, device = (make(RNNRegressor, device=d, **DOUBLE) for d in ("cpu", "cuda"))
    for estimator in (host, device):
        # With fewer samples at first there is a warning.
        estimator.partial_fit(RAGGED[:10], Y[:10]).partial_fit(FEW, FEW_Y)
        estimator.set_params(warm_start=True).fit(FEW, FEW_Y)
    assert_allclose(weights_of(device), weights_of(host), 1e-9, 1e-12)


@pytest.mark.parametrize("parameters", [{"n_layers": 2}, {"frame_length": 3}], ids=str)
def test_a_stream_gives_the_bits_of_the_whole(parameters):
    estimator = make(RNNRegressor, device="cuda", **parameters).fit(FEW, FEW_Y)
    stream, expected = estimator.stream(2), estimator.predict(X[:2])
    for t in range(X.shape[1]):
        so_far = stream.predict(X[:2, t : t + 1])
    assert_array_equal(so_far, expected)


def test_attention_weights():
    estimator = make(RNNRegressor, device="cuda", pooling="attention").fit(FEW, FEW_Y)
    weights = estimator.attention_weights(FEW)
    expected = estimator.set_params(device="cpu").attention_weights(FEW)
    assert_allclose(np.concatenate(weights), np.concatenate(expected), 1e-5)


def test_search_over_parameters():
    search = GridSearchCV(
        make(RNNRegressor, device="cuda", max_iter=1), {"cell": ["gru", "rnn"]}, cv=2
    )
    search.fit(X[:10], Y[:10])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("rate", [1e300, 1e30])
def test_divergence_is_an_error_that_changes_nothing(rate):
    parameters = {"solver": "sgd", "max_grad_norm": None, "cell": "rnn"}
    parameters |= {"activation": "relu", "learning_rate": "constant"}
    estimator = make(RNNRegressor, device="cuda", **DOUBLE | parameters)
    before = vars(estimator).copy()
    estimator.set_params(learning_rate_init=rate)
    with pytest.raises(DivergenceError, match="in epoch") as caught:
        estimator.fit(FEW, FEW_Y)
    assert set(vars(estimator)) == set(before)
    assert all(np.isfinite(array).all() for array in caught.value.weights.values())


def test_the_results_of_many_steps_are_taken_in_parts(monkeypatch):
    monkeypatch.setattr("skrnn.backends.cuda.steps.CAPACITY", 2)
    parameters = {"batch_size": 2, "max_iter": 1}
    assert_devices_agree(RNNRegressor, FEW, FEW_Y, **parameters)


@pytest.fixture
def empty_device():
    gc.collect()  # an error that another test has caught may still hold a backend
    assert cuda.live_bytes() == 0


def test_memory_is_freed_after_fit_and_predict(empty_device):
    most = []
    callback = AfterEpoch(lambda n: most.append(cuda.live_bytes()) and False)
    estimator = make(RNNRegressor, device="cuda").set_callbacks(callback)
    estimator.fit(FEW, FEW_Y).predict(FEW)
    assert min(most) > 0
    assert cuda.live_bytes() == 0


def test_memory_is_freed_after_an_error(empty_device):
    def fail(n):
        raise RuntimeError("by a callback")

    estimator = make(RNNRegressor, device="cuda").set_callbacks(AfterEpoch(fail))
    with pytest.raises(RuntimeError, match="by a callback"):
        estimator.fit(FEW, FEW_Y)
    assert cuda.live_bytes() == 0


def test_a_device_that_is_lost_in_a_fit_changes_nothing(empty_device, monkeypatch):
    estimator = make(RNNRegressor, device="cuda").fit(FEW, FEW_Y)
    before, launch = weights_of(estimator), cuda.backend.Device.launch
    left = iter(range(50))  # calls

    def fail_later(*arguments, **options):
        if next(left, None) is None:
            raise type("CudaAPIError", (Exception,), {"code": 700})("by a test")
        launch(*arguments, **options)

    monkeypatch.setattr(cuda.backend.Device, "launch", fail_later)
    with pytest.raises(DeviceError, match="The device failed"):
        estimator.fit(FEW, FEW_Y)
    monkeypatch.undo()
    assert_array_equal(weights_of(estimator), before)
    assert cuda.live_bytes() == 0
    estimator.fit(FEW, FEW_Y)


def test_the_data_are_copied_once(monkeypatch):
    copied = []
    copy = cuda.backend.Device.copy
    monkeypatch.setattr(
        cuda.backend.Device,
        "copy",
        lambda self, host: copied.append(host.shape) or copy(self, host),
    )
    sequences = np.concatenate(FEW)
    make(RNNRegressor, device="cuda", max_iter=3, batch_size=3).fit(FEW, FEW_Y)
    assert copied.count(sequences.shape) == 1


@pytest.mark.parametrize(("device", "n_made"), [("auto", 0), ("cpu", 0), ("cuda", 2)])
def test_cuda_is_used_where_it_is_asked_for(device, n_made, monkeypatch):
    """ "auto" is the CPU, also where there is a device."""
    made = []
    new = cuda.CUDABackend.__init__
    monkeypatch.setattr(
        cuda.CUDABackend,
        "__init__",
        lambda self, *arguments: made.append(self) or new(self, *arguments),
    )
    make(RNNRegressor, device=device, max_iter=1).fit(FEW, FEW_Y).predict(FEW)
    assert len(made) == n_made
