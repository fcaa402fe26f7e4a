"""The regressor's losses: formulas, links, what is predicted, and what is refused."""

import pickle
from functools import partial

import naive
import numpy as np
import pytest
import small_steps
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    TOLERANCES,
    assert_close,
    dtypes,
    losses,
    make_problem,
    uneven_scales,
)
from scipy import special, stats
from sklearn.metrics import r2_score
from small import LABELS, RAGGED, WEIGHTS, X, Y, make, state_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends.outputs import losses_of_rows
from skrnn.estimators.real_values import RealValues
from skrnn.mathematics.losses import (
    LOSSES,
    Gaussian,
    Huber,
    Logistic,
    Quantile,
    Softmax,
)

REGRESSING = [name for name, loss in LOSSES.items() if loss.regresses]
#: For each Numba compiles some seconds: one of each way from outputs to predictions.
fitted = pytest.mark.parametrize("loss", ["poisson", "quantile", "gaussian"])
POSITIVE = np.exp(Y)  # which every loss takes
TWO = np.c_[POSITIVE, 100 * POSITIVE[::-1]]


def codec_of(loss, y, **options):
    """What makes targets of y, and predictions of outputs."""
    options = {"normalize": True, "estimator_name": "R"} | options
    return RealValues.of(y, np.ones(len(y)), loss, **options)


# Formulas.


@pytest.mark.nojit
@losses
@dtypes
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_formula_equals_the_reference(loss, dtype, missing):
    problem = make_problem(loss=loss, dtype=dtype, missing=missing)
    network, scales = problem.network, uneven_scales(problem)
    shape = len(problem.targets), network.n_outputs
    outputs = np.random.default_rng(2).normal(size=shape).astype(dtype)
    compute = partial(naive.HEADS[loss], output_sizes=network.output_sizes)
    pairs = zip(outputs.astype(float), problem.targets, strict=True)
    rows = [compute(*pair) for pair in pairs]
    value = losses_of_rows(network.kind, outputs, problem.targets, scales)
    assert_allclose(value, scales @ [row[0] for row in rows], TOLERANCES[dtype])
    expected = scales[:, np.newaxis] * [row[1] for row in rows]
    assert_close(outputs, expected, TOLERANCES[dtype])


@pytest.mark.nojit
def test_hyperparameters_change_a_formula():
    outputs, y, scales = np.array([[3.0, -0.5]]), np.zeros((1, 2)), np.ones(1)
    kind = Huber(delta=0.25).kind((2,))
    assert losses_of_rows(kind, outputs, y, scales) == 0.5 * (0.71875 + 0.09375)
    assert_array_equal(outputs, [[0.125, -0.125]])
    loss = Quantile(quantiles=(0.2, 0.7))
    outputs = np.array([[1.0, -2.0]]) - special.ndtri(loss.levels)
    kind = loss.kind(loss.output_sizes(1))
    value = losses_of_rows(kind, outputs, y[:, :1], scales)
    assert_allclose(value, 0.5 * (0.8 * 1 + 0.7 * 2))
    assert_allclose(outputs, [[0.4, -0.35]])


@pytest.mark.nojit
@pytest.mark.parametrize(("loss", "n"), [("softmax", 3), ("logistic", 2)])
def test_a_smoothed_label_is_some_of_all(loss, n):
    """In their shares, as PyTorch has it; a missing one is none of any."""
    make_loss, scales, rng = LOSSES[loss], np.ones(1), np.random.default_rng(4)
    first = rng.normal(size=(1, n if loss == "softmax" else 1))

    def compute(label, **smoothing):
        kind, outputs = make_loss(**smoothing).kind((first.size,)), first.copy()
        y = np.array([[label]], np.int64 if loss == "softmax" else float)
        return losses_of_rows(kind, outputs, y, scales), outputs

    losses, gradients = zip(*map(compute, range(n)), strict=True)
    for label in range(n):
        shares = np.full(n, 0.3 / n) + 0.7 * (np.arange(n) == label)
        value, gradient = compute(label, label_smoothing=0.3)
        assert_allclose(value, shares @ losses, 1e-12)
        assert_allclose(gradient[0], shares @ np.vstack(gradients), 1e-12, 1e-15)
    missing = -1 if loss == "softmax" else np.nan
    value, gradient = compute(missing, label_smoothing=0.3)
    assert value == 0
    assert not gradient.any()


