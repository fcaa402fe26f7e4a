"""What goes wrong with a device, and threads that use it at once."""

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import all_rows, loss_gradient, make_problem, uneven_scales

from skrnn.backends import make_backend
from skrnn.backends.cuda import CUDABackend, device
from skrnn.exceptions import DeviceError

NETWORK = make_problem("rnn", lengths=(2, 1), hidden_size=2).network


class CudaAPIError(Exception):
    """As the driver's errors: known by its name, and a code."""

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code


@pytest.fixture
def real(monkeypatch):
    """As if there was no simulator; a driver and a device, unless a test takes them."""

    class Driver:
        def get_version(self):
            return 13, 0

    capable = SimpleNamespace(compute_capability=(9, 0), MULTIPROCESSOR_COUNT=132)
    nvrtc = SimpleNamespace(get_lowest_supported_cc=lambda: (7, 5))
    fake = SimpleNamespace(
        cuda_error=lambda: None,
        is_available=lambda: True,
        get_current_device=lambda: capable,
        runtime=SimpleNamespace(get_version=lambda: (13, 5)),
        cudadrv=SimpleNamespace(driver=SimpleNamespace(driver=Driver()), nvrtc=nvrtc),
    )
    monkeypatch.setattr(device, "SIMULATED", False)
    monkeypatch.setattr(device, "find_spec", lambda name: name)
    monkeypatch.setattr(device, "cuda", fake)
    monkeypatch.setattr(device, "_process", None)
    return fake


def refused():
    with pytest.raises(DeviceError, match='device="cuda" cannot be used') as caught:
        make_backend("cuda", NETWORK)
    return str(caught.value)


def test_nothing_is_missing(real):
    assert device.missing() is None


def test_without_the_package(real, monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    assert 'numba-cuda is not installed. Install it with pip install "skrnn' in (
        refused()
    )


def test_without_a_driver(real):
    real.cuda_error = lambda: "CUDA driver library\ncannot be found"
    assert "no NVIDIA driver that works (CUDA driver library cannot be" in refused()


def test_a_driver_that_finds_no_device(real):
    """It says so when it starts, and Numba only then knows of the error."""
    errors = []
    real.is_available = lambda: bool(errors.append("CUDA_ERROR_NO_DEVICE (100)"))
    real.cuda_error = lambda: errors[0] if errors else None
    assert "there is no NVIDIA device (CUDA_ERROR_NO_DEVICE" in refused()


def test_without_the_toolkit(real):
    real.is_available = lambda: False
    assert "libraries of the CUDA toolkit are not found" in refused()


def test_without_a_device(real):
    def fail():
        raise CudaAPIError(100, "no CUDA-capable device is detected")

    real.get_current_device = fail
    assert "no device can be used" in refused()


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ((12, 4), "Update the driver, or install skrnn[cuda12]."),
        ((11, 4), "Update the driver."),
    ],
)
def test_with_an_old_driver(version, remedy, real):
    def fail():
        raise RuntimeError("the driver has no such function")

    real.cudadrv.driver.driver.get_version = lambda: version
    real.get_current_device = fail
    text = refused()
    assert f"driver is too old: it is for CUDA {version[0]}, the toolkit is" in text
    assert text.endswith(remedy)


@pytest.mark.parametrize("capability", [(6, 1), (7, 0)])  # CUDA 13 has left out 7.0
def test_with_an_old_device(capability, real):
    device = SimpleNamespace(compute_capability=capability)
    real.get_current_device = lambda: device
    assert "device is too old" in refused()
    assert "needed is (7, 5) or newer" in refused()


def test_after_a_fork(monkeypatch):
    problem = make_problem("rnn", lengths=(2, 1), hidden_size=2)
    backend = CUDABackend(problem.network)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert "does not survive a fork" in refused()
    with pytest.raises(DeviceError, match="spawn"):
        backend.outputs(problem.parameters, problem.sequences)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (2, "out of memory .* smaller batch_size"),
        (700, "The device failed .* start a new one"),
    ],
    ids=["memory", "lost"],
)
def test_errors_of_the_driver(code, expected, monkeypatch):
    problem = make_problem("rnn", lengths=(2, 1), hidden_size=2)
    backend = CUDABackend(problem.network)

    def fail(*arguments, **options):
        raise CudaAPIError(code, "by a test")

    monkeypatch.setattr(device.Device, "launch", fail)
    with pytest.raises(DeviceError, match=expected):
        backend.outputs(problem.parameters, problem.sequences)
    monkeypatch.undo()
    assert np.isfinite(backend.outputs(problem.parameters, problem.sequences)).all()


def test_what_was_sent_is_kept_until_it_was_read(monkeypatch):
    """But not all of it until the next time that numbers come back."""
    waits = []
    monkeypatch.setattr(device, "SENT_BYTES", 100)
    monkeypatch.setattr(device.Device, "wait", lambda self: waits.append(self))
    memory = device.Memory(device.Device())
    for i in range(5):
        sent = memory.put_numbers("index", np.arange(i, i + 5))
        assert memory._sent_bytes == sum(host.nbytes for host in memory._sent) <= 100
    assert len(waits) == 2
    assert_array_equal(memory.fetch(sent), np.arange(4, 9))
    assert memory._sent == []
    assert memory.put_numbers("index", np.arange(60)).size == 60  # larger, and alone
    assert len(waits) == 3
    eye = np.eye(2, dtype=np.int64)
    assert_array_equal(memory.fetch(memory.put_numbers("index", eye)), eye)


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), device.use():
        raise ZeroDivisionError


def test_threads_take_turns():
    """The simulator itself fails where two kernels run at once."""
    problem = make_problem("rnn", lengths=(3, 1, 2), hidden_size=2)
    arguments = problem, all_rows(problem), uneven_scales(problem)
    expected, _ = loss_gradient(*arguments, CUDABackend(problem.network))
    losses = []

    def compute():
        loss, _ = loss_gradient(*arguments, CUDABackend(problem.network))
        losses.append(loss)

    threads = [threading.Thread(target=compute) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert losses == [expected] * 4
