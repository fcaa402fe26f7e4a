"""Bit against bit: a result depends on nothing but what it is computed from."""

import numpy as np
from numpy.testing import assert_array_equal
from problems import (
    DEEP,
    FRAMED,
    SHALLOW,
    STACKS,
    TALL,
    all_rows,
    kinds,
    loss_gradient,
    make_problem,
    of_rows,
    stacks,
    stacks_of,
    uneven_scales,
)

from skrnn.backends import make_backend
from skrnn.mathematics.dropout import Dropout
from skrnn.sequences import Sequences, Spans


def predictions(problem, rows, X=None):
    """Bytes of all that is predicted in one batch, for each of its sequences."""
    X = [(X or problem.X)[row] for row in rows]
    backend = make_backend("cpu", problem.network)
    batch = problem._replace(
        X=X, sequences=Sequences.from_list(X, problem.network.dtype)
    )
    outputs = backend.outputs(problem.parameters, batch.sequences)
    results = [of_rows(batch, outputs, all_rows(batch))]
    if problem.network.pooling == "attention":
        weights = backend.attention_weights(problem.parameters, batch.sequences)
        results.append(np.split(weights, batch.sequences.offsets[1:-1]))
    return [
        b"".join(part.tobytes() for part in parts)
        for parts in zip(*results, strict=True)
    ]


@kinds
@stacks
def test_a_prediction_has_the_same_bits_in_any_batch(kind, stack):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 12, 70)
    problem = make_problem(*kind, **stack, lengths=lengths, hidden_size=19)
    alone = np.concatenate([predictions(problem, [row]) for row in range(70)])
    for n in [1, 2, 3, 5, 8, 16, 31, 32, 33, 50, 64, 65, 70]:
        rows = rng.permutation(70)[:n]
        assert predictions(problem, rows) == alone[rows].tolist()


@kinds
@stacks_of(SHALLOW, DEEP, TALL, FRAMED)
def test_a_prediction_has_the_same_bits_beside_a_long_sequence(kind, stack):
    lengths = np.random.default_rng(0).integers(1, 12, 50)
    lengths[[7, 20]] = 700, 130
    problem = make_problem(*kind, **stack, lengths=lengths, hidden_size=9)
    alone = [predictions(problem, [row])[0] for row in range(50)]
    assert predictions(problem, range(50)) == alone
    assert predictions(problem, [7, 20]) == [alone[7], alone[20]]
    assert predictions(problem, [3, 7]) == [alone[3], alone[7]]


@kinds
@stacks_of(SHALLOW, TALL)
def test_a_sequence_may_come_in_pieces(kind, stack):
    rng = np.random.default_rng(0)
    lengths = [700, 3, 1, 40, 11]
    problem = make_problem(*kind, **stack, lengths=lengths, hidden_size=9)
    network, parameters = problem.network, problem.parameters
    backend = make_backend("cpu", network)
    for results in (backend.outputs, backend.features):
        expected = of_rows(
            problem, results(parameters, problem.sequences), range(len(lengths))
        )
        for x, whole in zip(problem.X, expected, strict=True):
            memory = backend.new_memory(1)
            cuts = np.unique(rng.integers(0, len(x), 4))
            parts, done = [], 0
            for piece in np.split(x, cuts[cuts > 0]):
                done += len(piece)
                batch = Sequences.from_list([piece], network.dtype)
                spans = Spans(0, batch.lengths, np.array([done]))
                parts.append(results(parameters, batch, memory=memory, spans=spans))
            result = parts[-1] if network.pooling else np.concatenate(parts)
            assert result.tobytes() == whole.tobytes()


@kinds
@stacks_of(SHALLOW, DEEP, FRAMED)
def test_only_the_rows_of_the_batch_are_read(kind, stack):
    problem = make_problem(*kind, **stack)
    rows, scales = np.array([7, 2, 3]), uneven_scales(problem)
    expected_loss, expected = loss_gradient(problem, rows, scales)

    is_read = np.isin(all_rows(problem), rows)
    X = [x if i in rows else np.full_like(x, np.nan) for i, x in enumerate(problem.X)]
    if not problem.network.pooling:
        is_read = np.repeat(is_read, problem.sequences.lengths)
    others = problem._replace(
        X=X,
        sequences=Sequences.from_list(X, problem.network.dtype),
        targets=np.where(is_read[:, np.newaxis], problem.targets, 10**6),
    )
    scales = np.where(is_read, scales, np.nan)
    loss, gradient = loss_gradient(others, rows, scales)
    assert loss == expected_loss
    assert_array_equal(gradient, expected)


@kinds
@stacks_of(*STACKS[:2], FRAMED)
def test_a_nan_stays_in_its_sequence(kind, stack):
    problem = make_problem(*kind, **stack)
    expected = predictions(problem, range(19))
    X = [x.copy() for x in problem.X]
    X[4][2] = np.nan
    actual = predictions(problem, range(19), X)
    result = np.frombuffer(actual.pop(4), problem.network.dtype)
    del expected[4]
    assert actual == expected
    if problem.network.pooling or stack["bidirectional"]:
        assert np.isnan(result).all()
    else:  # nothing of it before its time
        n_outputs = problem.network.n_outputs
        assert_array_equal(np.isnan(result), np.arange(result.size) >= 2 * n_outputs)


@kinds
@stacks_of(SHALLOW, DEEP)
def test_a_backend_forgets_the_last_batch(kind, stack):
    problem = make_problem(*kind, **stack)
    doubled = {name: 2 * array for name, array in problem.weights.items()}
    scales = uneven_scales(problem)
    backend = make_backend("cpu", problem.network)
    options = {"dropout": Dropout(0.5, 0.5, 1)}
    if not stack["bidirectional"]:
        options["bptt_steps"] = 2
    loss_gradient(
        problem._replace(weights=doubled), all_rows(problem), scales, backend, **options
    )
    loss, gradient = loss_gradient(problem, np.array([3, 0]), scales, backend)
    expected_loss, expected = loss_gradient(problem, np.array([3, 0]), scales)
    assert loss == expected_loss
    assert_array_equal(gradient, expected)


@kinds
def test_an_array_gives_the_same_bits_as_a_list(kind):
    problem = make_problem(*kind, **DEEP, lengths=(6,) * 5)
    backend = make_backend("cpu", problem.network)
    array = Sequences.from_array(np.array(problem.X))
    assert_array_equal(
        backend.outputs(problem.parameters, array),
        backend.outputs(problem.parameters, problem.sequences),
    )
