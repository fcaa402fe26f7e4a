"""A fitted estimator is one immutable model: all see one state, or the old one."""

import copy
import threading
from contextlib import suppress

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import (
    LABELS,
    RAGGED,
    TARGETS,
    AfterEpoch,
    During,
    X,
    Y,
    first_partial_fit,
    make,
    output_of,
)

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)


def test_a_prediction_during_a_fit_with_other_features_is_that_of_the_old_model():
    old, new = X, np.tile(X, (1, 1, 50))
    regressor = make(RNNRegressor).fit(old, Y)
    expected, seen = regressor.predict(old), []

    def predict():
        thread = threading.Thread(target=lambda: seen.append(regressor.predict(old)))
        thread.start()
        thread.join()
        with pytest.raises(ValueError, match="X has 100 features, but .* expecting 2"):
            regressor.predict(new)

    regressor.fit(new, During(Y, predict))
    assert_array_equal(seen[0], expected)
    assert regressor.n_features_in_ == 100


@both
def test_predictions_while_another_thread_refits(estimator_class):
    y, wide = TARGETS[estimator_class], np.tile(X, (1, 1, 30))
    estimator = make(estimator_class).fit(X, y)
    right = {}
    for name, data in {"old": X, "new": wide}.items():
        right[name] = output_of(make(estimator_class).fit(data, y), data)
    stop, wrong = threading.Event(), []

    def refit():
        while not stop.is_set():
            estimator.fit(wide, y).fit(X, y)

    thread = threading.Thread(target=refit)
    thread.start()
    try:
        for _ in range(200):
            for name, data in {"old": X, "new": wide}.items():
                # A ValueError says that the features are those of the other model.
                with suppress(ValueError):
                    if not np.array_equal(output_of(estimator, data), right[name]):
                        wrong.append(name)
    finally:
        stop.set()
        thread.join()
    assert not wrong


@both
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_fit_that_fails_leaves_the_old_model(estimator_class, error):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class).fit(X, y)
    model, before = estimator._model, dict(vars(estimator))

    def fail(n_epochs):
        raise error

    estimator.set_callbacks(AfterEpoch(fail))
    if error is KeyboardInterrupt:  # before the first whole epoch of partial_fit

        def fail_now():
            raise error

        with pytest.raises(error):
            first_partial_fit(estimator, X, During(y, fail_now))
    else:
        with pytest.raises(error):
            estimator.fit(RAGGED, y)
    estimator.set_callbacks()
    assert estimator._model is model
    assert vars(estimator) == before


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator():
    regressor = make(RNNRegressor)
    before = dict(vars(regressor))
    with pytest.raises(ValueError, match="all are missing"):
        regressor.fit(X, np.full(len(X), np.nan))
    with pytest.raises(ValueError, match="inconsistent"):
        regressor.fit(X, Y[:-1])
    assert vars(regressor) == before


@both
def test_the_weights_of_a_model_cannot_be_changed(estimator_class):
    estimator = first_partial_fit(make(estimator_class), X, TARGETS[estimator_class])
    for changed in (estimator, copy.deepcopy(estimator)):
        changed.set_weights(changed.get_weights())
        with pytest.raises(ValueError, match="read-only"):
            changed._model.parameters[0] = 1
        with pytest.raises(AttributeError):
            changed._model.parameters = None


def test_classes_that_are_shown_are_not_the_models():
    classifier = make(RNNClassifier).fit(X, LABELS)
    expected = classifier.predict(X)
    classifier.classes_[:] = [7, 8, 9]
    assert_array_equal(classifier.predict(X), expected)


def test_names_of_columns_are_gone_when_they_are_no_more():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X[:, :, 0], columns=list("abcde"))
    regressor = make(RNNRegressor).fit(table, Y)
    assert list(regressor.feature_names_in_) == list("abcde")
    assert not hasattr(regressor.fit(X, Y), "feature_names_in_")


def test_callbacks_see_no_names_of_columns_of_an_earlier_fit():
    pd = pytest.importorskip("pandas")
    seen = []

    class Look(AfterEpoch):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            seen.append(hasattr(fitted_estimator, "feature_names_in_"))

    table = pd.DataFrame(X[:, :, 0], columns=list("abcde"))
    regressor = make(RNNRegressor, max_iter=1).set_callbacks(Look(None))
    regressor.fit(table, Y)
    assert seen[0]
    seen.clear()
    regressor.fit(X, Y)
    assert not seen[0]


