"""A pooling and a loss are added to the CUDA backend by a file and a line as well; and
losses that read sequences, which the host computes."""

import numpy as np
import pytest
import toys
from numpy.testing import assert_allclose
from problems import all_rows, loss_gradient
from test_ctc import STACKS, transcript_problem

from skrnn import RNNTranscriber
from skrnn.backends.cuda import poolings as on_cuda
from skrnn.backends.cuda.poolings import OfSteps

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Sum(OfSteps):
    @staticmethod
    def take(value, rest, best, state, step):
        return value + state, rest, best

    @staticmethod
    def share(d, best, step, ends, n_steps):
        return d


@pytest.fixture
def with_toys(monkeypatch):
    toys.register(monkeypatch)
    monkeypatch.setitem(on_cuda.POOLINGS, "sum", Sum)


def test_kernels_of_new_parts(with_toys, new_backend):
    toys.check_kernels(new_backend)


def test_a_regressor_with_new_parts(with_toys):
    device, _ = toys.check_regressor(n=10, device="cuda", max_iter=2)
    host, _ = toys.check_regressor(n=10, device="cpu", max_iter=2)
    assert_allclose(device.loss_curve_, host.loss_curve_, 1e-9)
    for name, array in device.get_weights().items():
        assert_allclose(array, host.get_weights()[name], 1e-9, 1e-12)


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_the_loss_of_transcripts(new_backend, stack):
    problem = transcript_problem(**stack)
    scales = np.random.default_rng(1).uniform(0.1, 1, len(problem.X))
    rows = all_rows(problem)[2:]
    loss, gradient = loss_gradient(problem, rows, scales, new_backend(problem.network))
    expected, of_host = loss_gradient(problem, rows, scales)
    assert_allclose(loss, expected, 1e-12)
    assert_allclose(gradient, of_host, 1e-10, 1e-12)


def test_a_transcriber_learns_as_on_the_host():
    X, y = [np.eye(2)[[0, 0, 1]], np.eye(2)[[1, 0]]] * 3, ["ab", "b"] * 3
    one, other = (
        RNNTranscriber(hidden_size=3, max_iter=2, random_state=0, device=device)
        .set_params(dtype="float64")
        .fit(X, y)
        for device in ("cuda", "cpu")
    )
    assert_allclose(one.loss_curve_, other.loss_curve_, 1e-9)
    assert_allclose(one.predict_proba(X[:1])[0], other.predict_proba(X[:1])[0], 1e-9)
