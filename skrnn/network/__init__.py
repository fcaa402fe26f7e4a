"""The network: its parts, and their parameters as one flat vector."""

from skrnn.network.encoder_decoder import EncoderDecoder
from skrnn.network.network import Network
from skrnn.network.poolings import POOLINGS
from skrnn.network.weights import take_weights

__all__ = ["POOLINGS", "EncoderDecoder", "Network", "take_weights"]
