"""Frames: neighbouring steps of a sequence that the network takes as one."""

import pickle
from types import SimpleNamespace

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from small import LABELS, RAGGED, SMALL, TARGETS, X, Y, make, output_of, state_of
from small_steps import TARGETS as STEP_TARGETS
from small_steps import weights_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.estimators import framing
from skrnn.estimators.framing import automatic_frames, frames_of
from skrnn.sequences import Frames, Sequences

both = pytest.mark.parametrize("estimator_class", TARGETS)

_rng = np.random.default_rng(0)
#: Sequences of 1 to 24 steps, so that the last frame has any number of new steps.
SEQUENCES = [_rng.standard_normal((1 + i, 2)) for i in range(24)]
#: Frame and hop lengths: side by side, overlapping, every step.
SIZES = [(3, 3), (5, 2), (4, 1)]
sizes = pytest.mark.parametrize(("frame_length", "hop_length"), SIZES)


def framed(estimator_class, frame_length=5, hop_length=2, **parameters):
    parameters = {"pooling": "last", "max_iter": 2} | parameters
    frames = {"frame_length": frame_length, "hop_length": hop_length}
    y = TARGETS[estimator_class]
    if parameters.get("return_sequences"):
        frames["hop_length"] = "auto"
        y = [np.full(len(x), value) for x, value in zip(SEQUENCES, y, strict=True)]
    return make(estimator_class, **frames, **parameters).fit(SEQUENCES, y)


def stacked(estimator, sequences):
    """Frames as steps of many features, for sequences of which none is incomplete."""
    sizes = estimator.frame_length_, estimator.hop_length_
    is_pooled = not estimator.return_sequences
    return [naive.frames(x, *sizes, is_pooled) for x in sequences]


# The right frames


@both
@sizes
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_fit_is_that_of_stacked_frames(
    estimator_class, frame_length, hop_length, return_sequences
):
    """The same bits as with frames that somebody made of X before."""
    parameters = {"return_sequences": return_sequences}
    estimator = framed(estimator_class, frame_length, hop_length, **parameters)
    frames = stacked(estimator, SEQUENCES)
    y = TARGETS[estimator_class]
    if return_sequences:
        y = [np.full(len(x), value) for x, value in zip(SEQUENCES, y, strict=True)]
    other = make(estimator_class, pooling="last", max_iter=2, **parameters)
    other.fit(frames, y)
    assert_array_equal(weights_of(estimator), weights_of(other))
    assert estimator.loss_curve_ == other.loss_curve_
    for name in ("predict", "transform"):
        results = getattr(estimator, name)(SEQUENCES)
        for result, expected in zip(results, getattr(other, name)(frames), strict=True):
            assert_array_equal(result, expected)


def test_the_columns_of_the_first_weight_are_the_steps_of_a_frame():
    regressor = framed(RNNRegressor, 3, 3, bidirectional=True, n_layers=2)
    weights = regressor.get_weights()
    for end in ("", "_reverse"):
        assert weights[f"weight_ih_l0{end}"].shape == (9, 3 * 2)
        assert weights[f"weight_ih_l1{end}"].shape == (9, 6)
    # Only the oldest step of a frame counts.
    for end in ("", "_reverse"):
        weights[f"weight_ih_l0{end}"][:, 2:] = 0
    regressor.set_weights(weights)
    x = _rng.standard_normal((1, 9, 2))
    changed = x.copy()
    changed[:, [1, 2, 4, 5, 7, 8]] = 99
    assert_array_equal(regressor.predict(changed), regressor.predict(x))
    changed[:, 3] = 99
    assert regressor.predict(changed) != regressor.predict(x)


@sizes
def test_what_is_before_a_short_sequence_is_zeros(frame_length, hop_length):
    regressor = framed(RNNRegressor, frame_length, hop_length)
    x = SEQUENCES[1]
    longer = np.concatenate([np.zeros((frame_length - len(x), 2)), x])
    assert_array_equal(regressor.predict([x]), regressor.predict([longer]))


