"""An encoder with a decoder and attention: the network, and the CPU's kernels."""

import json
import pickle

import naive
import naive_pairs
import numpy as np
import pytest
from numba import config, njit
from numpy.testing import assert_allclose, assert_array_equal
from pair_cases import LENGTHS, PairCase
from problems import (
    TOLERANCES,
    assert_close,
    assert_gradients_close,
    in_double,
    output_factors,
    recurrent_factors,
)
from test_naive import slope

from skrnn.backends import make_backend, make_predictor
from skrnn.backends.steps import Part, Solver
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout, factor, input_key
from skrnn.network import EncoderDecoder
from skrnn.sequences import Sequences
from skrnn.training import Data, Trainable
from skrnn.training.epoch import with_unknown

DEEP = {"n_layers": 2, "bidirectional": True, "layer_norm": True}
#: Cell, activation, dtype and whether the encoder reads numbers: Numba compiles each
#: anew (some 12 s). Plain Python runs all, compiled are some in which each is met; two
#: of these are what the translator's tests compile as well.
KINDS = [
    ("lstm", "tanh", "float64", False),
    ("gru", "tanh", "float32", False),
    ("gru", "tanh", "float64", True),
    ("rnn", "relu", "float64", True),
    ("rnn", "tanh", "float32", True),
]
kinds = pytest.mark.parametrize(
    "kind", KINDS if config.DISABLE_JIT else KINDS[:3], ids=str
)
#: More arguments, for which nothing is compiled.
STACKS = [
    {"score": "dot"},
    {"score": "general", "bidirectional": True},
    {"score": "dot", "n_layers": 2},
    {"score": "general"} | DEEP,
    {"score": "general", "hidden_size": 34, "bidirectional": True, "n_outputs": 40},
    {"score": "dot", "lengths": (150, 2), "target_lengths": (3, 140)},
    {"score": "general", "lengths": (1,), "target_lengths": (1,)},
]
stacks = pytest.mark.parametrize("stack", STACKS, ids=str)


def make_case(kind=KINDS[0], **stack):
    cell, activation, dtype, has_numbers = kind
    return PairCase(cell, activation, dtype, n_features=3 * has_numbers, **stack)


def reference(case, dropout=NO_DROPOUT, rows=None):
    """Loss and gradients that the backend must give, in float64."""
    rows = range(len(case.sources)) if rows is None else rows
    lists = case.sources, case.inputs, case.targets, case.scales
    return naive_pairs.loss_and_gradients(
        in_double(case.weights),
        *([values[row] for row in rows] for values in lists),
        *case.cell,
        masks=[masks_of(case, dropout, row) for row in rows],
    )


def masks_of(case, dropout, row):
    """The factors of a pair for both networks, which draw different ones."""
    dropouts = dropout, dropout._replace(seed=dropout.seed ^ 1)
    masks = []
    for i, (network, drop) in enumerate(
        zip(case.network.networks, dropouts, strict=True)
    ):
        first, n_directions = case.pairs[i].offsets[row], network.n_directions
        length, size = case.pairs[i].lengths[row], network.hidden_size
        layers = range(network.n_layers)
        read = 1.0
        if network.embeddings:
            read = input_factors(drop, first, length, network.embeddings[0][1])
        outputs = [
            output_factors(drop, layer, first, length, n_directions * size)
            for layer in layers
        ]
        recurrent = [
            [
                recurrent_factors(drop, n_directions * layer + d, row, size)
                for d in range(n_directions)
            ]
            for layer in layers
        ]
        of_layers = naive.Masks(outputs[:-1], recurrent)
        # Of the decoder, the last ones are of what the head reads.
        masks.append(naive_pairs.Masks(read, of_layers, outputs[-1]))
    return masks


@njit
def input_factors(dropout, first, length, size):
    """Of numbers read of an embedding, from a position on: (length, size)."""
    factors = np.empty((length, size))
    for t in range(length):
        key = input_key(dropout, first + t)
        for j in range(size):
            factors[t, j] = factor(key, j, dropout.embedding_rate)
    return factors


