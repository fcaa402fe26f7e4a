"""Elman's recurrent network: h = act(W_ih x + b_ih + W_hh h' + b_hh).

J. L. Elman, Finding structure in time, Cognitive Science 14(2), 1990.
"""

from skrnn.mathematics.activations import relu, tanh
from skrnn.mathematics.cells.base import Step, make_cell
from skrnn.mathematics.compilation import formula


class ElmanTanhStep(Step):
    __slots__ = ()


class ElmanReluStep(Step):
    __slots__ = ()


@formula
def tanh_backward(h, dh):
    return dh - dh * (h * h)


@formula
def relu_backward(h, dh):
    return dh if h > 0 else dh - dh


def _make_elman(name, step_class, activation, activation_backward):
    def forward(step, m, z, plane, old, new, new_plane, size):
        z0, h = m[z:], m[new:]
        for j in range(size):
            z0[j] = h[j] = activation(z0[j])

    def backward(step, m, z, plane, old, d, d_plane, size):
        z0, dh = m[z:], m[d:]
        for j in range(size):
            z0[j] = activation_backward(z0[j], dh[j])
            dh[j] = 0

    return make_cell(
        name,
        step_class,
        n_states=1,
        gates_ih=(0,),
        gates_hh=(0,),
        forward=forward,
        backward=backward,
    )


ELMAN_TANH = _make_elman("rnn", ElmanTanhStep, tanh, tanh_backward)
ELMAN_RELU = _make_elman("rnn", ElmanReluStep, relu, relu_backward)
