"""Starting from given weights, training some of them only, low-rank adapters."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import all_rows, kinds_with, loss_gradient, make_problem, uneven_scales
from small import LABELS, RAGGED, TARGETS, X, Y, first_partial_fit, make, output_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import make_backend
from skrnn.training import Trainable

both = pytest.mark.parametrize("estimator_class", TARGETS)
DEEP = {"n_layers": 2, "bidirectional": True, "layer_norm": True, "cell": "lstm"}
DEEP |= {"pooling": "attention"}
#: What `trainable` may be, and the weights that it means, in a network as above.
CHOICES = {
    "all": lambda name: True,
    "head": lambda name: name.startswith("head."),
    "*_l1": lambda name: name.endswith("_l1"),
    "attention.*": lambda name: name.startswith("attention."),
    ("bias_*", "head.bias"): lambda name: (
        name.startswith("bias_") or name == "head.bias"
    ),
    ("norm_l0.weight",): lambda name: name == "norm_l0.weight",
    ("weight_hh_l1_reverse",): lambda name: name == "weight_hh_l1_reverse",
}


def changed(before, after):
    """Names of the weights that have another bit anywhere."""
    return {name for name in before if not np.array_equal(before[name], after[name])}


def fit(estimator_class, X=RAGGED, init_weights=None, **parameters):
    estimator = make(estimator_class, **parameters)
    return estimator.fit(X, TARGETS[estimator_class], init_weights=init_weights)


# Weights to start from


@both
def test_training_starts_at_given_weights(estimator_class):
    y = TARGETS[estimator_class]
    first = fit(estimator_class, **DEEP)
    # As another way to go on from there says.
    expected = pickle.loads(pickle.dumps(first)).set_params(warm_start=True)
    expected.fit(RAGGED, y)
    for weights in (first, first.get_weights()):
        other = fit(estimator_class, **DEEP, init_weights=weights)
        assert other.n_iter_ == 3
        assert other.loss_curve_[0] == pytest.approx(expected.loss_curve_[3], 1e-6)
        assert_allclose(output_of(other, X), output_of(expected, X), 1e-3, 1e-4)


def at_start(estimator, X, y, **arguments):
    """The weights before the first step: the rate is next to nothing."""
    estimator.set_params(max_iter=1, learning_rate_init=1e-30)
    return estimator.fit(X, y, **arguments).get_weights()


@pytest.mark.parametrize("as_dict", [False, True])
def test_another_number_of_classes_gets_a_new_head(as_dict):
    first = fit(RNNClassifier)
    labels = LABELS + 3 * (Y > 0)
    weights = first.get_weights() if as_dict else first
    second = at_start(make(RNNClassifier), X, labels, init_weights=weights)
    fresh = at_start(make(RNNClassifier), X, labels)
    for name, weight in second.items():
        expected = fresh if name.startswith("head.") else first.get_weights()
        assert_allclose(weight, expected[name], 1e-6, 1e-20, err_msg=name)


def test_other_classes_get_a_new_head_though_their_number_is_the_same():
    first = fit(RNNClassifier)
    second = at_start(make(RNNClassifier), X, LABELS + 1, init_weights=first)
    assert_allclose(second["weight_hh_l0"], first.get_weights()["weight_hh_l0"])
    assert not np.allclose(second["head.weight"], first.get_weights()["head.weight"])


def test_a_regressor_starts_from_a_classifier():
    first = fit(RNNClassifier, layer_norm=False)
    second = at_start(make(RNNRegressor), X, Y, init_weights=first)
    assert_allclose(second["weight_ih_l0"], first.get_weights()["weight_ih_l0"])


def test_a_dict_without_a_head():
    weights = fit(RNNRegressor).get_weights()
    del weights["head.weight"], weights["head.bias"]
    assert fit(RNNRegressor, init_weights=weights).n_iter_ == 3


@both
def test_errors_of_given_weights(estimator_class):
    first, estimator = fit(estimator_class), make(estimator_class)
    y, weights = TARGETS[estimator_class], first.get_weights()
    cases = {
        "do not fit this network: init_weights..weight_.*must have shape": fit(
            estimator_class, hidden_size=5
        ),
        "do not fit this network: init_weights must have the names": fit(
            estimator_class, n_layers=2
        ),
        "contains NaN": weights | {"weight_hh_l0": weights["weight_hh_l0"] * np.nan},
    }
    for match, given in cases.items():
        with pytest.raises(ValueError, match=match):
            estimator.fit(X, y, init_weights=given)
    with pytest.raises(
        TypeError, match="init_weights must be a fitted estimator .*list"
    ):
        estimator.fit(X, y, init_weights=[1, 2])
    with pytest.raises(ValueError, match="not fitted yet"):
        estimator.fit(X, y, init_weights=make(estimator_class))
    assert not hasattr(estimator, "n_features_in_")
    first.set_params(warm_start=True)
    with pytest.raises(ValueError, match="init_weights are for a new fit"):
        first.fit(RAGGED, y, init_weights=weights)


# Frozen weights


@both
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_what_is_not_named_keeps_its_bits(estimator_class, choice):
    first = fit(estimator_class, **DEEP)
    before = first.get_weights()
    choice_, is_trained = choice, CHOICES[choice]
    if isinstance(choice, tuple):
        choice_ = list(choice)
    second = fit(estimator_class, **DEEP, trainable=choice_, init_weights=before)
    expected = {name for name in before if is_trained(name)}
    if any(name.startswith("bias_") for name in expected):
        # Of an LSTM's two biases the second is 0 in here.
        expected -= {name for name in expected if name.startswith("bias_hh")}
    if choice == "all":
        # The bias of all scores of attention is no part of their softmax.
        assert changed(before, second.get_weights()) <= expected
        assert len(changed(before, second.get_weights())) >= len(expected) - 1
    else:
        assert changed(before, second.get_weights()) == expected
    # What partial_fit or warm_start goes on with is frozen, too.
    second.partial_fit(RAGGED, TARGETS[estimator_class])
    second.set_params(warm_start=True).fit(RAGGED, TARGETS[estimator_class])
    assert changed(before, second.get_weights()) <= expected


STACK = {"n_layers": 3, "bidirectional": True, "layer_norm": True}


@kinds_with("gru")
@pytest.mark.parametrize("bptt_steps", [None, 3])
def test_trained_gradients_are_those_of_the_whole_network(kind, bptt_steps):
    stack = STACK | {"bidirectional": bptt_steps is None}
    problem = make_problem(*kind, **stack, lengths=(4, 9, 1, 6))
    network = problem.network
    given = problem, all_rows(problem), uneven_scales(problem)
    _, expected = loss_gradient(*given, bptt_steps=bptt_steps)
    for names in (
        {"head"},
        {"head_bias", "bias_l2"},
        {"recurrent_l1", "norm_l2"},
        {"input_l0"},
    ):
        backend = make_backend("cpu", network, frozenset(names))
        _, gradient = loss_gradient(*given, backend, bptt_steps=bptt_steps)
        for name in names:
            assert_array_equal(
                network.views(gradient)[name], network.views(expected)[name], name
            )


def test_nothing_is_computed_below_the_lowest_trained_layer():
    network = fit(RNNRegressor, **DEEP)._model.network
    lowest = {
        name: make_backend("cpu", network, frozenset({name})).plan.sizes.first_trained
        for name in ("recurrent_l0", "norm_bias_l1", "attention_query", "head_bias")
    }
    assert list(lowest.values()) == [0, 1, 2, 3]
    layers = make_backend("cpu", network, frozenset({"bias_l1"})).plan.layers
    assert layers[:, -1].tolist() == [0, 0, 1, 0]


@both
@pytest.mark.parametrize("trainable", ["weight_hh_l5", ["head.*", "nothing"], []])
def test_errors_of_trainable(estimator_class, trainable):
    estimator = make(estimator_class, trainable=trainable)
    match = "which is no name or pattern of a weight" if trainable else "nothing to tra"
    with pytest.raises(ValueError, match=match):
        estimator.fit(X, TARGETS[estimator_class])


def test_trainable_must_have_names():
    with pytest.raises(TypeError, match="trainable must be .* found 3 in it"):
        make(RNNRegressor, trainable=[3]).fit(X, Y)


# Adapters


@both
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_adapters_are_added_to_matrices_that_stay(estimator_class, cell):
    shape = {"cell": cell, "n_layers": 2, "bidirectional": True}
    first = fit(estimator_class, **shape)
    before = first.get_weights()
    second = fit(
        estimator_class, **shape, trainable=[], adapter_rank=2, init_weights=first
    )
    merged = second.get_weights()
    apart = second.get_weights(merge_adapters=False)
    matrices = {name for name in before if name.startswith("weight_")}
    assert set(apart) == set(before) | {
        f"{name}.{factor}" for name in matrices for factor in ("lora_A", "lora_B")
    }
    assert changed(before, merged) == matrices
    assert not changed(before, apart)
    for name in matrices:
        a, b = apart[f"{name}.lora_A"], apart[f"{name}.lora_B"]
        assert a.shape == (2, before[name].shape[1])
        assert b.shape == (before[name].shape[0], 2)
        assert_allclose(merged[name], apart[name] + b @ a, 1e-5, 1e-7)
        assert np.linalg.matrix_rank(merged[name] - before[name], 1e-5) <= 2


@both
def test_new_adapters_change_nothing(estimator_class):
    first = fit(estimator_class)
    before = first.get_weights()
    estimator = make(estimator_class, adapter_rank=1, trainable=[])
    after = at_start(estimator, RAGGED, TARGETS[estimator_class], init_weights=first)
    for name, weight in before.items():
        assert_allclose(after[name], weight, 1e-6, err_msg=name)


@both
def test_adapters_and_other_weights(estimator_class):
    first = fit(estimator_class, n_layers=2)
    apart = fit(
        estimator_class,
        n_layers=2,
        adapter_rank=1,
        trainable="head",
        init_weights=first,
    ).get_weights(merge_adapters=False)
    assert changed(first.get_weights(), apart) == {"head.weight", "head.bias"}
    # "all" is all but the matrices that have adapters.
    apart = fit(
        estimator_class, n_layers=2, adapter_rank=1, init_weights=first
    ).get_weights(merge_adapters=False)
    frozen = set(first.get_weights()) - changed(first.get_weights(), apart)
    assert {n for n in frozen if n.startswith("weight_")} == {
        n for n in first.get_weights() if n.startswith("weight_")
    }


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_adapters_lower_the_loss(estimator_class, solver):
    estimator = fit(
        estimator_class, adapter_rank=2, solver=solver, max_iter=60, trainable=[]
    )
    assert estimator.loss_ < 0.95 * estimator.loss_curve_[0]


@both
def test_adapters_go_on(estimator_class):
    y = TARGETS[estimator_class]
    tuned = {"adapter_rank": 1, "trainable": [], "shuffle": False}
    estimator = make(estimator_class, **tuned)
    first_partial_fit(estimator, RAGGED, y)
    copy = pickle.loads(pickle.dumps(estimator))
    for other in (estimator, copy):
        other.partial_fit(RAGGED, y)
    before = make(estimator_class, **tuned)
    first_partial_fit(before, RAGGED, y)
    base = before.get_weights(merge_adapters=False)
    after = estimator.get_weights(merge_adapters=False)
    assert all("lora" in name for name in changed(base, after))
    assert_array_equal(output_of(copy, X), output_of(estimator, X))
    # fit with warm_start goes on with the same adapters.
    estimator.set_params(warm_start=True).fit(RAGGED, y)
    last = estimator.get_weights(merge_adapters=False)
    assert all("lora" in name for name in changed(after, last))


@both
def test_merging_on_demand(estimator_class):
    estimator = fit(estimator_class, adapter_rank=1)
    expected = output_of(estimator, X)
    estimator.set_weights(estimator.get_weights())
    assert_array_equal(output_of(estimator, X), expected)
    assert not any("lora" in n for n in estimator.get_weights(merge_adapters=False))


def test_gradient_of_adapters_by_differences():
    network = fit(RNNRegressor, cell="lstm", dtype="float64")._model.network
    rng = np.random.default_rng(0)
    parameters = network.initial_parameters(np.random.RandomState(0))
    trainable = Trainable(network, parameters, {"head"}, rank=2)
    vector = rng.normal(size=trainable.start(parameters, np.random.RandomState(0)).size)
    slope = rng.normal(size=parameters.size)
    gradient = trainable.gradient(vector, slope)
    for i in range(vector.size):
        step = np.zeros_like(vector)
        step[i] = 1e-6
        high, low = (trainable.parameters(vector + s) for s in (step, -step))
        assert gradient[i] == pytest.approx(slope @ (high - low) / 2e-6, 1e-6, 1e-8)
