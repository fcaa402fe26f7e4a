"""Checkpoints: always whole, and training goes on from them to the same bits."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small import RAGGED, TARGETS, AfterEpoch, X, make, output_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.callbacks import Checkpoint

both = pytest.mark.parametrize("estimator_class", TARGETS)

#: All that depends on what was before: order of samples, dropout, best score, schedule.
HARD = {
    "n_layers": 2,
    "dropout": 0.3,
    "recurrent_dropout": 0.2,
    "batch_size": 7,
    "max_iter": 9,
    "early_stopping": True,
    "validation_fraction": 0.25,
}
#: Ends early, since scores cannot rise by so much.
ENDS_EARLY = HARD | {"max_iter": 30, "n_iter_no_change": 4, "tol": 100.0}


def fit_with_checkpoints(estimator, folder, every=1):
    """Fit, and keep the checkpoint that each epoch leaves, as `<epoch>.joblib`."""
    path = folder / "model.joblib"

    def keep(n_epochs):
        if path.exists():
            shutil.copy(path, folder / f"{n_epochs}.joblib")

    estimator.set_callbacks(Checkpoint(path, every), AfterEpoch(keep))
    return estimator.fit(RAGGED, TARGETS[type(estimator)])


def resume(path):
    """Load, and fit to the end."""
    estimator = joblib.load(path).set_params(warm_start=True)
    return estimator.fit(RAGGED, TARGETS[type(estimator)])


def resume_all(folder):
    """Finish all fits in a folder, each into a file `.done`."""
    for path in Path(folder).glob("*.joblib"):
        joblib.dump(resume(path), path.with_suffix(".done"))


def in_new_process(call):
    """Start a Python process that calls a function of this file."""
    here = Path(__file__)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"import {here.stem} as here; {call}"],
        cwd=here.parent,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_same(estimator, expected):
    assert estimator.loss_curve_ == expected.loss_curve_
    assert estimator.grad_norm_curve_ == expected.grad_norm_curve_
    assert estimator.validation_scores_ == expected.validation_scores_
    weights = estimator.get_weights()
    for name, weight in expected.get_weights().items():
        assert_array_equal(weights[name], weight)
    assert_array_equal(output_of(estimator, X), output_of(expected, X))


@both
def test_saves_the_final_estimator(estimator_class, tmp_path):
    path, y = tmp_path / "new" / "model.joblib", TARGETS[estimator_class]
    expected = make(estimator_class).fit(X, y)
    estimator = make(estimator_class).set_callbacks(Checkpoint(path)).fit(X, y)
    assert_same(estimator, expected)
    loaded = joblib.load(path)
    assert_same(loaded, expected)
    # Nothing of the callbacks is left, and nothing that training would resume.
    assert vars(loaded).keys() == vars(expected).keys()
    assert clone(loaded).get_params() == expected.get_params()
    assert [file.name for file in path.parent.iterdir()] == ["model.joblib"]


@both
def test_checkpoints_go_on_to_the_same_bits_in_a_new_process(estimator_class, tmp_path):
    for name, parameters in [("hard", HARD), ("early", ENDS_EARLY)]:
        folder = tmp_path / name
        folder.mkdir()
        expected = fit_with_checkpoints(make(estimator_class, **parameters), folder)
        assert (expected.n_iter_ < parameters["max_iter"]) == (name == "early")
        (folder / "model.joblib").unlink()
        # The last epoch is that of the next test.
        (folder / f"{expected.n_iter_}.joblib").unlink()
        process = in_new_process(f"here.resume_all({str(folder)!r})")
        process.communicate()
        assert process.returncode == 0
        done = [joblib.load(path) for path in folder.glob("*.done")]
        assert len(done) == expected.n_iter_ - 1
        for estimator in done:
            assert_same(estimator, expected)


@pytest.mark.parametrize(
    "parameters",
    [
        HARD,
        ENDS_EARLY,
    ],
    ids=["max_iter", "early stopping"],
)
@both
def test_checkpoint_of_the_last_epoch(estimator_class, parameters, tmp_path):
    """As a kill between that epoch and the end of the fit leaves it."""
    expected = fit_with_checkpoints(make(estimator_class, **parameters), tmp_path)
    assert_same(resume(tmp_path / f"{expected.n_iter_}.joblib"), expected)


@both
def test_every_so_many_epochs(estimator_class, tmp_path):
    estimator = make(estimator_class, **HARD)
    fit_with_checkpoints(estimator, tmp_path, every=4)
    n_epochs = [
        joblib.load(tmp_path / f"{epoch}.joblib").n_iter_ for epoch in range(4, 10)
    ]
    assert n_epochs == [4, 4, 4, 4, 8, 8]
    assert not (tmp_path / "3.joblib").exists()
    assert joblib.load(tmp_path / "model.joblib").n_iter_ == 9
    # Epochs are counted on where training goes on.
    loaded = joblib.load(tmp_path / "4.joblib").set_params(warm_start=True)
    fit_with_checkpoints(loaded, tmp_path, every=4)
    assert joblib.load(tmp_path / "4.joblib").n_iter_ == 8


# Kills

LONG = HARD | {"hidden_size": 64, "max_iter": 150, "n_iter_no_change": 150}


def train(path):
    """Start or go on, and write a checkpoint after each epoch."""
    if Path(path).exists():
        estimator = joblib.load(path).set_params(warm_start=True)
    else:
        estimator = make(RNNClassifier, **LONG)
    is_alive = AfterEpoch(lambda n_epochs: print("epoch", flush=True))
    estimator.set_callbacks(Checkpoint(path), is_alive)
    estimator.fit(RAGGED, TARGETS[RNNClassifier])


def die_while_writing(path):
    """Train until a kill comes in the middle of the third checkpoint."""
    dump, n_dumps = joblib.dump, []

    def half(estimator, file):
        dump(estimator, file)
        n_dumps.append(file)
        if len(n_dumps) == 3:
            file.truncate(file.tell() // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    joblib.dump = half
    train(path)


needs_kill = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"
)


@needs_kill
def test_killed_at_random_moments(tmp_path):
    path = tmp_path / "model.joblib"
    chance, n_epochs = random.Random(0), 0
    for _ in range(3):
        process = in_new_process(f"here.train({str(path)!r})")
        assert process.stdout.readline() == "epoch\n"
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.communicate()
        before, n_epochs = n_epochs, joblib.load(path).n_iter_
        assert n_epochs > before
        if n_epochs == LONG["max_iter"]:  # this process was slower to kill it
            break
    expected = make(RNNClassifier, **LONG).fit(RAGGED, TARGETS[RNNClassifier])
    assert_same(
        resume(path) if n_epochs < LONG["max_iter"] else joblib.load(path), expected
    )


@needs_kill
def test_killed_while_writing(tmp_path):
    path = tmp_path / "model.joblib"
    process = in_new_process(f"here.die_while_writing({str(path)!r})")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (unfinished,) = tmp_path.glob(".model.joblib.*.tmp")
    with pytest.raises((EOFError, ValueError)):
        joblib.load(unfinished)
    assert joblib.load(path).n_iter_ == 2
    expected = make(RNNClassifier, **LONG).fit(RAGGED, TARGETS[RNNClassifier])
    assert_same(resume(path), expected)


def test_a_failure_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "model.joblib"
    estimator = make(RNNRegressor).set_callbacks(Checkpoint(path))
    estimator.fit(X, TARGETS[RNNRegressor])
    before = path.read_bytes()

    def fail(estimator, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(joblib, "dump", fail)
    with pytest.raises(OSError, match="No space left"):
        estimator.fit(X, TARGETS[RNNRegressor])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# Inside other estimators


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs, tmp_path):
    regressor = make(RNNRegressor, max_iter=2)
    regressor.set_callbacks(Checkpoint(tmp_path / "model.joblib"))
    grid = {"hidden_size": [2, 5]}
    search = GridSearchCV(regressor, grid, cv=2, n_jobs=n_jobs)
    search.fit(X, TARGETS[RNNRegressor])
    saved = {path.name: joblib.load(path) for path in tmp_path.iterdir()}
    refit = saved.pop("model-refit-with-best-params-1.joblib")
    assert_same(refit, search.best_estimator_)
    sizes = {name: estimator.hidden_size for name, estimator in saved.items()}
    assert sizes == {
        f"model-search-0-candidate-split-evaluation-{i}.joblib": size
        for i, size in enumerate([2, 2, 5, 5])
    }
    for estimator in saved.values():
        assert not any("callback" in name for name in vars(estimator))


def test_pipeline(tmp_path):
    regressor = make(RNNRegressor)
    regressor.set_callbacks(Checkpoint(tmp_path / "model.joblib"))
    pipeline = make_pipeline(StandardScaler(), regressor)
    pipeline.fit(X[:, :, 0], TARGETS[RNNRegressor])
    loaded = joblib.load(tmp_path / "model-fit-final-estimator-1.joblib")
    assert loaded.loss_curve_ == regressor.loss_curve_


def test_a_relative_path_is_that_of_the_constructor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("model.joblib")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    make(RNNRegressor).set_callbacks(checkpoint).fit(X, TARGETS[RNNRegressor])
    assert (tmp_path / "model.joblib").exists()


def test_refuses_other_estimators(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.joblib")
    search = GridSearchCV(make(RNNRegressor), {}).set_callbacks(checkpoint)
    with pytest.raises(TypeError, match="Checkpoint follows .* set on GridSearchCV"):
        search.fit(X, TARGETS[RNNRegressor])
    other = LogisticRegression().set_callbacks(checkpoint)
    with pytest.raises(TypeError, match="set on LogisticRegression"):
        other.fit(X[:, 0], np.arange(len(X)) % 2)


@pytest.mark.parametrize("arguments", [{"every": 0}, {"every": 1.5}, {"path": None}])
def test_parameters_are_checked(arguments):
    with pytest.raises(ValueError, match=f"'{next(iter(arguments))}' parameter"):
        Checkpoint(**{"path": "model.joblib"} | arguments)


@pytest.mark.parametrize("name", ["", "folder", "x" * 250 + ".joblib", "file/m.joblib"])
def test_a_path_that_cannot_be_written_is_found_before_the_first_epoch(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    epochs = []
    estimator = make(RNNRegressor).set_callbacks(
        AfterEpoch(epochs.append), Checkpoint(tmp_path / name)
    )
    with pytest.raises(OSError, match="No checkpoint can be written to path="):
        estimator.fit(X, TARGETS[RNNRegressor])
    assert not epochs
    assert not hasattr(estimator, "loss_")
    assert len(list(tmp_path.iterdir())) == 2
