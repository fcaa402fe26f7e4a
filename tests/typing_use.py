"""Typical use, for the type checker alone: ``mypy`` reads it, nothing runs it.

Where a line must not pass, ``type: ignore`` says so: strict mode complains of one that
is not needed.
"""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import skrnn
from skrnn import RNNClassifier, RNNMultiTask, RNNRegressor
from skrnn.callbacks import Checkpoint, MLflow, TensorBoard, WandB
from skrnn.datasets import (
    load_addresses,
    load_alice,
    load_departures,
    load_glucose,
    load_japanese_vowels,
    load_pronunciations,
    load_seattle_weather,
    load_spoken_characters,
    load_surnames,
    load_verses,
)
from skrnn.exceptions import DeviceError, DivergenceError
from skrnn.metrics import exact_match, step_scorer
from skrnn.preprocessing import (
    SequenceFeatures,
    SequenceImputer,
    SequenceScaler,
    StepTransformer,
    TextSequencer,
    frame_from_sequences,
    sequences_from_frame,
)

Weights = dict[str, NDArray[np.floating[Any]]]

X_3d = np.zeros((8, 5, 2))
ragged = [np.zeros((n, 2)) for n in range(1, 9)]
labels = ["a", "b"] * 4

assert_type(skrnn.__version__, str)

# Constructors
RNNClassifier("lstm", 32, pooling="attention", class_weight="balanced")
RNNClassifier(batch_size="auto", max_grad_norm=None, class_weight={"a": 2, "b": 1})
RNNRegressor(random_state=np.random.RandomState(0), trainable=["head.*"], verbose=2)
RNNRegressor(alpha=0, bptt_steps=None, learning_rate="one-cycle")
RNNClassifier(categorical_features="all", embedding_size=8, unknown_fraction=0.0)
RNNRegressor(categorical_features=["code", "event"], embedding_size=[2, 3])
RNNMultiTask(tasks={"a": "regression"}, loss_weights=[1, 2.5])
RNNClassifier("transformer")  # type: ignore[arg-type]
RNNClassifier(hidden_size="32")  # type: ignore[arg-type]
RNNClassifier(hidden_units=32)  # type: ignore[call-arg]
RNNClassifier("lstm", 32, 2)  # type: ignore[call-arg]
RNNRegressor(class_weight="balanced")  # type: ignore[call-arg]

# Fits
classifier = RNNClassifier().fit(X_3d, labels)
assert_type(classifier, RNNClassifier)
regressor = RNNRegressor().fit(ragged, np.arange(8.0), [1.0] * 8)
assert_type(regressor, RNNRegressor)
assert_type(
    RNNClassifier(early_stopping=True).fit(
        ragged, labels, X_val=ragged, y_val=labels, init_weights=classifier
    ),
    RNNClassifier,
)
regressor.fit(ragged, np.arange(8.0), init_weights=regressor.get_weights())
assert_type(classifier.partial_fit(X_3d, labels, ["a", "b"]), RNNClassifier)
assert_type(regressor.partial_fit(X_3d, np.arange(8.0)), RNNRegressor)
classifier.fit(X_3d)  # type: ignore[call-arg]
classifier.fit(X_3d, labels, X_test=X_3d)  # type: ignore[call-arg]

# What comes out: an array, or a list of such, as the data are
assert_type(classifier.predict(X_3d), NDArray[Any] | Any)
classifier.predict_proba([[1, 2, 3], [4, 5, 6]]).argmax(axis=1)
for step_probabilities in classifier.predict_proba(ragged):
    step_probabilities.argmax(axis=1)
assert_type(classifier.score(X_3d, labels), float)
assert_type(classifier.score(X_3d, labels, static=np.ones((8, 1))), float)
means, deviations = regressor.predict(X_3d, return_std=True)
assert_type(deviations, NDArray[Any] | Any)
assert_type(regressor.predict_interval(X_3d, coverage=0.8), NDArray[Any] | Any)
assert_type(regressor.transform(X_3d), NDArray[Any] | Any)
assert_type(regressor.attention_weights(X_3d), list[NDArray[np.floating[Any]]])
assert_type(regressor.get_weights(merge_adapters=False), Weights)
assert_type(regressor.set_weights(regressor.get_weights()), RNNRegressor)
several = RNNMultiTask().fit(X_3d, np.column_stack([np.ones(8), np.ones(8)]))
assert_type(several, RNNMultiTask)
assert_type(several.partial_fit(X_3d, np.ones((8, 2)), {0: [0, 1]}), RNNMultiTask)
assert_type(several.score(X_3d, np.ones((8, 2))), float)
assert_type(several.tasks_, dict[Any, str])

