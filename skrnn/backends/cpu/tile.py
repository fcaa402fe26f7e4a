"""Matrix products on packed operands: a register tile, and loops over it.

Weights are packed into panels of ``width`` columns (64 bytes a row), so that the inner
loop reads them one after the other. A tile keeps ``rows x width`` sums in vector
registers while it runs over k: per k one vector load and, per row, one broadcast and
one fused multiply-add. LLVM splits a vector where the machine's are narrower.

Each sum runs over k in ascending order, whatever the number of rows in the tile: a
row's result has the same bits whatever rows stand beside it.
"""

from itertools import product

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import register_jitable

from skrnn.backends.cpu.options import INNER
from skrnn.mathematics.intrinsics import intrinsic_with_twin

PANEL_BYTES = 64
ZERO, ONE = np.int64(0), np.int64(1)
# Sums in flight must cover the latency of a multiply-add and fit the registers: 8 of
# the 32 long registers of AVX-512, 4 rows x 2 of the 16 shorter ones elsewhere.
HAS_LONG_REGISTERS = bool(binding.get_host_cpu_features().get("avx512f"))
TILE_ROWS = 8 if HAS_LONG_REGISTERS else 4
# Neighbours in a column that are so many bytes apart share a few lines of the
# first-level cache, and drive each other out of it.
CONFLICT_BYTES = 4096


