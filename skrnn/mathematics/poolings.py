"""How a sequence's states become one vector: the names."""

POOLINGS = ("last", "mean", "max", "attention")
