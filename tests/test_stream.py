"""Predictions for sequences that come a piece at a time."""

import copy
import pickle

import numpy as np
import pytest
from kernel_cases import (  # noqa: F401
    test_pieces_give_the_bits_of_the_whole,
    test_sequences_may_pause,
)
from numpy.testing import assert_array_equal
from problems import kinds
from sklearn.exceptions import NotFittedError
from small import LABELS, RAGGED, X, Y, make
from small_steps import LABEL_COLUMNS, make_steps
from small_steps import LABELS as STEP_LABELS
from small_steps import TARGETS as STEP_TARGETS
from small_steps import Y as STEP_Y

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend
from skrnn.estimators.real_values import RealValues

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}
both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(0)
#: More than one shard of sequences, each of three steps or more.
SEQUENCES = [_rng.standard_normal((3 + 5 * i % 17, 2)) for i in range(40)]


def fitted(estimator_class, **parameters):
    if parameters.get("return_sequences"):
        return make(estimator_class, **parameters).fit(
            RAGGED, STEP_TARGETS[estimator_class]
        )
    estimator = make(estimator_class, pooling="last", **parameters)
    return estimator.fit(RAGGED, TARGETS[estimator_class])


def pieces_of(sequences, n_pieces, seed=0):
    """The sequences in pieces, cut where chance will have it."""
    rng = np.random.default_rng(seed)
    cuts = [
        np.sort(rng.choice(np.arange(1, len(x)), n_pieces - 1, replace=False))
        for x in sequences
    ]
    parts = [np.split(x, places) for x, places in zip(sequences, cuts, strict=True)]
    return [list(piece) for piece in zip(*parts, strict=True)]


def methods_of(estimator):
    names = ["predict", "transform"]
    return names + ["predict_proba"] * isinstance(estimator, RNNClassifier)


def assert_same_in_pieces(estimator, sequences, pieces):
    for name in methods_of(estimator):
        expected = getattr(estimator, name)(sequences)
        stream = estimator.stream(len(sequences))
        results = [getattr(stream, name)(piece) for piece in pieces]
        if estimator.return_sequences:
            for whole, *parts in zip(expected, *results, strict=True):
                assert_array_equal(np.concatenate(parts), whole)
        else:
            assert_array_equal(results[-1], expected)
            seen = pieces[0]
            assert_array_equal(results[0], getattr(estimator, name)(seen))
        assert_array_equal(stream.n_steps, [len(x) for x in sequences])


# Any pieces


@pytest.fixture
def untrained(monkeypatch):
    """Fit without training, which would have to be compiled for each network."""

    def loss_gradient(
        self, parameters, sequences, rows, targets, scales, gradient, **_
    ):
        gradient[:] = 0
        return 0.0

    monkeypatch.setattr(CPUBackend, "loss_gradient", loss_gradient)


def with_random_weights(kind, n_layers, frame_length, hop_length):
    cell, activation, loss, dtype, pooling = kind
    estimator_class, y = {
        "softmax": (RNNClassifier, LABELS),
        "logistic": (RNNClassifier, LABELS == 1),
        "squared_error": (RNNRegressor, Y),
    }[loss]
    parameters = {"pooling": pooling}
    if pooling is None:
        parameters = {"return_sequences": True}
        y = [np.full(len(x), label) for x, label in zip(RAGGED, y, strict=True)]
    estimator = make(
        estimator_class,
        cell=cell,
        activation=activation,
        dtype=dtype,
        n_layers=n_layers,
        frame_length=frame_length,
        hop_length="auto" if pooling is None else hop_length,
        **parameters,
    ).fit(RAGGED, y)
    rng = np.random.default_rng(0)
    weights = estimator.get_weights()
    for name, array in weights.items():
        if not name.startswith("bias_hh"):  # Elman's network has one bias for both
            # Small enough that states of relu do not grow over many steps.
            array[:] = rng.uniform(-0.5, 0.5, array.shape)
    return estimator.set_weights(weights)


