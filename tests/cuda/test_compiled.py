"""Every kernel compiles for a GPU, with the types that the backend gives it.

That needs no GPU: a device that only compiles takes the place of the real one, and the
backend runs as ever. What the simulator cannot show, errors of types, fails here.
"""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from problems import (
    KINDS,
    ROW_LOSSES,
    all_rows,
    loss_gradient,
    make_problem,
    uneven_scales,
)

from skrnn.backends.steps import Part, Solver
from skrnn.mathematics.dropout import Dropout
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.training import Trainable

#: The generation of the GPUs to compile for.
CAPABILITY = (9, 0)
#: Registers of a multiprocessor, which a block must not exceed.
REGISTERS = 2**16
#: What the solvers take, by its name.
HYPERPARAMETERS = {
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "rho": 0.99,
    "epsilon": 1e-8,
}


pytestmark = pytest.mark.usefixtures("toolkit")


class Array(np.ndarray):
    """In the place of an array on the device."""

    def copy_to_host(self, target=None):
        return np.array(self)

    def copy_to_device(self, host):
        self[...] = host


def on_host(argument):
    """A kernel's argument as Numba must see it to know its type."""
    if isinstance(argument, Array):
        return np.asarray(argument)
    if isinstance(argument, tuple):
        parts = map(on_host, argument)
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


def registers_of(code):
    """Registers of a thread, once a kernel is translated for the device."""
    from cuda.core import Linker, LinkerOptions, ObjectCode
    from numba.cuda.cudadrv.libs import get_cudalib

    parts = [ObjectCode.from_ptx(code.encode())]
    if "cudaCGSynchronize" in code:
        library = Path(get_cudalib("cudadevrt", static=True)).read_bytes()
        parts.append(ObjectCode.from_library(library))
    options = LinkerOptions(
        arch="sm_{}{}".format(*CAPABILITY), ptxas_options=["--verbose"]
    )
    linker = Linker(*parts, options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    assert " 0 bytes spill stores" in log
    return int(re.search(r"Used (\d+) registers", log)[1])


class Compiler:
    """A device that compiles kernels, each once, and runs none."""

    n_multiprocessors = 132
    compiled = {}

    def empty(self, n, dtype):
        return np.ones(n, dtype).view(Array)

    def copy(self, host):
        return np.array(host).view(Array)

    def send(self, host, array):
        array.copy_to_device(host)

    def launch(self, kernel, blocks, threads, *arguments, shared=0):
        from numba import cuda, typeof

        types = tuple(typeof(on_host(argument)) for argument in arguments)
        if (kernel, types) not in self.compiled:
            code, _ = cuda.compile_ptx(kernel.py_func, types, cc=CAPABILITY)
            # They would add up in any order.
            assert not re.search(r"\s(atom|red)\.", code)
            found = kernel.py_func.__name__, registers_of(code)
            self.compiled[kernel, types] = found
        _, n_registers = self.compiled[kernel, types]
        assert n_registers * np.prod(threads) <= REGISTERS

    def blocks_at_once(self, kernel, threads, n_bytes, arguments):
        return self.n_multiprocessors

    def over(self, n, kernel, *arguments):
        self.launch(kernel, 1, 256, *arguments)


@pytest.fixture
def new_backend(monkeypatch):
    from numba.cuda import dispatcher

    from skrnn.backends.cuda import CUDABackend, device

    current = SimpleNamespace(compute_capability=CAPABILITY)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: current)
    monkeypatch.setattr(device, "_process", os.getpid())
    monkeypatch.setattr("skrnn.backends.cuda.backend.release", lambda: None)
    return lambda network, way=None: CUDABackend(network, device=Compiler(), way=way)


def compile_all(problem, backend):
    """Call all that the backend can do."""
    dropout = Dropout(0.3, 0.4, 1)
    arguments = problem, all_rows(problem), uneven_scales(problem), backend
    loss_gradient(*arguments, dropout=dropout, bptt_steps=2)
    memory = backend.new_memory(len(problem.X))
    backend.outputs(problem.parameters, problem.sequences, memory=memory)
    if problem.network.pooling == "attention":
        backend.attention_weights(problem.parameters, problem.sequences)


@pytest.mark.parametrize("hidden_size", [16, 64])  # weights in shared memory, or not
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_kernels_of_small_networks(kind, hidden_size, new_backend):
    sizes = {"hidden_size": hidden_size, "layer_norm": True, "n_layers": 2}
    problem = make_problem(*kind, **sizes, lengths=(3,) * 133 * 4)
    compile_all(problem, new_backend(problem.network))


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_kernels_of_losses(loss, new_backend):
    problem = make_problem(loss=loss, dtype="float32", lengths=(3,))
    compile_all(problem, new_backend(problem.network))


@pytest.mark.parametrize("way", ["grid", "steps"])
@pytest.mark.parametrize("kind", KINDS[::5], ids=lambda kind: "-".join(map(str, kind)))
def test_kernels_of_large_networks(kind, way, new_backend):
    for lengths in ((3,), (3,) * 64):
        problem = make_problem(*kind, hidden_size=96, lengths=lengths)
        compile_all(problem, new_backend(problem.network, way))


@pytest.mark.parametrize("solver", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_of_solvers(solver, dtype, new_backend):
    options = {"loss": "squared_error", "dtype": dtype, "embeddings": ((5, 2),)}
    problem = make_problem("rnn", **options)
    backend, optimizer = new_backend(problem.network), OPTIMIZERS[solver]
    hyperparameters = tuple(HYPERPARAMETERS[name] for name in optimizer.hyperparameters)
    vector = problem.parameters
    state = np.zeros((optimizer.n_state_rows, vector.size), dtype)
    trainable = Trainable(problem.network, vector, frozenset(problem.network.shapes))
    weights = np.ones(len(problem.X))
    data = SimpleNamespace(
        sequences=problem.sequences, targets=problem.targets, weights=weights
    )
    options = Solver(solver, hyperparameters, 0.01, np.inf), data, False
    steps = backend.begin(trainable, vector, state, *options)
    rows = all_rows(problem)
    part = Part(rows, None, rows, np.float64(rows.size), Dropout(0.0, 0.0, 0), None)
    steps.take(part, 0.1, 0.01, 1)
    names = {name for name, _ in Compiler.compiled.values()}
    assert {"penalize", "note_step", "step", "sum_pieces", "add_pieces"} <= names
