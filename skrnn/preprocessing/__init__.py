"""Transformers of sequences, to stand before an estimator in a pipeline."""

from skrnn.preprocessing._features import SequenceFeatures
from skrnn.preprocessing._scaler import SequenceScaler
from skrnn.preprocessing._text import TextSequencer

__all__ = ["SequenceFeatures", "SequenceScaler", "TextSequencer"]
