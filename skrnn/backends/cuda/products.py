"""Matrix products, and sums over rows, always in the same order.

No sum is split among threads in an order that may change, so two runs give the same
bits. A long sum over the rows of a window is cut into *portions*, each a sum in its
order, which are then added up in theirs.
"""

from functools import lru_cache
from typing import NamedTuple

from numba import cuda, from_dtype

from skrnn.backends.cuda.device import SIMULATED, unsigned

#: Threads of a block in each of both directions, the results of each thread in each,
#: and the part of a sum that is in shared memory at a time.
BLOCK, EDGE, DEPTH = (2, 2, 4) if SIMULATED else (16, 4, 16)
TILE = BLOCK * EDGE
#: Rows of a portion at least, portions at most, and blocks that keep a device busy.
PORTION, MOST_PORTIONS, BUSY_BLOCKS = (8, 3, 4) if SIMULATED else (256, 64, 512)


class Matrix(NamedTuple):
    """A matrix in a larger vector on the device, or several."""

    vector: object
    at: int
    row: int  # distance between rows
    column: int = 1  # distance between columns
    batch: int = 0  # distance between the matrices of a batch
    term: int = 0  # distance between matrices whose products are added up

    @property
    def transposed(self):
        """The same numbers, the other way round."""
        return self._replace(row=self.column, column=self.row)


class Shape(NamedTuple):
    """What the kernel must know of a product."""

    n_rows: int
    n_columns: int
    n_inner: int
    n_terms: int
    n_portions: int
    portion: int  # of the inner dimension
    adds: int  # 1: to what is there; 0: the product replaces it
    c_at: int
    c_row: int
    c_batch: int
    c_portion: int
    a_at: int
    a_row: int
    a_inner: int
    a_batch: int
    a_term: int
    b_at: int
    b_column: int
    b_inner: int
    b_batch: int
    b_term: int
    bias_at: int  # or -1
    bias_batch: int


@lru_cache
def product_kernel(dtype):
    """The kernel of ``c = a @ b + bias``, for batches and sums of products."""
    kind = from_dtype(dtype)
    block, edge, depth, size = BLOCK, EDGE, DEPTH, TILE
    padded = size + 1  # so that neighbouring threads write to different banks
    threads, loads = block * block, depth * size // block**2

    @cuda.jit(device=True)
    def load(v, tile, at, along, inner, n_along, first, n_inner):
        """Copy a part of a matrix, from v[at] on; what is outside is 0."""
        thread = cuda.threadIdx.y * block + cuda.threadIdx.x
        # Neighbouring threads read neighbours.
        if inner == 1:
            i, k, next_i, next_k = thread // depth, thread % depth, threads // depth, 0
        else:
            i, k, next_i, next_k = thread % size, thread // size, 0, threads // size
        at += i * along + (first + k) * inner
        for _ in range(loads):
            is_inside = i < n_along and first + k < n_inner
            tile[k, i] = v[unsigned(at)] if is_inside else kind(0)
            i += next_i
            k += next_k
            at += next_i * along + next_k * inner

    # So that two blocks fit a multiprocessor; in float64 registers would spill. The
    # simulator has no such option.
    is_limited = dtype.itemsize == 4 and not SIMULATED

    @cuda.jit(**({"max_registers": 128} if is_limited else {}))
    def product(c, a, b, bias, s):
        left = cuda.shared.array((depth, padded), kind)
        right = cuda.shared.array((depth, padded), kind)
        sums = cuda.local.array((edge, edge), kind)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        row, column = cuda.blockIdx.x * size, cuda.blockIdx.y * size
        batch = cuda.blockIdx.z // s.n_portions
        portion = cuda.blockIdx.z % s.n_portions
        first = portion * s.portion
        last = min(s.n_inner, first + s.portion)
        for e in range(edge):
            for f in range(edge):
                sums[e, f] = 0
        for term in range(s.n_terms):
            a_at = s.a_at + batch * s.a_batch + term * s.a_term + row * s.a_row
            b_at = s.b_at + batch * s.b_batch + term * s.b_term + column * s.b_column
            for k in range(first, last, depth):
                load(a, left, a_at, s.a_row, s.a_inner, s.n_rows - row, k, last)
                n_left = s.n_columns - column
                load(b, right, b_at, s.b_column, s.b_inner, n_left, k, last)
                cuda.syncthreads()
                d = unsigned(0)  # and "while", which the compiler unrolls
                while d < depth:
                    for e in range(edge):
                        for f in range(edge):
                            sums[e, f] += (
                                left[d, y + e * block] * right[d, x + f * block]
                            )
                    d += unsigned(1)
                cuda.syncthreads()
        c_at = s.c_at + batch * s.c_batch + portion * s.c_portion
        for e in range(edge):
            i = row + y + e * block
            for f in range(edge):
                j = column + x + f * block
                if i < s.n_rows and j < s.n_columns:
                    at = c_at + i * s.c_row + j
                    if s.bias_at >= 0:
                        sums[e, f] += bias[s.bias_at + batch * s.bias_batch + j]
                    c[at] = c[at] + sums[e, f] if s.adds else sums[e, f]

    return product


