"""Every way to run the recurrence, shared out in every manner."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from numba.cuda.simulator.kernel import BlockManager
from numba.cuda.simulator.kernelapi import GridGroup
from numpy.testing import assert_array_equal
from problems import (
    SHALLOW,
    TALL,
    all_rows,
    cells,
    check_loss_gradient,
    check_outputs,
    loss_gradient,
    make_problem,
    uneven_scales,
)

from skrnn.backends.cuda import WAYS, CUDABackend, recurrence
from skrnn.backends.cuda.device import Device
from skrnn.backends.cuda.recurrence import BLOCK, GRID, STEPS, choose, lay_out
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout

ways = pytest.mark.parametrize("way", WAYS)
LENGTHS = (3, 1, 4, 1, 2, 4, 3)


@ways
@cells
@pytest.mark.parametrize("stack", [SHALLOW, TALL], ids=["shallow", "tall"])
def test_every_way_equals_the_reference(way, cell, activation, stack):
    problem = make_problem(cell, activation, lengths=LENGTHS, hidden_size=4, **stack)
    backend = CUDABackend(problem.network, way=way)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend)


@pytest.mark.parametrize("in_shared", [True, False])
@pytest.mark.parametrize("tile", [1, 3, 7])
@pytest.mark.parametrize(
    "dropout", [NO_DROPOUT, Dropout(0.0, 0.4, 1)], ids=["whole", "dropped"]
)
def test_every_layout_of_blocks(in_shared, tile, dropout, monkeypatch):
    """Weights in shared memory or not, and few or many sequences a block."""

    def shared_out(*arguments):
        layout = lay_out(*arguments)
        n, (hidden, exchanged) = arguments[4], (arguments[1], arguments[-1])
        weights = arguments[2] * hidden * hidden * in_shared
        n_rows, n_groups = recurrence._groups(hidden, tile)
        return layout._replace(
            in_shared=in_shared,
            n_rows=n_rows,
            tile=tile,
            blocks=(-(-n // tile), 1),
            threads=hidden * n_groups,
            n_bytes=8 * (weights + 2 * exchanged * tile),
        )

    monkeypatch.setattr(recurrence, "lay_out", shared_out)
    problem = make_problem("gru", lengths=LENGTHS, hidden_size=3, bidirectional=True)
    backend = CUDABackend(problem.network, way=BLOCK)
    check_loss_gradient(problem, backend=backend, dropout=dropout)


class NullStream:
    """In the place of CuPy's, which its calls use while it is entered."""

    is_current = False

    def __enter__(self):
        self.is_current = True

    def __exit__(self, *error):
        self.is_current = False


@pytest.mark.parametrize("dropout", [NO_DROPOUT, Dropout(0.0, 0.4, 1)], ids=str)
def test_products_of_steps_by_a_library(dropout, monkeypatch):
    """NumPy in the place of CuPy, on the simulator's arrays and the kernels' stream."""
    stream = NullStream()

    class Array(np.ndarray):
        def __array_ufunc__(self, function, method, *arrays, out=None, **others):
            assert stream.is_current
            plain = [np.asarray(array) for array in arrays]
            if out is not None:
                others["out"] = tuple(np.asarray(array) for array in out)
            getattr(function, method)(*plain, **others)
            return function(*plain) if out is None else out[0]

    numpy = SimpleNamespace(
        asarray=lambda array: array._ary.view(Array),
        cuda=SimpleNamespace(Stream=SimpleNamespace(null=stream)),
    )
    monkeypatch.setattr(recurrence, "library", lambda: numpy)
    problem = make_problem("gru", lengths=LENGTHS, hidden_size=3, bidirectional=True)
    backend = CUDABackend(problem.network, way=STEPS)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend, dropout=dropout)


