"""Layers, directions, dropout and attention of the estimators; states as features."""

import naive
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError
from small import LABELS, RAGGED, X, Y, make, output_of, state_of
from small_steps import TARGETS as STEP_TARGETS
from small_steps import Y as STEP_Y
from small_steps import make_steps, weights_of

from skrnn import RNNClassifier, RNNRegressor

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}
both = pytest.mark.parametrize("estimator_class", TARGETS)
SHAPES = [
    {"n_layers": n_layers, "bidirectional": bidirectional}
    for n_layers in (1, 2, 3)
    for bidirectional in (False, True)
]
shapes = pytest.mark.parametrize(
    "shape", SHAPES, ids=lambda s: "-".join(map(str, s.values()))
)


def fitted(estimator_class, X=X, **parameters):
    return make(estimator_class, **parameters).fit(X, TARGETS[estimator_class])


# Layers and directions


@both
def test_directions_by_default(estimator_class):
    """Both where there is one target a sequence and gradients reach its first step."""

    def n_directions(fitted):
        return fitted.get_weights()["head.weight"].shape[1] // 3

    y = TARGETS[estimator_class]
    assert n_directions(make(estimator_class, bidirectional="auto").fit(X, y)) == 2
    cut = make(estimator_class, bidirectional="auto", bptt_steps=2)
    assert n_directions(cut.fit(X, y)) == 1
    steps = make_steps(estimator_class, bidirectional="auto")
    assert n_directions(steps.fit(RAGGED, STEP_TARGETS[estimator_class])) == 1
    assert estimator_class().bidirectional == "auto"


@both
def test_training_goes_on_in_one_direction(estimator_class):
    y = TARGETS[estimator_class]
    cut = make(estimator_class, bidirectional="auto", bptt_steps=2, warm_start=True)
    n_weights = len(cut.fit(X, y).get_weights())
    assert len(cut.set_params(bptt_steps=None).fit(X, y).get_weights()) == n_weights
    other = make(estimator_class, bidirectional="auto").fit(X, y, init_weights=cut)
    assert len(other.get_weights()) == n_weights


@both
@shapes
def test_weights(estimator_class, shape):
    estimator = fitted(estimator_class, RAGGED, **shape)
    weights = estimator.get_weights()
    n_directions = 1 + shape["bidirectional"]
    for layer in range(shape["n_layers"]):
        for suffix in ("", "_reverse")[:n_directions]:
            n_inputs = 3 * n_directions if layer else 2
            assert weights[f"weight_ih_l{layer}{suffix}"].shape == (9, n_inputs)
            assert weights[f"weight_hh_l{layer}{suffix}"].shape == (9, 3)
            assert weights[f"bias_ih_l{layer}{suffix}"].shape == (9,)
            assert weights[f"bias_hh_l{layer}{suffix}"].shape == (9,)
    assert f"weight_ih_l{shape['n_layers']}" not in weights
    assert ("weight_ih_l0_reverse" in weights) == shape["bidirectional"]
    assert weights["head.weight"].shape == (estimator.n_outputs_, 3 * n_directions)


@both
@shapes
def test_weights_come_back_as_they_were(estimator_class, shape):
    estimator = fitted(estimator_class, **shape)
    expected, weights = output_of(estimator, RAGGED), estimator.get_weights()
    other = fitted(estimator_class, random_state=1, **shape)
    assert (output_of(other, RAGGED) != expected).any()
    assert other.set_weights(weights) is other
    assert_array_equal(output_of(other, RAGGED), expected)
    for name, array in other.get_weights().items():
        assert_array_equal(array, weights[name])
        array[:] = 0  # a copy
    assert_array_equal(output_of(other, RAGGED), expected)


@both
@shapes
def test_learns(estimator_class, shape):
    parameters = {"hidden_size": 16, "max_iter": 100, "learning_rate_init": 0.02}
    estimator = fitted(estimator_class, **parameters, **shape)
    assert estimator.score(X, TARGETS[estimator_class]) > 0.9


@pytest.mark.parametrize("n_layers", [1, 2])
def test_only_two_directions_see_what_comes(n_layers):
    y = [part.sum() - part.cumsum() for part in X[:, :, 0]]  # the sum of what comes
    parameters = {"n_layers": n_layers, "hidden_size": 16, "max_iter": 100}
    forward = make_steps(RNNRegressor, **parameters).fit(X, y)
    both_ways = make_steps(RNNRegressor, bidirectional=True, **parameters).fit(X, y)
    assert both_ways.score(X, y) > 0.9
    assert forward.score(X, y) < 0.7
    changed = X.copy()
    changed[:, 3:] += 1
    assert_array_equal(forward.predict(X)[:, :3], forward.predict(changed)[:, :3])
    assert (both_ways.predict(X)[:, :3] != both_ways.predict(changed)[:, :3]).all()


