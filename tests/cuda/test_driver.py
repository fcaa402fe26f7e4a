"""What is asked of a driver, by numba-cuda and all: on one that runs no kernels.

`driver.c` takes its place, in processes of their own. So results mean nothing here, but
calls, memory and errors are those of a GPU.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [
    pytest.mark.usefixtures("toolkit"),
    pytest.mark.skipif(
        not (COMPILER and sys.platform == "linux"),
        reason="needs Linux and a C compiler (cc or gcc), which makes the driver",
    ),
]

#: What a process does: it runs programs, each of which prints a value as JSON at its
#: end. They can use the names above the loop.
PROCESS = """
import ctypes, gc, json, os, sys, traceback, warnings
from threading import Thread
import numpy as np
from skrnn import RNNRegressor
from skrnn.exceptions import DeviceError

warnings.simplefilter("ignore")  # few epochs
COUNTS = "bytes", "launches", "grids", "waits", "sends"
LIMITS = {"DRIVER_BYTES": "bytes", "DRIVER_LAUNCHES": "launches"}
rng = np.random.default_rng(0)
X = [rng.standard_normal((3 + i % 4, 2)) for i in range(40)]
y = np.arange(40.0)
before = dict.fromkeys(COUNTS, 0)

def counts():
    "Since the program began."
    values = (ctypes.c_long * len(COUNTS))()
    ctypes.CDLL("libcuda.so.1").driver_counts(values)
    return {name: n - before[name] for name, n in zip(COUNTS, values)}

def limit(variable, n):
    count = LIMITS[variable]
    os.environ[variable] = str(before[count] + counts()[count] + n)

def lift_limits():
    for variable in *LIMITS, "DRIVER_FITS":
        os.environ.pop(variable, None)

def make(**changes):
    given = {"hidden_size": 8, "max_iter": 3, "batch_size": 10, "device": "cuda"}
    given |= {"bidirectional": False, "early_stopping": False}
    return RNNRegressor(**given | changes)

def error_of(method, *arguments):
    try:
        method(*arguments)
    except DeviceError as error:
        return str(error)

for program in sys.stdin:
    before = {name: before[name] + n for name, n in counts().items()}
    try:
        exec(json.loads(program), dict(globals()))
    except Exception:
        traceback.print_exc()
        print()  # no value
    lift_limits()
    sys.stdout.flush()
"""


@pytest.fixture(scope="module")
def new_process(tmp_path_factory):
    """Start a process with the driver; it ends with its input."""
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("driver.c")
    command = [COMPILER, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", source]
    subprocess.run(command, check=True)
    return lambda **environment: subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        env={**os.environ, "LD_LIBRARY_PATH": str(folder), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def result_of(process, program):
    print(json.dumps(program), file=process.stdin, flush=True)
    line = process.stdout.readline().strip()
    assert line, "The program failed: see what it wrote to stderr."
    return json.loads(line)


@pytest.fixture(scope="module")
def process(new_process):
    """One for most tests, so that it compiles each kernel once."""
    with new_process() as process:
        yield process


@pytest.fixture
def run(process):
    return lambda program: result_of(process, program)


FIT_AND_PREDICT = """
make().fit(X, y).predict(X)
print(json.dumps(counts()))
"""


def test_a_fit_frees_all_memory_and_copies_data_once(run):
    found = run(FIT_AND_PREDICT)
    assert found["bytes"] == 0
    assert found["launches"] > 0
    assert found["sends"] == 3 * 4 + 1  # the tables of all batches
    half = run(FIT_AND_PREDICT.replace("make(", "make(batch_size=5"))
    assert half["waits"] == found["waits"]
    assert half["sends"] == 3 * 8 + 1


@pytest.mark.parametrize(
    ("changes", "has_grids"),
    [
        ({"hidden_size": 300, "max_iter": 1}, True),
        ({"hidden_size": 1200, "max_iter": 1}, False),
        ({"n_layers": 2, "pooling": "attention", "early_stopping": True}, False),
        ({"trainable": "head", "dropout": 0.2, "n_layers": 2}, False),
    ],
    ids=str,
)
def test_every_way_launches_and_frees(changes, has_grids, run):
    changes = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    found = run(FIT_AND_PREDICT.replace("make(", f"make({changes}"))
    assert found["bytes"] == 0
    assert (found["grids"] > 0) == has_grids


def test_a_fit_with_categories_frees_all_memory(run):
    tokens = "X = [list('abc'[: 1 + i % 3]) for i in range(40)]"
    fit = FIT_AND_PREDICT.replace("make(", "make(categorical_features='all'")
    found = run(tokens + fit)
    assert found["launches"] > 0
    assert found["bytes"] == 0


def test_a_grid_that_does_not_fit_is_not_launched(run):
    program = 'os.environ["DRIVER_FITS"] = "0"' + FIT_AND_PREDICT
    found = run(program.replace("make(", "make(hidden_size=300, max_iter=1"))
    assert found["launches"] > 0
    assert found["grids"] == found["bytes"] == 0


@pytest.mark.parametrize(
    ("variable", "limit", "expected"),
    [
        ("DRIVER_BYTES", 10, "out of memory"),
        ("DRIVER_BYTES", 10_000, "out of memory"),
        ("DRIVER_LAUNCHES", 0, "The device failed"),
        ("DRIVER_LAUNCHES", 50, "The device failed"),
    ],
)
def test_a_fit_that_fails_leaves_nothing(variable, limit, expected, run):
    """The estimator is as before, its memory is free, and the next fit works."""
    program = f"""
estimator = make()
names = set(vars(estimator))
limit({variable!r}, {limit})
error = error_of(estimator.fit, X, y)
has_changed = set(vars(estimator)) != names
n_bytes = counts()["bytes"]
lift_limits()
estimator.fit(X, y)
print(json.dumps([error, has_changed, n_bytes, counts()["bytes"], estimator.n_iter_]))
"""
    error, *others = run(program)
    assert expected in error
    assert others == [False, 0, 0, 3]


def test_a_fork_after_the_start(run):
    """In the child CUDA is refused; the CPU still works."""
    program = """
estimator = make().fit(X, y)
n_launches = counts()["launches"]
if os.fork() == 0:
    error = error_of(estimator.predict, X)
    fit = estimator.set_params(device="cpu").fit(X, y)
    losses = len(set(fit.loss_curve_))
    print(json.dumps([error, losses, counts()["launches"] - n_launches]), flush=True)
    os._exit(0)
os.wait()
"""
    error, n_losses, n_launches = run(program)
    assert "does not survive a fork" in error
    assert n_losses == 3
    assert n_launches == 0


def test_fits_in_threads(run):
    program = """
threads = [Thread(target=make().fit, args=(X, y)) for _ in range(4)]
make().fit(X, y)
alone = counts()["launches"]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([counts()["launches"] / alone, counts()["bytes"]]))
"""
    assert run(program) == [5, 0]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DRIVER_INIT": "100"}, "there is no NVIDIA device (Call to cuInit"),
        ({"DRIVER_INIT": "803"}, "there is no NVIDIA driver that works (Call to cuIn"),
        ({"DRIVER_VERSION": "11080"}, "the driver is too old: it is for CUDA 11"),
    ],
    ids=str,
)
def test_drivers_that_cannot_be_used(environment, expected, new_process):
    """The second call says the same as the first."""
    program = """
print(json.dumps([error_of(make().fit, X, y) for _ in range(2)]))
"""
    with new_process(**environment) as process:
        first, second = result_of(process, program)
    assert expected in first
    assert second == first
