"""One flat vector inside, PyTorch's names, shapes and gate order outside."""

import json

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import DEEP, cells, dtypes, poolings, random_weights, stacks

from skrnn.mathematics.losses import Softmax
from skrnn.network import Network, take_weights

N_FEATURES, HIDDEN_SIZE, N_OUTPUTS = 3, 5, 4


def make_network(cell="gru", activation="tanh", dtype="float64", **options):
    options = {"pooling": "attention", "output_sizes": (3, 1)} | options
    return Network(
        cell_name=cell,
        activation=activation,
        n_features=N_FEATURES,
        hidden_size=HIDDEN_SIZE,
        loss=Softmax(),
        dtype=dtype,
        **options,
    )


def initial(network, seed=0):
    return network.initial_parameters(np.random.RandomState(seed))


@cells
@stacks
@poolings
def test_a_description_is_plain_and_gives_an_equal_network(
    cell, activation, stack, pooling
):
    network = make_network(cell, activation, **stack, pooling=pooling)
    text = json.dumps(network.description())
    again = Network.from_description(json.loads(text))
    assert again == network
    assert hash(again) == hash(network)
    assert json.dumps(again.description()) == text


@cells
@dtypes
@stacks
def test_export_and_import_give_the_same_bits(cell, activation, dtype, stack):
    network = make_network(cell, activation, dtype, **stack)
    parameters = np.random.default_rng(0).normal(size=network.n_parameters)
    parameters = parameters.astype(dtype)
    imported = network.import_weights(network.export_weights(parameters))
    assert imported.dtype == dtype
    assert imported.tobytes() == parameters.tobytes()


@cells
@stacks
@poolings
def test_names_and_shapes(cell, activation, stack, pooling):
    network = make_network(cell, activation, **stack, pooling=pooling)
    rows = naive.CELLS[cell, activation].n_gates * HIDDEN_SIZE
    n_states = HIDDEN_SIZE * (2 if stack["bidirectional"] else 1)
    expected = {
        "head.weight": (N_OUTPUTS, n_states),
        "head.bias": (N_OUTPUTS,),
    }
    if pooling == "attention":
        expected |= {
            "attention.weight": (HIDDEN_SIZE, n_states),
            "attention.bias": (HIDDEN_SIZE,),
            "attention.query": (HIDDEN_SIZE,),
        }
    for k in range(stack["n_layers"]):
        if stack.get("layer_norm"):
            expected[f"norm_l{k}.weight"] = expected[f"norm_l{k}.bias"] = (n_states,)
        for end in [f"l{k}", f"l{k}_reverse"][: 1 + stack["bidirectional"]]:
            expected |= {
                f"weight_ih_{end}": (rows, n_states if k else N_FEATURES),
                f"weight_hh_{end}": (rows, HIDDEN_SIZE),
                f"bias_ih_{end}": (rows,),
                f"bias_hh_{end}": (rows,),
            }
    weights = network.export_weights(initial(network))
    assert {name: array.shape for name, array in weights.items()} == expected


@cells
@stacks
@poolings
def test_views_share_out_the_vector(cell, activation, stack, pooling):
    network = make_network(cell, activation, **stack, pooling=pooling)
    parameters = np.arange(network.n_parameters)
    views = network.views(parameters).values()
    assert all(np.shares_memory(view, parameters) for view in views)
    assert_array_equal(np.concatenate([view.ravel() for view in views]), parameters)


@cells
def test_exported_weights_are_copies(cell, activation):
    network = make_network(cell, activation, **DEEP)
    parameters = initial(network)
    before = parameters.copy()
    for array in network.export_weights(parameters).values():
        array[:] = np.nan
    assert_array_equal(parameters, before)


@pytest.mark.parametrize(
    ("cell", "own"),
    [
        ("rnn", [False] * HIDDEN_SIZE),
        ("lstm", [False] * 4 * HIDDEN_SIZE),
        # r and z need one bias; n has one on either side of the reset gate.
        ("gru", [False] * 2 * HIDDEN_SIZE + [True] * HIDDEN_SIZE),
    ],
)
def test_import_adds_the_biases_of_a_gate_that_needs_one(cell, own):
    network = make_network(cell, **DEEP)
    weights = random_weights(network, np.random.default_rng(0))
    exported = network.export_weights(network.import_weights(weights))
    expected = dict(weights)
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        bias_ih, bias_hh = weights[f"bias_ih_{end}"], weights[f"bias_hh_{end}"]
        expected[f"bias_ih_{end}"] = np.where(own, bias_ih, bias_ih + bias_hh)
        expected[f"bias_hh_{end}"] = np.where(own, bias_hh, 0)
    for name, array in expected.items():
        assert_array_equal(exported[name], array, err_msg=name)


