"""The poolings' formulas on the device, one file each, and their registry."""

from skrnn.backends.cuda.poolings.attention import Attention
from skrnn.backends.cuda.poolings.base import OfSteps, Pooling, start_kept
from skrnn.backends.cuda.poolings.last import Last
from skrnn.backends.cuda.poolings.max import Max
from skrnn.backends.cuda.poolings.mean import Mean

#: Name -> class.
POOLINGS = {
    None: Pooling,  # outputs for every step
    "last": Last,
    "mean": Mean,
    "max": Max,
    "attention": Attention,
}

__all__ = ["POOLINGS", "OfSteps", "Pooling", "start_kept"]