def check_loss_gradient(case, dropout=NO_DROPOUT, rows=None):
    tolerance = TOLERANCES[case.network.dtype]
    loss, gradient = case.loss_gradient(rows, dropout=dropout)
    expected_loss, expected = reference(case, dropout, rows)
    assert_allclose(loss, expected_loss, tolerance)
    assert_gradients_close(case.network, gradient, expected, tolerance)


@pytest.mark.nojit
@kinds
@stacks
def test_loss_and_gradient_equal_the_reference(kind, stack):
    check_loss_gradient(make_case(kind, **stack))


@pytest.mark.nojit
def test_a_batch_is_some_of_the_pairs_in_any_order():
    rows = np.random.default_rng(1).permutation(len(LENGTHS))[:11]
    check_loss_gradient(make_case(**DEEP), rows=rows)


@pytest.mark.nojit
def test_dropout_draws_for_both_networks():
    case = make_case(**DEEP, score="general")
    check_loss_gradient(case, Dropout(0.3, 0.4, 123, 0.2))


@pytest.mark.nojit
@stacks
def test_outputs_and_shares_equal_the_reference(stack):
    case = make_case(**stack)
    predictor = make_predictor("cpu", case.network).predictor(case.parameters)
    encoded = predictor.encode(case.pairs.source)
    which = np.arange(len(case.sources))
    arguments = encoded, which, case.pairs.target
    outputs = predictor.outputs(*arguments, encoded.memory.copy())
    shares = predictor.shares(*arguments, encoded.memory.copy())
    weights, offsets = in_double(case.weights), case.pairs.target.offsets
    for i, pair in enumerate(zip(case.sources, case.inputs, strict=True)):
        expected, of_pair = naive_pairs.outputs(weights, *pair, *case.cell)
        assert_close(outputs[offsets[i] : offsets[i + 1]], expected, 1e-12)
        assert_allclose(shares[i], of_pair, rtol=0, atol=1e-12)


def test_outputs_have_the_same_bits_in_any_batch_and_step_by_step():
    case = make_case(**DEEP, score="general")
    predictor = make_predictor("cpu", case.network).predictor(case.parameters)
    encoded = predictor.encode(case.pairs.source)
    which, target = np.arange(len(case.sources)), case.pairs.target
    whole = predictor.outputs(encoded, which, target, encoded.memory.copy())
    alone = [
        outputs_by_steps(predictor, *(part.take(np.array([i])) for part in case.pairs))
        for i in which
    ]
    assert_array_equal(np.concatenate(alone), whole)
    # Two of one sequence, whose state both go on from.
    twice, steps = np.array([7, 7]), target.take(np.array([3, 13]))
    outputs = predictor.outputs(encoded, twice, steps, encoded.memory[twice])
    first = predictor.outputs(
        encoded, twice[:1], target.take(np.array([3])), encoded.memory[twice[:1]]
    )
    assert_array_equal(outputs[: len(first)], first)


def outputs_by_steps(predictor, source, target):
    """Of one pair, with a call for each step."""
    encoded = predictor.encode(source)
    memory, offsets = encoded.memory.copy(), np.arange(2)
    return np.concatenate(
        [
            predictor.outputs(
                encoded, np.zeros(1, int), Sequences(code[None], offsets), memory
            )
            for code in target.values
        ]
    )


def test_gradients_have_the_same_bits_on_any_number_of_threads():
    case, results = make_case(**DEEP, score="general"), []
    for n_threads in (1, 2, 5):
        backend = make_backend("cpu", case.network)
        # As many as are asked for, whatever the work.
        backend._threads_for = lambda n_shards, *others, n=n_threads: n
        results.append(case.loss_gradient(backend=backend))
    for loss, gradient in results[1:]:
        assert loss == results[0][0]
        assert_array_equal(gradient, results[0][1])


