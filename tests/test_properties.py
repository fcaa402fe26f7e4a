"""What must hold for any batch, whatever its lengths and values."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import (
    STACKS,
    TOLERANCES,
    assert_close,
    depths,
    kinds,
    kinds_with,
    make_problem,
    of_rows,
    stacks,
    stacks_of,
)

from skrnn.backends import make_backend
from skrnn.sequences import Sequences

N_FEATURES = 3
# Few and always the same examples, without a limit of time: compiling takes long.
few = settings(max_examples=10, deadline=None, derandomize=True, database=None)
lengths = st.lists(st.integers(1, 20), min_size=1, max_size=40)
seeds = st.integers(0, 2**32 - 1)


def draw(lengths, seed, dtype):
    """Sequences of these lengths, of very different sizes."""
    rng = np.random.default_rng(seed)
    return [
        (10 ** rng.uniform(-3, 2) * rng.normal(size=(n, N_FEATURES))).astype(dtype)
        for n in lengths
    ]


def outputs(problem, X, what="outputs"):
    """Of each sequence: one row, or one for each step."""
    sequences = Sequences.from_list(X, problem.network.dtype)
    backend = make_backend("cpu", problem.network)
    result = getattr(backend, what)(problem.parameters, sequences)
    return of_rows(problem._replace(sequences=sequences), result, range(len(X)))


def as_bytes(results):
    return [result.tobytes() for result in results]


@kinds
@stacks
@few
@given(lengths=lengths, seed=seeds, data=st.data())
def test_order_and_neighbours_change_nothing(kind, stack, lengths, seed, data):
    problem = make_problem(*kind, **stack)
    X = draw(lengths, seed, problem.network.dtype)
    expected = as_bytes(outputs(problem, X))
    rows = data.draw(st.permutations(range(len(X))))
    rows = rows[: data.draw(st.integers(1, len(X)))]
    actual = as_bytes(outputs(problem, [X[row] for row in rows]))
    assert actual == [expected[row] for row in rows]


@kinds
@stacks
@few
@given(length=st.integers(1, 20), neighbours=lengths, seed=seeds, data=st.data())
def test_a_sequence_does_not_see_its_neighbours(
    kind, stack, length, neighbours, seed, data
):
    problem = make_problem(*kind, **stack)
    x, *X = draw([length, *neighbours], seed, problem.network.dtype)
    place = data.draw(st.integers(0, len(X)))
    [alone] = outputs(problem, [x])
    among = outputs(problem, [*X[:place], x, *X[place:]])[place]
    assert among.tobytes() == alone.tobytes()


def swap_halves(array):
    return np.roll(array, array.shape[-1] // 2, axis=-1)


def swap_directions(weights):
    """The weights with which the two directions of each layer change their roles."""
    swapped = {}
    for name, array in weights.items():
        if name.endswith("_reverse"):
            other = name.removesuffix("_reverse")
        elif name.startswith(("norm", "attention", "head")):
            other = name
        else:
            other = f"{name}_reverse"
        sees_both = name in ("head.weight", "attention.weight") or (
            name.startswith("weight_ih") and "_l0" not in name
        )
        is_of_both = sees_both or name.startswith("norm")
        swapped[other] = swap_halves(array) if is_of_both else array
    return swapped


@kinds
@stacks_of(*[stack for stack in STACKS if stack["bidirectional"]])
@few
@given(lengths=lengths, seed=seeds)
def test_reversed_in_time_the_directions_change_roles(kind, stack, lengths, seed):
    problem = make_problem(*kind, **stack)
    X = draw(lengths, seed, problem.network.dtype)
    swapped = problem._replace(weights=swap_directions(problem.weights))
    expected, actual = outputs(problem, X), outputs(swapped, [x[::-1] for x in X])
    if problem.network.pooling is None:
        actual = [steps[::-1] for steps in actual]
    # The sums over both directions have another order.
    tolerance = 10 * TOLERANCES[problem.network.dtype]
    assert_close(np.concatenate(actual), np.concatenate(expected), tolerance)


@kinds_with(None)
@few
@given(lengths=lengths, seed=seeds)
def test_reversed_in_time_the_states_of_a_layer_have_the_same_bits(kind, lengths, seed):
    problem = make_problem(*kind, bidirectional=True)
    X = draw(lengths, seed, problem.network.dtype)
    swapped = problem._replace(weights=swap_directions(problem.weights))
    expected = as_bytes(outputs(problem, X, "features"))
    actual = outputs(swapped, [x[::-1] for x in X], "features")
    assert as_bytes(swap_halves(steps[::-1]) for steps in actual) == expected


@kinds_with(None)
@depths
@few
@given(lengths=lengths, more=lengths, seed=seeds)
def test_one_direction_does_not_see_the_future(kind, n_layers, lengths, more, seed):
    problem = make_problem(*kind, n_layers=n_layers)
    first, later = (
        draw(some, seed + i, problem.network.dtype)
        for i, some in enumerate([lengths, (more * len(lengths))[: len(lengths)]])
    )
    both = [np.concatenate(parts) for parts in zip(first, later, strict=True)]
    actual = [
        steps[:n] for steps, n in zip(outputs(problem, both), lengths, strict=True)
    ]
    assert as_bytes(actual) == as_bytes(outputs(problem, first))