@sizes
def test_the_last_step_is_in_the_last_frame(frame_length, hop_length):
    regressor = framed(RNNRegressor, frame_length, hop_length)
    for x in SEQUENCES:
        changed = x.copy()
        changed[-1] += 1
        assert regressor.predict([changed]) != regressor.predict([x])


def test_frames_of_flattened_sequences():
    rows = X.reshape(len(X), -1)
    table = make(RNNRegressor, n_features_per_step=2, frame_length=3).fit(rows, Y)
    series = make(RNNRegressor, frame_length=3).fit(X, Y)
    assert_array_equal(table.predict(rows), series.predict(X))
    assert (table.frame_length_, table.hop_length_) == (3, 1)


@pytest.mark.nojit
@both
def test_attention_in_steps(estimator_class):
    estimator = framed(estimator_class, 5, 2, pooling="attention")
    frames = stacked(estimator, SEQUENCES)
    other = make(estimator_class, pooling="attention", max_iter=2)
    other.fit(frames, TARGETS[estimator_class])
    for x, shares, steps in zip(
        SEQUENCES,
        other.attention_weights(frames),
        estimator.attention_weights(SEQUENCES),
        strict=True,
    ):
        expected = np.zeros(len(x))
        ends = naive.frame_ends(len(x), 5, 2, is_pooled=True)
        for end, share in zip(ends, shares, strict=True):
            steps_of_frame = np.arange(max(0, end - 4), end + 1)
            expected[steps_of_frame] += share / len(steps_of_frame)
        assert_allclose(steps, expected, rtol=1e-6)
        assert_allclose(steps.sum(), 1, rtol=1e-6)
        assert (steps > 0).all()


def test_predictions_do_not_depend_on_the_batch():
    regressor = framed(RNNRegressor, bidirectional=True)
    expected = [regressor.predict([x])[0] for x in SEQUENCES]
    assert_array_equal(regressor.predict(SEQUENCES), expected)
    assert_array_equal(regressor.predict(SEQUENCES[::-1]), expected[::-1])


# Streams


@pytest.mark.nojit
@sizes
@pytest.mark.parametrize("return_sequences", [False, True])
def test_sequences_of_a_stream_may_pause(frame_length, hop_length, return_sequences):
    """Pieces of any length, and the stream is saved after each."""
    parameters = {"return_sequences": return_sequences}
    regressor = framed(RNNRegressor, frame_length, hop_length, **parameters)
    whole = [_rng.standard_normal((length, 2)) for length in (1, 4, 13, 20)]
    stream, done, found = regressor.stream(4), np.zeros(4, int), []
    while (done < [1, 4, 13, 20]).any():
        # Each has a step at first; later some pause.
        n_new = _rng.integers(0 if done.all() else 1, 6, 4)
        slices = [slice(*pair) for pair in zip(done, done + n_new, strict=True)]
        pieces = [x[part] for x, part in zip(whole, slices, strict=True)]
        done += [len(piece) for piece in pieces]
        results = stream.transform(pieces)
        found.append(results)
        if not return_sequences:
            so_far = [x[:n] for x, n in zip(whole, done, strict=True)]
            assert_array_equal(results, regressor.transform(so_far))
        stream = pickle.loads(pickle.dumps(stream))
        assert_array_equal(stream.n_steps, done)
    if return_sequences:
        for *parts, expected in zip(*found, regressor.transform(whole), strict=True):
            assert_array_equal(np.concatenate(parts), expected)
    else:
        pause = [x[:0] for x in whole]
        assert_array_equal(stream.predict(pause), regressor.predict(whole))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_failed_call_of_a_stream_changes_nothing(return_sequences):
    regressor = framed(RNNRegressor, return_sequences=return_sequences)
    stream, other = regressor.stream(2), regressor.stream(2)
    for either in (stream, other):
        either.predict(X[:2, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        stream.predict(X[:2] * np.nan)
    assert_array_equal(stream.predict(X[:2, 3:]), other.predict(X[:2, 3:]))


# What the parameters mean


def sizes_of(frame_length, hop_length, known=None, **options):
    given = {"return_sequences": False, "pooling": "last"} | options
    estimator = SimpleNamespace(
        frame_length=frame_length, hop_length=hop_length, **given
    )
    form = SimpleNamespace(categories=None)
    return frames_of(estimator, form, np.array([10, 500, 1000]), known)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("auto", "auto"), (32, 16)),
        ((1, "auto"), (1, 1)),
        ((2, "auto"), (2, 1)),
        ((7, "auto"), (7, 3)),
        (("auto", 1), (1, 1)),
        (("auto", 3), (6, 3)),
        ((7, 7), (7, 7)),
        ((np.uint8(200), np.uint8(100)), (200, 100)),
    ],
)
def test_auto(given, expected):
    found = sizes_of(*given)
    assert found == expected
    assert all(type(number) is int for number in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(("auto", "auto"), (1, 1)), ((4, "auto"), (4, 1)), (("auto", 1), (1, 1))],
)
def test_auto_with_a_target_for_every_step(given, expected):
    assert sizes_of(*given, return_sequences=True) == expected


