"""``python -m skrnn``, which compiles ahead."""

import os
import re
import subprocess
import sys

import pytest

from skrnn.__main__ import compile_ahead, main

USERS = """
import numpy as np
from numba.core import event
from skrnn import RNNClassifier, RNNRegressor

rng = np.random.default_rng(0)
X = [rng.standard_normal((n, 2)) for n in range(3, 40)]
y = np.array([x.sum() for x in X])
with event.install_recorder("numba:compile") as compiled:
    regressor = RNNRegressor("rnn", max_iter=2, early_stopping=True).fit(X, y)
    regressor.predict(X), regressor.transform(X)
    regressor = RNNRegressor("rnn", max_iter=2, bidirectional=False).fit(X, y)
    regressor.stream().predict(X[:1])
    for labels in (y > 0, np.digitize(y, [-1, 1]).astype(str)):
        classifier = RNNClassifier("rnn", pooling="last", n_layers=2, max_iter=2)
        classifier.fit(X, labels).predict(X), classifier.predict_proba(X)
print(len(compiled.buffer))
"""
OF_USERS = ["--cells", "rnn", "--poolings", "last", "--streams"]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_what_was_compiled_ahead_is_not_compiled_again(capsys):
    main(OF_USERS)
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 5
    for line in first[:3]:
        assert re.fullmatch(
            r"rnn, float32, adam, pooling last, [a-z ]+: (compiled in|was there,) "
            r"\d+\.\d s",
            line,
        )
    assert re.fullmatch(r"Compiled in .* s\.|Nothing had to be compiled\.", first[3])

    second = run("-m", "skrnn", *OF_USERS)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.splitlines()[3:] == ["Nothing had to be compiled.", first[4]]
    folder = first[4].removeprefix("Compiled code is kept in ")
    assert os.path.isdir(folder)
    if "NUMBA_CACHE_DIR" in os.environ:
        assert os.path.samefile(folder, os.environ["NUMBA_CACHE_DIR"])

    of_users = run("-c", USERS)
    assert (of_users.stdout, of_users.stderr) == ("0\n", "")


def test_defaults(monkeypatch):
    monkeypatch.setattr("skrnn.__main__._use", lambda *_: None)
    names = [name for name, _, _ in compile_ahead(["gru"], ["float32"])]
    assert names == [
        f"gru, float32, adam, pooling {pooling}, {task}"
        for task, default in [
            ("several classes", "max"),
            ("two classes", "max"),
            ("regression", "last"),
        ]
        for pooling in (default, "none")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "GRU"], "argument --cells: invalid choice: 'GRU'"),
        (["--dtypes", "float16"], "argument --dtypes: invalid choice: 'float16'"),
        (["--poolings", "sum"], "argument --poolings: invalid choice: 'sum'"),
        (["--solvers"], "argument --solvers: expected at least one argument"),
        (["gru"], "unrecognized arguments: gru"),
    ],
)
def test_bad_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_without_a_compiler():
    result = run("-m", "skrnn", NUMBA_DISABLE_JIT="1")
    assert result.returncode == 1
    assert "NUMBA_DISABLE_JIT is set" in result.stderr


def test_a_cache_that_can_only_be_read(monkeypatch):
    done = [("all of it", 1.0, True)]
    monkeypatch.setattr("skrnn.__main__.compile_ahead", lambda **_: done)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SystemExit, match=r"could not be kept: .* can only be read"):
        main([])
