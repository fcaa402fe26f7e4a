"""The time as a channel: the network is told at which step of a sequence it is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import LABELS, RAGGED, SMALL, TARGETS, X, Y, make, output_of, state_of
from small_steps import TARGETS as STEP_TARGETS
from small_steps import weights_of

from skrnn import RNNClassifier, RNNRegressor

both = pytest.mark.parametrize("estimator_class", TARGETS)


def with_time(sequences, lengths=None):
    """The channel, made by hand."""
    times = [np.arange(len(x)) for x in sequences]
    seen = np.concatenate(times) if lengths is None else np.concatenate(lengths)
    return [
        np.column_stack([x, (np.minimum(t, seen.max()) - seen.mean()) / seen.std()])
        for x, t in zip(sequences, times, strict=True)
    ]


@both
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("frame_length", [1, 2])
def test_a_fit_is_that_of_a_channel(estimator_class, return_sequences, frame_length):
    """The same as with the channel in X, but for rounding."""
    parameters = {"return_sequences": return_sequences, "frame_length": frame_length}
    parameters["dtype"] = "float64"
    y = (STEP_TARGETS if return_sequences else TARGETS)[estimator_class]
    timed = make(estimator_class, add_time=True, **parameters).fit(RAGGED, y)
    other = make(estimator_class, **parameters).fit(with_time(RAGGED), y)
    assert timed.add_time_
    assert not other.add_time_
    assert timed.n_features_per_step_ == 2
    np.testing.assert_allclose(weights_of(timed), weights_of(other), rtol=1e-9)
    for name in ("predict", "transform"):
        pairs = getattr(timed, name)(RAGGED), getattr(other, name)(with_time(RAGGED))
        for result, expected in zip(*pairs, strict=True):
            np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)
    assert timed.score(RAGGED, y) == pytest.approx(other.score(with_time(RAGGED), y))


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("n_steps", "parameters", "expected"),
    [
        (127, {"pooling": "max"}, True),
        (128, {"pooling": "max"}, False),
        (5, {"pooling": "mean"}, True),
        (5, {"pooling": "attention"}, True),
        (5, {"pooling": "last"}, False),
        (5, {"return_sequences": True}, False),
        (5, {"pooling": "last", "add_time": True}, True),
        (127, {"pooling": "max", "add_time": False}, False),
    ],
)
def test_auto(n_steps, parameters, expected):
    X = np.zeros((3, n_steps, 1))
    X[1] = 1
    y = X[..., 0] if parameters.get("return_sequences") else X[:, 0, 0]
    settings = SMALL | {"max_iter": 1, "add_time": "auto"} | parameters
    regressor = RNNRegressor(**settings).fit(X, y)
    assert regressor.add_time_ is expected
    n_inputs = regressor.frame_length_ * (1 + expected)
    assert regressor.get_weights()["weight_ih_l0"].shape[1] == n_inputs


@pytest.mark.nojit
@both
@pytest.mark.parametrize("frame_length", [1, 3])
def test_streams_of_any_pieces(estimator_class, frame_length):
    parameters = {"add_time": True, "frame_length": frame_length}
    estimator = make(estimator_class, **parameters).fit(X, TARGETS[estimator_class])
    stream = estimator.stream(2)
    method = "predict_proba" if estimator_class is RNNClassifier else "predict"
    getattr(stream, method)([X[0][:1], X[1][:3]])
    getattr(stream, method)([X[0][1:4], X[1][:0]])
    result = getattr(stream, method)([X[0][4:], X[1][3:]])
    assert_array_equal(result, output_of(estimator, X[:2]))


@pytest.mark.nojit
def test_later_steps_than_those_of_fit_have_the_last_number():
    regressor = make(RNNRegressor, add_time=True, dtype="float64").fit(X, Y)
    other = make(RNNRegressor, dtype="float64").fit(with_time(X), Y)
    longer = [np.tile(x, (4, 1)) for x in X]
    seen = [np.arange(5)] * len(X)
    np.testing.assert_allclose(
        regressor.predict(longer), other.predict(with_time(longer, seen)), rtol=1e-9
    )


@pytest.mark.nojit
def test_where_all_have_one_step_its_number_says_nothing():
    regressor = make(RNNRegressor, add_time=True).fit(X[:, :1], Y)
    other = make(RNNRegressor).fit(np.dstack([X[:, :1], np.zeros((24, 1, 1))]), Y)
    assert_array_equal(
        regressor.predict(X[:, :1]),
        other.predict(np.dstack([X[:, :1], np.zeros((24, 1, 1))])),
    )


@pytest.mark.nojit
def test_training_that_goes_on_keeps_the_clock_of_the_first_fit():
    regressor = make(RNNRegressor, add_time="auto", pooling="max").partial_fit(X, Y)
    longer = np.concatenate([X, X], axis=1)
    regressor.partial_fit(longer, Y)
    other = make(RNNRegressor, pooling="max").partial_fit(with_time(X), Y)
    other.partial_fit(with_time(longer, [np.arange(5)] * 24), Y)
    np.testing.assert_allclose(regressor.predict(X), other.predict(with_time(X)), 1e-5)


@pytest.mark.nojit
@pytest.mark.parametrize("add_time", [False, True])
def test_training_cannot_go_on_with_another_choice(add_time):
    regressor = make(RNNRegressor, add_time=not add_time).partial_fit(X, Y)
    before = state_of(regressor)
    regressor.set_params(add_time=add_time)
    with pytest.raises(ValueError, match=f"now it has add_time={add_time}"):
        regressor.partial_fit(X, Y)
    assert state_of(regressor) == before | {"add_time": add_time}


@pytest.mark.nojit
@pytest.mark.parametrize("add_time", [False, True])
def test_init_weights_of_an_estimator_bring_their_choice(add_time):
    start = make(RNNClassifier, add_time=add_time).fit(X, LABELS)
    classifier = make(RNNClassifier, add_time="auto", max_iter=1)
    classifier.fit(RAGGED, LABELS, init_weights=start)
    assert classifier.add_time_ is add_time
    # The weights fit the time as it was standardised for the sequences there.
    same = classifier.set_params(add_time=add_time, trainable="head")
    auto = make(RNNClassifier, add_time="auto", max_iter=1, trainable="head")
    assert_array_equal(
        output_of(same.fit(X[:, :2], LABELS, init_weights=start), X),
        output_of(auto.fit(X[:, :2], LABELS, init_weights=start), X),
    )
    with pytest.raises(ValueError, match="init_weights do not fit this network"):
        classifier.set_params(add_time=not add_time).fit(X, LABELS, init_weights=start)


@pytest.mark.nojit
def test_validation_data_have_it_too():
    parameters = {"add_time": True, "early_stopping": True}
    regressor = make(RNNRegressor, **parameters)
    regressor.fit(X, Y, X_val=RAGGED, y_val=Y)
    expected = regressor.score(RAGGED, Y)
    assert regressor.best_validation_score_ == pytest.approx(expected)