@both
@shapes
def test_a_prediction_is_the_same_bits_in_any_company(estimator_class, shape):
    estimator = fitted(estimator_class, RAGGED, **shape)
    together = output_of(estimator, RAGGED)
    alone = [output_of(estimator, [x])[0] for x in RAGGED]
    assert_array_equal(together, alone)


@both
@pytest.mark.parametrize("changed", [{"n_layers": 3}, {"bidirectional": True}], ids=str)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_network_cannot_go_on(estimator_class, changed, method):
    estimator = fitted(estimator_class, warm_start=True).set_params(**changed)
    with pytest.raises(ValueError, match="cannot go on with another network"):
        getattr(estimator, method)(X, TARGETS[estimator_class])
    estimator = fitted(estimator_class, warm_start=True)
    estimator.set_params(return_sequences=True)
    with pytest.raises(ValueError, match="cannot go on with another network"):
        getattr(estimator, method)(RAGGED, STEP_TARGETS[estimator_class])


@both
def test_targets_for_steps_go_on(estimator_class):
    y = STEP_TARGETS[estimator_class]
    parameters = {"n_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.3}
    fit = make_steps(estimator_class, learning_rate="constant", **parameters)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        fit.fit(RAGGED, y)
    partial = make_steps(estimator_class, **parameters)
    classes = [[0, 1, 2]] if estimator_class is RNNClassifier else []
    partial.partial_fit(RAGGED, y, *classes)
    partial.partial_fit(RAGGED, y).partial_fit(RAGGED, y)
    assert_array_equal(weights_of(partial), weights_of(fit))
    assert partial.loss_curve_ == fit.loss_curve_


@both
def test_warm_start_of_targets_for_steps(estimator_class):
    y = STEP_TARGETS[estimator_class]
    estimator = make_steps(estimator_class, warm_start=True).fit(RAGGED, y)
    first = estimator.loss_curve_
    # Other sequences, of other lengths.
    estimator.fit(RAGGED[:-1], y[:-1])
    assert estimator.n_iter_ == 6
    assert estimator.loss_curve_[:3] == first
    assert estimator.loss_curve_[3] < first[0]
    estimator.set_params(warm_start=False).fit(RAGGED, y)
    assert estimator.loss_curve_ == first


BAD_PARAMETERS = [
    ("n_layers", 0),
    ("n_layers", 1.5),
    ("bidirectional", "yes"),
    ("dropout", 1),
    ("dropout", -0.1),
    ("recurrent_dropout", 1.0),
    ("recurrent_dropout", None),
    ("pooling", "first"),
    ("pooling", None),
    ("return_sequences", "yes"),
    ("bptt_steps", 0),
    ("bptt_steps", 2.5),
]


@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_errors_for_parameters(name, value):
    match = f"The '{name}' parameter of RNNRegressor must be .* Got {value!r} instead"
    with pytest.raises(InvalidParameterError, match=match):
        make(RNNRegressor, **{name: value}).fit(X, Y)


# Dropout

DROPOUTS = [
    {"dropout": 0.5},
    {"recurrent_dropout": 0.5},
    {"dropout": 0.3, "recurrent_dropout": 0.2},
]
dropouts = pytest.mark.parametrize("dropout", DROPOUTS, ids=str)


@both
@dropouts
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_changes_training_only(estimator_class, dropout, bidirectional):
    shape = {"n_layers": 2, "bidirectional": bidirectional, "max_iter": 10}
    estimator = fitted(estimator_class, RAGGED, **dropout, **shape)
    plain = fitted(estimator_class, RAGGED, **shape)
    assert (weights_of(estimator) != weights_of(plain)).any()
    assert estimator.loss_curve_[0] != plain.loss_curve_[0]
    expected = output_of(estimator, RAGGED)
    assert_array_equal(output_of(estimator, RAGGED), expected)
    plain.set_weights(estimator.get_weights())
    assert_array_equal(output_of(plain, RAGGED), expected)


@both
@dropouts
def test_dropout_of_steps_changes_training_only(estimator_class, dropout):
    y = STEP_TARGETS[estimator_class]
    estimator = make_steps(estimator_class, n_layers=2, **dropout).fit(RAGGED, y)
    plain = make_steps(estimator_class, n_layers=2).fit(RAGGED, y)
    assert (weights_of(estimator) != weights_of(plain)).any()
    plain.set_weights(estimator.get_weights())
    assert_array_equal(plain.predict(X), estimator.predict(X))


@both
@dropouts
@pytest.mark.parametrize("bptt_steps", [None, 2])
def test_dropout_has_the_same_bits_on_any_number_of_threads(
    estimator_class, dropout, bptt_steps, monkeypatch
):
    monkeypatch.setattr("skrnn.backends.cpu.packing.WORTH_A_THREAD", 1)
    results = set()
    for n_threads in (1, 2, 2, 1):
        monkeypatch.setattr(
            "skrnn.backends.cpu.packing.thread_limit", lambda n=n_threads: n
        )
        estimator = make_steps(
            estimator_class,
            n_layers=2,
            batch_size=24,
            bptt_steps=bptt_steps,
            **dropout,
        ).fit(RAGGED, STEP_TARGETS[estimator_class])
        results.add(weights_of(estimator).tobytes())
    assert len(results) == 1
    estimator.set_params(random_state=1).fit(RAGGED, STEP_TARGETS[estimator_class])
    assert weights_of(estimator).tobytes() not in results


def test_dropout_differs_from_batch_to_batch():
    # The same sequences in each batch: without dropout, each has the same loss.
    parameters = {"n_layers": 2, "batch_size": 6, "shuffle": False, "alpha": 0.0}
    regressor = make(RNNRegressor, learning_rate_init=1e-30, **parameters)
    same = np.tile(X[:6], (4, 1, 1)), np.tile(Y[:6], 4)
    assert len({round(loss, 6) for loss in regressor.fit(*same).loss_curve_}) == 1
    regressor.set_params(dropout=0.5).fit(*same)
    assert len({round(loss, 6) for loss in regressor.loss_curve_}) == 3


def test_no_dropout_is_the_default():
    expected = fitted(RNNRegressor, n_layers=2)
    regressor = fitted(RNNRegressor, n_layers=2, dropout=0, recurrent_dropout=0)
    assert_array_equal(weights_of(regressor), weights_of(expected))


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_transform"])
def test_dropout_of_one_layer_warns(estimator_class, method):
    expected = fitted(estimator_class, max_iter=1)
    estimator = make(estimator_class, max_iter=1, dropout=0.5)
    match = "dropout=0.5 has no effect with n_layers=1: it is applied to the outputs of"
    arguments = [X, TARGETS[estimator_class]]
    if method == "partial_fit" and estimator_class is RNNClassifier:
        arguments.append([0, 1, 2])
    with pytest.warns(UserWarning, match=match) as record:
        getattr(estimator, method)(*arguments)
    assert len(record) == 1
    assert record[0].filename == __file__ or method == "fit_transform"
    if method != "partial_fit":  # its learning rate is another
        assert_array_equal(weights_of(estimator), weights_of(expected))
    # That of the states applies.
    make(estimator_class, recurrent_dropout=0.5).fit(*arguments[:2])


# Attention


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[3]])
def test_attention(shape):
    # The cell with which the tests of the kernels compile it, too.
    regressor = fitted(RNNRegressor, RAGGED, cell="lstm", pooling="attention", **shape)
    shares = regressor.attention_weights(RAGGED)
    assert type(shares) is list
    assert [part.shape for part in shares] == [(len(x),) for x in RAGGED]
    for part in shares:
        assert (part > 0).all()
        assert part.sum() == pytest.approx(1, rel=1e-6)
    assert_array_equal(
        np.stack(regressor.attention_weights(X)), regressor.attention_weights(list(X))
    )
    # The shares of the steps in what is pooled.
    weights = regressor.get_weights()
    states, _ = naive.forward(weights, RAGGED, "lstm", "tanh", pooling=None)
    parts = np.split(states, np.cumsum([len(x) for x in RAGGED])[:-1])
    expected = [share @ part for share, part in zip(shares, parts, strict=True)]
    assert_allclose(regressor.transform(RAGGED), expected, 1e-4, 1e-6)
    for share, part in zip(shares, parts, strict=True):
        assert_allclose(share, naive.attention(weights, part)[1], 1e-4)


