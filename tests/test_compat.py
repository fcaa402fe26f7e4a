"""scikit-learn's private names, and versions without those that are experimental."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skrnn
from skrnn import compat

FIT = """
import warnings
{break_it}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from skrnn import RNNRegressor
    import skrnn.callbacks, skrnn.preprocessing
import numpy as np
X = np.random.default_rng(0).standard_normal((8, 3, 2))
regressor = RNNRegressor("rnn", hidden_size=2, max_iter=1, random_state=0)
regressor.fit(X, X[:, 0, 0]).fit(X, X[:, 0, 0])
assert regressor.predict(X).shape == (8,)
print(*(str(warning.message) for warning in caught), sep="\\n")
"""
BREAKS = {
    "gone": """
import sklearn.callback, sklearn.model_selection, sklearn.pipeline
del sklearn.callback.CallbackSupportMixin""",
    "no contexts": """
from sklearn.callback import CallbackSupportMixin
del CallbackSupportMixin._init_callback_context""",
    "other arguments": """
from sklearn.callback._callback_context import CallbackContext
CallbackContext.call_on_fit_task_end = lambda self, estimator: None""",
}


@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_other_callbacks_than_we_know_are_done_without(break_it):
    result = subprocess.run(
        [sys.executable, "-c", FIT.format(break_it=break_it)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},  # nothing here is compiled code
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert "scikit-learn has no callbacks, or others" in line


def imports_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_private_names_of_scikit_learn_stand_in_one_module():
    files = list(Path(skrnn.__file__).parent.rglob("*.py"))
    assert len(files) > 50
    private = {
        (file.name, name)
        for file in files
        for name in imports_of(file)
        if name.startswith("sklearn") and "._" in name
    }
    assert {file for file, _ in private} == {"compat.py"}


def test_what_is_taken_of_scikit_learn_is_used():
    files = list(Path(skrnn.__file__).parent.rglob("*.py"))
    used = {name for file in files for name in imports_of(file)}
    assert {f"skrnn.compat.{name}" for name in compat.__all__} <= used
