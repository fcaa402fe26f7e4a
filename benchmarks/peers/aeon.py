"""MiniRocket and, where PyTorch is installed, Hydra: random kernels before a ridge."""

from functools import partial
from importlib.util import find_spec

from _datasets import Stretch
from aeon.classification import convolution_based as classification
from aeon.regression import convolution_based as regression
from sklearn.pipeline import make_pipeline

MIN_STEPS = 9  # as many as MiniRocket's kernels have


def with_kernels(name, task, random_state):
    """The defaults of aeon's estimator of this name."""
    if task == "regression":
        model = getattr(regression, f"{name}Regressor")
    else:
        model = getattr(classification, f"{name}Classifier")
    stretch = Stretch(flat=False, min_steps=MIN_STEPS)
    return make_pipeline(stretch, model(random_state=random_state))


ESTIMATORS = {"minirocket": partial(with_kernels, "MiniRocket")}
if find_spec("torch"):
    ESTIMATORS["hydra"] = partial(with_kernels, "Hydra")