@pytest.mark.parametrize("pooling", ["last", None])
def test_other_poolings_have_no_attention(pooling):
    if pooling is None:
        estimator = make_steps(RNNRegressor).fit(RAGGED, STEP_Y)
    else:
        estimator = fitted(RNNRegressor)
    estimator.set_params(pooling="attention", return_sequences=False)
    match = f"with pooling='attention' only, the network was fitted with {pooling!r}"
    with pytest.raises(ValueError, match=match):
        estimator.attention_weights(X)


# Features


@both
@shapes
def test_outputs_are_made_of_the_states(estimator_class, shape):
    estimator = fitted(estimator_class, RAGGED, **shape)
    states, weights = estimator.transform(RAGGED), estimator.get_weights()
    assert states.dtype == np.float32
    assert states.shape == (24, 3 * (1 + shape["bidirectional"]))
    outputs = states @ weights["head.weight"].T + weights["head.bias"]
    if estimator_class is RNNRegressor:
        expected = estimator.predict(RAGGED)
        assert_allclose(outputs[:, 0] * Y.std() + Y.mean(), expected, 1e-4, 1e-6)
    else:
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        assert_allclose(estimator.predict_proba(RAGGED), shares, 1e-4, 1e-6)


def test_states_of_steps():
    regressor = make_steps(RNNRegressor, bidirectional=True).fit(RAGGED, STEP_Y)
    states, weights = regressor.transform(X), regressor.get_weights()
    assert states.shape == (24, 5, 6)
    outputs = states @ weights["head.weight"].T + weights["head.bias"]
    flat = np.concatenate(STEP_Y)
    expected = outputs[..., 0] * flat.std() + flat.mean()
    assert_allclose(regressor.predict(X), expected, 1e-4, 1e-6)


