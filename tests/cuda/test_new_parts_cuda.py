"""A pooling and a loss are added to the CUDA backend by a file and a line as well."""

import pytest
import toys
from numpy.testing import assert_allclose

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
