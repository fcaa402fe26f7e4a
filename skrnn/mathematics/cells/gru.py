"""Gated recurrent unit.

``n = tanh(W_in x + b_in + r (W_hn h' + b_hn))`` and ``h = (1 - z) n + z h'``.

K. Cho et al., Learning phrase representations using RNN encoder-decoder for statistical
machine translation, EMNLP 2014, with the reset gate applied after the matrix product as
cuDNN and PyTorch do. Blocks: the input's part of n, r, z, the state's part of n.
"""

from skrnn.mathematics.activations import sigmoids, tanh
from skrnn.mathematics.cells.base import Step, make_cell
from skrnn.mathematics.compilation import formula


class GRUStep(Step):
    __slots__ = ()


@formula
def gru_forward(n_x, r, z, n_h, h_old):
    r, z = sigmoids(r, z)
    n = tanh(n_x + r * n_h)
    return n, r, z, n + z * (h_old - n)


@formula
def gru_backward(n, r, z, n_h, h_old, dh):
    dn = dh - dh * z
    dn = dn - dn * (n * n)
    return dn, dn * n_h * (r - r * r), dh * (h_old - n) * (z - z * z), dn * r, dh * z


def _forward(step, m, z, plane, old, new, new_plane, size):
    n, r, u, n_h = m[z:], m[z + plane :], m[z + 2 * plane :], m[z + 3 * plane :]
    h_old, h = m[old:], m[new:]
    for j in range(size):
        r[j], u[j] = sigmoids(r[j], u[j])
    for j in range(size):
        n[j] = tanh(n[j] + r[j] * n_h[j])
        h[j] = n[j] + u[j] * (h_old[j] - n[j])


def _backward(step, m, z, plane, old, d, d_plane, size):
    n, r, u, n_h = m[z:], m[z + plane :], m[z + 2 * plane :], m[z + 3 * plane :]
    h_old, dh = m[old:], m[d:]
    for j in range(size):
        n[j], r[j], u[j], n_h[j], dh[j] = gru_backward(
            n[j], r[j], u[j], n_h[j], h_old[j], dh[j]
        )


GRU = make_cell(
    "gru",
    GRUStep,
    n_states=1,
    gates_ih=(1, 2, 0),
    gates_hh=(1, 2, 3),
    forward=_forward,
    backward=_backward,
)