@both
@shapes
def test_names_of_features(estimator_class, shape):
    estimator = fitted(estimator_class, **shape)
    name, n = estimator_class.__name__.lower(), 3 * (1 + shape["bidirectional"])
    expected = [f"{name}{i}" for i in range(n)]
    assert estimator.get_feature_names_out().tolist() == expected
    assert estimator.get_feature_names_out().dtype == object


@both
def test_fit_transform(estimator_class):
    y = TARGETS[estimator_class]
    estimator = fitted(estimator_class, RAGGED)
    states = make(estimator_class).fit_transform(RAGGED, y)
    assert_array_equal(states, estimator.transform(RAGGED))
    steps = make_steps(estimator_class)
    states = steps.fit_transform(RAGGED, STEP_TARGETS[estimator_class])
    assert [part.shape for part in states] == [(len(x), 3) for x in RAGGED]


@pytest.mark.parametrize("X_form", [X, RAGGED, X.reshape(24, -1)])
def test_feature_extractor_in_a_pipeline(X_form):
    pipeline = make_pipeline(
        make(RNNClassifier, n_features_per_step=2),
        LogisticRegression(),
    ).fit(X_form, LABELS)
    states = pipeline[0].transform(X_form)
    assert_array_equal(pipeline.predict(X_form), pipeline[1].predict(states))
    expected = [f"rnnclassifier{i}" for i in range(3)]
    assert pipeline[:-1].get_feature_names_out().tolist() == expected
    pipeline.set_output(transform="pandas").fit(X_form, LABELS)
    assert pipeline[1].feature_names_in_.tolist() == expected
    make_pipeline(make(RNNRegressor), Ridge()).fit(X_form, Y).predict(X_form)


@both
@pytest.mark.parametrize("globally", [True, False])
def test_features_as_pandas(estimator_class, globally):
    y, table = TARGETS[estimator_class], pd.DataFrame(X.reshape(24, -1))
    table.index = [f"sample {i}" for i in range(24)]
    estimator = make(estimator_class, n_features_per_step=2)
    steps = make_steps(estimator_class)
    if not globally:
        for each in (estimator, steps):
            assert each.set_output(transform="pandas") is each
    with config_context(transform_output="pandas" if globally else "default"):
        frame = estimator.fit_transform(table, y)
        assert frame.columns.tolist() == estimator.get_feature_names_out().tolist()
        assert frame.index.tolist() == table.index.tolist()
        assert_array_equal(estimator.transform(RAGGED).index, range(24))
        assert type(estimator.transform(X)) is pd.DataFrame
        # What has steps cannot be a table.
        states = steps.fit_transform(RAGGED, STEP_TARGETS[estimator_class])
        assert {type(part) for part in states} == {np.ndarray}
        assert type(steps.transform(X)) is np.ndarray
    estimator.set_output(transform="default")
    assert type(estimator.transform(table)) is np.ndarray


@both
def test_new_parameters_do_not_touch_what_is_fitted(estimator_class):
    estimator = fitted(estimator_class, n_layers=2)
    before, states = output_of(estimator, RAGGED), estimator.transform(RAGGED)
    estimator.set_params(
        n_layers=1,
        bidirectional=True,
        dropout=0.5,
        recurrent_dropout=0.5,
        return_sequences=True,
        pooling="attention",
        bptt_steps=1,
    )
    assert_array_equal(output_of(estimator, RAGGED), before)
    assert_array_equal(estimator.transform(RAGGED), states)
    after = state_of(estimator)
    estimator.stream(24).transform(RAGGED)
    assert state_of(estimator) == after
