"""Callbacks for `set_callbacks`: logs of training, and checkpoints to go on from."""

from skrnn.callbacks._checkpoint import Checkpoint
from skrnn.callbacks._mlflow import MLflow
from skrnn.callbacks._tensorboard import TensorBoard
from skrnn.callbacks._wandb import WandB

__all__ = ["Checkpoint", "MLflow", "TensorBoard", "WandB"]