CALLS = {
    "predict": lambda estimator: estimator.predict(X),
    "predict_proba": lambda estimator: estimator.predict_proba(X),
    "predict_log_proba": lambda estimator: estimator.predict_log_proba(X),
    "transform": lambda estimator: estimator.transform(X),
    "attention_weights": lambda estimator: estimator.attention_weights(X),
    "score": lambda estimator: estimator.score(X, LABELS),
    "stream": lambda estimator: estimator.stream(),
    "get_weights": lambda estimator: estimator.get_weights(),
    "init_weights": lambda estimator: make(
        RNNClassifier, pooling="attention", max_iter=1
    ).fit(X, LABELS, init_weights=estimator),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_takes_the_model_once(call, monkeypatch):
    classifier = make(RNNClassifier, pooling="attention").fit(X, LABELS)
    take, taken = RNNClassifier._fitted, []

    def count(estimator):
        taken.append(estimator)
        return take(estimator)

    monkeypatch.setattr(RNNClassifier, "_fitted", count)
    call(classifier)
    assert taken == [classifier]


# Training that goes on


@both
def test_init_weights_are_not_for_a_fit_that_goes_on(estimator_class):
    y = TARGETS[estimator_class]

    def interrupt(n_epochs):
        if n_epochs == 2:
            raise KeyboardInterrupt

    estimator = make(estimator_class).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, y)
    estimator.set_callbacks().set_params(warm_start=True)
    with pytest.raises(ValueError, match="init_weights are for a new fit"):
        estimator.fit(X, y, init_weights="nonsense")


def test_early_stopping_switched_off_goes_on_from_the_best_weights():
    def interrupt(n_epochs):
        if n_epochs == 3:
            raise KeyboardInterrupt

    settings = {"early_stopping": True, "max_iter": 8, "n_iter_no_change": 99}
    regressor = make(RNNRegressor, **settings).set_callbacks(AfterEpoch(interrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        regressor.fit(X, Y)
    before = regressor.predict(X)
    regressor.set_callbacks().set_params(warm_start=True, early_stopping=False)
    regressor.fit(X, Y)
    assert regressor.n_iter_ == 3 + 8
    assert regressor.loss_ < regressor.loss_curve_[2]
    assert regressor.validation_scores_ is None
    assert not np.array_equal(regressor.predict(X), before)


# Outputs that are not finite


def growing(estimator_class, **parameters):
    """A relu network whose state grows by half at each step."""
    y = [1.5 ** len(x) for x in RAGGED]
    if estimator_class is RNNClassifier:
        y = np.array(y) > 2
    settings = {"cell": "rnn", "activation": "relu", "pooling": "last", "max_iter": 1}
    estimator = make(estimator_class, **settings, layer_norm=False, **parameters)
    estimator.fit(RAGGED, y)
    weights = {name: 0 * array for name, array in estimator.get_weights().items()}
    for name in ("weight_ih_l0", "head.weight"):
        weights[name] += 1
    weights["weight_hh_l0"] += 1.5 * np.eye(3, dtype="float32")
    return estimator.set_weights(weights)


LONG = [X[0], np.ones((1000, 2)), X[1], np.ones((2000, 2))]


def test_values_that_are_not_finite_come_with_a_warning():
    regressor = growing(RNNRegressor)
    match = r"sequence 1 of X is not finite \(so for 2 of 4 .* over 1000 steps"
    with pytest.warns(RuntimeWarning, match=match) as caught:
        predicted = regressor.predict(LONG)
    assert caught[0].filename == __file__  # the user's line
    with pytest.warns(RuntimeWarning, match=match) as caught:
        regressor.stream(4).predict(LONG)
    assert caught[0].filename == __file__
    assert np.isfinite(predicted).tolist() == [True, False, True, False]
    for estimator in (regressor, growing(RNNClassifier)):
        with pytest.warns(RuntimeWarning, match="sequence 1 of X"):
            states = estimator.transform(LONG)
        assert np.isfinite(states).all(axis=1).tolist() == [True, False, True, False]
    assert np.isfinite(regressor.predict(RAGGED)).all()


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "score"]
)
def test_no_labels_of_outputs_that_are_not_finite(method):
    classifier = growing(RNNClassifier)
    arguments = (LONG, [True] * 4) if method == "score" else (LONG,)
    with pytest.raises(ValueError, match="sequence 1 of X is not finite"):
        getattr(classifier, method)(*arguments)


def test_a_stream_whose_states_grow_is_where_it_was():
    stream = growing(RNNClassifier).stream(2)
    stream.predict([np.ones((3, 2)), np.ones((1, 2))])
    with pytest.raises(ValueError, match="sequence 1 of X"):
        stream.predict([np.ones((3, 2)), np.ones((1000, 2))])
    assert stream.n_steps.tolist() == [3, 1]
