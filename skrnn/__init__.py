"""Recurrent neural networks for scikit-learn's users."""

__version__ = "0.1.0"  # before the imports: files tell which version wrote them

from skrnn.estimators import (
    RNNClassifier,
    RNNForecaster,
    RNNLanguageModel,
    RNNMultiTask,
    RNNRegressor,
    RNNTranscriber,
    RNNTranslator,
)

__all__ = [
    "RNNClassifier",
    "RNNForecaster",
    "RNNLanguageModel",
    "RNNMultiTask",
    "RNNRegressor",
    "RNNTranscriber",
    "RNNTranslator",
    "__version__",
]