@register_jitable
def padded_columns(n, width):
    """Distance of rows of n columns: whole panels, but no multiple of a conflict."""
    columns = -(-n // width) * width
    if columns % (CONFLICT_BYTES // PANEL_BYTES * width) == 0:
        columns += width
    return columns


class _Tile:
    """Builds the body of `tile`: everything that depends on its rows and panels."""

    def __init__(self, context, builder, dtype, rows, panels):
        self.builder, self.rows, self.panels = builder, rows, panels
        scalar = context.get_value_type(dtype)
        self.width = PANEL_BYTES * 8 // dtype.bitwidth
        self.align = dtype.bitwidth // 8
        self.vector = ir.VectorType(scalar, self.width)
        self.index = context.get_value_type(types.intp)
        self.fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fma.v{self.width}f{dtype.bitwidth}",
        )

    def _vector_at(self, pointer):
        return self.builder.bitcast(pointer, self.vector.as_pointer())

    def load(self, pointer):
        value = self.builder.load(self._vector_at(pointer))
        value.align = self.align
        return value

    def store(self, value, pointer):
        self.builder.store(value, self._vector_at(pointer)).align = self.align

    def row(self, pointer, stride, r):
        return self.builder.gep(pointer, [self.builder.mul(stride, self.index(r))])

    def broadcast(self, pointer):
        undefined = ir.Constant(self.vector, ir.Undefined)
        lanes = ir.VectorType(ir.IntType(32), self.width)
        one = self.builder.insert_element(
            undefined, self.builder.load(pointer), ir.IntType(32)(0)
        )
        return self.builder.shuffle_vector(one, undefined, ir.Constant(lanes, None))

    def places(self, c, c_row):
        """Where the sums belong: row by row, all panels of a row."""
        for r in range(self.rows):
            row = self.row(c, c_row, r)
            for p in range(self.panels):
                yield self.builder.gep(row, [self.index(p * self.width)])

    def sums_at_start(self, accumulate, c, c_row):
        """What is in c, or zeros."""
        builder, before = self.builder, self.builder.block
        from_memory = builder.append_basic_block("tile.load")
        start = builder.append_basic_block("tile.start")
        zero = ir.Constant(accumulate.type, 0)
        accumulate = builder.icmp_signed("!=", accumulate, zero)
        builder.cbranch(accumulate, from_memory, start)
        builder.position_at_end(from_memory)
        stored = [self.load(place) for place in self.places(c, c_row)]
        builder.branch(start)
        builder.position_at_end(start)
        sums = []
        for value in stored:
            phi = builder.phi(self.vector)
            phi.add_incoming(ir.Constant(self.vector, None), before)
            phi.add_incoming(value, from_memory)
            sums.append(phi)
        return sums

    def loop(self, count, values, body):
        """``for _ in range(count): values = body(values)``, the values in registers."""
        builder, before = self.builder, self.builder.block
        inside = builder.append_basic_block("tile.loop")
        after = builder.append_basic_block("tile.after")
        zero = self.index(0)
        builder.cbranch(builder.icmp_signed(">", count, zero), inside, after)
        builder.position_at_end(inside)
        state = [self.index(0), *values]
        phis = [builder.phi(v.type) for v in state]
        for phi, value in zip(phis, state, strict=True):
            phi.add_incoming(value, before)
        new = [builder.add(phis[0], self.index(1)), *body(phis[1:])]
        end = builder.block
        for phi, value in zip(phis, new, strict=True):
            phi.add_incoming(value, end)
        builder.cbranch(builder.icmp_signed("<", new[0], count), inside, after)
        builder.position_at_end(after)
        results = []
        for value, last in zip(values, new[1:], strict=True):
            phi = builder.phi(value.type)
            phi.add_incoming(value, before)
            phi.add_incoming(last, end)
            results.append(phi)
        return results

    def multiply(self, sums, a, strides, sizes, b):
        """Add the products over all planes and k; returns the sums."""
        builder = self.builder
        (a_row, a_k, a_plane, panel), (n_planes, n_k) = strides, sizes

        def step(values):
            a, b, *sums = values
            panel_rows = [self.load(self.row(b, panel, p)) for p in range(self.panels)]
            factors = [self.broadcast(self.row(a, a_row, r)) for r in range(self.rows)]
            pairs = product(factors, panel_rows)
            sums = [
                builder.call(self.fma, [*pair, total])
                for pair, total in zip(pairs, sums, strict=True)
            ]
            return [
                builder.gep(a, [a_k]),
                builder.gep(b, [self.index(self.width)]),
                *sums,
            ]

        def plane(values):
            a, *rest = values
            _, *rest = self.loop(n_k, [a, *rest], step)
            return [builder.gep(a, [a_plane]), *rest]

        return self.loop(n_planes, [a, b, *sums], plane)[2:]


@np.errstate(over="ignore", invalid="ignore")  # of lanes that nobody reads
def _tile_twin(rows, panels, c, a, b, at, strides, sizes, accumulate):
    (c_at, a_at, b_at), (c_row, a_row, a_k, a_plane, b_panel) = at, strides
    (n_planes, n_k), width = sizes, PANEL_BYTES // c.itemsize
    for r, panel in np.ndindex(rows, panels):
        total = c[c_at + r * c_row + panel * width :][:width]
        rows_of_b = b[b_at + panel * b_panel :]
        if not accumulate:
            total[:] = 0
        for p, k in np.ndindex(n_planes, n_k):
            value = a[a_at + r * a_row + p * a_plane + k * a_k]
            total += value * rows_of_b[(p * n_k + k) * width :][:width]


@intrinsic_with_twin(_tile_twin)
def tile(typingctx, rows, panels, c, a, b, at, strides, sizes, accumulate):
    """``c[r] = sum over planes and k of a[r, plane, k] * b[plane, k]``: panels of c.

    Parameters
    ----------
    rows, panels : literal int
        Number of rows, and of neighbouring panels.
    c, a, b : C-contiguous ndarray
        Used as flat memory, entered at the elements ``at = (c_at, a_at, b_at)``.
        b is packed panels.
    strides : (c_row, a_row, a_k, a_plane, b_panel)
        Elements between neighbouring rows of c; rows, k and planes of a; panels of b.
    sizes : (n_planes, n_k)
        Extent of the sum.
    accumulate : int
        Not 0: the sums start from what is in c.
    """
    if not all(isinstance(n, types.IntegerLiteral) for n in (rows, panels)):
        return None
    signature = types.void(rows, panels, c, a, b, at, strides, sizes, accumulate)

    def codegen(context, builder, signature, args):
        def integers(value):
            return cgutils.unpack_tuple(builder, value)

        def entry(kind, array, offset):
            pointer = context.make_array(kind)(context, builder, array).data
            return builder.gep(pointer, [offset])

        _, _, *arrays, at, strides, sizes, accumulate = args
        kinds = signature.args[2:5]
        c, a, b = map(entry, kinds, arrays, integers(at))
        c_row, *others = integers(strides)
        shape = rows.literal_value, panels.literal_value
        body = _Tile(context, builder, kinds[0].dtype, *shape)
        sums = body.sums_at_start(accumulate, c, c_row)
        sums = body.multiply(sums, a, others, integers(sizes), b)
        for total, place in zip(sums, body.places(c, c_row), strict=True):
            body.store(total, place)
        return context.get_dummy_value()

    return signature, codegen


@njit(**INNER)
def panel_product(n, c, a, b, at, strides, sizes, accumulate):
    """`tile` for one panel and any number of rows: the fewest tiles that give n.

    Give it typed numbers (`ZERO`, `ONE`): Numba compiles one more variant for each
    combination of literal arguments.
    """
    c_at, a_at, b_at = at
    while n > 0:
        here = (c_at, a_at, b_at)
        if TILE_ROWS >= 8 and n >= 8:
            rows = 8
            tile(8, 1, c, a, b, here, strides, sizes, accumulate)
        elif n >= 4:
            rows = 4
            tile(4, 1, c, a, b, here, strides, sizes, accumulate)
        elif n >= 2:
            rows = 2
            tile(2, 1, c, a, b, here, strides, sizes, accumulate)
        else:
            rows = 1
            tile(1, 1, c, a, b, here, strides, sizes, accumulate)
        n -= rows
        c_at += rows * strides[0]
        a_at += rows * strides[1]


@njit(**INNER)
def row_product(n_panels, c, a, b, at, strides, sizes, accumulate):
    """`tile` for one row and any number of panels.

    One row in one panel is one chain of sums, each of which waits for the last one.
    """
    c_at, a_at, b_at = at
    width = PANEL_BYTES // c.itemsize
    while n_panels > 0:
        here = (c_at, a_at, b_at)
        if n_panels >= 4:
            panels = 4
            tile(1, 4, c, a, b, here, strides, sizes, accumulate)
        elif n_panels >= 2:
            panels = 2
            tile(1, 2, c, a, b, here, strides, sizes, accumulate)
        else:
            panels = 1
            tile(1, 1, c, a, b, here, strides, sizes, accumulate)
        n_panels -= panels
        c_at += panels * width
        b_at += panels * strides[4]


@njit(**INNER)
def four_panels_product(n, c, a, b, at, strides, sizes, accumulate):
    """`tile` for four panels and any number of rows, for long registers.

    Four streams of weights, each number used for four rows, are faster than one of
    which each is used for eight where the weights come from beyond the nearest cache.
    """
    c_at, a_at, b_at = at
    while n > 0:
        here = (c_at, a_at, b_at)
        if n >= 4:
            rows = 4
            tile(4, 4, c, a, b, here, strides, sizes, accumulate)
        elif n >= 2:
            rows = 2
            tile(2, 4, c, a, b, here, strides, sizes, accumulate)
        else:
            rows = 1
            tile(1, 4, c, a, b, here, strides, sizes, accumulate)
        n -= rows
        c_at += rows * strides[0]
        a_at += rows * strides[1]
