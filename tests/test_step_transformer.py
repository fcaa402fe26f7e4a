"""StepTransformer: scikit-learn's transformers over the steps of sequences.

scikit-learn's checks of it stand beside those of the other transformers
(test_scaler_sklearn.py).
"""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import get_tags
from small import LABELS, RAGGED, X, Y, make, state_of
from small_forms import ARRAYS, LISTS
from small_steps import LABELS as STEP_LABELS

from skrnn import RNNClassifier
from skrnn.estimators.inputs import check_sequences
from skrnn.preprocessing import SequenceScaler, StepTransformer

FORMS = LISTS | ARRAYS
LENGTHS = [len(x) for x in RAGGED]
FRAMES = [
    pd.DataFrame(
        {"u": x[:, 0], "page": np.where(x[:, 1] > 0, "home", "item")},
        index=range(7, 7 + len(x)),
    ).astype({"page": pd.CategoricalDtype(["none", "item", "home"])})
    for x in RAGGED
]
COLUMNS = make_column_transformer(
    (StandardScaler(), ["u"]),
    (OneHotEncoder(sparse_output=False), ["page"]),
    verbose_feature_names_out=False,
)


def flat(parts):
    return np.concatenate([np.asarray(part) for part in parts])


# Numbers and forms


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_scaler_of_steps_is_the_scaler_of_sequences(form):
    X_form = form(X)
    steps = StepTransformer(StandardScaler(), n_features_per_step=2).fit(X_form)
    scaler = SequenceScaler(n_features_per_step=2).fit(X_form)
    for method in ("transform", "inverse_transform"):
        found = getattr(steps, method)(X_form)
        expected = getattr(scaler, method)(X_form)
        assert type(found) is type(expected)
        for x, x_expected in zip(found, expected, strict=True):
            assert_allclose(x, x_expected, rtol=1e-12, atol=1e-12)
            assert np.shape(x) == np.shape(x_expected)
    assert steps.n_features_in_ == scaler.n_features_in_
    assert steps.n_features_per_step_ == scaler.n_features_per_step_


@pytest.mark.parametrize("whole", [RAGGED, X, X.reshape(24, -1)], ids=["list", 3, 2])
def test_the_number_of_channels_may_change(whole):
    pca = StepTransformer(PCA(1, svd_solver="full"), n_features_per_step=2).fit(whole)
    steps = flat(whole).reshape(-1, 2)
    expected = PCA(1, svd_solver="full").fit(steps)
    found = pca.transform(whole)
    assert_allclose(flat(found).reshape(-1, 1), expected.transform(steps))
    if whole is not RAGGED:
        assert found.shape == (24, 5, 1)[: whole.ndim]
    back = flat(pca.inverse_transform(found)).reshape(-1, 2)
    assert_allclose(back, expected.inverse_transform(expected.transform(steps)))


def test_nothing_but_training_steps_counts():
    steps = StepTransformer(StandardScaler()).fit(RAGGED[:9])
    assert_array_equal(steps.transformer_.mean_, flat(RAGGED[:9]).mean(axis=0))
    assert not hasattr(steps.transformer, "mean_")


def test_imputers_and_sparse_results():
    missing = [np.where(x > 1, np.nan, x) for x in RAGGED]
    filled = StepTransformer(SimpleImputer()).fit_transform(missing)
    assert_array_equal(flat(filled), SimpleImputer().fit_transform(flat(missing)))
    none = [[[None, 1.0], [3.0, 2.0]]]
    imputer = StepTransformer(SimpleImputer(add_indicator=True)).fit(none)
    assert_array_equal(imputer.transform(none)[0], [[3, 1, 1], [3, 2, 0]])
    as_sparse = StepTransformer(FunctionTransformer(sparse.csr_array))
    assert_array_equal(flat(as_sparse.fit_transform(RAGGED)), flat(RAGGED))


@pytest.mark.parametrize("form", [list, np.array])
def test_texts(form):
    words = [form(["a", "b", "a"]), form(["b"])]
    encoder = StepTransformer(OneHotEncoder(handle_unknown="ignore")).fit(words)
    assert_array_equal(encoder.transform(words)[0], [[1, 0], [0, 1], [1, 0]])
    assert_array_equal(encoder.transform([["c"]])[0], [[0, 0]])


def test_single_values_keep_one_dimension():
    scaled = StepTransformer(StandardScaler()).fit_transform([[1.0, 3.0], [2.0]])
    assert [x.shape for x in scaled] == [(2,), (1,)]


# Frames


