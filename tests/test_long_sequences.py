"""One sequence of 100 000 steps: results stay finite, and memory small."""

import subprocess
import sys

import pytest

pytest.importorskip("resource")  # of systems like Unix

# Training through all steps would hold some 100 MB of states and gates. Other than
# Python's own tools, the system also sees the memory of compiled code.
SCRIPT = """
import resource
import sys

import numpy as np
from skrnn import RNNRegressor

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
N_STEPS = 100_000


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6


def work(n_steps):
    x = np.random.default_rng(0).standard_normal((n_steps, 1)).cumsum(axis=0) % 1
    y = (np.arange(n_steps) % 3 == 0) * x[:, 0]
    regressor = RNNRegressor(
        hidden_size=32,
        max_iter=1,
        return_sequences=True,
        bptt_steps=100,
        random_state=0,
    ).fit([x], [y])
    [predicted] = regressor.predict([x])
    assert predicted.shape == y.shape
    assert np.isfinite(predicted).all()
    assert np.isfinite(regressor.loss_)
    # Solver steps of many chunks have taught it the mean at least.
    assert regressor.score([x], [y]) > -0.1
    stream = regressor.stream()
    for start in range(0, n_steps, n_steps // 4):
        [last] = stream.predict([x[start : start + n_steps // 4]])
    assert np.array_equal(last, predicted[-last.size :])
    before = peak()
    states = regressor.transform([x])[0]
    assert states.shape == (n_steps, 32)
    assert peak() - before < 4 * states.nbytes / 1e6 + 10


work(1000)  # loads, or compiles
before = peak()
work(N_STEPS)
print(peak() - before)
"""


def test_memory():
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 60
