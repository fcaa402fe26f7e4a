"""The poolings' formulas on the CPU, one file each, and their registry."""

from skrnn.backends.cpu.poolings.attention import ATTENTION
from skrnn.backends.cpu.poolings.base import (
    NONE,
    add_window,
    finish_pool,
    head_rows,
    is_pooled,
    spread_window,
    start_kept,
    start_pool,
    write_scores,
)
from skrnn.backends.cpu.poolings.last import LAST
from skrnn.backends.cpu.poolings.max import MAX
from skrnn.backends.cpu.poolings.mean import MEAN

#: Name -> what lays out its plan.
POOLINGS = {
    None: NONE,  # outputs for every step
    "last": LAST,
    "mean": MEAN,
    "max": MAX,
    "attention": ATTENTION,
}

__all__ = [
    "POOLINGS",
    "add_window",
    "finish_pool",
    "head_rows",
    "is_pooled",
    "spread_window",
    "start_kept",
    "start_pool",
    "write_scores",
]