def test_import_takes_lists():
    network = make_network(**DEEP)
    parameters = initial(network)
    weights = network.export_weights(parameters)
    lists = {name: array.tolist() for name, array in weights.items()}
    assert_array_equal(take_weights(network, lists, "weights"), parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head.bias": np.zeros(3)}, r"'head.bias'\] must have shape \(4,\), got \(3,"),
        ({"bias_ih_l0": np.zeros((15, 1))}, r"must have shape \(15,\), got \(15, 1\)"),
        ({"weight_ih_l0": np.full((15, 3), np.nan)}, "'weight_ih_l0'.*NaN or infinity"),
        ({"head.bias": np.full(4, np.inf)}, "'head.bias'.*NaN or infinity"),
        ({"weight_ih_l1": np.zeros((15, 5))}, "must have the names.*weight_ih_l1"),
        ({"bias_hh_l0_reverse": np.zeros(15)}, "must have the names.*l0_reverse"),
        ({"attention.query": np.zeros((5, 1))}, r"must have shape \(5,\), got \(5, 1"),
    ],
)
def test_import_refuses(change, message):
    network = make_network()
    weights = network.export_weights(initial(network)) | change
    with pytest.raises(ValueError, match=message):
        take_weights(network, weights, "weights")


def test_import_refuses_a_missing_name():
    network = make_network()
    weights = network.export_weights(initial(network))
    del weights["bias_hh_l0"]
    with pytest.raises(ValueError, match="must have the names"):
        take_weights(network, weights, "weights")


def test_import_refuses_what_does_not_fit_float32():
    network = make_network(dtype="float32")
    weights = network.export_weights(initial(network))
    weights["head.bias"] = np.full(N_OUTPUTS, 1e300)
    with pytest.raises(ValueError, match=r"'head.bias'.*NaN or infinity"):
        take_weights(network, weights, "weights")


@pytest.mark.nojit
@cells
@stacks
def test_initial_weights(cell, activation, stack):
    network = make_network(cell, activation, **stack)
    views = network.views(initial(network))
    bounded = ["head", "attention", "attention_query"]
    matrices = [views[name] for name in bounded]
    for layer in network.layers:
        matrices += list(views[layer.input])
        for block in views[layer.recurrent]:
            assert_allclose(block @ block.T, np.eye(HIDDEN_SIZE), atol=1e-14)
    for matrix in matrices:
        bound = np.sqrt(6 / sum(matrix.shape))
        assert 0.5 * bound < np.abs(matrix).max() <= bound
    assert not views["head_bias"].any()
    assert not views["attention_bias"].any()


@cells
def test_no_two_initial_matrices_are_the_same(cell, activation):
    network = make_network(cell, activation, **DEEP)
    weights = network.export_weights(initial(network))
    drawn = np.concatenate([w[0] for name, w in weights.items() if w.ndim == 2])
    assert np.unique(drawn).size == drawn.size


@cells
def test_initial_biases_are_0_but_the_forget_gates(cell, activation):
    network = make_network(cell, activation, **DEEP)
    weights = network.export_weights(initial(network))
    expected = np.zeros_like(weights["bias_ih_l0"])
    if cell == "lstm":
        expected[HIDDEN_SIZE : 2 * HIDDEN_SIZE] = 1  # i, f, g, o
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        assert_array_equal(weights[f"bias_ih_{end}"], expected)
        assert not weights[f"bias_hh_{end}"].any()


@cells
def test_initial_norms_change_neither_mean_nor_variance(cell, activation):
    network = make_network(cell, activation, **DEEP)
    weights = network.export_weights(initial(network))
    for k in range(2):
        assert_array_equal(weights[f"norm_l{k}.weight"], 1)
        assert_array_equal(weights[f"norm_l{k}.bias"], 0)


@cells
def test_random_state_determines_the_initial_parameters(cell, activation):
    network = make_network(cell, activation, **DEEP)
    parameters = initial(network)
    single = initial(make_network(cell, activation, "float32", **DEEP))
    assert_array_equal(initial(network), parameters)
    assert_array_equal(single, parameters.astype(np.float32))
    assert not np.array_equal(initial(network, seed=1), parameters)


@cells
def test_weight_mask_leaves_out_the_biases(cell, activation):
    network = make_network(cell, activation, **DEEP)
    for name, array in network.export_weights(network.weight_mask()).items():
        assert (array == ("bias" not in name and "norm" not in name)).all()