@pytest.mark.nojit
@pytest.mark.parametrize("loss", REGRESSING)
def test_extreme_outputs_have_finite_gradients(loss):
    """Or what is learned would be lost at once, rather than come back."""
    loss = LOSSES[loss]()
    kind = loss.kind(loss.output_sizes(6 // loss.group_size))
    outputs = np.array([[1e3, -1e3, 50.0, -50.0, 0.0, 1e-30]])
    y = np.full((1, 6 // loss.group_size), 0.5)
    assert np.isfinite(losses_of_rows(kind, outputs, y, np.ones(1)))
    assert np.isfinite(outputs).all()
    assert np.isfinite(codec_of(loss, y[0]).decode(outputs[:, : loss.group_size])).all()


# Units and links.


@pytest.mark.nojit
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "gaussian"])
def test_outputs_of_0_are_the_best_constant(loss):
    loss = LOSSES[loss]()
    codec = codec_of(loss, TWO)
    kind, targets = loss.kind(codec.output_sizes), codec.encode(TWO, "float64", "R")
    outputs = np.zeros((len(targets), kind.n_outputs))
    assert_allclose(codec.decode(outputs), np.tile(TWO.mean(0), (len(TWO), 1)))
    losses_of_rows(kind, outputs, targets, np.ones(len(targets)))
    assert_allclose(outputs.sum(0), 0, atol=1e-12)


@pytest.mark.parametrize("y", [POSITIVE, TWO], ids=["one output", "two outputs"])
def test_quantiles_are_in_the_last_dimension_and_do_not_cross(y):
    loss = Quantile(quantiles=(0.25, 0.5, 0.9))
    codec, n = codec_of(loss, y), y[0].size
    outputs = np.tile([0.5, -3.0, 0.0], (2, n)) - np.tile(special.ndtri(loss.levels), n)
    mean, deviation = np.mean(y, 0)[..., None], np.std(y, 0)[..., None]
    expected = mean + deviation * np.array([-3, 0, 0.5])
    assert_allclose(codec.decode(outputs), np.stack([expected] * 2))
    assert_allclose(codec.centre(outputs), np.tile(mean.ravel(), (2, 1)))
    assert_allclose(codec.intervals(outputs, None)[0], expected[..., [0, 2]])
    # One that is a number has no dimension of its own.
    codec = codec_of(Quantile(quantiles=0.5), y)
    assert_allclose(codec.decode(np.zeros((2, n))), np.stack([np.mean(y, 0)] * 2))


def test_a_median_lies_between_its_neighbours():
    codec = codec_of(Quantile(quantiles=(0.1, 0.3, 0.7)), Y, normalize=False)
    outputs = np.array([[1.0, 2.0, 4.0]]) - special.ndtri(codec.loss.levels)
    assert_allclose(codec.centre(outputs), [[3]])
    for quantiles, nearest in [((0.6, 0.9), 0.6), ((0.1, 0.2), 0.2)]:
        codec = codec_of(Quantile(quantiles=quantiles), Y, normalize=False)
        expected = special.ndtri(nearest)
        assert_allclose(codec.centre(np.zeros((1, 2))), [[expected]])


def test_means_and_deviations_in_the_unit_of_the_targets():
    codec = codec_of(Gaussian(), TWO)
    outputs = np.array([[0.0, 0.0, 1.0, -1e6]])
    mean, deviation = TWO.mean(0), TWO.std(0)
    assert_allclose(codec.decode(outputs), [mean + [0, deviation[1]]])
    found = codec.deviations(outputs)
    assert_allclose(found, [deviation * [1, 1e-3]])
    intervals = codec.intervals(outputs, 0.8)
    assert_allclose(np.diff(intervals)[..., 0], 2 * 1.2815515655446004 * found)
    assert_allclose(intervals.mean(axis=2), codec.decode(outputs))
    upper = codec.decode(outputs) + stats.norm.ppf(0.95) * found
    assert_allclose(codec.intervals(outputs, None)[..., 1], upper)


# Fits.


@fitted
def test_the_loss_is_that_of_the_predictions(loss):
    still = {"max_iter": 1, "learning_rate_init": 1e-30, "alpha": 0.0}
    regressor = make(RNNRegressor, loss=loss, **still).fit(X, POSITIVE, WEIGHTS)
    mean, predicted = np.average(POSITIVE, weights=WEIGHTS), regressor.predict(X)
    deviation = np.sqrt(np.average((POSITIVE - mean) ** 2, weights=WEIGHTS))
    if loss == "poisson":
        mu = predicted / mean
        losses = mu - POSITIVE / mean * np.log(mu)
    elif loss == "quantile":
        losses = np.mean(
            [
                np.where(of_q < POSITIVE, q, q - 1) * (POSITIVE - of_q) / deviation
                for q, of_q in zip(regressor.quantiles, predicted.T, strict=True)
            ],
            axis=0,
        )
    else:
        _, spread = regressor.predict(X, return_std=True)
        losses = -stats.norm.logpdf(POSITIVE, predicted, spread)
        losses -= 0.5 * np.log(2 * np.pi) + np.log(deviation)
    expected = np.average(losses, weights=WEIGHTS)
    assert regressor.loss_ == pytest.approx(expected, rel=1e-5)


@fitted
def test_it_learns(loss):
    options = {"loss": loss, "max_iter": 150, "learning_rate_init": 0.05}
    regressor = make(RNNRegressor, **options).fit(X, POSITIVE)
    assert regressor.score(X, POSITIVE) > 0.7
    if loss == "quantile":
        shares = (POSITIVE[:, None] <= regressor.predict(X)).mean(axis=0)
        assert (np.diff(shares) >= 0).all()


@fitted
def test_predictions_intervals_and_scores(loss):
    regressor = make(RNNRegressor, loss=loss).fit(RAGGED, TWO)
    predicted = regressor.predict(RAGGED[:7])
    assert predicted.dtype == np.float64
    if loss == "quantile":
        assert predicted.shape == (7, 2, 3)
        assert (np.diff(predicted) >= 0).all()
        assert_array_equal(regressor.predict_interval(RAGGED[:7]), predicted[..., ::2])
        for coverage in (0.8, np.float32(0.8)):
            found = regressor.predict_interval(RAGGED[:7], coverage=coverage)
            assert_array_equal(found, predicted[..., ::2])
        predicted = predicted[..., 1]
    elif loss == "gaussian":
        mean, deviation = regressor.predict(RAGGED[:7], return_std=True)
        assert_array_equal(mean, predicted)
        found = regressor.predict_interval(RAGGED[:7], coverage=0.95)
        ends = stats.norm.interval(0.95, mean, deviation)
        assert_allclose(found, np.stack(ends, axis=-1))
    else:
        assert not hasattr(regressor, "predict_interval")
        with pytest.raises(ValueError, match=rf"loss='gaussian', but .* '{loss}'"):
            regressor.predict(RAGGED, return_std=True)
    assert predicted.shape == (7, 2)
    score = regressor.score(RAGGED[:7], TWO[:7])
    assert score == pytest.approx(r2_score(TWO[:7], predicted))


@fitted
def test_early_stopping_watches_the_loss(loss):
    """R^2 would not see wrong quantiles, or a wrong spread."""
    options = {"loss": loss, "early_stopping": True, "alpha": 0.0}
    validation = {"X_val": X[:9], "y_val": TWO[:9], "sample_weight_val": WEIGHTS[:9]}
    regressor = make(RNNRegressor, **options).fit(X, TWO, **validation)
    still = make(RNNRegressor, loss=loss, max_iter=1, learning_rate_init=1e-30, alpha=0)
    still.set_params(warm_start=True)._model = regressor._model
    best = regressor.best_validation_score_
    assert best == max(regressor.validation_scores_)
    still.fit(X[:9], TWO[:9], WEIGHTS[:9])
    assert still.loss_ == pytest.approx(-best, rel=1e-5)


@fitted
def test_what_goes_on_and_what_is_saved(loss):
    regressor = make(RNNRegressor, loss=loss).partial_fit(X, TWO)
    first = regressor.loss_
    for _ in range(4):
        regressor.partial_fit(X, TWO)
    assert regressor.loss_ < first
    predicted = regressor.predict(RAGGED)
    reopened = pickle.loads(pickle.dumps(regressor))
    assert_array_equal(reopened.predict(RAGGED), predicted)
    assert reopened._model.network == regressor._model.network
    stream = reopened.stream(len(RAGGED))
    stream.predict([x[:1] for x in RAGGED])
    rest = [x[1:] for x in RAGGED]
    if loss == "poisson":
        assert not hasattr(stream, "predict_interval")
        assert_array_equal(stream.predict(rest), predicted)
    else:
        expected = regressor.predict_interval(RAGGED, coverage=0.8)
        assert_array_equal(stream.predict_interval(rest, coverage=0.8), expected)
    regressor.set_params(warm_start=True, max_iter=2).fit(X, TWO)
    assert regressor.loss_ < first
    other = make(RNNRegressor, loss=loss, max_iter=1, learning_rate_init=1e-30)
    other.fit(X, TWO, init_weights=regressor)
    assert_allclose(other.predict(X), regressor.predict(X), rtol=1e-6)


def test_weights_of_another_loss_without_its_head():
    start = make(RNNRegressor).fit(X, POSITIVE)
    options = {"max_iter": 1, "learning_rate_init": 1e-30, "random_state": 5}
    regressor = make(RNNRegressor, loss="quantile", **options)
    weights = regressor.fit(X, POSITIVE, init_weights=start).get_weights()
    expected = start.get_weights()
    assert_allclose(weights["weight_hh_l0"], expected["weight_hh_l0"])
    assert weights["head.weight"].shape == (3, 3)
    # Of as many outputs, but another meaning.
    regressor.set_params(loss="poisson")
    weights = regressor.fit(X, POSITIVE, init_weights=start).get_weights()
    assert_allclose(weights["weight_hh_l0"], expected["weight_hh_l0"])
    assert not np.allclose(weights["head.weight"], expected["head.weight"])
    with pytest.raises(ValueError, match="cannot go on with another network: .*loss"):
        start.set_params(loss="poisson").partial_fit(X, POSITIVE)


@fitted
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_lbfgs(loss):
    regressor = make(RNNRegressor, loss=loss, solver="lbfgs", max_iter=15)
    regressor.fit(X, POSITIVE)
    assert regressor.loss_ < regressor.loss_curve_[0]


def test_quantiles_for_every_step():
    """Of several outputs, some of which are missing, as a forecaster has them."""
    y = [part.copy() for part in small_steps.TWO]
    for part in y:
        part[-1, 1] = np.nan
    options = {"loss": "quantile", "quantiles": np.array([0.25, 0.75])}
    regressor = small_steps.make_steps(RNNRegressor, **options)
    regressor.fit(RAGGED, y, small_steps.WEIGHTS)
    predicted = regressor.predict(RAGGED)
    assert [part.shape for part in predicted] == [(len(x), 2, 2) for x in RAGGED]
    assert regressor.predict(X).shape == (*X.shape[:2], 2, 2)
    assert_array_equal(regressor.predict_interval(RAGGED)[3], predicted[3])
    found, there = np.concatenate(predicted), ~np.isnan(np.concatenate(y))
    expected = [
        r2_score(truth[known], middle[known])
        for truth, middle, known in zip(
            np.concatenate(y).T, found.mean(axis=2).T, there.T, strict=True
        )
    ]
    assert regressor.score(RAGGED, y) == pytest.approx(np.mean(expected))
    with_one = regressor.set_params(quantiles=0.9).fit(RAGGED, small_steps.Y)
    assert [part.shape for part in with_one.predict(RAGGED)] == [
        (len(x),) for x in RAGGED
    ]


# What is refused, and what is extreme.


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("value", [-1.0, 0.0, -0.0, 1e-60, np.inf])
def test_targets_that_a_loss_cannot_take(loss, value):
    y = np.append(POSITIVE[:-1], value)
    regressor = make(RNNRegressor, loss=loss, max_iter=1)
    if loss == "poisson" and abs(value) < 1:
        assert len(codec_of(LOSSES[loss](), y).encode(y[:, None], "float32", "R")) == 24
        return
    match = "infinity" if value == np.inf else rf"targets in .*, y has {value}"
    with pytest.raises(ValueError, match=match):
        regressor.fit(X, y)
    assert state_of(regressor) == state_of(make(RNNRegressor, loss=loss, max_iter=1))
    regressor.set_params(early_stopping=True)
    match = match.replace("y has", "y_val has")
    with pytest.raises(ValueError, match=match):
        regressor.fit(X, POSITIVE, X_val=X, y_val=y)


@pytest.mark.parametrize(
    "quantiles",
    [
        [],
        [0.9, 0.1],
        [0.5, 0.5],
        [0.0, 0.5],
        [0.5, 1],
        [[0.5]],
        [np.nan],
        ["a"],
        [None],
    ],
    ids=str,
)
def test_quantiles_that_are_none(quantiles):
    regressor = make(RNNRegressor, loss="quantile", quantiles=quantiles)
    match = r"quantiles must be a number between 0 and 1, or a list .* got \["
    with pytest.raises(ValueError, match=match):
        regressor.fit(X, Y)
    with pytest.raises(ValueError, match="The 'quantiles' parameter of RNNRegressor"):
        regressor.set_params(quantiles=1.0).fit(X, Y)


def test_intervals_that_are_not_to_be_had():
    regressor = make(RNNRegressor, loss="quantile").fit(X, POSITIVE)
    with pytest.raises(ValueError, match=r"coverage=0.9, but those of \[0.8\]. Fit"):
        regressor.predict_interval(X, coverage=0.9)
    for coverage in (0, 1, 1.5, np.nan):
        with pytest.raises(ValueError, match="coverage"):
            regressor.predict_interval(X, coverage=coverage)
    for quantiles, coverage in ((0.5, None), (0.5, 0.8), ([0.5], None)):
        with pytest.raises(ValueError, match=r"The only quantile, 0\.5, has no inter"):
            Quantile(quantiles=quantiles).interval(np.zeros((1, 1, 1)), coverage)
    # Those of the last fit, whatever the parameter is now.
    assert hasattr(regressor.set_params(loss="poisson"), "predict_interval")
    for loss in ("squared_error", "no such loss"):
        assert not hasattr(make(RNNRegressor, loss=loss), "predict_interval")
    assert hasattr(make(RNNRegressor, loss="gaussian"), "predict_interval")


EXTREME = {
    "constant": np.full(24, 7.0),
    "0 but for one": np.append(np.zeros(23), 5.0),
    "huge": 1e30 * POSITIVE,
    "tiny": 1e-30 * POSITIVE,
    "far apart": np.append(POSITIVE[:-1], 1e12),
    "all 0": np.zeros(24),
}


@fitted
@pytest.mark.parametrize("name", EXTREME)
def test_extreme_targets(loss, name):
    y = EXTREME[name]
    if not LOSSES[loss]().accepts(y).all():
        y = y + 1e-3 * y.max() + (name == "all 0")
    regressor = make(RNNRegressor, loss=loss, max_iter=5).fit(X, y)
    assert np.isfinite(regressor.predict(X)).all()
    assert np.isfinite(regressor.loss_curve_).all()
    # What has no weight does not count, and one sample is enough.
    weights = np.zeros(24)
    weights[3] = 2
    regressor.fit(X, y, weights)
    assert np.isfinite(regressor.predict(X)).all()
    if loss == "gaussian":
        assert (regressor.predict(X, return_std=True)[1] > 0).all()


@pytest.mark.nojit
@pytest.mark.parametrize("n_classes", [2, 3])
def test_smoothed_labels_of_a_classifier(n_classes):
    """It is less sure, and its head fits one that learned from whole labels."""
    y = np.minimum(LABELS, n_classes - 1)
    sure = make(RNNClassifier, max_iter=6).fit(X, y)
    smoothed = make(RNNClassifier, max_iter=6, label_smoothing=0.9)
    smoothed.fit(X, y, init_weights=sure)
    loss = {2: Logistic, 3: Softmax}[n_classes](0.9)
    assert smoothed._model.network.loss == loss
    assert pickle.loads(pickle.dumps(smoothed))._model.network.loss == loss
    surest = [e.predict_proba(X).max(1).mean() for e in (sure, smoothed)]
    assert surest[1] < surest[0] - 0.02
    frozen = make(RNNClassifier, label_smoothing=0.9, learning_rate_init=1e-9)
    frozen.set_params(max_iter=1).fit(X, y, init_weights=sure)
    assert_allclose(frozen.predict_proba(X), sure.predict_proba(X), 1e-4)
    with pytest.raises(ValueError, match="The 'label_smoothing' parameter of"):
        make(RNNClassifier, label_smoothing=1.0).fit(X, y)
