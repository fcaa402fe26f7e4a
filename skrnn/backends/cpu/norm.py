"""Layer normalisation of a layer's outputs, both directions together.

J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, arXiv:1607.06450, 2016;
here it stands between layers, not inside a step.
"""

from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.products import CHUNK
from skrnn.backends.cpu.tile import PANEL_BYTES, padded_columns
from skrnn.mathematics.normalization import mean_products, moments


@njit(**INNER)
def normalize(sizes, norm_at, packed, work, layer, n_rows):
    """Normalise rows of outputs; what `normalize_back` needs is kept if there is room.

    y = weight * (h - mean) / deviation + bias.
    """
    n, weights, m = sizes.n_out, packed[norm_at:], work.m
    biases = weights[padded_columns(sizes.n_out, PANEL_BYTES // packed.itemsize) :]
    for r in range(layer * work.n_rows, layer * work.n_rows + n_rows):
        row = m[work.outs + r * sizes.out_row :]
        mean, scale = moments(row, n)
        if work.normal >= 0:
            normal = m[work.normal + r * sizes.out_row :]
            for j in range(n):
                normal[j] = (row[j] - mean) * scale
            normal[n] = scale
        for j in range(n):
            row[j] = (row[j] - mean) * scale * weights[j] + biases[j]


@njit(**INNER)
def normalize_back(sizes, norm_at, packed, work, layer, n_rows, gradient):
    """Turn the gradient of normalised outputs into that of the outputs."""
    n, weights, m = sizes.n_out, packed[norm_at:], work.m
    n_padded = padded_columns(sizes.n_out, PANEL_BYTES // packed.itemsize)
    # A sum of sums keeps more digits than one over all rows.
    sums, d_biases = m[work.scratch :], m[work.scratch + n_padded :]
    for first in range(0, n_rows, CHUNK):
        for j in range(2 * n_padded):
            sums[j] = 0
        for i in range(first, min(first + CHUNK, n_rows)):
            at = (layer * work.n_rows + i) * sizes.out_row
            row, normal = m[work.outs + at :], m[work.normal + at :]
            mean, along = mean_products(row, weights, normal, n)
            scale = normal[n]
            for j in range(n):
                sums[j] += row[j] * normal[j]
                d_biases[j] += row[j]
                row[j] = scale * (row[j] * weights[j] - mean - normal[j] * along)
        for j in range(2 * n_padded):
            gradient[norm_at + j] += sums[j]
