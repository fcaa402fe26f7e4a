"""The parameter `device` where there is no GPU, and no package for one."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from small import TARGETS, X, make

from skrnn.backends import make_backend
from skrnn.exceptions import DeviceError

both = pytest.mark.parametrize("estimator_class", TARGETS)
without_package = pytest.mark.skipif(
    find_spec("numba_cuda") is not None, reason="numba-cuda is installed"
)

#: Fits and predicts, and then says which modules of CUDA it has imported.
CPU_USE = """
import sys
import numpy as np
from skrnn import RNNRegressor
X = np.random.default_rng(0).standard_normal((20, 5, 2))
regressor = RNNRegressor(hidden_size=2, max_iter=1, device=sys.argv[1], solver="lbfgs")
with np.errstate(all="ignore"):
    import warnings
    warnings.simplefilter("ignore")
    regressor.fit(X, X.sum((1, 2))).predict(X)
print([name for name in sys.modules if "cuda" in name and "redirector" not in name])
"""


@both
@without_package
def test_cuda_insists(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, device="cuda")
    with pytest.raises(DeviceError, match="numba-cuda is not installed.*pip install"):
        estimator.fit(X, y)
    assert not hasattr(estimator, "n_iter_")
    estimator.set_params(device="cpu").fit(X, y).set_params(device="cuda")
    with pytest.raises(DeviceError, match="numba-cuda is not installed"):
        estimator.predict(X)


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_use_of_the_cpu_imports_nothing_of_cuda(device):
    program = [sys.executable, "-c", CPU_USE, device]
    process = subprocess.run(program, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_an_unknown_device():
    with pytest.raises(ValueError, match=r"device='tpu' .* has \['cpu', 'cuda'\]"):
        make_backend("tpu", None)
