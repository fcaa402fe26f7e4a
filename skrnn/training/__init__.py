"""Training: epochs and batches, until the loss no longer falls."""

from skrnn.training.lbfgs import LBFGS
from skrnn.training.loop import train, train_epoch
from skrnn.training.state import (
    Data,
    Problem,
    Settings,
    State,
    restore_random_state,
)
from skrnn.training.trainable import Trainable

__all__ = [
    "LBFGS",
    "Data",
    "Problem",
    "Settings",
    "State",
    "Trainable",
    "restore_random_state",
    "train",
    "train_epoch",
]
