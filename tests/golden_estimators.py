"""Estimators of all kinds, as the golden files of the saved format have them.

``python tests/golden_estimators.py`` writes a file of the present format, with the
kinds that no file of it has. What is written is never written again: later versions
must open it. It has estimators, what they predict, and what they predict after training
has gone on.
"""

import warnings
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from small import INDICATOR, LABELS, RAGGED, SMALL, AfterEpoch, X, Y

from skrnn import (
    RNNClassifier,
    RNNLanguageModel,
    RNNMultiTask,
    RNNRegressor,
    RNNTranscriber,
    RNNTranslator,
)
from skrnn.estimators.saving import FORMAT

FOLDER = Path(__file__).parent / "golden"


class Kind(NamedTuple):
    """An estimator to be saved, and whether its training goes on."""

    estimator_class: type
    X: Any
    y: Any
    goes_on: str | None  # "partial_fit", "fit" (an interrupted one), or None
    parameters: dict = {}
    since: int = 1  # the format of the first file that has it
    beside: dict = {}  # what fit and predictions take with X


TABLE = pd.DataFrame(X.reshape(len(X), -1), columns=list("abcdefghij"))
STEPS = [x[:, 0] for x in RAGGED]
EVENTS = [
    pd.DataFrame(
        {
            "event": np.array(["start", "stop", None], object)[
                np.digitize(x[:, 0], [-1, 1])
            ],
            "size": x[:, 1],
            "code": 10**12 + np.digitize(x[:, 1], [0, 1]),
        }
    )
    for x in RAGGED
]
WORDS = [np.array(["low", "high"])[(x[:, 0] > 0).astype(int)] for x in RAGGED]
SITES = np.where(Y > 0, "Ulm", "Bonn").astype(object)
STATIC = pd.DataFrame({"age": 50 + 9 * X[:, 0, 1], "site": SITES})
TEXTS = ["".join("ab"[int(v > 0)] for v in x[:, 1]) for x in RAGGED]
TASKS = pd.DataFrame({"site": SITES, "value": Y})
LABEL_COLUMNS = np.column_stack([LABELS.astype(str), np.where(Y > 0, "up", "down")])
KINDS = {
    "classes": Kind(RNNClassifier, RAGGED, LABELS, "partial_fit"),
    "two classes": Kind(
        RNNClassifier, X, np.where(Y > 0, "up", "down"), None, {"cell": "lstm"}
    ),
    "indicator": Kind(RNNClassifier, X, INDICATOR, None, {"pooling": "attention"}),
    "label columns": Kind(RNNClassifier, X, LABEL_COLUMNS, None, {"n_layers": 2}),
    "one value": Kind(RNNRegressor, TABLE, 300 + 5 * Y, "fit"),
    "values of steps": Kind(
        RNNRegressor, RAGGED, STEPS, "partial_fit", {"return_sequences": True}
    ),
    "early stopping": Kind(
        RNNRegressor,
        X,
        Y,
        "fit",
        {"early_stopping": True, "n_iter_no_change": 9, "bidirectional": True},
    ),
    "adapters": Kind(
        RNNClassifier, X, LABELS, "fit", {"adapter_rank": 1, "trainable": "head"}
    ),
    "frames": Kind(
        RNNClassifier,
        RAGGED,
        LABELS,
        "partial_fit",
        {"frame_length": 3, "hop_length": 2},
        since=2,
    ),
    "time": Kind(RNNRegressor, RAGGED, Y, "partial_fit", {"add_time": True}, since=3),
    "categories": Kind(
        RNNClassifier,
        EVENTS,
        LABELS,
        "partial_fit",
        {"categorical_features": ["code", "event"], "add_time": True},
        since=3,
    ),
    "n-grams": Kind(
        RNNClassifier,
        WORDS,
        LABELS,
        "partial_fit",
        {"categorical_features": "all", "ngram_length": 3},
        since=4,
    ),
    "static features": Kind(
        RNNClassifier,
        RAGGED,
        LABELS,
        "partial_fit",
        since=5,
        beside={"static": STATIC},
    ),
    "transcripts": Kind(
        RNNTranscriber, RAGGED, [x[::3] for x in TEXTS], "fit", since=5
    ),
    "translations": Kind(
        RNNTranslator, TEXTS, [x[::-1] for x in TEXTS], "fit", since=5
    ),
    "language": Kind(RNNLanguageModel, TEXTS, None, "partial_fit", since=5),
    "several tasks": Kind(RNNMultiTask, RAGGED, TASKS, "partial_fit", since=5),
    "frozen": Kind(
        RNNRegressor,
        X,
        Y,
        "partial_fit",
        {"trainable": ["weight_*"], "solver": "sgd", "dtype": "float64"},
    ),
}