# What is learned
assert_type(classifier.classes_, NDArray[Any] | Any)
assert_type(regressor.loss_curve_, list[float])
assert_type(regressor.best_validation_score_, float | None)

# Streams
stream = classifier.stream(n_sequences=2, static=np.ones((2, 1)))
assert_type(stream.n_steps, NDArray[np.int64])
assert_type(stream.predict_proba([X_3d[0], X_3d[1]]), NDArray[Any] | Any)

# Beside the estimators
scaler = SequenceScaler(with_mean=False).fit(ragged)
assert_type(scaler, SequenceScaler)
assert_type(scaler.transform(ragged), NDArray[Any] | Any)
features = SequenceFeatures("time").partial_fit(X_3d, sample_weight=[1.0] * 8)
assert_type(features, SequenceFeatures)
assert_type(features.get_feature_names_out(), NDArray[np.object_])
SequenceFeatures(["time", "difference"], n_features_per_step=2).transform(ragged)
SequenceFeatures(add=("standardised",))  # type: ignore[arg-type]
imputer = SequenceImputer("mean", add="missing", time="day").fit(ragged)
assert_type(imputer, SequenceImputer)
assert_type(imputer.statistics_, NDArray[np.float64])
SequenceImputer("ffill")  # type: ignore[arg-type]
steps = StepTransformer(scaler, n_features_per_step=2).fit(ragged, labels)
assert_type(steps, StepTransformer)
assert_type(steps.inverse_transform(X_3d), NDArray[Any] | Any)
long = sequences_from_frame({}, time=None, features=["a"], target_per="step")
frame_from_sequences(long.X, {}, names="a")
sequencer = TextSequencer(analyzer="char", max_features=1000).fit(["some", "texts"])
assert_type(sequencer, TextSequencer)
assert_type(sequencer.transform(np.array(["text"])), list[NDArray[np.object_]])
assert_type(sequencer.inverse_transform([["t", "e"]]), list[str])
assert_type(sequencer.vocabulary_, dict[str, int])
TextSequencer(tokenizer=str.split, vocabulary={"a": 0}, detokenizer=" ".join)
TextSequencer(analyzer="bytes")  # type: ignore[arg-type]
assert_type(
    load_japanese_vowels(subset="test", return_X_y=True),
    tuple[list[NDArray[np.float64]], NDArray[np.int64]],
)
days, weather = load_seattle_weather(return_X_y=True)
assert_type(days, NDArray[np.float64])
load_japanese_vowels(subset="both")  # type: ignore[call-overload]
names, languages = load_surnames(return_X_y=True)
assert_type(names, NDArray[np.object_])
assert_type(languages, NDArray[np.str_])
addresses = load_addresses(return_X_y=True)
assert_type(addresses, tuple[list[NDArray[np.object_]], list[NDArray[np.str_]]])
assert_type(exact_match(addresses[1], addresses[1]), float)
sequencer.fit(names).fit(load_alice(subset="all").data)
load_departures(as_frame=True)
load_glucose(as_frame=True)
load_alice(subset="first")  # type: ignore[arg-type]
words, sounds = load_pronunciations(subset="all", return_X_y=True)
assert_type(words, NDArray[np.object_])
assert_type(sounds, list[list[str]])
spanish, english = load_verses(return_X_y=True)
assert_type((spanish, english), tuple[NDArray[np.object_], NDArray[np.object_]])
clips, characters = load_spoken_characters(return_X_y=True)
assert_type(clips, list[NDArray[np.float32]])
assert_type(characters, NDArray[np.str_])
assert_type(step_scorer("f1_macro")(classifier, X_3d, labels), float)
callbacks = [
    Checkpoint("model.joblib", every=5),
    TensorBoard("logs"),
    WandB(),
    MLflow(""),
]
RNNClassifier().set_callbacks(*callbacks).fit(X_3d, labels)
try:
    regressor.fit(X_3d, np.arange(8.0))
except DivergenceError as error:
    assert_type(error.weights, Weights | None)
except DeviceError:
    pass
