"""Small seeded problems for the kernels: a network, its weights and a ragged batch."""

from itertools import product
from typing import NamedTuple

import naive
import numpy as np
import pytest
from numba import config, njit
from numpy.testing import assert_allclose

from skrnn.backends import make_backend
from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.dropout import NO_DROPOUT, factor, output_key, recurrent_key
from skrnn.mathematics.losses import LOSSES
from skrnn.network import POOLINGS, Network
from skrnn.sequences import Sequences, read_only

#: What two orders of the same sums may differ by, relative to the largest value.
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}
#: More than one shard of a batch.
LENGTHS = (3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 5, 1, 2, 1, 3, 1, 2, 1, 4)

#: Of the losses, those of one row; others are tested on their own.
ROW_LOSSES = [name for name, loss in LOSSES.items() if not loss.reads_sequences]
#: Of these, those with which whole networks are compiled. The formulas of the others
#: are compiled by themselves, and run within whole networks as plain Python.
COMPILED_LOSSES = ["softmax", "logistic", "squared_error"]
_CELLS = [(name, kind or "tanh") for name, kind in CELLS]
_POOLINGS = [*POOLINGS, None]  # None: outputs for every step


def _of_every_pair():
    """A few of the combinations in which a cell meets each pooling."""
    losses, dtypes = ROW_LOSSES, list(TOLERANCES)
    pairs = product(enumerate(_CELLS), enumerate(_POOLINGS))
    for n, ((c, cell), (p, pooling)) in enumerate(pairs):
        loss, dtype = losses[n % len(losses)], dtypes[(c + p // 2) % len(dtypes)]
        yield *cell, loss, dtype, pooling


def _of_every_choice():
    """Fewer, in which each dtype meets all cells, some losses and all poolings."""
    choices = [_CELLS[::-1], COMPILED_LOSSES, _POOLINGS]
    n = max(map(len, choices))
    for d, dtype in enumerate(TOLERANCES):
        for i in range(d * n, (d + 1) * n):
            cell, loss, pooling = (choice[i % len(choice)] for choice in choices)
            yield *cell, loss, dtype, pooling


def _ids(values):
    return "-".join(str(value) for value in values)


cells = pytest.mark.parametrize(("cell", "activation"), _CELLS)
dtypes = pytest.mark.parametrize("dtype", TOLERANCES)
poolings = pytest.mark.parametrize("pooling", _POOLINGS)
losses = pytest.mark.parametrize("loss", ROW_LOSSES)
#: The first arguments of `make_problem`: cell, activation, loss, dtype, pooling.
#: Numba compiles each combination anew (some 8 s). What is wrong only where a cell
#: meets a pooling is wrong in plain Python as well, in which all marked nojit run.
KINDS = list(_of_every_pair() if config.DISABLE_JIT else _of_every_choice())


def kinds_with(*values):
    """Parametrize a test with all kinds that have these values."""
    found = [kind for kind in KINDS if set(values) <= set(kind)]
    return pytest.mark.parametrize("kind", found, ids=_ids)


kinds = kinds_with()


def _of_each_cell():
    """Of each cell, a kind of each dtype."""
    for (c, cell), dtype in product(enumerate(_CELLS), TOLERANCES):
        found = [kind for kind in KINDS if {*cell, dtype} <= set(kind)]
        yield found[c % len(found)]


#: For what is a matter of cells, in which every choice is met.
kinds_of_cells = pytest.mark.parametrize("kind", [*_of_each_cell()], ids=_ids)


def _one_of_each_cell():
    for c, cell in enumerate(_CELLS):
        found = [kind for kind in KINDS if set(cell) <= set(kind)]
        yield found[c % len(found)]


#: For dropout, which Numba compiles for itself: it knows neither loss nor dtype.
kinds_of_dropout = pytest.mark.parametrize("kind", [*_one_of_each_cell()], ids=_ids)
#: More arguments of it, for which Numba compiles nothing.
STACKS = [
    {"n_layers": n_layers, "bidirectional": bidirectional}
    for n_layers, bidirectional in product([1, 2, 3], [False, True])
]
SHALLOW, TALL = STACKS[0], STACKS[4]
DEEP = STACKS[3] | {"layer_norm": True}
STACKS += [SHALLOW | {"layer_norm": True}, DEEP]
FRAMED = SHALLOW | {"frame_length": 3, "hop_length": 2}


def stacks_of(*stacks):
    return pytest.mark.parametrize("stack", stacks, ids=lambda s: _ids(s.values()))


stacks = stacks_of(*STACKS)
depths = pytest.mark.parametrize("n_layers", [1, 2, 3])


class Problem(NamedTuple):
    network: Network
    weights: dict  # with PyTorch's names and both biases
    X: list
    sequences: Sequences
    targets: np.ndarray  # for each sequence, or for each of all steps

    @property
    def parameters(self):
        return self.network.import_weights(self.weights)

    @property
    def inputs(self):
        """What the network takes at each step: a frame of X, and what is static."""
        network, static = self.network, self.sequences.static
        sizes = network.frame_length, network.hop_length, network.pooling is not None
        frames = [naive.frames(x, *sizes) for x in self.X]
        if static is None:
            return frames
        return [
            np.hstack([frame, np.tile(row, (len(frame), 1))])
            for frame, row in zip(frames, static, strict=True)
        ]


def make_problem(
    cell="gru",
    activation="tanh",
    loss="softmax",
    dtype="float64",
    pooling="last",
    *,
    lengths=LENGTHS,
    n_features=3,
    hidden_size=5,
    n_layers=1,
    bidirectional=False,
    layer_norm=False,
    output_sizes=(4,),
    missing=0.0,
    frame_length=1,
    hop_length=1,
    embeddings=(),
    n_static=0,
):
    rng, loss = np.random.default_rng(0), LOSSES[loss]()
    if loss.regresses:
        output_sizes = loss.output_sizes(sum(output_sizes))
    if loss.name == "multi_task":
        output_sizes = (3, 1, 1)
    network = Network(
        cell_name=cell,
        activation=activation,
        n_features=n_features,
        hidden_size=hidden_size,
        n_layers=n_layers,
        bidirectional=bidirectional,
        layer_norm=layer_norm,
        pooling=pooling,
        output_sizes=output_sizes,
        loss=loss,
        dtype=dtype,
        frame_length=frame_length,
        hop_length=hop_length if pooling else 1,
        embeddings=embeddings,
        n_static=n_static,
    )
    X = [rng.normal(size=(length, n_features)) for length in lengths]
    for n_rows, _ in embeddings:
        X = [np.column_stack([x, rng.integers(n_rows, size=len(x))]) for x in X]
    X = [x.astype(dtype) for x in X]
    sequences = Sequences.from_list(X, dtype)
    if n_static > 0:
        static = rng.normal(size=(len(X), n_static)).astype(dtype)
        sequences = sequences._replace(static=read_only(static))
    return Problem(
        network,
        random_weights(network, rng),
        X,
        sequences,
        random_targets(network, len(X) if pooling else sum(lengths), missing, rng),
    )


def random_weights(network, rng):
    """As PyTorch draws them: small enough for stable states."""
    zeros = np.zeros(network.n_parameters)
    bound = network.hidden_size**-0.5
    return {
        name: rng.uniform(-bound, bound, array.shape).astype(network.dtype)
        for name, array in network.export_weights(zeros).items()
    }


def random_targets(network, n, missing, rng):
    shape = (n, network.n_columns)
    if network.loss.name == "softmax":
        sizes = network.output_sizes
        targets = np.column_stack([rng.integers(size, size=n) for size in sizes])
    elif network.loss.name == "logistic":
        targets = rng.integers(2, size=shape).astype(network.dtype)
    elif network.loss.name == "multi_task":
        targets = np.c_[rng.integers(2, size=(n, 2)), rng.normal(size=n)]
        targets = targets.astype(network.dtype)
    else:
        targets = rng.normal(size=shape).astype(network.dtype)
        if not network.loss.accepts(targets).all():
            targets = np.exp(targets)
    unknown = -1 if network.loss.name == "softmax" else np.nan
    targets[rng.random(targets.shape) < missing] = unknown
    return targets


def all_rows(problem):
    return np.arange(len(problem.X))


def uneven_scales(problem):
    return np.random.default_rng(1).uniform(0.1, 1, len(problem.targets))


def loss_gradient(problem, rows, scales, backend=None, **options):
    """A backend's loss and gradient, the latter a flat vector; the CPU's by default."""
    backend = backend or make_backend("cpu", problem.network)
    parameters = problem.parameters
    gradient = np.full_like(parameters, np.nan)
    loss = backend.loss_gradient(
        parameters,
        problem.sequences,
        rows,
        problem.targets,
        scales,
        gradient,
        **options,
    )
    return loss, gradient


def reference_loss_gradient(problem, rows, scales, dropout=NO_DROPOUT, bptt_steps=None):
    """What `loss_gradient` must give, in float64; the gradients as a dict."""
    network = problem.network
    targets, scales = (
        of_rows(problem, problem.targets, rows),
        of_rows(problem, scales, rows),
    )
    mean, gradients = naive.loss_and_gradients(
        in_double(problem.weights),
        [problem.inputs[row].astype(np.float64) for row in rows],
        targets,
        scales,
        network.cell_name,
        network.activation,
        network.pooling,
        network.loss.name,
        output_sizes=network.output_sizes,
        masks=[dropout_masks(problem, dropout, row) for row in rows],
        bptt_steps=bptt_steps,
    )
    total = np.concatenate(scales).sum()
    return total * mean, {name: total * array for name, array in gradients.items()}


def reference_outputs(problem):
    """What the backend's methods of these names must give, in float64."""
    network, weights = problem.network, in_double(problem.weights)
    X = [x.astype(np.float64) for x in problem.inputs]
    cell = network.cell_name, network.activation
    features, outputs = naive.forward(weights, X, *cell, network.pooling)
    results = {"features": features, "outputs": outputs}
    if network.pooling == "attention":
        states, _ = naive.forward(weights, X, *cell, pooling=None)
        parts = np.split(states, np.cumsum([len(x) for x in X])[:-1])
        shares = [naive.attention(weights, part)[1] for part in parts]
        steps = [
            shares_of_steps(network, part, len(x))
            for part, x in zip(shares, problem.X, strict=True)
        ]
        results["attention_weights"] = np.concatenate(steps)
    return results


def shares_of_steps(network, shares, n_steps):
    """What each step has of the shares of its frames, which are divided equally."""
    length, steps = network.frame_length, np.zeros(n_steps)
    ends = naive.frame_ends(n_steps, length, network.hop_length, True)
    for end, share in zip(ends, shares, strict=True):
        first = max(0, end + 1 - length)
        steps[first : end + 1] += share / (end + 1 - first)
    return steps


def in_double(weights):
    return {name: array.astype(np.float64) for name, array in weights.items()}


def of_rows(problem, array, rows):
    """For each of the sequences, its part of targets or scales."""
    bounds = problem.sequences.offsets
    if problem.network.pooling:
        bounds = np.arange(len(array) + 1)
    return [array[bounds[row] : bounds[row + 1]] for row in rows]


def dropout_masks(problem, dropout, row):
    """The factors of one sequence, as the reference takes them."""
    network = problem.network
    n_layers, n_directions = network.n_layers, 1 + network.bidirectional
    n_steps, length = len(problem.X[row]), len(problem.inputs[row])
    first = problem.sequences.offsets[row]
    if network.pooling is not None:
        first += min(network.frame_length, n_steps) - 1
    hidden_size = network.hidden_size
    return naive.Masks(
        [
            output_factors(dropout, layer, first, length, n_directions * hidden_size)
            for layer in range(n_layers - 1)
        ],
        [
            [
                recurrent_factors(dropout, n_directions * layer + d, row, hidden_size)
                for d in range(n_directions)
            ]
            for layer in range(n_layers)
        ],
    )


@njit
def output_factors(dropout, layer, first, length, n_units):
    """Of the steps from position `first` on: (length, n_units)."""
    factors = np.empty((length, n_units))
    for t in range(length):
        key = output_key(dropout, layer, first + t)
        for unit in range(n_units):
            factors[t, unit] = factor(key, unit, dropout.rate)
    return factors


@njit
def recurrent_factors(dropout, q, row, n_units):
    """Of a sequence, in layer and direction number q: (n_units,)."""
    factors, key = np.empty(n_units), recurrent_key(dropout, q, row)
    for unit in range(n_units):
        factors[unit] = factor(key, unit, dropout.recurrent_rate)
    return factors


def assert_close(actual, expected, tolerance, name="", largest=None):
    """Compare relative to the largest value."""
    largest = np.abs(expected).max() if largest is None else largest
    assert_allclose(actual, expected, 0, tolerance * largest, err_msg=name)


def assert_gradients_close(network, gradient, expected, tolerance):
    """Compare a flat gradient with a dict of gradients under PyTorch's names."""
    # Where one bias stands for two, it has the gradient of either.
    has_own = network.export_weights(np.ones_like(gradient))
    actual = network.export_weights(gradient)
    assert actual.keys() == expected.keys()
    largest = max(np.abs(array).max() for array in expected.values())
    for name, array in expected.items():
        here = has_own[name] if "bias_hh" in name else 1
        # What attention learns from is a small difference of large numbers.
        scale = largest if name.startswith("attention") else None
        assert_close(actual[name], here * array, tolerance, name, scale)


def check_loss_gradient(problem, rows=None, relax=1, backend=None, **options):
    """The backend's loss and gradient are the reference's."""
    rows = all_rows(problem) if rows is None else rows
    scales = uneven_scales(problem)
    tolerance = relax * TOLERANCES[problem.network.dtype]
    loss, gradient = loss_gradient(problem, rows, scales, backend, **options)
    expected_loss, expected = reference_loss_gradient(problem, rows, scales, **options)
    assert_allclose(loss, expected_loss, tolerance)
    assert_gradients_close(problem.network, gradient, expected, tolerance)


def check_outputs(problem, backend=None):
    """What the backend gives without a target is the reference's."""
    network = problem.network
    backend = backend or make_backend("cpu", network)
    for name, expected in reference_outputs(problem).items():
        actual = getattr(backend, name)(problem.parameters, problem.sequences)
        assert actual.dtype == network.dtype
        assert actual.shape == expected.shape
        assert_close(actual, expected, TOLERANCES[network.dtype], name)
