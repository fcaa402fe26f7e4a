"""Training: epochs and batches, until the loss no longer falls."""

from skrnn.training.loop import Data, Settings, State, train

__all__ = ["Data", "Settings", "State", "train"]
