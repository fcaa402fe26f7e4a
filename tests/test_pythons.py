"""Every Python that runs the package imports it and fits, also without docstrings."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skrnn

pytestmark = pytest.mark.quick

THIS = f"3.{sys.version_info.minor}"
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
DEPENDENCIES = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]

# Fails where one of these is not there, or too old.
LOOK = """
import sys
from importlib.metadata import version

for dependency in sys.argv[1:]:
    name, _, floor = dependency.partition(">=")
    found = [int(number) for number in version(name).split(".")[:2]]
    assert found >= [int(number) for number in floor.split(".")[:2]], dependency
"""

USE = """
import numpy as np
from skrnn import RNNRegressor
from skrnn.callbacks import Checkpoint
from skrnn.datasets import load_seattle_weather
from skrnn.preprocessing import SequenceScaler

X = np.random.default_rng(0).standard_normal((8, 3, 1))
regressor = RNNRegressor("rnn", 2, max_iter=2, random_state=0).fit(X, X[:, 0, 0])
assert len(regressor.loss_curve_) == 2
assert "hidden_size" in regressor._repr_html_() and "hidden_size" in repr(regressor)
print(regressor.predict(X).shape, RNNRegressor.__doc__ is None)
"""


def python_of(version):
    """A Python of that version, with all that the package needs."""
    if version == THIS:
        return sys.executable
    python = shutil.which(f"python{version}")
    look = ["-P", "-c", LOOK, *DEPENDENCIES]
    if (
        python is None
        or subprocess.run([python, *look], stderr=subprocess.DEVNULL).returncode
    ):
        pytest.skip(f"there is no python{version} with the dependencies of skrnn")
    return python


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with nothing but the tested package in it."""
    # The same for all tests, so that they share what Numba compiles.
    folder = tmp_path_factory.mktemp("package")
    (folder / "skrnn").symlink_to(Path(skrnn.__file__).parent)
    return folder


def use(python, *options, folder):
    return subprocess.run(
        [python, "-P", "-W", "error", *options, "-c", USE],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_imports_and_fits(version, folder):
    result = use(python_of(version), folder=folder)
    assert (result.stdout, result.stderr) == ("(8,) False\n", "")


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_imports_and_fits_optimised(option, folder):
    result = use(sys.executable, option, folder=folder)
    assert (result.stdout, result.stderr) == (f"(8,) {option == '-OO'}\n", "")