@pytest.mark.parametrize(
    ("lengths", "pooling", "expected"),
    [
        ([47], "last", (1, 1)),
        ([47], "max", (1, 1)),
        ([50], "max", (4, 2)),
        ([320, 320, 5], "last", (20, 10)),
        ([320, 320, 5], "mean", (16, 8)),
        ([5, 5, 5000], "attention", (1, 1)),
        ([10**6], "last", (32, 16)),
        ([10**6], "max", (16, 8)),
    ],
)
def test_automatic_frames(lengths, pooling, expected):
    assert automatic_frames(np.array(lengths), pooling) == expected


@both
def test_automatic_frames_of_a_fit(estimator_class, monkeypatch):
    """They are decided at the first fit, and stay."""
    monkeypatch.setattr(framing, "N_FRAMES", 4)
    estimator = make(estimator_class, warm_start=True)
    y = TARGETS[estimator_class]
    estimator.fit(SEQUENCES, y)
    assert (estimator.frame_length_, estimator.hop_length_) == (6, 3)
    estimator.fit(RAGGED, y)
    assert (estimator.frame_length_, estimator.hop_length_) == (6, 3)
    other = make(estimator_class).fit(RAGGED, y, init_weights=estimator)
    assert (other.frame_length_, other.hop_length_) == (6, 3)
    estimator.set_params(warm_start=False).fit(RAGGED, y)
    assert (estimator.frame_length_, estimator.hop_length_) == (1, 1)


@both
@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"frame_length": 2, "hop_length": 3}, "hop_length=3 is above frame_length=2"),
        ({"frame_length": 0}, "'frame_length' parameter of .* or an int in the range"),
        ({"hop_length": 1.5}, "'hop_length' parameter of .* or an int in the range"),
        ({"frame_length": None}, "'frame_length' parameter .*'auto'} or an int in"),
    ],
)
def test_errors(estimator_class, parameters, match):
    estimator = framed(estimator_class).set_params(**parameters)
    before = state_of(estimator)
    with pytest.raises(ValueError, match=match):
        estimator.fit(RAGGED, TARGETS[estimator_class])
    assert state_of(estimator) == before


@both
def test_a_hop_with_a_target_for_every_step_is_an_error(estimator_class):
    parameters = {"frame_length": 4, "hop_length": 2, "return_sequences": True}
    with pytest.raises(ValueError, match="hop_length=2 leaves no output for some of"):
        make(estimator_class, **parameters).fit(RAGGED, STEP_TARGETS[estimator_class])


@both
def test_training_goes_on_with_the_same_frames(estimator_class):
    y = TARGETS[estimator_class]
    estimator = framed(estimator_class, warm_start=True)
    estimator.set_params(frame_length="auto", hop_length="auto").fit(SEQUENCES, y)
    assert (estimator.frame_length_, estimator.hop_length_) == (5, 2)
    estimator.partial_fit(SEQUENCES, y)
    assert estimator.n_iter_ == 5
    estimator.set_params(frame_length=4)
    for train in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match="Training cannot go on with another net"):
            train(SEQUENCES, y)
    with pytest.raises(ValueError, match=r"init_weights do not fit .*weight_ih_l0"):
        make(estimator_class, frame_length=3).fit(X, y, init_weights=estimator)


