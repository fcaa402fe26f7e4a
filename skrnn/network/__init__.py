"""The network: its shape, and its parameters as one flat vector."""

from skrnn.network.network import Network

__all__ = ["Network"]