class AllAtOnce(BlockManager):
    """Runs the blocks of a grid at the same time; the simulator's come one by one."""

    pool, running = ThreadPoolExecutor(64), []

    def run(self, point, *arguments):
        n_blocks = np.prod(self._grid_dim)
        if not self.running:
            AllAtOnce.barrier = threading.Barrier(n_blocks, timeout=60)
        self.running.append(self.pool.submit(super().run, point, *arguments))
        if len(self.running) == n_blocks:
            done, self.running[:] = list(self.running), []
            for future in done:
                future.result()

    @staticmethod
    def wait_for_all():
        thread = threading.current_thread()
        thread.syncthreads()
        if thread.thread_id == 0:
            AllAtOnce.barrier.wait()
        thread.syncthreads()


@pytest.fixture
def check_grid(monkeypatch):
    """Check a layer of 3 units on a device of 5 multiprocessors, 2 units on each.

    Returns the way that it took at last, and the blocks of all launches.
    """
    monkeypatch.setattr("numba.cuda.simulator.kernel.BlockManager", AllAtOnce)
    monkeypatch.setattr(GridGroup, "sync", lambda group: AllAtOnce.wait_for_all())
    monkeypatch.setattr(recurrence, "MOST_THREADS", 2)
    launches, launch = [], Device.launch

    def noted(self, kernel, blocks, *arguments, **options):
        if isinstance(blocks, tuple) and len(blocks) == 2:
            launches.append(blocks)
        launch(self, kernel, blocks, *arguments, **options)

    monkeypatch.setattr(Device, "launch", noted)

    def check(cell, activation, fits):
        sizes = {"lengths": (3, 1, 2), "hidden_size": 3, "bidirectional": True}
        problem = make_problem(cell, activation, **sizes)
        step, device = problem.network.cell.step, Device()
        n_h = step.n_blocks - step.h_first
        monkeypatch.setattr(recurrence, "SHARED_BYTES", 2 * n_h * 3 * 8)  # two units
        monkeypatch.setattr(Device, "blocks_at_once", lambda *arguments: fits)
        device.n_multiprocessors = 5
        backend = CUDABackend(problem.network, device=device, way=GRID)
        dropout = Dropout(0.0, 0.4, 1)
        check_loss_gradient(problem, backend=backend, dropout=dropout)
        return backend.recurrence.way, set(launches)

    return check


@cells
def test_a_grid_of_several_blocks(cell, activation, check_grid):
    """Each has some units, and some of the sequences."""
    assert check_grid(cell, activation, fits=10) == (GRID, {(2, 2)})


def test_a_grid_is_no_larger_than_the_driver_says(check_grid):
    """Some blocks that wait for others that cannot run would wait for ever."""
    assert check_grid("gru", "tanh", fits=3) == (GRID, {(1, 2)})


def test_a_grid_that_cannot_run_at_once_goes_by_steps(check_grid):
    assert check_grid("gru", "tanh", fits=1) == (STEPS, set())


def test_all_ways_give_the_same_bits():
    problem = make_problem("lstm", "tanh", "squared_error", "float32", lengths=LENGTHS)
    arguments = problem, all_rows(problem), uneven_scales(problem)
    (loss, gradient), *others = (
        loss_gradient(*arguments, CUDABackend(problem.network, way=way)) for way in WAYS
    )
    for other_loss, other in others:
        assert other_loss == loss
        assert_array_equal(other, gradient)


@pytest.mark.parametrize("hidden_size", [1, 9, 17])
def test_sizes_beside_those_of_a_tile(hidden_size):
    problem = make_problem(lengths=(2, 1), hidden_size=hidden_size, n_features=9)
    backend = CUDABackend(problem.network)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend)


def test_many_rows_are_cut_into_portions():
    problem = make_problem("rnn", "tanh", lengths=(40, 3), hidden_size=2)
    check_loss_gradient(problem, backend=CUDABackend(problem.network))


