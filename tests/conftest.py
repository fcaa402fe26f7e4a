"""Settings that must be made before the first import of SciPy; a fixture."""

import os
from functools import partial
from importlib.metadata import version

import pytest
from numpy.lib import NumpyVersion

# scikit-learn's checks of array API input are skipped without it; they need this SciPy.
if NumpyVersion(version("scipy")) >= "1.14.0":
    os.environ["SCIPY_ARRAY_API"] = "1"

#: For the type checker to read, not to run.
collect_ignore = ["typing_use.py"]


@pytest.fixture
def new_backend():
    """Makes the backend of a network, for the tests that all backends share."""
    from skrnn.backends import make_backend

    return partial(make_backend, "cpu")
