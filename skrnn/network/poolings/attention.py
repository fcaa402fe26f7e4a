"""A mean weighted by the softmax of ``query . tanh(weight @ h + bias)``.

D. Bahdanau, K. Cho and Y. Bengio, Neural machine translation by jointly learning to
align and translate, ICLR 2015, with a learned query.
"""

from skrnn.network.linear import linear, start_matrix
from skrnn.network.part import Array
from skrnn.network.poolings.base import Pooling


class Attention(Pooling):
    """Attention with a hidden layer as large as the network's."""

    has_step_weights = True
    weight, bias, query = "attention", "attention_bias", "attention_query"

    @classmethod
    def make_arrays(cls, n_out, hidden_size):
        """As `Part` takes them."""
        weight, bias = linear(n_out, hidden_size, "attention")
        query = Array(
            (hidden_size, 1), "attention.query", _only_column, start_matrix, True
        )
        return {cls.weight: weight, cls.bias: bias, cls.query: query}


def _only_column(array):
    return array[:, 0]
