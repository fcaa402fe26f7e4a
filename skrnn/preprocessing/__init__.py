"""From what users have to sequences, and transformers of them."""

from skrnn.preprocessing._features import SequenceFeatures
from skrnn.preprocessing._frames import frame_from_sequences, sequences_from_frame
from skrnn.preprocessing._imputer import SequenceImputer
from skrnn.preprocessing._scaler import SequenceScaler
from skrnn.preprocessing._steps import StepTransformer
from skrnn.preprocessing._text import TextSequencer

__all__ = [
    "SequenceFeatures",
    "SequenceImputer",
    "SequenceScaler",
    "StepTransformer",
    "TextSequencer",
    "frame_from_sequences",
    "sequences_from_frame",
]
