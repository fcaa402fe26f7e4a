"""Many steps: results stay finite, sums keep their digits, and memory is small."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import make_problem

from skrnn.backends import make_backend
from skrnn.sequences import Sequences, Spans

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


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_sums_over_a_million_steps_keep_their_digits(pooling):
    """In float32 plain ones are wrong in the fourth digit, and end at 2**24 steps."""
    n_steps, n_pieces = 2**20, 4
    kind = "rnn", "tanh", "squared_error", "float32", pooling
    problem = make_problem(*kind, lengths=(1,))
    network, parameters = problem.network, problem.parameters
    rng = np.random.default_rng(0)
    values = rng.normal(1, 1, (n_steps, network.n_features)).astype(np.float32)
    sequences = Sequences(values, np.array([0, n_steps]))
    backend = make_backend("cpu", network)

    shares = np.full(n_steps, 1 / n_steps)
    if pooling == "attention":
        shares = backend.attention_weights(parameters, sequences).astype(np.float64)
        assert_allclose(shares.sum(), 1, rtol=1e-6)
    of_steps = replace(network, pooling=None)
    weights = {k: w for k, w in problem.weights.items() if "attention" not in k}
    states = make_backend("cpu", of_steps).features(
        of_steps.import_weights(weights), sequences
    )
    expected = shares @ states.astype(np.float64)

    assert_allclose(backend.features(parameters, sequences)[0], expected, rtol=1e-6)
    memory, length = backend.new_memory(1), n_steps // n_pieces
    for first in range(0, n_steps, length):
        piece = Sequences(values[first : first + length], np.array([0, length]))
        spans = Spans(0, piece.lengths, np.array([first + length]))
        pooled = backend.features(parameters, piece, memory=memory, spans=spans)
    assert_allclose(pooled[0], expected, rtol=1e-6)
