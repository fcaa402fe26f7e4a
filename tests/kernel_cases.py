"""Tests of kernels that every backend passes, small enough to run as plain Python.

The fixture `new_backend`, which makes the backend of a network, says whose kernels: the
CPU's in the files here that import these tests, CUDA's in `cuda/`.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    DEEP,
    TOLERANCES,
    all_rows,
    assert_close,
    check_loss_gradient,
    check_outputs,
    kinds,
    kinds_of_cells,
    kinds_of_dropout,
    kinds_with,
    loss_gradient,
    make_problem,
    uneven_scales,
)

from skrnn.backends.steps import Solver
from skrnn.mathematics.dropout import Dropout
from skrnn.sequences import Sequences, Spans
from skrnn.training import Data, Trainable

SMALL = {"lengths": (3, 1, 2, 4), "hidden_size": 3}
#: Sequences that are shorter than a frame, as long, and longer by any number of steps.
SMALL_FRAMES = SMALL | {
    "lengths": (4, 1, 3, 6, 2),
    "frame_length": 3,
    "hop_length": 2,
}


@pytest.mark.nojit
@kinds
def test_a_small_network_equals_the_reference(kind, new_backend):
    problem = make_problem(*kind, **DEEP, **SMALL)
    backend = new_backend(problem.network)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend)


@pytest.mark.nojit
@kinds_of_dropout
def test_a_small_network_with_dropout_equals_the_reference(kind, new_backend):
    problem = make_problem(*kind, **DEEP, lengths=(3, 1, 2), hidden_size=3)
    backend = new_backend(problem.network)
    check_loss_gradient(problem, backend=backend, dropout=Dropout(0.3, 0.4, 123))


@pytest.mark.nojit
@kinds_of_cells
def test_a_small_truncated_network_equals_the_reference(kind, new_backend):
    problem = make_problem(*kind, n_layers=2, lengths=(5, 1, 2, 4), hidden_size=2)
    check_loss_gradient(problem, backend=new_backend(problem.network), bptt_steps=2)


@pytest.mark.nojit
@kinds_of_cells
def test_missing_targets_add_nothing(kind, new_backend):
    check_missing(kind, 0.3, new_backend)


@kinds_with("relu")
def test_without_any_target_there_is_no_gradient(kind, new_backend):
    check_missing(kind, 1.0, new_backend)


def check_missing(kind, missing, new_backend):
    output_sizes = (2, 3) if "softmax" in kind else (5,)
    problem = make_problem(*kind, **SMALL, output_sizes=output_sizes, missing=missing)
    check_loss_gradient(problem, backend=new_backend(problem.network))


@pytest.mark.nojit
@kinds_with("gru")
def test_frames_equal_the_reference(kind, new_backend):
    problem = make_problem(*kind, **DEEP, **SMALL_FRAMES)
    backend = new_backend(problem.network)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend, dropout=Dropout(0.3, 0.4, 123))


@pytest.mark.nojit
@kinds_with("lstm")
@pytest.mark.parametrize("sizes", [SMALL, SMALL_FRAMES], ids=["steps", "frames"])
def test_static_features_equal_the_reference(kind, sizes, new_backend):
    problem = make_problem(*kind, **sizes, n_layers=2, n_static=2)
    backend = new_backend(problem.network)
    check_outputs(problem, backend)
    rows = all_rows(problem)[::-1]
    check_loss_gradient(problem, rows, backend=backend, bptt_steps=2)
    some, sequences = rows[1:3], problem.sequences
    found = backend.features(problem.parameters, sequences.take(some))
    whole = backend.features(problem.parameters, sequences)
    places = some if problem.network.pooling else sequences.places(some)
    assert_array_equal(found, whole[places])


@pytest.mark.nojit
@kinds_with("lstm")
def test_truncation_counts_frames(kind, new_backend):
    problem = make_problem(*kind, **SMALL_FRAMES)
    check_loss_gradient(problem, backend=new_backend(problem.network), bptt_steps=2)


@kinds_with("max")
def test_a_tied_maximum_counts_at_its_first_step(kind, new_backend):
    problem = make_problem(*kind, **SMALL, bidirectional=True)
    for name in ("weight_hh_l0", "weight_hh_l0_reverse"):
        problem.weights[name][:] = 0  # Elman's state follows the input alone
    X = [np.ones_like(x) for x in problem.X]
    problem = problem._replace(X=X, sequences=Sequences.from_list(X, X[0].dtype))
    check_loss_gradient(problem, backend=new_backend(problem.network))


@kinds_with("attention", "float64")
def test_attention_to_a_single_step(kind, new_backend):
    """Scores so far apart that their exponentials overflow or vanish."""
    problem = make_problem(*kind, **SMALL)
    problem.weights["attention.query"] *= 1e3
    backend = new_backend(problem.network)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend)


@kinds_with(None)
@pytest.mark.parametrize("frame_length", [1, 3])
def test_chunks_add_up_to_the_truncated_gradient(kind, frame_length, new_backend):
    """One call per chunk, where the states of the one before are remembered."""
    problem = make_problem(*kind, **SMALL, n_layers=2, frame_length=frame_length)
    rows, scales = all_rows(problem), uneven_scales(problem)
    backend = new_backend(problem.network)
    memory, total_loss, total = backend.new_memory(len(rows)), 0.0, 0.0
    lengths = problem.sequences.lengths
    for first in range(0, max(lengths), 2):
        loss, gradient = loss_gradient(
            problem,
            rows[lengths > first],
            scales,
            backend,
            steps=(first, first + 2),
            memory=memory,
        )
        total_loss, total = total_loss + loss, total + gradient
    expected = loss_gradient(problem, rows, scales, backend, bptt_steps=2)
    tolerance = TOLERANCES[problem.network.dtype]
    assert_allclose(total_loss, expected[0], tolerance)
    assert_close(total, expected[1], tolerance)


@pytest.mark.nojit
@kinds_of_cells
def test_pieces_give_the_bits_of_the_whole(kind, new_backend):
    """Outputs that go on from a memory; some pieces have no step, at last all."""
    problem = make_problem(*kind, **SMALL, n_layers=2)
    backend, X = new_backend(problem.network), problem.X
    dtype, is_pooled = problem.network.dtype, problem.network.pooling is not None
    memory, totals, results = backend.new_memory(len(X)), 0, []
    for piece in ([x[:1] for x in X], [x[1:] for x in X], [x[:0] for x in X]):
        sequences = Sequences.from_list(piece, dtype)
        totals = totals + sequences.lengths
        spans = Spans(0, sequences.lengths, totals)
        arguments = problem.parameters, sequences
        results.append(backend.outputs(*arguments, memory=memory, spans=spans))
    whole = Sequences.from_list(X, dtype)
    expected = backend.outputs(problem.parameters, whole)
    if is_pooled:
        assert_array_equal(results[1], expected)
        assert_array_equal(results[2], expected)
    else:
        firsts = whole.offsets[:-1]
        assert_array_equal(results[0], expected[firsts])
        assert_array_equal(results[1], np.delete(expected, firsts, axis=0))
        assert len(results[2]) == 0


@pytest.mark.nojit
@kinds_with("lstm")
def test_sequences_may_pause(kind, new_backend):
    """Some of them, or all; what a pooled one gives is then what it gave before."""
    problem = make_problem(*kind, **SMALL)
    backend, X = new_backend(problem.network), problem.X
    X = [np.concatenate([x, x[:1]]) for x in X]
    pieces = [
        [x[:1] for x in X],
        [x[1 : 9 if i % 2 else 1] for i, x in enumerate(X)],
        [x[:0] for x in X],
        [x[1 : 1 if i % 2 else 9] for i, x in enumerate(X)],
    ]
    memory, totals, results = backend.new_memory(len(X)), 0, []
    for piece in pieces:
        sequences = Sequences.from_list(piece, problem.network.dtype)
        totals = totals + sequences.lengths
        spans = Spans(0, sequences.lengths, totals)
        arguments = problem.parameters, sequences
        found = backend.outputs(*arguments, memory=memory, spans=spans)
        results.append(found)
    whole = Sequences.from_list(X, problem.network.dtype)
    expected = backend.outputs(problem.parameters, whole)
    if problem.network.pooling is None:
        starts = whole.offsets[:-1]
        odd = np.isin(np.arange(len(expected)), whole.places(np.array([1, 3])))
        odd[starts] = False
        assert_array_equal(results[1], expected[odd])
        assert results[2].shape == (0, 4)
        odd[starts] = True
        assert_array_equal(results[3], expected[~odd])
    else:
        assert_array_equal(results[1][::2], results[0][::2])
        assert_array_equal(results[2], results[1])
        assert_array_equal(results[3], expected)


@kinds_with("lstm")
def test_two_runs_give_the_same_bits(kind, new_backend):
    problem = make_problem(*kind, **DEEP, **SMALL)
    arguments = problem, all_rows(problem), uneven_scales(problem)
    (loss, gradient), (other_loss, other) = (
        loss_gradient(*arguments, new_backend(problem.network)) for _ in range(2)
    )
    assert loss == other_loss
    assert_array_equal(gradient, other)


@kinds_with("gru")
@pytest.mark.parametrize("sizes", [SMALL, SMALL_FRAMES], ids=["steps", "frames"])
def test_a_prediction_does_not_depend_on_its_batch(kind, sizes, new_backend):
    problem = make_problem(*kind, **DEEP, **sizes)
    backend, parameters = new_backend(problem.network), problem.parameters
    whole = backend.features(parameters, problem.sequences)
    bounds = problem.sequences.offsets
    if problem.network.pooling is not None:
        bounds = np.arange(len(problem.X) + 1)
    for i in range(len(problem.X)):
        alone = backend.features(parameters, problem.sequences.take(np.array([i])))
        assert_array_equal(alone, whole[bounds[i] : bounds[i + 1]])


def _other(sequences, **changes):
    return {"sequences": sequences._replace(**changes)}


#: What a call is given that does not fit a network of 3 features; and how it is named.
WRONG = {
    "features": (lambda s: _other(s, values=s.values[:, :2]), "values .* found .*, 2"),
    "one feature": (lambda s: _other(s, values=s.values[:, 0]), "values of the seq"),
    "dtype": (
        lambda s: _other(s, values=s.values.astype("float32")),
        "must be float64.* found float32",
    ),
    "offsets": (lambda s: _other(s, offsets=s.offsets + 1), "places among 10 steps"),
    "parameters": (lambda s: {"parameters": np.zeros(7)}, r"parameters .* \(7,\)"),
    "memory": (lambda s: {"memory": np.zeros((4, 1))}, r"memory .* found \(4, 1\)"),
}
#: The same of static features, of which a network has two.
WRONG_STATIC = {
    "no static": (lambda s: _other(s, static=None), r"static .* found \(0, 0\)"),
    "static columns": (
        lambda s: _other(s, static=s.static[:, :1]),
        r"static .* found \(4, 1",
    ),
    "static rows": (
        lambda s: _other(s, static=s.static[:3]),
        r"static .* found \(3, 2",
    ),
    "dtype of static": (
        lambda s: _other(s, static=s.static.astype("float32")),
        "static .* must be float64",
    ),
}
#: Frames to compute of another number of sequences.
WRONG_SPANS = {
    "counts": (Spans(0, np.ones(3, int), np.ones(4, int)), r"numbers .* \(3,\)"),
    "totals": (Spans(0, np.ones(4, int), np.ones(5, int)), r"total num.* \(5,\)"),
}
WRONG_TO_LEARN = {
    "targets": (lambda s: {"targets": np.zeros((9, 4))}, r"targets .* \(4, 4\)"),
    "columns": (lambda s: {"targets": np.zeros((4, 3))}, r"targets .* \(4, 4\)"),
    "scales": (lambda s: {"scales": np.ones(3)}, r"scales .* \(4,\).* found \(3,\)"),
    "gradient": (lambda s: {"gradient": np.ones(3)}, r"gradient .* found \(3,\)"),
    "its dtype": (
        lambda s: {"gradient": np.ones(3, np.float32)},
        "gradient must be float64.* found float32",
    ),
}


@pytest.mark.nojit
@pytest.mark.parametrize("wrong", WRONG | WRONG_STATIC | WRONG_TO_LEARN)
def test_arguments_for_another_network_are_refused(wrong, new_backend):
    """Compiled code would read and write beyond what it is given."""
    n_static = 2 if wrong in WRONG_STATIC else 0
    problem = make_problem(loss="squared_error", n_static=n_static, **SMALL)
    backend = new_backend(problem.network)
    change, expected = (WRONG | WRONG_STATIC | WRONG_TO_LEARN)[wrong]
    changes = change(problem.sequences)
    given = {"parameters": problem.parameters, "sequences": problem.sequences}
    learned = {
        "rows": all_rows(problem),
        "targets": problem.targets,
        "scales": uneven_scales(problem),
        "gradient": np.full_like(problem.parameters, 5),
    }
    with pytest.raises(ValueError, match=expected):
        backend.loss_gradient(**given | learned | changes)
    assert (learned["gradient"] == 5).all()
    predicts = wrong not in WRONG_TO_LEARN
    for compute in (backend.outputs, backend.features) if predicts else ():
        with pytest.raises(ValueError, match=expected):
            compute(**given | changes)


@pytest.mark.nojit
@pytest.mark.parametrize("wrong", WRONG_SPANS)
def test_frames_of_other_sequences_are_refused(wrong, new_backend):
    problem = make_problem(**SMALL)
    backend, (spans, expected) = new_backend(problem.network), WRONG_SPANS[wrong]
    with pytest.raises(ValueError, match=expected):
        backend.outputs(problem.parameters, problem.sequences, spans=spans)


@pytest.mark.nojit
@pytest.mark.parametrize("row", [0, 1])
def test_a_solver_does_not_take_the_memory_of_another(row, new_backend):
    """Compiled code would write beyond it."""
    problem = make_problem(**SMALL)
    vector, network = problem.parameters, problem.network
    data = Data(problem.sequences, problem.targets, np.ones(4), np.arange(4))
    trainable = Trainable(network, vector, frozenset(network.shapes))
    solver = Solver("adam", (0.9, 0.999, 1e-8), 0.0, np.inf)
    state = np.zeros((1 + row, vector.size - row), vector.dtype)
    backend = new_backend(network)
    with pytest.raises(ValueError, match="solver's memory must have shape"):
        backend.begin(trainable, vector, state, solver, data, False)
