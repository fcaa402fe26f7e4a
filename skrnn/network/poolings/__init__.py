"""The poolings, and their registry: how a sequence's states become one vector.

Here is what a pooling owns; its formulas stand in each backend, under the same name.
"""

from skrnn.network.poolings.attention import Attention
from skrnn.network.poolings.base import Pooling

#: Name -> class. One without weights has nothing of its own.
POOLINGS = {
    "last": Pooling,
    "mean": Pooling,
    "max": Pooling,
    "attention": Attention,
}

__all__ = ["POOLINGS", "Pooling"]
