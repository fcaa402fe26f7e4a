"""The other libraries, those of them that are installed."""

import importlib
import os
from importlib.util import find_spec

TRAINING = ("pytorch", "jax", "keras")
INFERENCE = ("pytorch", "onnx")
# The faster one: with PyTorch's backend a step takes a hundred times as long or more.
KERAS_BACKEND = os.environ.get("KERAS_BACKEND") or (
    "jax" if find_spec("jax") else "torch"
)


def load(names):
    """The modules of these peers; prints which are left out, and why."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(f"peers.{name}"))
        except ImportError as error:
            print(f"Without {name}: {error}.")
    return modules
