"""Long short-term memory: c = f c' + i g, h = o tanh(c).

S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997;
the forget gate: F. A. Gers, J. Schmidhuber and F. Cummins, Learning to forget, Neural
Computation 12(10), 2000. Blocks: i, f, g, o.
"""

from skrnn.mathematics.activations import sigmoid_and_tanh, sigmoids, tanh
from skrnn.mathematics.cells.base import Step, make_cell
from skrnn.mathematics.compilation import formula


class LSTMStep(Step):
    __slots__ = ()


@formula
def gates(i, f, g, o):
    i, f = sigmoids(i, f)
    o, g = sigmoid_and_tanh(o, g)
    return i, f, g, o


@formula
def lstm_forward(i, f, g, o, c_old):
    c = f * c_old + i * g
    return o * tanh(c), c


@formula
def lstm_backward(i, f, g, o, c_old, dh, dc):
    tanh_c = tanh(f * c_old + i * g)
    dc = dc + dh * (o - o * (tanh_c * tanh_c))
    return (
        dc * g * (i - i * i),
        dc * c_old * (f - f * f),
        dc * (i - i * (g * g)),
        dh * tanh_c * (o - o * o),
        dc * f,
    )


def _forward(step, m, z, plane, old, new, new_plane, size):
    i, f, g, o = m[z:], m[z + plane :], m[z + 2 * plane :], m[z + 3 * plane :]
    c_old, h, c = m[old + plane :], m[new:], m[new + new_plane :]
    for j in range(size):
        i[j], f[j], g[j], o[j] = gates(i[j], f[j], g[j], o[j])
    for j in range(size):
        h[j], c[j] = lstm_forward(i[j], f[j], g[j], o[j], c_old[j])


def _backward(step, m, z, plane, old, d, d_plane, size):
    i, f, g, o = m[z:], m[z + plane :], m[z + 2 * plane :], m[z + 3 * plane :]
    c_old, dh, dc = m[old + plane :], m[d:], m[d + d_plane :]
    for j in range(size):
        i[j], f[j], g[j], o[j], dc[j] = lstm_backward(
            i[j], f[j], g[j], o[j], c_old[j], dh[j], dc[j]
        )
        dh[j] = 0


LSTM = make_cell(
    "lstm",
    LSTMStep,
    n_states=2,
    gates_ih=(0, 1, 2, 3),
    gates_hh=(0, 1, 2, 3),
    forward=_forward,
    backward=_backward,
    forget=1,
)
