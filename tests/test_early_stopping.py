"""Validation data: set aside or given, scored each epoch, the best weights kept."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from small import INDICATOR, LABELS, RAGGED, TARGETS, WEIGHTS, X, Y, make, output_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend

both = pytest.mark.parametrize("estimator_class", TARGETS)
STOPPING = {"early_stopping": True, "max_iter": 40, "validation_fraction": 0.25}
RATE = {"learning_rate_init": 0.1}


def fit(estimator_class, X=X, **arguments):
    estimator = make(estimator_class, **STOPPING, **RATE)
    return estimator.fit(X, TARGETS[estimator_class], **arguments)


def rows_of_training(monkeypatch):
    """The sequences that training takes, as a list that fills up."""
    real, rows = CPUBackend.loss_gradient, []

    def loss_gradient(self, parameters, sequences, batch, *args, **kwargs):
        rows.append(batch)
        return real(self, parameters, sequences, batch, *args, **kwargs)

    monkeypatch.setattr(CPUBackend, "loss_gradient", loss_gradient)
    return rows


@both
def test_the_best_weights_are_kept(estimator_class):
    y = TARGETS[estimator_class]
    # Wrong targets: what is learned does not help.
    estimator = fit(estimator_class, X_val=RAGGED[:8], y_val=y[8:16])
    scores = estimator.validation_scores_
    assert len(scores) == estimator.n_iter_ == len(estimator.grad_norm_curve_)
    assert estimator.best_validation_score_ == max(scores) > scores[-1]
    assert estimator.score(RAGGED[:8], y[8:16]) == max(scores)


@both
def test_it_stops_when_the_score_no_longer_rises(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, **STOPPING, tol=10.0, n_iter_no_change=3)
    estimator.fit(X, y, X_val=X[:8], y_val=y[:8])
    # The first score improves on none; one more than three others do not.
    assert estimator.n_iter_ == 5


@both
def test_weights_of_the_validation_data(estimator_class):
    y, weights = TARGETS[estimator_class], WEIGHTS[:8]
    validation = {"X_val": X[:8], "y_val": y[8:16], "sample_weight_val": weights}
    estimator = fit(estimator_class, **validation)
    expected = estimator.score(X[:8], y[8:16], weights)
    assert estimator.best_validation_score_ == expected
    assert estimator.score(X[:8], y[8:16]) != expected


def test_a_part_is_set_aside_with_the_same_shares_of_classes(monkeypatch):
    rows = rows_of_training(monkeypatch)
    classifier = fit(RNNClassifier)
    trained = np.unique(np.concatenate(rows))
    assert np.bincount(LABELS[trained]).tolist() == [6, 6, 6]
    aside = np.setdiff1d(np.arange(24), trained)
    assert classifier.score(X[aside], LABELS[aside]) == max(
        classifier.validation_scores_
    )


@pytest.mark.parametrize(
    ("estimator_class", "y"),
    [
        (RNNRegressor, Y),
        (RNNRegressor, np.column_stack([Y, -Y])),
        (RNNClassifier, INDICATOR),
        (RNNClassifier, [(x[:, 0] > 0).astype(int) for x in RAGGED]),
        (RNNRegressor, [x[:, 1] for x in RAGGED]),
    ],
    ids=["values", "columns", "indicator", "labels of steps", "values of steps"],
)
def test_a_part_of_all_kinds_of_targets_is_set_aside(monkeypatch, estimator_class, y):
    rows = rows_of_training(monkeypatch)
    estimator = make(
        estimator_class, **STOPPING, **RATE, return_sequences=isinstance(y, list)
    ).fit(RAGGED, y)
    trained = np.unique(np.concatenate(rows))
    aside = np.setdiff1d(np.arange(24), trained)
    assert aside.size == 6
    y_aside = [y[i] for i in aside] if isinstance(y, list) else y[aside]
    score = estimator.score([RAGGED[i] for i in aside], y_aside)
    assert score == pytest.approx(max(estimator.validation_scores_))


@both
def test_random_state_decides_the_split(estimator_class):
    assert_array_equal(
        output_of(fit(estimator_class), X), output_of(fit(estimator_class), X)
    )


@both
def test_without_early_stopping_there_are_no_scores(estimator_class):
    estimator = make(estimator_class).fit(X, TARGETS[estimator_class])
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None


@both
def test_warm_start(estimator_class):
    y = TARGETS[estimator_class]
    estimator = fit(estimator_class, X_val=X[:8], y_val=y[:8])
    n_epochs = estimator.n_iter_
    estimator.set_params(warm_start=True, max_iter=2)
    # Wrong targets: all scores are lower than before.
    estimator.fit(X, y, X_val=X[:8], y_val=y[8:16])
    assert len(estimator.validation_scores_) == n_epochs + 2
    assert estimator.best_validation_score_ == estimator.score(X[:8], y[8:16])
    estimator.set_params(early_stopping=False).fit(X, y)
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None


@both
def test_errors(estimator_class):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, early_stopping=True)
    with pytest.raises(ValueError, match="X_val is provided, but y_val was not"):
        estimator.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="y_val is provided, but X_val was not"):
        estimator.fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="X_val has 1 features, but .* expecting 2"):
        estimator.fit(X, y, X_val=X[:, :, :1], y_val=y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        estimator.fit(X, y, X_val=X, y_val=y[1:])
    with pytest.raises(ValueError, match="partial_fit does not support early_stop"):
        estimator.partial_fit(X, y)
    estimator.set_params(early_stopping=False)
    with pytest.raises(ValueError, match="early_stopping is False"):
        estimator.fit(X, y, X_val=X, y_val=y)
    assert not hasattr(estimator, "n_features_in_")


@pytest.mark.filterwarnings("ignore:R\\^2 score is not well-defined")
def test_a_score_that_is_no_number():
    with pytest.raises(ValueError, match="score of the validation data .1 samples. is"):
        make(RNNRegressor, early_stopping=True).fit(X, Y, X_val=X[:1], y_val=Y[:1])


def test_too_few_samples_of_a_class():
    labels = np.where(np.arange(24) == 0, "one", "many")
    with pytest.raises(ValueError, match="least populated class"):
        make(RNNClassifier, early_stopping=True).fit(X, labels)


def test_a_pipeline_transforms_the_validation_data():
    rows = X[:, :, 0] * 100 + 7
    scaler = StandardScaler().fit(rows)
    expected = fit(
        RNNRegressor,
        scaler.transform(rows),
        X_val=scaler.transform(rows[:8]),
        y_val=Y[:8],
    )
    with config_context(enable_metadata_routing=True):
        regressor = make(RNNRegressor, **STOPPING, **RATE)
        regressor.set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline(
            [("scaler", StandardScaler()), ("regressor", regressor)],
            transform_input=["X_val"],
        )
        pipeline.fit(rows, Y, X_val=rows[:8], y_val=Y[:8])
    assert pipeline[-1].validation_scores_ == expected.validation_scores_


# "auto", the regressor's default


def automatic(X=X, y=Y, **parameters):
    """A regressor, and what it was fitted with if nothing else is said."""
    parameters = {"early_stopping": "auto", "max_iter": 15, "tol": 10.0} | parameters
    return make(RNNRegressor, **parameters).fit(X, y)


def test_auto_keeps_the_best_weights_of_all_epochs():
    """No score improves by so much, but the schedule has an end to come to."""
    regressor = automatic()
    scores = regressor.validation_scores_
    assert len(scores) == regressor.n_iter_ == 15
    explicit = make(
        RNNRegressor, early_stopping=True, max_iter=15, n_iter_no_change=99
    ).fit(X, Y)
    assert_array_equal(explicit.predict(X), regressor.predict(X))
    assert explicit.validation_scores_ == scores
    ended = automatic(learning_rate="constant", n_iter_no_change=3)
    assert ended.n_iter_ == 5


@pytest.mark.parametrize(
    ("n", "parameters"),
    [(19, {}), (24, {"solver": "lbfgs"}), (24, {"return_sequences": True})],
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_auto_sets_nothing_aside(n, parameters):
    y = X[:, :, 0] if "return_sequences" in parameters else Y
    regressor = automatic(X[:n], y[:n], max_iter=3, tol=1e-4, **parameters)
    assert regressor.validation_scores_ is None
    expected = make(RNNRegressor, **parameters).fit(X[:n], y[:n])
    assert_array_equal(regressor.predict(X), expected.predict(X))


def test_auto_counts_targets():
    """Of 24 samples some have no target, or no weight."""
    y, weights = Y.copy(), np.ones(24)
    y[:2], weights[3:6] = np.nan, 0
    regressor = make(RNNRegressor, early_stopping="auto")
    assert regressor.fit(X, y, weights).validation_scores_ is None
    assert len(regressor.fit(X, y).validation_scores_) == 3


def test_auto_sets_whole_targets_aside(monkeypatch):
    """A column with few values must not be without any in what is scored."""
    y = np.column_stack([Y, -Y])
    y[19:, 1] = np.nan
    assert automatic(y=y).validation_scores_ is None
    y[19] = -7, 7
    rows = rows_of_training(monkeypatch)
    for seed in range(5):
        del rows[:]
        regressor = automatic(y=y, max_iter=1, random_state=seed)
        aside = np.setdiff1d(np.arange(24), np.concatenate(rows))
        assert aside.size == 2
        assert aside.max() < 20
        assert regressor.best_validation_score_ == regressor.score(X[aside], y[aside])
    y[1:, 1] = np.nan
    with pytest.raises(ValueError, match="to score in a column of the part of y that"):
        automatic(y=y, early_stopping=True)


def test_scores_that_say_nothing_keep_the_last_weights():
    """R^2 is 0 where the truth is constant, as in a few of mostly equal targets."""
    fit = make(RNNRegressor, early_stopping="auto", shuffle=False).fit
    regressor = fit(X, Y, X_val=X[:8], y_val=np.ones(8))
    assert regressor.validation_scores_ == [0, 0, 0]
    expected = make(RNNRegressor, shuffle=False).fit(X, Y)
    assert_array_equal(regressor.predict(X), expected.predict(X))


def test_auto_takes_validation_data():
    regressor = make(RNNRegressor, early_stopping="auto")
    regressor.fit(X[:8], Y[:8], X_val=X[8:], y_val=Y[8:])
    assert len(regressor.validation_scores_) == 3
    assert regressor.best_validation_score_ == regressor.score(X[8:], Y[8:])


def test_auto_does_not_keep_partial_fit_away():
    expected = make(RNNRegressor).partial_fit(X, Y)
    regressor = make(RNNRegressor, early_stopping="auto").partial_fit(X, Y)
    assert_array_equal(regressor.predict(X), expected.predict(X))


def test_the_defaults():
    assert RNNRegressor().early_stopping == "auto"
    assert RNNClassifier().early_stopping is False
    with pytest.raises(ValueError, match="'early_stopping' parameter"):
        make(RNNClassifier, early_stopping="auto").fit(X, LABELS)


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_too_few_to_score_names_what_to_change():
    regressor = make(RNNRegressor, early_stopping="auto", validation_fraction=0.04)
    match = "1 samples. is NaN. Use more of them, by validation_fraction or X_val"
    with pytest.raises(ValueError, match=match):
        regressor.fit(X, Y)