#: Patterns of what is trained: the way back ends at the lowest of them.
TRAINED = [
    ["head.*"],
    ["attention.*"],
    ["attention.weight", "head.bias"],
    ["decoder.*_l1"],
    ["decoder.embedding.weight"],
    ["encoder.*_l1*"],
    ["encoder.*_l0_reverse"],
    ["encoder.embedding.weight"],
    ["encoder.*"],
    ["encoder.*_l1", "decoder.*_l0"],
]


@pytest.mark.nojit
@pytest.mark.parametrize("patterns", TRAINED, ids=str)
def test_what_is_trained_has_the_gradient_that_it_has_of_all(patterns):
    case = make_case(**DEEP, score="general")
    trained = case.network.arrays_of(patterns)
    loss, gradient = case.loss_gradient(trained=trained)
    whole_loss, whole = case.loss_gradient()
    assert loss == whole_loss
    views, expected = case.network.views(gradient), case.network.views(whole)
    for name in trained:
        assert_array_equal(views[name], expected[name], err_msg=name)


@pytest.mark.parametrize("cell", naive.CELLS, ids=str)
@pytest.mark.parametrize("stack", STACKS[:4], ids=str)
def test_the_reference_has_the_gradients_of_its_loss(cell, stack):
    lengths = {"lengths": (3, 1, 0), "target_lengths": (2, 4, 1)}
    case = PairCase(*cell, **stack | lengths)
    _, gradients = reference(case)
    rng = np.random.default_rng(2)
    for name, array in case.weights.items():
        direction = rng.normal(size=array.shape)
        found = slope(lambda: reference(case)[0], array, direction)
        expected = np.sum(direction * gradients[name])
        assert_allclose(found, expected, 1e-6, 1e-8, err_msg=name)


def test_a_predictor_keeps_its_weights_while_others_are_learned():
    case = make_case()
    backend, parameters = make_backend("cpu", case.network), case.parameters
    expected = case.loss_gradient()
    predictor = backend.predictor(parameters)
    encoded, which = predictor.encode(case.pairs.source), np.arange(len(case.sources))
    arguments = encoded, which, case.pairs.target
    before = predictor.outputs(*arguments, encoded.memory.copy())
    loss, gradient = case.loss_gradient(backend=backend)
    assert loss == expected[0]
    assert_array_equal(gradient, expected[1])
    other, others = make_case(), backend.network.initial_parameters
    other.weights = case.network.export_weights(others(np.random.RandomState(1)))
    other.loss_gradient(backend=backend)
    assert_array_equal(predictor.outputs(*arguments, encoded.memory.copy()), before)


def test_a_step_of_the_solver_leaves_rows_that_no_pair_reads():
    case = make_case()
    network, vector = case.network, case.parameters
    trainable = Trainable(network, vector, frozenset(network.shapes))
    backend = make_backend("cpu", network)
    n = sum(map(len, case.targets))
    data = Data(
        case.pairs, np.concatenate(case.targets)[:, None], np.ones(n), np.arange(2)
    )
    state, before = np.zeros((2, vector.size)), network.export_weights(vector)
    solver = Solver("adam", (0.9, 0.999, 1e-8), 0.0, np.inf)
    steps = backend.begin(trainable, vector, state, solver, data, False)
    places = case.pairs.places(data.rows)
    steps.take(Part(data.rows, None, places, n, NO_DROPOUT, None), 0.01, 0.1, 1)
    after = network.export_weights(vector)
    for name, sequences in (("encoder", case.sources), ("decoder", case.inputs)):
        name = f"{name}.embedding.weight"
        changed = (before[name] != after[name]).any(axis=1)
        assert np.flatnonzero(changed).tolist() == sorted(
            {*np.concatenate(sequences[:2])}
        )
    for name in before:
        if "embedding" not in name and "bias_hh" not in name:
            assert (before[name] != after[name]).all(), name


def test_the_unknown_is_read_in_both_sequences():
    case = make_case(n_codes=3, n_outputs=3)
    pairs = with_unknown(case.pairs, case.network, 0.3, np.random.RandomState(0))
    for new, old, n_rows in zip(pairs, case.pairs, (3, 4), strict=True):
        is_other = new.values != old.values
        assert (new.values[is_other] == n_rows - 1).all()
        assert 0 < is_other.mean() < 0.4
        assert_array_equal(new.offsets, old.offsets)


