"""The compiled kernels against the plain NumPy reference, and central differences."""

import numpy as np
import pytest
from kernel_cases import (  # noqa: F401
    test_a_prediction_does_not_depend_on_its_batch,
    test_a_small_network_equals_the_reference,
    test_a_solver_does_not_take_the_memory_of_another,
    test_a_tied_maximum_counts_at_its_first_step,
    test_arguments_for_another_network_are_refused,
    test_attention_to_a_single_step,
    test_frames_equal_the_reference,
    test_frames_of_other_sequences_are_refused,
    test_missing_targets_add_nothing,
    test_static_features_equal_the_reference,
    test_truncation_counts_frames,
    test_two_runs_give_the_same_bits,
    test_without_any_target_there_is_no_gradient,
)
from numpy.testing import assert_allclose
from problems import (
    DEEP,
    SHALLOW,
    STACKS,
    TALL,
    all_rows,
    check_loss_gradient,
    check_outputs,
    kinds,
    kinds_with,
    loss_gradient,
    make_problem,
    stacks,
    stacks_of,
    uneven_scales,
)

from skrnn.backends import make_backend

#: What a kernel could get wrong at one size and not at another.
SHAPES = {
    # Little is left of one unit's states, or two's, if they are normalised.
    "one_unit": {"hidden_size": 1, "layer_norm": False},
    "part_of_a_panel": {"hidden_size": 7},
    "whole_panels": {"hidden_size": 32},
    "panels_and_a_part": {"hidden_size": 33},
    "one_feature": {"n_features": 1},
    "many_features": {"n_features": 19},
    "many_outputs": {"output_sizes": (35,)},
    "one_sequence": {"lengths": (9,)},
    "one_step": {"lengths": (1,)},
    "one_length": {"lengths": (6,) * 37},
}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
#: Frame and hop lengths: overlapping, side by side, longer than most of the sequences.
FRAMES = [(2, 1), (3, 3), (6, 4), (30, 7)]


@kinds
@stacks
def test_outputs_equal_the_reference(kind, stack):
    check_outputs(make_problem(*kind, **stack))


@kinds
@stacks
def test_loss_and_gradient_equal_the_reference(kind, stack):
    problem = make_problem(*kind, **stack)
    rows = np.random.default_rng(2).permutation(len(problem.X))
    check_loss_gradient(problem, rows)
    check_loss_gradient(problem, rows[:5])


@kinds
@shapes
@stacks_of(SHALLOW, DEEP)
def test_shapes(kind, shape, stack):
    problem = make_problem(*kind, **stack | shape)
    check_outputs(problem)
    check_loss_gradient(problem)


@kinds
@pytest.mark.parametrize(("frame_length", "hop_length"), FRAMES)
def test_frames(kind, frame_length, hop_length):
    sizes = {"frame_length": frame_length, "hop_length": hop_length}
    problem = make_problem(*kind, **DEEP, **sizes, lengths=(5, 1, 31, 2, 6, 7, 10, 3))
    check_outputs(problem)
    check_loss_gradient(problem)


@kinds
def test_long_sequences(kind):
    """Sums of so many terms are less exact."""
    problem = make_problem(*kind, **DEEP, lengths=(700, 1, 290))
    check_outputs(problem)
    check_loss_gradient(problem, relax=5)


@kinds
def test_many_units(kind):
    """So many that panels are multiplied in portions, and rows are set apart."""
    n_units = 4096 // np.dtype(kind[3]).itemsize
    stack = SHALLOW | {"layer_norm": True}
    problem = make_problem(*kind, **stack, lengths=(3, 1, 2, 4, 2), hidden_size=n_units)
    check_outputs(problem)
    check_loss_gradient(problem, relax=5)


@kinds
def test_few_outputs(kind):
    """A softmax over one class would have nothing to learn."""
    problem = make_problem(*kind, output_sizes=(2 if "softmax" in kind else 1,))
    check_outputs(problem)
    check_loss_gradient(problem)


@kinds
def test_extreme_outputs(kind):
    problem = make_problem(*kind)
    problem.weights["head.bias"][:] = [1e3, -1e3, 0, 0]
    check_loss_gradient(problem)


@kinds_with("softmax")
@pytest.mark.parametrize("output_sizes", [(2, 3), (1, 17, 2), (3,) * 12])
def test_several_columns_of_classes(kind, output_sizes):
    problem = make_problem(*kind, output_sizes=output_sizes)
    check_outputs(problem)
    check_loss_gradient(problem)


@kinds_with("float64")
@stacks_of(STACKS[1], TALL, DEEP)
def test_gradient_equals_central_differences(kind, stack):
    problem = make_problem(*kind, **stack, lengths=(3, 1, 2, 4), hidden_size=3)
    rows, scales = all_rows(problem), uneven_scales(problem)
    parameters = problem.parameters
    backend = make_backend("cpu", problem.network)
    unused = np.empty_like(parameters)

    def loss_at(p, value):
        moved = parameters.copy()
        moved[p] = value
        return backend.loss_gradient(
            moved, problem.sequences, rows, problem.targets, scales, unused
        )

    step = 1e-5
    expected = [
        (loss_at(p, value + step) - loss_at(p, value - step)) / (2 * step)
        for p, value in enumerate(parameters)
    ]
    _, gradient = loss_gradient(problem, rows, scales)
    # atol is the rounding error of a difference of losses near 10, over the step.
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


def test_attention_that_overflows_is_nan_without_a_warning():
    problem = make_problem(pooling="attention")
    parameters = problem.parameters
    views = problem.network.views(parameters)
    views["attention_bias"][:], views["attention_query"][:] = 10, 1e308
    backend = make_backend("cpu", problem.network)
    assert np.isnan(backend.attention_weights(parameters, problem.sequences)).any()