@kinds
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 1, 1), (1, 5, 3)], ids=str)
@pytest.mark.usefixtures("untrained")
def test_any_pieces_give_the_same_bits(kind, sizes):
    """With one layer or two; and with frames, which pieces cut anywhere."""
    estimator = with_random_weights(kind, *sizes)
    for n_pieces in (1, 2, 3):
        pieces = pieces_of(SEQUENCES, n_pieces, seed=n_pieces)
        assert_same_in_pieces(estimator, SEQUENCES, pieces)
    # A step at a time; and pieces longer than what is computed at a time.
    one = [_rng.standard_normal((20, 2))]
    assert_same_in_pieces(estimator, one, [[step[None]] for step in one[0]])
    long = _rng.standard_normal((2, 700, 2))
    pieces = [long[:, :1], long[:, 1:400], long[:, 400:]]
    for name in methods_of(estimator):
        stream, expected = estimator.stream(2), getattr(estimator, name)(long)
        results = [getattr(stream, name)(piece) for piece in pieces]
        if estimator.return_sequences:
            assert_array_equal(np.concatenate(results, axis=1), expected)
        else:
            assert_array_equal(results[-1], expected)


@both
@pytest.mark.parametrize("return_sequences", [False, True])
def test_pieces_of_a_trained_network(estimator_class, return_sequences):
    estimator = fitted(
        estimator_class, n_layers=2, return_sequences=return_sequences, dropout=0.3
    )
    assert_same_in_pieces(estimator, SEQUENCES, pieces_of(SEQUENCES, 3))


@both
def test_methods_share_one_stream(estimator_class):
    estimator = fitted(estimator_class)
    first, second, third = (X[:, :2], X[:, 2:4], X[:, 4:])
    stream = estimator.stream(24)
    assert_array_equal(stream.transform(first), estimator.transform(first))
    assert_array_equal(stream.predict(second), estimator.predict(X[:, :4]))
    assert_array_equal(stream.transform(list(third)), estimator.transform(X))
    assert_array_equal(stream.n_steps, [5] * 24)


@both
def test_the_form_of_the_piece_is_that_of_the_results(estimator_class):
    stream = fitted(estimator_class, return_sequences=True).stream(24)
    for method in (stream.predict, stream.transform):
        assert type(method(X)) is np.ndarray
        assert method(X[:, :2]).shape[:2] == (24, 2)
        results = method(RAGGED)
        assert type(results) is list
        assert [len(result) for result in results] == [len(x) for x in RAGGED]


def test_labels_and_probabilities():
    classifier = make_steps(RNNClassifier).fit(RAGGED, STEP_LABELS)
    stream = classifier.stream(2)
    probabilities = stream.predict_proba(X[:2, :3])
    assert probabilities.shape == (2, 3, 3)
    assert_array_equal(probabilities, classifier.predict_proba(X[:2])[:, :3])

    columns = make_steps(RNNClassifier).fit(RAGGED, LABEL_COLUMNS)
    stream = columns.stream(2)
    first, second = stream.predict_proba(X[:2, :3])
    assert (first.shape, second.shape) == ((2, 3, 3), (2, 3, 2))
    assert_array_equal(stream.predict(X[:2, 3:]), columns.predict(X[:2])[:, 3:])


def test_a_regressor_has_no_probabilities():
    stream = fitted(RNNRegressor).stream()
    assert not hasattr(stream, "predict_proba")
    with pytest.raises(AttributeError, match="'Stream' has no attribute 'predict_pro"):
        stream.predict_proba(X[:1])


def test_an_estimator_fitted_on_a_table():
    regressor = make(RNNRegressor).fit(X[:, :, 0], Y)
    stream = regressor.stream(24)
    stream.predict(X[:, :2, :1])
    expected = regressor.predict(X[:, :, 0])
    assert_array_equal(stream.predict(list(X[:, 2:, :1])), expected)


# On its own


