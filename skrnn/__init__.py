"""Recurrent neural networks for scikit-learn's users."""

from skrnn.estimators import RNNClassifier, RNNRegressor

__version__ = "0.1.0"

__all__ = ["RNNClassifier", "RNNRegressor", "__version__"]
