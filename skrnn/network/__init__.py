"""The network: its parts, and their parameters as one flat vector."""

from skrnn.network.encoder_decoder import EncoderDecoder
from skrnn.network.network import Network
from skrnn.network.poolings import POOLINGS
from skrnn.network.weights import take_weights

__all__ = ["POOLINGS", "EncoderDecoder", "Network", "network_of", "take_weights"]


def network_of(description):
    """The network that gave a description."""
    kind = EncoderDecoder if "encoder" in description else Network
    return kind.from_description(description)
