"""scikit-learn's callbacks: they see each epoch, may stop training, and are let go."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small import RAGGED, TARGETS, WEIGHTS, AfterEpoch, X, make, output_of, state_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.estimators import training

both = pytest.mark.parametrize("estimator_class", TARGETS)


class Recorder:
    """A callback that notes what it is told."""

    def __init__(self):
        self.notes = []
        self.metadata = []

    def setup(self, estimator, context):
        self.notes.append("setup")

    def teardown(self, estimator, context):
        self.notes.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.notes.append(f"begin {context.task_name} {context.task_id}")
        self.metadata.append((X, y, metadata))

    def on_fit_task_end(self, estimator, context):
        self.notes.append(f"end {context.task_name} {context.task_id}")


class Keeper(AfterEpoch):
    """A callback that asks for the fitted estimator after each epoch."""

    def __init__(self):
        self.epochs, self.fit = [], None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.epochs.append(fitted_estimator)
        else:
            self.fit = fitted_estimator


def epoch(i):
    return [f"begin epoch {i}", f"end epoch {i}"]


@both
def test_one_task_for_each_epoch(estimator_class):
    recorder, y = Recorder(), TARGETS[estimator_class]
    estimator = make(estimator_class).set_callbacks(recorder)
    estimator.fit(RAGGED, y, sample_weight=WEIGHTS)
    assert recorder.notes == [
        "setup",
        "begin fit 0",
        *epoch(0),
        *epoch(1),
        *epoch(2),
        "end fit 0",
        "teardown",
    ]
    for X_seen, y_seen, metadata in recorder.metadata:
        assert X_seen is RAGGED
        assert y_seen is y
        assert metadata == {"sample_weight": WEIGHTS}


@both
def test_callbacks_change_no_bit(estimator_class):
    y = TARGETS[estimator_class]
    expected = make(estimator_class).fit(RAGGED, y)
    estimator = make(estimator_class).set_callbacks(Recorder(), Keeper()).fit(RAGGED, y)
    assert_array_equal(output_of(estimator, X), output_of(expected, X))
    assert set(vars(estimator)) == {*vars(expected), "_skl_callbacks"}


@both
def test_a_callback_stops_training(estimator_class):
    stopper = AfterEpoch(lambda n_epochs: n_epochs == 2)
    recorder = Recorder()
    estimator = make(estimator_class, learning_rate="constant", max_iter=9)
    estimator.set_callbacks(stopper, recorder).fit(X, TARGETS[estimator_class])
    assert estimator.n_iter_ == 2
    assert recorder.notes[-3:] == ["end epoch 1", "end fit 0", "teardown"]


@both
def test_fitted_estimator_is_that_of_the_epoch(estimator_class):
    keeper, y = Keeper(), TARGETS[estimator_class]
    estimator = make(estimator_class).set_callbacks(keeper).fit(X, y)
    assert len(keeper.epochs) == 3
    for n_epochs, kept in enumerate(keeper.epochs, start=1):
        expected = make(estimator_class)
        expected.set_callbacks(AfterEpoch(lambda done, last=n_epochs: done == last))
        expected.fit(X, y)
        assert kept.n_iter_ == n_epochs
        assert kept.loss_curve_ == expected.loss_curve_
        assert_array_equal(output_of(kept, RAGGED), output_of(expected, RAGGED))
    assert_array_equal(output_of(keeper.fit, X), output_of(estimator, X))


@both
def test_fitted_estimator_goes_its_own_way(estimator_class):
    keeper, y = Keeper(), TARGETS[estimator_class]
    estimator = make(estimator_class).fit(X, y).partial_fit(X, y)
    estimator.set_callbacks(keeper).fit(X, y)
    expected = output_of(estimator, X)
    weights = keeper.epochs[1].get_weights()
    keeper.epochs[1].partial_fit(X, y)
    assert keeper.epochs[1].n_iter_ == 3
    assert_array_equal(output_of(estimator, X), expected)
    # It goes on from its own weights, not from what an earlier partial_fit left.
    other = make(estimator_class).fit(X, y).set_weights(weights).partial_fit(X, y)
    assert_array_equal(output_of(keeper.epochs[1], X), output_of(other, X))


@both
def test_fitted_estimator_is_built_only_when_asked_for(estimator_class, monkeypatch):
    calls, build = [], training.trained
    monkeypatch.setattr(
        training,
        "trained",
        lambda *args, **options: calls.append(args) or build(*args, **options),
    )
    y = TARGETS[estimator_class]
    make(estimator_class).set_callbacks(Recorder()).fit(X, y)
    assert len(calls) == 1  # at the end, for the estimator itself
    make(estimator_class).set_callbacks(Keeper()).fit(X, y)
    assert len(calls) == 1 + 3 + 1


@both
def test_teardown_comes_after_an_error_too(estimator_class):
    recorder = Recorder()
    estimator = make(estimator_class).set_callbacks(recorder)
    before = state_of(estimator)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        estimator.fit(np.full_like(X, np.nan), TARGETS[estimator_class])
    assert recorder.notes == ["setup", "begin fit 0", "teardown"]
    assert state_of(estimator) == before


@both
def test_an_error_in_a_callback_leaves_the_estimator(estimator_class):
    def fail(n_epochs):
        raise RuntimeError("no more")

    recorder = Recorder()
    estimator = make(estimator_class).fit(X, TARGETS[estimator_class])
    before = state_of(estimator)
    estimator.set_callbacks(recorder, AfterEpoch(fail))
    with pytest.raises(RuntimeError, match="no more"):
        estimator.fit(X, TARGETS[estimator_class])
    assert recorder.notes[-1] == "teardown"
    assert state_of(estimator) == before


@both
@pytest.mark.parametrize("X_form", [X, RAGGED], ids=["3D", "ragged"])
def test_scoring_monitor(estimator_class, X_form):
    y = TARGETS[estimator_class]
    scoring = "accuracy" if estimator_class is RNNClassifier else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    estimator = make(estimator_class).set_callbacks(monitor)
    estimator.fit(X_form, y, sample_weight=WEIGHTS)
    log = monitor.get_logs().data_as_pandas
    assert log["task_name"].tolist() == ["fit", "epoch", "epoch", "epoch"]
    expected = estimator.score(X_form, y, WEIGHTS)
    assert log[scoring].iloc[0] == log[scoring].iloc[-1] == pytest.approx(expected)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_in_a_grid_search(n_jobs):
    monitor = ScoringMonitor(scoring="r2")
    regressor = make(RNNRegressor).set_callbacks(monitor)
    search = GridSearchCV(regressor, {"hidden_size": [2, 3]}, cv=2, n_jobs=n_jobs)
    search.fit(RAGGED, TARGETS[RNNRegressor])
    log = monitor.get_logs().data_as_pandas
    # Two candidates on two splits, and the best one again, three epochs each.
    assert log["task_name"].value_counts().to_dict() == {"epoch": 15, "fit": 5}
    assert np.isfinite(log["r2"]).all()


@both
def test_progress_bar(estimator_class, capsys):
    estimator = make(estimator_class).set_callbacks(ProgressBar())
    estimator.fit(RAGGED, TARGETS[estimator_class])
    printed = capsys.readouterr().out
    assert f"{estimator_class.__name__} - fit" in printed
    assert "100%" in printed


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_of_a_grid_search(n_jobs, capsys):
    search = GridSearchCV(make(RNNRegressor), {"alpha": [0, 1]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=2))
    search.fit(X, TARGETS[RNNRegressor])
    assert "GridSearchCV - fit" in capsys.readouterr().out


def test_progress_bar_of_a_pipeline(capsys):
    pipeline = make_pipeline(StandardScaler(), make(RNNRegressor))
    pipeline.set_callbacks(ProgressBar()).fit(X[:, :, 0], TARGETS[RNNRegressor])
    assert "RNNRegressor - fit" in capsys.readouterr().out


@both
def test_partial_fit_is_not_a_task(estimator_class):
    recorder, y = Recorder(), TARGETS[estimator_class]
    estimator = make(estimator_class).fit(X, y).set_callbacks(recorder)
    estimator.partial_fit(X, y)
    assert recorder.notes == []
