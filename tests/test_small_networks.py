"""The CPU's kernels on small networks: the tests that all backends share."""

from functools import partial

import pytest
from kernel_cases import *  # noqa: F403

from skrnn.backends import make_backend


@pytest.fixture
def new_backend():
    return partial(make_backend, "cpu")