def _interrupt(n_epochs):
    if n_epochs == 2:
        raise KeyboardInterrupt


def make_golden(kind):
    """An estimator of a kind."""
    estimator_class, data, y, goes_on, parameters, _, beside = KINDS[kind]
    settings = {**SMALL, "max_iter": 4, "n_features_per_step": 2, "batch_size": 8}
    if estimator_class is RNNTranslator:  # both directions of its encoder have a half
        settings = {**settings, "hidden_size": 4, "n_features_per_step": 1}
    known = signature(estimator_class).parameters.keys()
    settings = {name: settings[name] for name in settings.keys() & known}
    estimator = estimator_class(**settings | parameters)
    if goes_on == "partial_fit":
        return first_partial_fit(estimator, data, y, **beside)
    if goes_on == "fit":
        estimator.set_callbacks(AfterEpoch(_interrupt))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Training interrupted")
            estimator.fit(data, y)
        return estimator.set_callbacks()
    return estimator.fit(data, y, **beside)


def first_partial_fit(estimator, data, y, **beside):
    """One epoch, after which training may go on."""
    classes = {"classes": np.unique(y)} if isinstance(estimator, RNNClassifier) else {}
    return estimator.partial_fit(data, y, **classes, **beside)


def goes_on(kind, estimator):
    """The estimator after its training has gone on."""
    _, data, y, how, *_, beside = KINDS[kind]
    if how == "fit":
        return estimator.set_params(warm_start=True).fit(data, y)
    return estimator.partial_fit(data, y, **beside)


def predictions_of(estimator):
    """All that an estimator says about some sequences, in one array."""
    data = TABLE if hasattr(estimator, "feature_names_in_") else X
    if isinstance(estimator, RNNTranscriber):
        return np.vstack(estimator.predict_proba(RAGGED))
    if isinstance(estimator, RNNTranslator):
        return estimator.score_samples(TEXTS, TEXTS)
    if isinstance(estimator, RNNLanguageModel):
        return estimator.score_samples(TEXTS)
    if isinstance(estimator, RNNMultiTask):
        values = estimator.predict(RAGGED)["value"].to_numpy(float)
        return np.column_stack([estimator.predict_proba(RAGGED)["site"], values])
    if hasattr(estimator, "categories_"):
        data = EVENTS if estimator.n_features_in_ > 1 else WORDS
    if hasattr(estimator, "n_static_features_in_"):
        return np.hstack(estimator.predict_proba(data, static=STATIC))
    if isinstance(estimator, RNNClassifier):
        return np.hstack(estimator.predict_proba(data))
    return estimator.predict(data)


def files():
    """The golden files of all formats, by their names."""
    return {file.stem: joblib.load(file) for file in FOLDER.glob("format_*.joblib")}


def _write():
    written = {n: kinds for n, kinds in files().items() if f"format_{FORMAT}" in n}
    saved = {}
    for kind in [
        kind for kind in KINDS if not any(kind in w for w in written.values())
    ]:
        estimator, later = make_golden(kind), None
        if KINDS[kind].goes_on:
            later = predictions_of(goes_on(kind, make_golden(kind)))
        saved[kind] = estimator, predictions_of(estimator), later
    if saved:
        name = f"format_{FORMAT}" + f"_{1 + len(written)}" * bool(written)
        joblib.dump(saved, FOLDER / f"{name}.joblib", compress=9)


if __name__ == "__main__":
    _write()