@both
def test_weights_go_between_steps_and_pools(estimator_class, monkeypatch):
    """They fit frames of the same length only, of which each step ends one."""
    monkeypatch.setattr(framing, "N_FRAMES", 4)
    parameters = {"frame_length": "auto", "layer_norm": True}
    for_steps = framed(estimator_class, return_sequences=True, **parameters)
    pooled = framed(estimator_class, hop_length="auto", **parameters)
    assert (pooled.frame_length_, pooled.hop_length_) == (6, 3)
    values = TARGETS[estimator_class]
    of_steps = [np.full(len(x), y) for x, y in zip(SEQUENCES, values, strict=True)]
    for body, other, y, length in (
        (for_steps, pooled, values, 1),
        (pooled, for_steps, of_steps, 6),
    ):
        tuned = clone(other).set_params(trainable="head", frame_length="auto")
        tuned.fit(SEQUENCES, y, init_weights=body)
        assert (tuned.frame_length_, tuned.hop_length_) == (length, 1)
        name = "weight_ih_l0"
        assert_array_equal(tuned.get_weights()[name], body.get_weights()[name])


@both
def test_partial_fit_goes_on_after_it_was_saved(estimator_class):
    estimator = framed(estimator_class, bidirectional=True, n_layers=2, dropout=0.2)
    reopened = pickle.loads(pickle.dumps(estimator))
    assert (reopened.frame_length_, reopened.hop_length_) == (5, 2)
    assert_array_equal(output_of(reopened, X), output_of(estimator, X))
    for either in (estimator, reopened):
        either.partial_fit(SEQUENCES, TARGETS[estimator_class])
    assert_array_equal(weights_of(reopened), weights_of(estimator))


def test_frames_learn():
    """A sum over neighbours, of which a frame sees all; then by adapters and a head."""
    y = [x[-4:].sum() for x in SEQUENCES]
    parameters = SMALL | {"hidden_size": 16, "max_iter": 60, "frame_length": 4}
    parameters["learning_rate_init"] = 0.02
    regressor = RNNRegressor(**parameters).fit(SEQUENCES, y)
    assert regressor.score(SEQUENCES, y) > 0.9
    tuned = RNNRegressor(**parameters, trainable="head", adapter_rank=2)
    opposite = [-value for value in y]
    tuned.fit(SEQUENCES, opposite, init_weights=regressor)
    assert tuned.score(SEQUENCES, opposite) > 0.9


def test_early_stopping_scores_frames():
    classifier = framed(RNNClassifier, early_stopping=True)
    assert len(classifier.validation_scores_) == 2
    classifier.fit(SEQUENCES, LABELS, X_val=X, y_val=LABELS)
    expected = classifier.score(X, LABELS)
    assert classifier.best_validation_score_ == expected


# Sequences and their frames


def test_joined_sequences_and_their_ends():
    first, second = (
        SEQUENCES[:4],
        [x[:n] for x, n in zip(X, (3, 0, 1, 5), strict=False)],
    )
    joined = Sequences.from_list(first, float).followed_by(
        Sequences.from_list(second, float)
    )
    expected = [np.concatenate(pair) for pair in zip(first, second, strict=True)]
    assert_array_equal(joined.values, np.concatenate(expected))
    assert_array_equal(joined.lengths, [4, 2, 4, 9])
    newest = joined.newest(3)
    assert_array_equal(newest.values, np.concatenate([x[-3:] for x in expected]))
    assert_array_equal(newest.lengths, [3, 2, 3, 3])


@pytest.mark.parametrize("length", range(1, 8))
def test_numbers_and_places_of_frames(length):
    lengths = np.arange(1, 30)
    for hop in range(1, length + 1):
        frames = Frames(length, hop, length - 1)
        expected = [naive.frame_ends(n, length, hop, is_pooled=True) for n in lengths]
        assert_array_equal(frames.counts(lengths), [len(ends) for ends in expected])
        firsts = frames.spans(lengths).firsts + 0 * lengths
        assert_array_equal(firsts, [ends[0] for ends in expected])
        steps = Frames(length, 1, 0).spans(lengths)
        assert_array_equal(steps.counts, lengths)
        assert_array_equal(steps.firsts, 0)
