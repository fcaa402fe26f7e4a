"""The judge is judged: by numerical differences and by scikit-learn.

Differences cannot tell a swapped gate from the right one; test_torch.py can.
"""

from functools import partial
from itertools import cycle, product

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

N_FEATURES, HIDDEN_SIZE, OUTPUT_SIZES = 3, 2, (1, 5)
N_OUTPUTS = sum(OUTPUT_SIZES)
#: Targets of so many outputs, where they are not as many.
N_TARGETS = {"quantile": N_OUTPUTS // 3, "gaussian": N_OUTPUTS // 2, "multi_task": 3}
LENGTHS = (3, 1, 2)

cells = pytest.mark.parametrize(("cell", "activation"), naive.CELLS)
stacks = pytest.mark.parametrize(
    "stack", [(1, False), (1, True), (2, True), (3, False), (2, True, True)], ids=str
)
POOLINGS = ["last", "mean", "max", "attention", None]
poolings = pytest.mark.parametrize("pooling", POOLINGS)
heads = pytest.mark.parametrize("head", naive.HEADS)
#: Each pooling, and each head, with one or more of the others.
surroundings = pytest.mark.parametrize(
    ("pooling", "head"), [*zip(cycle(POOLINGS), naive.HEADS)]
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_weights(
    rng,
    cell="gru",
    activation="tanh",
    n_layers=1,
    bidirectional=False,
    layer_norm=False,
):
    """Weights for any pooling."""
    gates = naive.CELLS[cell, activation].n_gates * HIDDEN_SIZE
    ends = ["", "_reverse"][: 1 + bidirectional]
    n_states = len(ends) * HIDDEN_SIZE
    shapes = {
        "attention.weight": (HIDDEN_SIZE, n_states),
        "attention.bias": (HIDDEN_SIZE,),
        "attention.query": (HIDDEN_SIZE,),
        "head.weight": (N_OUTPUTS, n_states),
        "head.bias": (N_OUTPUTS,),
    }
    for k, end in product(range(n_layers), ends):
        shapes |= {
            f"weight_ih_l{k}{end}": (gates, n_states if k else N_FEATURES),
            f"weight_hh_l{k}{end}": (gates, HIDDEN_SIZE),
            f"bias_ih_l{k}{end}": (gates,),
            f"bias_hh_l{k}{end}": (gates,),
        }
    if layer_norm:
        names = [f"norm_l{k}" for k in range(n_layers)]
        shapes |= {f"{name}.weight": (n_states,) for name in names}
        shapes |= {f"{name}.bias": (n_states,) for name in names}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def make_batch(rng, head="squared_error", pooling="last"):
    """Sequences, and targets of which some are missing."""
    X = [rng.normal(size=(length, N_FEATURES)) for length in LENGTHS]
    y = []
    for sequence in X:
        n = 1 if pooling else len(sequence)
        if head == "softmax":
            y.append(np.column_stack([rng.integers(-1, s, n) for s in OUTPUT_SIZES]))
            continue
        target = random_targets(rng, head, n)
        target[rng.random(target.shape) < 0.3] = np.nan
        y.append(target)
    return X, y


def random_targets(rng, head, n):
    target = rng.normal(size=(n, N_TARGETS.get(head, N_OUTPUTS)))
    if head == "logistic":
        return (target > 0).astype(float)
    if head == "multi_task":  # a class of four, yes or no, a value
        target[:, 0] = rng.integers(N_OUTPUTS - 2, size=n)
        target[:, 1] = target[:, 1] > 0
    return np.abs(target) if head in ("poisson", "gamma") else target


def make_masks(rng, weights):
    """Factors of any size, for each sequence."""
    ends = naive.layers(weights)
    n_states = len(ends[0]) * HIDDEN_SIZE
    return [
        naive.Masks(
            [rng.normal(size=(length, n_states)) for _ in ends[1:]],
            [[rng.normal(size=HIDDEN_SIZE) for _ in layer] for layer in ends],
        )
        for length in LENGTHS
    ]


def central_differences(function, array, step=1e-5):
    """Gradient of function(), which reads `array`, by shifting one entry at a time."""
    gradient = np.empty_like(array)
    for index, value in np.ndenumerate(array):
        array[index] = value + step
        above = function()
        array[index] = value - step
        gradient[index] = (above - function()) / (2 * step)
        array[index] = value
    return gradient


def slope(function, array, direction, step=1e-5):
    """Derivative of function(), which reads `array`, along a direction."""
    values = array.copy()
    array[...] = values + step * direction
    above = function()
    array[...] = values - step * direction
    below = function()
    array[...] = values
    return (above - below) / (2 * step)


def check_gradients(rng, weights, **options):
    """Along random directions: no wrong entry hides from them, and they are few."""

    def loss():
        return naive.loss_and_gradients(weights, **options)[0]

    _, gradients = naive.loss_and_gradients(weights, **options)
    assert gradients.keys() == weights.keys()
    for name, array in weights.items():
        for direction in rng.choice([-1.0, 1.0], size=(3, *array.shape)):
            found = (gradients[name] * direction).sum()
            expected = slope(loss, array, direction)
            # atol is the rounding error of a difference of losses near 1, over the
            # step.
            assert_allclose(found, expected, rtol=1e-6, atol=1e-10, err_msg=name)


@cells
@stacks
def test_gradients_equal_central_differences(rng, cell, activation, stack):
    weights = make_weights(rng, cell, activation, *stack)
    X, y = make_batch(rng)
    kind = {"cell": cell, "activation": activation, "pooling": "attention"}
    check_gradients(rng, weights, X=X, y=y, head="squared_error", **kind)


@surroundings
def test_gradients_of_all_that_surrounds_a_cell(rng, pooling, head):
    weights = make_weights(rng, "rnn", n_layers=2, bidirectional=True, layer_norm=True)
    X, y = make_batch(rng, head, pooling)
    check_gradients(
        rng,
        weights,
        X=X,
        y=y,
        sample_weight=[rng.uniform(0.5, 2, len(target)) for target in y],
        cell="rnn",
        pooling=pooling,
        head=head,
        alpha=0.1,
        output_sizes=OUTPUT_SIZES,
    )


@cells
def test_gradients_with_dropout(rng, cell, activation):
    weights = make_weights(rng, cell, activation, 2, True, True)
    X, y = make_batch(rng)
    kind = {"cell": cell, "activation": activation, "head": "squared_error"}
    check_gradients(rng, weights, X=X, y=y, masks=make_masks(rng, weights), **kind)


@cells
def test_truncated_gradients(rng, cell, activation):
    """Each chunk has a loss of its own, which starts from given states."""
    weights, formulas = (
        make_weights(rng, cell, activation),
        naive.CELLS[cell, activation],
    )
    x, y = rng.normal(size=(5, N_FEATURES)), rng.normal(size=(5, N_OUTPUTS))
    states = naive.run(weights, "_l0", x, formulas, mask=1.0)

    def loss(first, last):
        state, total = states[first], 0.0
        for t in range(first, last):
            gates = naive.gate_inputs(weights, "_l0", x[t], state[0])
            state = formulas.forward(*gates, state)
            logits = weights["head.weight"] @ state[0] + weights["head.bias"]
            total += naive.squared_error(logits, y[t], None)[0]
        return total

    kind = {
        "cell": cell,
        "activation": activation,
        "pooling": None,
        "head": "squared_error",
    }
    _, gradients = naive.loss_and_gradients(
        weights, [x], [y], [np.ones(5)], **kind, bptt_steps=2
    )
    for name, array in weights.items():
        expected = sum(
            central_differences(partial(loss, first, last), array)
            for first, last in [(0, 2), (2, 4), (4, 5)]
        )
        # The gradient is that of a mean over 5 steps.
        assert_allclose(gradients[name], expected / 5, rtol=1e-6, atol=1e-9)


@poolings
@pytest.mark.parametrize("n_layers", [1, 2])
def test_truncation_beyond_the_end_changes_nothing(rng, pooling, n_layers):
    weights = make_weights(rng, n_layers=n_layers)
    X, y = make_batch(rng, pooling=pooling)
    options = {"cell": "gru", "pooling": pooling, "head": "squared_error"}
    loss, gradients = naive.loss_and_gradients(weights, X, y, **options)
    truncated_loss, truncated = naive.loss_and_gradients(
        weights, X, y, **options, bptt_steps=max(LENGTHS)
    )
    assert truncated_loss == loss
    for name in weights:
        assert_array_equal(truncated[name], gradients[name], name)
    _, truncated = naive.loss_and_gradients(weights, X, y, **options, bptt_steps=1)
    assert not np.allclose(truncated["weight_ih_l0"], gradients["weight_ih_l0"])


@heads
def test_loss_is_weighted_mean(rng, head):
    weights = make_weights(rng)
    X, y = make_batch(rng, head)

    def loss(rows, sample_weight=None):
        return naive.loss_and_gradients(
            weights,
            [X[row] for row in rows],
            [y[row] for row in rows],
            sample_weight,
            cell="gru",
            head=head,
            output_sizes=OUTPUT_SIZES,
        )[0]

    assert_allclose(loss([0, 1, 2], [2, 0, 1]), loss([0, 0, 2]))


@heads
def test_columns_add_up_and_a_missing_one_adds_nothing(rng, head):
    compute = partial(naive.HEADS[head], output_sizes=OUTPUT_SIZES)
    logits = rng.normal(size=N_OUTPUTS)
    y, missing = random_targets(rng, head, 1)[0], np.nan
    if head == "softmax":
        y, missing = np.array([0, 2]), -1
    alone = [
        compute(logits, np.where(np.arange(len(y)) == column, y, missing))
        for column in range(len(y))
    ]
    loss, gradient = compute(logits, y)
    assert_allclose(loss, sum(value for value, _ in alone))
    assert_allclose(gradient, sum(grad for _, grad in alone))
    loss, gradient = compute(logits, np.full(len(y), missing))
    assert loss == 0
    assert_array_equal(gradient, np.zeros(N_OUTPUTS))


@cells
@stacks
def test_dropout_that_lasts_is_in_the_weights(rng, cell, activation, stack):
    """Factors that are the same at all steps might as well multiply the weights."""
    weights = make_weights(rng, cell, activation, *stack)
    X, _ = make_batch(rng)
    masks = make_masks(rng, weights)[0]
    masks = masks._replace(outputs=[factors[:1] for factors in masks.outputs])
    scaled = dict(weights)
    for k, ends in enumerate(naive.layers(weights)):
        for d, end in enumerate(ends):
            scaled[f"weight_hh{end}"] = (
                weights[f"weight_hh{end}"] * masks.recurrent[k][d]
            )
            if k > 0:
                scaled[f"weight_ih{end}"] = (
                    weights[f"weight_ih{end}"] * masks.outputs[k - 1]
                )
    features, logits = naive.forward(
        weights, X, cell, activation, "mean", [masks] * len(X)
    )
    expected_features, expected_logits = naive.forward(
        scaled, X, cell, activation, "mean"
    )
    assert_allclose(features, expected_features)
    assert_allclose(logits, expected_logits)


def test_without_a_query_attention_is_a_mean(rng):
    weights = make_weights(rng, bidirectional=True)
    X, _ = make_batch(rng)
    weights["attention.query"][:] = 0
    features, _ = naive.forward(weights, X, "gru", pooling="attention")
    expected, _ = naive.forward(weights, X, "gru", pooling="mean")
    assert_allclose(features, expected)


def test_last_states_are_those_after_all_steps_of_their_direction(rng):
    weights = make_weights(rng, n_layers=2, bidirectional=True)
    X, _ = make_batch(rng)
    last, _ = naive.forward(weights, X, "gru", pooling="last")
    for sequence, features in zip(X, last, strict=True):
        steps, _ = naive.forward(weights, [sequence], "gru", pooling=None)
        forward, reverse = np.split(steps, 2, axis=1)
        assert_array_equal(features, [*forward[-1], *reverse[0]])


@cells
@surroundings
def test_float32_stays_float32(rng, cell, activation, pooling, head):
    weights = make_weights(rng, cell, activation, 2, True, True)
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    X, y = make_batch(rng, head, pooling)
    X = [sequence.astype(np.float32) for sequence in X]
    kind = {"cell": cell, "activation": activation, "pooling": pooling}
    if head != "softmax":
        y = [target.astype(np.float32) for target in y]
    features, logits = naive.forward(weights, X, **kind)
    loss, gradients = naive.loss_and_gradients(
        weights, X, y, head=head, output_sizes=OUTPUT_SIZES, **kind
    )
    for result in (features, logits, loss, *gradients.values()):
        assert result.dtype == np.float32


def test_standardized_states(rng):
    normal, deviation = naive.standardize(rng.normal(3, 5, size=(4, 50)))
    assert_allclose(normal.mean(axis=1), 0, atol=1e-14)
    assert_allclose(normal.std(axis=1), 1, rtol=1e-5)
    normal, deviation = naive.standardize(np.ones((2, 3)))
    assert_array_equal(normal, 0)
    assert_allclose(deviation, np.sqrt(1e-5))


def test_share_of_a_tied_maximum_goes_to_the_first_step():
    outputs = np.array([[1.0, 5.0], [2.0, 0.0], [2.0, 5.0]])
    assert_array_equal(naive.shares({}, outputs, "max"), [[0, 1], [1, 0], [0, 0]])


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_equals_scikit_learn(rng, nesterov):
    parameters, gathered = rng.normal(size=5), np.zeros(5)
    expected = parameters.copy()
    optimizer = SGDOptimizer([expected], 0.1, momentum=0.8, nesterov=nesterov)
    for gradient in rng.normal(size=(4, 5)):
        optimizer.update_params([expected], [gradient])
        parameters, gathered = naive.sgd(
            parameters, gradient, gathered, 0.1, 0.8, nesterov
        )
    assert_allclose(parameters, expected, rtol=1e-14)


def test_adam_without_epsilon_equals_scikit_learn(rng):
    parameters, mean, square = rng.normal(size=5), np.zeros(5), np.zeros(5)
    expected = parameters.copy()
    optimizer = AdamOptimizer([expected], 0.1, epsilon=0.0)
    for t, gradient in enumerate(rng.normal(size=(4, 5)), start=1):
        optimizer.update_params([expected], [gradient])
        parameters, mean, square = naive.adam(
            parameters, gradient, mean, square, 0.1, t, 0.9, 0.999, 0.0
        )
    assert_allclose(parameters, expected, rtol=1e-14)


def test_first_adam_step(rng):
    # Corrected, the first moments are the gradient and its square.
    parameters, gradient, zeros = rng.normal(size=5), rng.normal(size=5), np.zeros(5)
    actual, *_ = naive.adam(parameters, gradient, zeros, zeros, 0.1, 1, 0.9, 0.999, 0.5)
    expected = parameters - 0.1 * gradient / (np.abs(gradient) + 0.5)
    assert_allclose(actual, expected, rtol=1e-14)


def test_clip_by_norm():
    gradient = np.array([3.0, 4.0])
    assert_allclose(naive.clip_by_norm(gradient, 1.0), [0.6, 0.8])
    assert naive.clip_by_norm(gradient, 5.0) is gradient
