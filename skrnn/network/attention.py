"""Attention of one network to the states of another.

M.-T. Luong, H. Pham and C. D. Manning, Effective approaches to attention-based neural
machine translation, EMNLP 2015: global attention.
"""

from skrnn.network.linear import start_matrix, transposed
from skrnn.network.part import Array, Part

#: How a state s is compared with each state h of the other network: s . h; or
#: (W s) . h, with a weight.
SCORES = "dot", "general"


class GlobalAttention(Part):
    """``tanh(V [context, s])`` of a state s, where the context is a mean of states h.

    It is weighted by the softmax of their scores.
    """

    weight, output = "attention", "attention_output"

    def __init__(self, level, n_states, score):
        arrays = {}
        if score == "general":
            shape = n_states, n_states
            arrays[self.weight] = Array(
                shape, "attention.weight", transposed, start_matrix, True
            )
        arrays[self.output] = Array(
            (2 * n_states, n_states),
            "attention.output.weight",
            transposed,
            start_matrix,
            True,
        )
        super().__init__(level, arrays)