@pytest.mark.nojit
@stacks
def test_a_description_is_plain_and_gives_an_equal_network(stack):
    network = make_case(**stack).network
    text = json.dumps(network.description())
    again = EncoderDecoder.from_description(json.loads(text))
    assert again == network
    assert hash(again) == hash(network)
    assert pickle.loads(pickle.dumps(network)) == network


@pytest.mark.nojit
@kinds
def test_names_shapes_and_bits_of_weights(kind):
    case = make_case(kind, **DEEP, score="general")
    network, parameters = case.network, case.parameters
    exported = network.export_weights(parameters)
    assert_array_equal(network.import_weights(exported), parameters)
    assert exported.keys() == network.names.keys()
    for name, one, flat in zip(
        ("encoder", "decoder"), network.networks, network.split(parameters), strict=True
    ):
        for inside, array in one.export_weights(flat).items():
            outside = inside if inside.startswith("head") else f"{name}.{inside}"
            assert_array_equal(exported[outside], array)
    assert exported["attention.weight"].shape == (6, 6)
    assert exported["attention.output.weight"].shape == (6, 12)
    assert exported["head.weight"].shape == (5, 6)


@pytest.mark.nojit
def test_adapters_of_both_networks():
    case = make_case(**DEEP)
    network, rank = case.network, 2
    trainable = Trainable(network, case.parameters, frozenset(), rank)
    vector = trainable.start(case.parameters, np.random.RandomState(0))
    vector += np.random.default_rng(0).normal(size=vector.size)
    weights, merged = trainable.export(vector), trainable.parameters(vector)
    merged = network.export_weights(merged)
    for name in ("encoder.weight_ih_l1_reverse", "decoder.weight_hh_l0"):
        product = weights[f"{name}.lora_B"] @ weights[f"{name}.lora_A"]
        assert_allclose(merged[name], case.weights[name] + product, 1e-12)
    assert_array_equal(trainable.from_weights(trainable.to_weights(vector)), vector)


WRONG = {
    "parameters": lambda given: given | {"parameters": np.zeros(7)},
    "gradient": lambda given: given | {"gradient": np.zeros(7)},
    "scales": lambda given: given | {"scales": np.zeros(7)},
    "targets": lambda given: given | {"targets": np.zeros((7, 1), int)},
    "values of the sequences": lambda given: (
        given | {"sequences": given["sequences"]._replace(source=given["other"])}
    ),
}


@pytest.mark.nojit
@pytest.mark.parametrize("wrong", WRONG)
def test_arguments_for_another_network_are_refused(wrong):
    case = make_case()
    n, parameters = sum(map(len, case.targets)), case.parameters
    other = Sequences(np.zeros((4, 2)), np.array([0, 4]))
    given = {"parameters": parameters, "sequences": case.pairs, "rows": np.arange(3)}
    given |= {"targets": np.zeros((n, 1), int), "scales": np.ones(n), "other": other}
    given = WRONG[wrong](given | {"gradient": np.empty_like(parameters)})
    del given["other"]
    with pytest.raises(ValueError, match=f"The {wrong} must have shape"):
        make_backend("cpu", case.network).loss_gradient(**given)


@pytest.mark.nojit
def test_networks_that_do_not_fit_together_are_refused():
    encoder, decoder = make_case().network.networks
    _, other = make_case(hidden_size=8).network.networks
    with pytest.raises(ValueError, match="decoder's states .* must be those"):
        EncoderDecoder(encoder=encoder, decoder=other, score="dot")
    with pytest.raises(ValueError, match="score must be one of"):
        EncoderDecoder(encoder=encoder, decoder=decoder, score="additive")


@pytest.mark.nojit
@pytest.mark.parametrize("make", [make_backend, make_predictor])
def test_there_is_no_other_device(make):
    network = make_case().network
    with pytest.raises(ValueError, match="device='cuda'.* on the CPU only"):
        make("cuda", network)
    assert make("auto", network).network == network
