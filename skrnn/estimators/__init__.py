"""The estimators: parameters, validation, labels. No numerics."""

from skrnn.estimators.classifier import RNNClassifier
from skrnn.estimators.forecaster import RNNForecaster
from skrnn.estimators.language_model import RNNLanguageModel
from skrnn.estimators.multi_task import RNNMultiTask
from skrnn.estimators.regressor import RNNRegressor
from skrnn.estimators.transcriber import RNNTranscriber
from skrnn.estimators.translator import RNNTranslator

__all__ = [
    "RNNClassifier",
    "RNNForecaster",
    "RNNLanguageModel",
    "RNNMultiTask",
    "RNNRegressor",
    "RNNTranscriber",
    "RNNTranslator",
]