def test_columns_of_several_kinds():
    steps = StepTransformer(COLUMNS).fit(FRAMES)
    assert steps.feature_names_in_.tolist() == ["u", "page"]
    names = ["u", "page_home", "page_item"]
    assert steps.get_feature_names_out().tolist() == names
    expected = clone(COLUMNS).fit_transform(pd.concat(FRAMES))
    found = steps.transform(FRAMES)
    assert {type(x) for x in found} == {np.ndarray}
    assert_allclose(flat(found), expected)
    frames = steps.set_output(transform="pandas").transform(FRAMES)
    for frame, x, given in zip(frames, found, FRAMES, strict=True):
        assert frame.columns.tolist() == names
        assert frame.index.equals(given.index)
        assert_array_equal(frame, x)


def test_names_and_categories_reach_the_network():
    columns = make_column_transformer(
        (StandardScaler(), ["u"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    steps = StepTransformer(columns).set_output(transform="pandas")
    network = RNNClassifier(categorical_features=["page"])
    sequences, form = check_sequences(network, steps.fit_transform(FRAMES), "float64")
    assert form.feature_names == ("u", "page")
    assert form.categories.values == (("home", "item"),)
    numbers = steps.transformer_.transform(pd.concat(FRAMES))["u"]
    assert_allclose(sequences.values[:, 0], numbers)


def test_polars():
    pl = pytest.importorskip("polars")
    frames = [pl.DataFrame(x, ["a", "b"]) for x in RAGGED]
    # Whole numbers in one of them.
    frames[0] = frames[0].with_columns(pl.lit(1).alias("b"))
    steps = StepTransformer(StandardScaler()).set_output(transform="polars").fit(frames)
    found = steps.transform(frames)
    assert {type(x) for x in found} == {pl.DataFrame}
    assert found[3].columns == ["a", "b"]
    expected = flat(RAGGED).copy()
    expected[0, 1] = 1
    scaled = StandardScaler().fit_transform(expected)
    assert_allclose(flat(found), scaled)


def test_frames_and_arrays_in_one_list():
    mixed = [pd.DataFrame(RAGGED[1], columns=["a", "b"]), *RAGGED[2:]]
    steps = StepTransformer(StandardScaler()).fit(mixed)
    assert_allclose(steps.transformer_.mean_, flat(RAGGED[1:]).mean(axis=0))
    assert steps.feature_names_in_.tolist() == ["a", "b"]


def test_numbered_columns_are_taken_by_their_places():
    frames = [pd.DataFrame(x, columns=range(i, i + 2)) for i, x in enumerate(RAGGED)]
    scaled = StepTransformer(StandardScaler()).fit_transform(frames)
    assert_allclose(flat(scaled), StandardScaler().fit_transform(flat(RAGGED)))


def test_names_of_tables():
    names = [f"{name}_{t}" for t in range(5) for name in "ab"]
    table = pd.DataFrame(X.reshape(24, -1), columns=names, index=range(7, 31))
    scaler = StepTransformer(StandardScaler(), n_features_per_step=2).fit(table)
    assert scaler.get_feature_names_out().tolist() == names
    pca = StepTransformer(PCA(1), n_features_per_step=2).fit(table)
    assert pca.get_feature_names_out().tolist() == [f"pca0_{t}" for t in range(5)]
    frame = pca.set_output(transform="pandas").transform(table)
    assert frame.columns.tolist() == pca.get_feature_names_out().tolist()
    assert frame.index.equals(table.index)
    assert type(pca.transform(X)) is np.ndarray


# Targets


def test_targets_of_sequences_and_steps():
    steps = flat(RAGGED)
    of_sequences = StepTransformer(SelectKBest(k=1)).fit(RAGGED, LABELS)
    expected = SelectKBest(k=1).fit(steps, np.repeat(LABELS, LENGTHS))
    assert_allclose(of_sequences.transformer_.scores_, expected.scores_)
    for y in (STEP_LABELS, [part.tolist() for part in STEP_LABELS]):
        of_steps = StepTransformer(SelectKBest(k=1)).fit(RAGGED, y)
        expected = SelectKBest(k=1).fit(steps, flat(STEP_LABELS))
        assert_allclose(of_steps.transformer_.scores_, expected.scores_)


def test_cross_fitting_of_a_transformer_is_its_own():
    words = [np.where(x[:, :1] > 0, "up", "down") for x in RAGGED]
    y = np.repeat(Y, LENGTHS)
    encoder = TargetEncoder(cv=KFold(3))
    found = StepTransformer(encoder).fit_transform(words, Y)
    assert_allclose(flat(found), encoder.fit_transform(flat(words), y))


def test_targets_that_have_no_steps():
    transcripts = [["a"] * (1 + i % 3) for i in range(24)]
    for y in (transcripts, ["text"] * 24):
        steps = StepTransformer(StandardScaler()).fit(RAGGED, y)
        assert_array_equal(steps.transformer_.mean_, flat(RAGGED).mean(axis=0))
    assert not get_tags(steps).target_tags.required
    discriminant = StepTransformer(LinearDiscriminantAnalysis())
    assert get_tags(discriminant).target_tags.required
    match = "LinearDiscriminantAnalysis requires a target for each of 24 sequences, or"
    for y in (transcripts, LABELS[:-1]):
        with pytest.raises(ValueError, match=match):
            discriminant.fit(RAGGED, y)
    assert not hasattr(discriminant, "transformer_")


@pytest.mark.parametrize("form", [list, np.array, pd.DataFrame])
def test_back_without_names_of_channels(form):
    whole = np.abs(X.reshape(24, -1))
    logs = FunctionTransformer(np.log1p, inverse_func=np.expm1)
    steps = StepTransformer(logs, n_features_per_step=2).fit(form(whole.tolist()))
    found = np.asarray(steps.transform(form(whole.tolist())))
    assert_allclose(steps.inverse_transform(form(found.tolist())), whole)
    match = "X has 9 columns, but StepTransformer was fitted on rows of 5 time steps"
    with pytest.raises(ValueError, match=match):
        steps.inverse_transform(form(found[:, :9].tolist()))
    assert_allclose(steps.inverse_transform(np.log1p([[[3.0, 1.0]]])), [[[3, 1]]])


# Inside scikit-learn's tools


@pytest.mark.nojit
def test_a_search_of_nested_parameters():
    network = make(RNNClassifier, max_iter=1)
    pipeline = make_pipeline(StepTransformer(StandardScaler()), network)
    grid = {
        "steptransformer__transformer__with_mean": [True, False],
        "steptransformer__transformer": [StandardScaler()],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(RAGGED, LABELS)
    assert len(search.cv_results_["params"]) == 2


def test_copies_and_parameters():
    steps = StepTransformer(StandardScaler()).fit(RAGGED)
    reopened = pickle.loads(pickle.dumps(steps))
    assert_array_equal(flat(reopened.transform(RAGGED)), flat(steps.transform(RAGGED)))
    steps.set_params(transformer__with_mean=False)
    assert not steps.transformer.with_mean
    assert steps.transformer_.with_mean  # until the next fit
    assert repr(clone(steps)) == (
        "StepTransformer(transformer=StandardScaler(with_mean=False))"
    )


def test_what_the_transformer_lacks():
    steps = StepTransformer(FunctionTransformer(np.abs)).fit(RAGGED)
    assert not hasattr(steps, "get_feature_names_out")
    assert_array_equal(flat(steps.transform(RAGGED)), np.abs(flat(RAGGED)))
    assert not hasattr(StepTransformer(TargetEncoder()), "inverse_transform")


# Errors


def test_errors():
    with pytest.raises(ValueError, match="The 'transformer' parameter of StepTransf"):
        StepTransformer(3).fit(RAGGED)
    with pytest.raises(NotFittedError):
        StepTransformer(StandardScaler()).transform(RAGGED)
    fewer = StepTransformer(FunctionTransformer(lambda steps: steps[1:]))
    match = r"FunctionTransformer made \(69, 2\) of 70 steps, expected a row for each"
    with pytest.raises(ValueError, match=match):
        fewer.fit_transform(RAGGED)
    turned = StepTransformer(FunctionTransformer(lambda steps: steps[::-1]))
    with pytest.raises(ValueError, match="FunctionTransformer made rows in another or"):
        turned.fit_transform(FRAMES)
    steps = StepTransformer(StandardScaler()).fit(RAGGED)
    before = state_of(steps)
    for bad, match in (
        ([], "0 sample.* required by StepTransformer"),
        ([X[0], X[0, :0]], "sequence 1 of X with 0 time step"),
        ([FRAMES[2], FRAMES[2][:0]], "sequence 1 of X with 0 time step"),
        ([FRAMES[2], FRAMES[2][["page", "u"]]], "the same columns in the same order"),
        (X[:, :, :1], "X has 1 features, but StepTransformer is expecting 2"),
    ):
        with pytest.raises(ValueError, match=match):
            steps.fit(bad) if len(bad) < 24 else steps.transform(bad)
    with pytest.raises(ValueError, match="could not convert string to float"):
        steps.fit([["a", "b"]])
    assert repr(state_of(steps)) == repr(before)
    named = StepTransformer(COLUMNS).fit(FRAMES)
    with pytest.raises(ValueError, match="feature names should match"):
        named.transform([frame[["page", "u"]] for frame in FRAMES])
