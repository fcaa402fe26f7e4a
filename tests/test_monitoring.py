"""Logs of training, read back as their own libraries store them.

Those of libraries that are not installed are skipped.
"""

import json
import pickle
import struct
import subprocess
import sys
import time
from collections import defaultdict
from math import isfinite

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small import TARGETS, AfterEpoch, X, make

from skrnn import RNNClassifier, RNNRegressor
from skrnn.callbacks import MLflow, TensorBoard, WandB
from skrnn.callbacks._logger import parameters_of

#: The module that each callback needs, and the extra that installs it.
LIBRARIES = {
    TensorBoard: ("tensorboardX", "tensorboard"),
    WandB: ("wandb", "wandb"),
    MLflow: ("mlflow", "mlflow"),
}
NAMES_IN_SEARCH = [
    *(f"search-0/candidate-split-evaluation-{i}" for i in range(4)),
    "refit-with-best-params-1",
]

# SQLAlchemy's, of how MLflow uses it.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


# Readers: name of a run -> (curves, parameters, whether it came to its end). A curve is
# {step: value}. What a library does not store is None.


def read_tensorboard(folder):
    from tensorboardX.proto.event_pb2 import Event

    runs = {}
    for path in (folder / "logs").rglob("events.*"):
        curves, content, place = defaultdict(dict), path.read_bytes(), 0
        while place < len(content):  # length, its checksum, event, its checksum
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            place += length + 16
            for value in event.summary.value:
                curves[value.tag][event.step] = value.simple_value
        name = path.parent.relative_to(folder / "logs").as_posix()
        assert name not in runs
        runs[name] = dict(curves), None, None
    return runs


def records_of_wandb(path):
    """A run's records: a LevelDB log of 32 KiB blocks, after a head of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    records, content, place, record = [], path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        left = 2**15 - place % 2**15
        if left < 7:  # no place for another head
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        if place + 7 + length > len(content):  # not yet written
            break
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            records.append(Record.FromString(record))
            record = b""
    return records


def whole_records_of_wandb(path):
    """Those of a run that has ended; wandb may write the last a little later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        records = records_of_wandb(path)
        if records and records[-1].HasField("exit"):
            return records
        time.sleep(0.05)
    pytest.fail(f"wandb has not ended {path}.")


def read_wandb(folder):
    runs = {}
    for path in folder.glob("wandb/offline-run-*/run-*.wandb"):
        records, curves = whole_records_of_wandb(path), defaultdict(dict)
        (run,) = (record.run for record in records if record.HasField("run"))
        assert run.project == "project"
        assert run.run_group == run.display_name.split("/")[0]
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        parameters = {name: config[name] for name in config if name != "_wandb"}
        for history in (record.history for record in records):
            for item in history.item:
                (name,) = item.nested_key
                if not name.startswith("_"):
                    curves[name][history.step.num] = json.loads(item.value_json)
        ended = records[-1].exit.exit_code == 0
        runs[run.display_name] = dict(curves), parameters, ended
    return runs


def read_mlflow(folder):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("experiment")
    runs = {}
    for run in client.search_runs([experiment.experiment_id]):
        curves = {}
        for name in run.data.metrics:
            history = client.get_metric_history(run.info.run_id, name)
            curves[name] = {metric.step: metric.value for metric in history}
        ended = {"FINISHED": True, "FAILED": False}[run.info.status]
        runs[run.info.run_name] = curves, run.data.params, ended
    return runs


READERS = {TensorBoard: read_tensorboard, WandB: read_wandb, MLflow: read_mlflow}


def make_callback(callback_class, folder):
    pytest.importorskip(LIBRARIES[callback_class][0])
    if callback_class is TensorBoard:
        return TensorBoard(folder / "logs")
    if callback_class is WandB:
        return WandB(project="project", mode="offline", dir=str(folder))
    pytest.importorskip("sqlalchemy")
    return MLflow("experiment", f"sqlite:///{folder}/mlflow.db")


each = pytest.mark.parametrize("callback_class", LIBRARIES)
both = pytest.mark.parametrize("estimator_class", TARGETS)


def assert_logged(run, estimator):
    """The curves are the estimator's."""
    curves, parameters, ended = run
    expected = {
        "train/loss": estimator.loss_curve_,
        "train/grad_norm": estimator.grad_norm_curve_,
    }
    if estimator.early_stopping:
        expected["validation/score"] = estimator.validation_scores_
    seconds = curves.pop("train/epoch_seconds")
    assert curves.keys() == expected.keys()
    for name, values in expected.items():
        assert sorted(curves[name]) == list(range(1, estimator.n_iter_ + 1))
        # TensorBoard's are in float32.
        np.testing.assert_allclose(
            [curves[name][step] for step in sorted(curves[name])], values, rtol=1e-6
        )
    assert len(seconds) == estimator.n_iter_
    assert all(isfinite(value) and value > 0 for value in seconds.values())
    if parameters is not None:
        given = {name: str(value) for name, value in parameters.items()}
        wanted = parameters_of(estimator).items()
        assert given == {name: str(value) for name, value in wanted}
    assert ended in (True, None)


@each
@both
def test_each_fit_is_a_run(callback_class, estimator_class, tmp_path):
    callback = make_callback(callback_class, tmp_path)
    parameters = {"early_stopping": True, "validation_fraction": 0.25}
    first = make(estimator_class, **parameters).set_callbacks(callback)
    second = make(estimator_class, max_iter=2, alpha=np.float32(0.5))
    for estimator in (first, second.set_callbacks(callback)):
        estimator.fit(X, TARGETS[estimator_class])
    runs = READERS[callback_class](tmp_path)
    assert len(runs) == 2
    assert all(name.startswith(f"{estimator_class.__name__}-20") for name in runs)
    short, long = sorted(runs.values(), key=lambda run: len(run[0]["train/loss"]))
    assert_logged(long, first)
    assert_logged(short, second)


