"""How a sequence's states become one vector: names, and codes for compiled code."""

LAST, MEAN, MAX = range(3)

POOLINGS = {"last": LAST, "mean": MEAN, "max": MAX}