# On a large device, of which no kernel is needed.


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(recurrence, "MOST_THREADS", 256)
    monkeypatch.setattr(recurrence, "MANY_ROWS", 4)


@pytest.mark.parametrize(
    ("hidden", "n_h", "expected"),
    [
        (32, 4, BLOCK),
        (64, 4, BLOCK),
        (128, 1, BLOCK),
        (128, 4, GRID),
        (512, 4, GRID),
        (1024, 1, GRID),
        (1024, 4, STEPS),
    ],
)
def test_the_way_follows_the_size(hidden, n_h, expected, large):
    assert choose(hidden, n_h, 4, 132) == expected
    assert choose(hidden, n_h, 4, 1) in (BLOCK, STEPS)


@pytest.mark.parametrize("n", [1, 16, 64, 1000, 10**7])
@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("n_h", [1, 3, 4])
@pytest.mark.parametrize("hidden", [1, 5, 32, 64, 65, 128, 255, 256, 512, 1024])
def test_layouts_fit_the_device(hidden, n_h, itemsize, n, large):
    way = choose(hidden, n_h, itemsize, 132)
    if way == STEPS:
        return
    for exchanged in (hidden, n_h * hidden):
        arguments = hidden, n_h, itemsize, n, 132, exchanged
        layout = lay_out(way, *arguments)
        n_tiles, n_parts = layout.blocks
        assert n_parts < 2**16  # that direction ends there
        assert n_parts * layout.units >= hidden
        assert n_tiles * layout.tile >= n
        assert layout.n_bytes <= 48 * 1024
        assert layout.threads <= 256
        assert layout.threads % layout.units == 0
        if way == GRID:  # all blocks must run at once
            assert n_parts * n_tiles <= 132


def test_a_way_that_cannot_take_a_network_is_refused():
    network = make_problem(hidden_size=9).network
    with pytest.raises(ValueError, match="way='block' cannot take 9 units on a device"):
        CUDABackend(network, way=BLOCK)
    with pytest.raises(ValueError, match="way='other' cannot"):
        CUDABackend(network, way="other")


@pytest.mark.parametrize(
    ("pooling", "bidirectional"), [("last", True), ("attention", False), (None, False)]
)
def test_a_prediction_in_parts(pooling, bidirectional, monkeypatch):
    """Few sequences, numbers and steps at a time give the same bits."""
    sizes = {"hidden_size": 2, "pooling": pooling, "bidirectional": bidirectional}
    lengths = (3, 1, 2, 4, 1)
    problem = make_problem("gru", lengths=lengths, **sizes)

    def compute():
        backend = CUDABackend(problem.network)
        arguments = problem.parameters, problem.sequences
        results = [backend.outputs(*arguments), backend.features(*arguments)]
        if pooling == "attention":
            results.append(backend.attention_weights(*arguments))
        if not bidirectional:
            memory = backend.new_memory(len(lengths))
            results += [backend.outputs(*arguments, memory=memory), memory]
        return results, dict(backend.memory.arrays)

    expected, arrays = compute()
    assert "values_of_group" not in arrays  # all at once
    assert all(np.isfinite(array).all() for array in expected[:2])
    module = "skrnn.backends.cuda.backend"
    every = 2**20
    for n_sequences, n_numbers, n_window in (
        (2, every, 1),
        (every, 15, every),  # five steps
        (every, 1, 100),
    ):
        monkeypatch.setattr(f"{module}.PREDICT_SEQUENCES", n_sequences)
        monkeypatch.setattr(f"{module}.PREDICT_NUMBERS", n_numbers)
        monkeypatch.setattr(f"{module}.WINDOW_NUMBERS", n_window)
        found, arrays = compute()
        for array, other in zip(found, expected, strict=True):
            assert_array_equal(array, other)
        if n_numbers < every:  # or the longest sequence
            assert arrays["values_of_group"].size <= max(n_numbers, 3 * max(lengths))
            assert "values_to_predict" not in arrays