@each
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(callback_class, n_jobs, tmp_path):
    callback = make_callback(callback_class, tmp_path)
    classifier = make(RNNClassifier, max_iter=2).set_callbacks(callback)
    grid = {"hidden_size": [2, 5]}
    search = GridSearchCV(classifier, grid, cv=2, n_jobs=n_jobs)
    search.fit(X, TARGETS[RNNClassifier])
    runs = READERS[callback_class](tmp_path)
    assert len({name.split("/")[0] for name in runs}) == 1
    assert all(name.startswith("GridSearchCV-20") for name in runs)
    runs = {name.partition("/")[2]: run for name, run in runs.items()}
    assert sorted(runs) == sorted(NAMES_IN_SEARCH)
    assert_logged(runs["refit-with-best-params-1"], search.best_estimator_)
    for i, size in enumerate([2, 2, 5, 5]):
        curves, parameters, _ = runs[f"search-0/candidate-split-evaluation-{i}"]
        assert sorted(curves["train/loss"]) == [1, 2]
        if parameters is not None:
            assert str(parameters["hidden_size"]) == str(size)
    # The search can be saved, its estimator's callbacks included.
    assert pickle.loads(pickle.dumps(search)).best_estimator_.n_iter_ == 2


@each
def test_pipeline(callback_class, tmp_path):
    callback = make_callback(callback_class, tmp_path)
    regressor = make(RNNRegressor).set_callbacks(callback)
    pipeline = make_pipeline(StandardScaler(), regressor)
    pipeline.fit(X[:, :, 0], TARGETS[RNNRegressor])
    ((name, run),) = READERS[callback_class](tmp_path).items()
    assert name.startswith("Pipeline-")
    assert name.endswith("/fit-final-estimator-1")
    assert_logged(run, regressor)


@each
def test_steps_go_on_with_warm_start(callback_class, tmp_path):
    regressor = make(RNNRegressor, warm_start=True).fit(X, TARGETS[RNNRegressor])
    regressor.set_callbacks(make_callback(callback_class, tmp_path))
    regressor.fit(X, TARGETS[RNNRegressor])
    ((curves, _, _),) = READERS[callback_class](tmp_path).values()
    assert sorted(curves["train/loss"]) == [4, 5, 6]


@each
def test_a_failed_fit(callback_class, tmp_path):
    def fail(n_epochs):
        if n_epochs == 2:
            raise RuntimeError("no more")

    callback = make_callback(callback_class, tmp_path)
    regressor = make(RNNRegressor).set_callbacks(callback, AfterEpoch(fail))
    with pytest.raises(RuntimeError, match="no more"):
        regressor.fit(X, TARGETS[RNNRegressor])
    ((curves, _, ended),) = READERS[callback_class](tmp_path).values()
    assert sorted(curves["train/loss"]) == [1, 2]
    assert ended in (False, None)
    # The callback serves the next fit.
    regressor.set_callbacks(callback).fit(X, TARGETS[RNNRegressor])
    assert len(READERS[callback_class](tmp_path)) == 2


@each
def test_bits_are_the_same(callback_class, tmp_path):
    expected = make(RNNRegressor).fit(X, TARGETS[RNNRegressor])
    regressor = make(RNNRegressor).set_callbacks(
        make_callback(callback_class, tmp_path)
    )
    regressor.fit(X, TARGETS[RNNRegressor])
    assert regressor.loss_curve_ == expected.loss_curve_
    assert set(vars(regressor)) == {*vars(expected), "_skl_callbacks"}


@each
def test_refuses_other_estimators(callback_class, tmp_path):
    search = GridSearchCV(make(RNNRegressor), {})
    search.set_callbacks(make_callback(callback_class, tmp_path))
    with pytest.raises(TypeError, match="follows .* set on GridSearchCV"):
        search.fit(X, TARGETS[RNNRegressor])


def test_mlflow_without_a_place(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(None)
    regressor = make(RNNRegressor).set_callbacks(MLflow("experiment"))
    regressor.fit(X, TARGETS[RNNRegressor])
    (run,) = read_mlflow(tmp_path).values()
    assert_logged(run, regressor)


def test_wandb_options_replace_ours(tmp_path):
    pytest.importorskip("wandb")
    options = {"mode": "offline", "dir": str(tmp_path), "config": {"my": 1}}
    callback = WandB("project", name="mine", group="mine", **options)
    make(RNNRegressor).set_callbacks(callback).fit(X, TARGETS[RNNRegressor])
    ((name, (_, parameters, _)),) = read_wandb(tmp_path).items()
    assert (name, parameters) == ("mine", {"my": 1})


# Without the libraries


@each
def test_a_missing_library_is_named(callback_class, monkeypatch):
    module, extra = LIBRARIES[callback_class]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as error:
        callback_class("place")
    assert f'pip install "skrnn[{extra}]"' in str(error.value)
    assert str(error.value).startswith(f"{callback_class.__name__} needs {module}")


def test_no_library_is_imported_before_it_is_needed():
    modules = {module for module, _ in LIBRARIES.values()}
    program = f"import sys, skrnn.callbacks; assert not {modules} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