@cuda.jit
def add_portions(portions, at, n, n_portions, target, target_at):
    """Add the sums of all portions to n numbers."""
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        total = portions[at + p]
        for q in range(1, n_portions):
            total += portions[at + q * n + p]
        target[target_at + p] += total


@cuda.jit
def column_portions(m, a, factor, n_rows, portion, columns, sums):
    """Sums of the columns of a matrix over the rows of each portion.

    `columns` is (columns, of how many the next stand `a_plane` further, a_plane,
    distance between rows); with `factor` another matrix, the columns of their
    elementwise product.
    """
    n_columns, n_neighbours, plane, row = columns
    n = n_columns * (-(-n_rows // portion))
    for p in range(cuda.grid(1), n, cuda.gridsize(1)):
        q, j = p // n_columns, p % n_columns
        place = (j // n_neighbours) * plane + j % n_neighbours
        total = m[a] - m[a]
        for r in range(q * portion, min(n_rows, (q + 1) * portion)):
            at = place + r * row
            total += m[a + at] * m[factor + at] if factor >= 0 else m[a + at]
        sums[p] = total


class Products:
    """The products of one backend, with memory for their portions."""

    def __init__(self, device, memory, dtype):
        self.device, self.memory, self.dtype = device, memory, dtype
        self.kernel = product_kernel(dtype)

    def product(self, c, a, b, sizes, *, n=1, n_terms=1, bias=None, adds=False):
        """``c = a @ b``, each of n matrices, and a sum of `n_terms` products.

        `sizes` are (rows, columns, inner dimension); `bias` a `Matrix` of one row.
        """
        self._launch(c, a, b, sizes, (1, max(1, sizes[2])), 0, n, n_terms, bias, adds)

    def add_gradient(self, target, target_at, a, b, sizes, n=1):
        """Add n products ``a @ b``, sums over many rows, to neighbours in `target`."""
        n_rows, n_columns, n_inner = sizes
        n_tiles = -(-n_rows // TILE) * -(-n_columns // TILE) * n
        n_portions = max(1, min(BUSY_BLOCKS // n_tiles, n_inner // PORTION))
        portion = -(-n_inner // n_portions)
        n_portions = -(-n_inner // portion)
        size = n * n_rows * n_columns
        if n_portions == 1:
            c = Matrix(target, target_at, n_columns, batch=n_rows * n_columns)
            self.product(c, a, b, sizes, n=n, adds=True)
            return
        sums = self.memory.vector("portions", n_portions * size, self.dtype)
        c = Matrix(sums, 0, n_columns, batch=n_rows * n_columns)
        self._launch(c, a, b, sizes, (n_portions, portion), size, n, 1, None, False)
        self.device.over(
            size, add_portions, sums, 0, size, n_portions, target, target_at
        )

    def _launch(self, c, a, b, sizes, portions, distance, n, n_terms, bias, adds):
        n_rows, n_columns, n_inner = sizes
        bias = Matrix(c.vector, -1, 0) if bias is None else bias
        shape = Shape(
            *sizes,
            n_terms,
            *portions,
            int(adds),
            *(c.at, c.row, c.batch, distance),
            *(a.at, a.row, a.column, a.batch, a.term),
            *(b.at, b.column, b.row, b.batch, b.term),
            *(bias.at, bias.batch),
        )
        # There may be more rows than a grid has places in its second direction.
        blocks = -(-n_rows // TILE), -(-n_columns // TILE), n * portions[0]
        if min(sizes[:2]) > 0:
            vectors = c.vector, a.vector, b.vector, bias.vector
            self.device.launch(self.kernel, blocks, (BLOCK, BLOCK), *vectors, shape)

    def add_column_sums(
        self, target, target_at, m, at, n_rows, columns, row, *, n=1, plane=0, factor=-1
    ):
        """Add the sums of the columns of n matrices to neighbours in `target`."""
        portion = max(PORTION // 2, -(-n_rows // MOST_PORTIONS))
        n_portions, size = -(-n_rows // portion), n * columns
        sums = self.memory.vector("column_sums", n_portions * size, self.dtype)
        columns = (size, columns, plane, row)
        arguments = (m, at, factor, n_rows, portion, columns)
        self.device.over(size * n_portions, column_portions, *arguments, sums)
        self.device.over(
            size, add_portions, sums, 0, size, n_portions, target, target_at
        )