@both
@pytest.mark.parametrize("return_sequences", [False, True])
def test_training_does_not_change_a_stream(estimator_class, return_sequences):
    parameters = {"return_sequences": return_sequences}
    estimator = fitted(estimator_class, **parameters)
    expected = fitted(estimator_class, **parameters)
    stream, other = estimator.stream(24), expected.stream(24)
    assert_array_equal(stream.predict(X[:, :2]), other.predict(X[:, :2]))
    y = STEP_TARGETS if return_sequences else TARGETS
    estimator.partial_fit(RAGGED, y[estimator_class])
    assert_array_equal(stream.predict(X[:, :2]), other.predict(X[:, :2]))
    # Other units, classes, features and weights, and a network of another shape.
    weights = {name: 0 * array for name, array in estimator.get_weights().items()}
    estimator.set_weights(weights)
    assert_array_equal(stream.predict(X[:, :2]), other.predict(X[:, :2]))
    estimator.set_params(return_sequences=False, hidden_size=5, pooling="last")
    estimator.fit(X[:, :, :1], 10 + LABELS // 2)
    assert_array_equal(stream.predict(X[:, :2]), other.predict(X[:, :2]))
    assert_array_equal(stream.transform(X[:, :2]), other.transform(X[:, :2]))


@both
def test_streams_do_not_change_each_other_or_the_estimator(estimator_class):
    estimator = fitted(estimator_class)
    before = vars(estimator).copy()
    one, two = estimator.stream(24), estimator.stream(24)
    one.predict(X)
    assert_array_equal(two.predict(X), estimator.predict(X))
    assert vars(estimator) == before
    assert_array_equal(one.n_steps, two.n_steps)


@both
@pytest.mark.parametrize(
    "copied", [lambda stream: pickle.loads(pickle.dumps(stream)), copy.deepcopy]
)
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_copy_goes_on(estimator_class, copied, return_sequences):
    estimator = fitted(estimator_class, return_sequences=return_sequences, n_layers=2)
    stream = estimator.stream(24)
    stream.predict(X)
    other = copied(stream)
    assert_array_equal(other.n_steps, [5] * 24)
    expected = stream.predict(X[:, :3])
    assert_array_equal(stream.n_steps, [8] * 24)
    assert_array_equal(other.n_steps, [5] * 24)
    assert_array_equal(other.predict(X[:, :3]), expected)
    twice = np.concatenate([X, X[:, :3]], axis=1)
    whole = estimator.predict(twice)
    assert_array_equal(expected, whole[:, 5:] if return_sequences else whole)


def test_the_pickle_holds_no_solver():
    regressor = fitted(RNNRegressor, hidden_size=32)
    n_bytes = len(pickle.dumps(regressor.stream()))
    regressor.partial_fit(RAGGED, Y)
    assert len(pickle.dumps(regressor.stream())) < n_bytes + 500


# Pauses


@both
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention", None])
def test_a_sequence_may_pause(estimator_class, pooling):
    estimator = fitted(estimator_class, return_sequences=True)
    if pooling is not None:
        estimator = make(estimator_class, pooling=pooling)
        estimator.fit(RAGGED, TARGETS[estimator_class])
    first, second = X[:2, :2], X[:2, 2:]
    for name in methods_of(estimator):
        stream, expected = estimator.stream(2), estimator.stream(2)
        before, whole = getattr(stream, name)(first), getattr(expected, name)(first)
        pause = getattr(stream, name)(first[:, :0])
        assert_array_equal(pause, before if pooling else whole[:, :0])
        one = getattr(stream, name)([second[0], second[1][:0]])
        other = getattr(stream, name)([second[0][:0], second[1]])
        whole = getattr(expected, name)(second)
        for i, results in enumerate((one, other)):
            assert_array_equal(results[i], whole[i])
        assert len(one[1]) == 0 if pooling is None else (one[1] == before[1]).all()
        assert_array_equal(stream.n_steps, [5, 5])


@both
def test_a_sequence_begins_later(estimator_class):
    estimator = fitted(estimator_class)
    stream = estimator.stream(2)
    with pytest.raises(ValueError, match="Sequence 1 of the stream has no step so far"):
        stream.predict([X[0], X[1][:0]])
    assert_array_equal(stream.n_steps, [0, 0])
    steps = fitted(estimator_class, return_sequences=True)
    stream = steps.stream(2)
    assert len(stream.predict([X[0], X[1][:0]])[1]) == 0
    expected = steps.predict(X[1:2])[0]
    assert_array_equal(stream.predict([X[0][:0], X[1]])[1], expected)


@both
def test_an_empty_list_is_a_pause(estimator_class):
    estimator = fitted(estimator_class)
    stream = estimator.stream(2)
    before = stream.predict(X[:2])
    assert_array_equal(stream.predict([[], X[1].tolist()])[:1], before[:1])
    assert_array_equal(stream.n_steps, [5, 10])


def test_the_number_of_steps_is_not_the_streams_own():
    stream = fitted(RNNRegressor).stream(2)
    stream.predict(X[:2])
    stream.n_steps[:] = 99
    assert_array_equal(stream.n_steps, [5, 5])


# Errors

GOOD = X[:2, :2]
BAD_PIECES = {
    "too few": (
        X[:1],
        ValueError,
        "X has 1 sequences, .* one that pauses",
    ),
    "too many": (X[:3], ValueError, "X has 3 sequences, but the stream has 2"),
    "none": ([], ValueError, r"0 sample\(s\)"),
    "NaN": (X[:2] * np.nan, ValueError, "Input X contains NaN"),
    "infinity in the last": ([X[0], X[1] * np.inf], ValueError, "X contains infinity"),
    "features": (X[:2, :, :1], ValueError, "X has 1 features, .* expecting 2"),
    "one sequence": (X[0], ValueError, r"X is a table .* \(one sequence: \[x\]\)"),
    "words": ([[["a", "b"]]] * 2, ValueError, "In sequence 0 of X: .*not numeric"),
}


@both
@pytest.mark.parametrize(
    ("piece", "error", "match"), BAD_PIECES.values(), ids=BAD_PIECES
)
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_failed_call_changes_nothing(
    estimator_class, piece, error, match, return_sequences
):
    estimator = fitted(estimator_class, return_sequences=return_sequences)
    stream, expected = estimator.stream(2), estimator.stream(2)
    for either in (stream, expected):
        either.predict(GOOD)
    for name in methods_of(estimator):
        with pytest.raises(error, match=match):
            getattr(stream, name)(piece)
        assert_array_equal(stream.n_steps, [2, 2])
    assert_array_equal(stream.transform(GOOD), expected.transform(GOOD))


def test_an_interrupted_call_changes_nothing(monkeypatch):
    regressor = fitted(RNNRegressor)
    stream, real = regressor.stream(2), CPUBackend.outputs
    stream.predict(GOOD)

    def interrupted(*args, **kwargs):
        real(*args, **kwargs)
        raise KeyboardInterrupt

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(CPUBackend, "outputs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream.predict(X[:2, 2:])
    monkeypatch.undo()
    monkeypatch.setattr(RealValues, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stream.predict(X[:2, 2:])
    monkeypatch.undo()
    assert_array_equal(stream.n_steps, [2, 2])
    assert_array_equal(stream.predict(X[:2, 2:]), regressor.predict(X[:2]))


@both
def test_two_directions_have_no_stream(estimator_class):
    estimator = fitted(estimator_class, bidirectional=True)
    with pytest.raises(ValueError, match="both directions, so it needs whole"):
        estimator.stream()
    # It is the fitted network that counts.
    estimator.set_params(bidirectional=False)
    with pytest.raises(ValueError, match="Fit an estimator with bidirectional=False"):
        estimator.stream()


@both
def test_not_fitted(estimator_class):
    with pytest.raises(NotFittedError):
        make(estimator_class).stream()


@pytest.mark.parametrize(
    ("n_sequences", "error", "match"),
    [
        (0, ValueError, "n_sequences == 0, must be >= 1"),
        (-1, ValueError, "n_sequences == -1, must be >= 1"),
        (2.5, TypeError, "n_sequences must be an instance of int, not float"),
        ("2", TypeError, "n_sequences must be an instance of int, not str"),
        (None, TypeError, "n_sequences must be an instance of int, not NoneType"),
    ],
)
def test_errors_for_the_number_of_sequences(n_sequences, error, match):
    with pytest.raises(error, match=match):
        fitted(RNNRegressor).stream(n_sequences)


def test_steps_of_a_stream_are_those_of_the_documentation():
    regressor = make_steps(RNNRegressor).fit(RAGGED, STEP_Y)
    stream = regressor.stream()
    results = [stream.predict([step[None]])[0] for step in X[0]]
    assert_array_equal(np.concatenate(results), regressor.predict(X[:1])[0])
    assert_array_equal(stream.n_steps, [5])
