"""Matrix products on packed operands: a register tile, and loops over it.

Weights are packed into panels of ``width`` columns (64 bytes a row), so that the inner
loop reads them one after the other. A tile keeps ``rows x width`` sums in vector
registers while it runs over k: per k one vector load and, per row, one broadcast and
one multiply-add, fused where the processor has that. LLVM splits a vector where the
machine's are narrower.

Each sum runs over k in ascending order, whatever the number of rows in the tile: a
row's result has the same bits whatever rows stand beside it.
"""

from itertools import product

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import register_jitable

from skrnn.backends.cpu.options import INNER
from skrnn.mathematics.internals import LLVM, has
from skrnn.mathematics.intrinsics import intrinsic_with_twin, multiply_add
from skrnn.mathematics.target import HAS_LONG_REGISTERS

if has(LLVM):
    from numba.core import cgutils

PANEL_BYTES = 64
ZERO, ONE = np.int64(0), np.int64(1)
# Sums in flight must cover the latency of a multiply-add and fit the registers: 8 rows
# x 2 panels of the 32 long registers of AVX-512, 4 rows x 2 halves of a panel of the 16
# shorter ones elsewhere. Two panels make 10 loads for 16 multiply-adds, one panel 9
# for 8, which is more than a processor loads while it multiplies.
TILE_ROWS = 8 if HAS_LONG_REGISTERS else 4
TILE_PANELS = 2 if HAS_LONG_REGISTERS else 1
# Panels of a tile of one row, whose sums are as many chains of multiply-adds.
ROW_PANELS = 8 if HAS_LONG_REGISTERS else 4
# The processor's own prefetching comes late where weights are beyond the second-level
# cache, and at the start of each panel: 4 to 8 % of a step of 256 units and more.
PREFETCHED_ROWS = 16
# Neighbours in a column that are so many bytes apart share a few lines of the
# first-level cache, and drive each other out of it.
CONFLICT_BYTES = 4096


@register_jitable
def aligned(vector):
    """The part of a vector that starts at a panel's border in memory.

    A vector register that is loaded across a border takes two loads.
    """
    return vector[-vector.ctypes.data % PANEL_BYTES // vector.itemsize :]


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
        self.name = f"v{self.width}f{dtype.bitwidth}"

    def _vector_at(self, pointer):
        return self.builder.bitcast(pointer, self.vector.as_pointer())

    def load(self, pointer):
        value = self.builder.load(self._vector_at(pointer))
        value.align = self.align
        return value

    def store(self, value, pointer):
        self.builder.store(value, self._vector_at(pointer)).align = self.align

    def prefetch(self, panel):
        """Ask for the row of a panel that is needed some steps later."""
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        fetch = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        far = self.builder.gep(panel, [self.index(PREFETCHED_ROWS * self.width)])
        # To read; into the nearest cache; data.
        how = flag(0), flag(3), flag(1)
        self.builder.call(fetch, [self.builder.bitcast(far, byte), *how])

    def row(self, pointer, stride, r):
        return self.builder.gep(pointer, [self.builder.mul(stride, self.index(r))])

    def broadcast(self, pointer):
        undefined = ir.Constant(self.vector, ir.Undefined)
        lanes = ir.VectorType(ir.IntType(32), self.width)
        one = self.builder.insert_element(
            undefined, self.builder.load(pointer), ir.IntType(32)(0)
        )
        return self.builder.shuffle_vector(one, undefined, ir.Constant(lanes, None))

    def places(self, c, strides):
        """Where the sums belong: row by row, all panels of a row."""
        c_row, c_panel, c_pair = strides
        for r in range(self.rows):
            row = self.row(c, c_row, r)
            for p in range(self.panels):
                pair = self.row(row, c_pair, p // 2)
                yield self.row(pair, c_panel, p % 2)

    def sums_at_start(self, accumulate, places):
        """What is in c, or zeros."""
        builder, before = self.builder, self.builder.block
        from_memory = builder.append_basic_block("tile.load")
        start = builder.append_basic_block("tile.start")
        zero = ir.Constant(accumulate.type, 0)
        accumulate = builder.icmp_signed("!=", accumulate, zero)
        builder.cbranch(accumulate, from_memory, start)
        builder.position_at_end(from_memory)
        stored = [self.load(place) for place in places]
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
        near = self.near_rows(a_row)
        fours = [self.row(a, a_row, r) for r in range(0, self.rows, len(near))]
        fours = [self.hidden(pointer) for pointer in fours]
        panels = [self.hidden(self.row(b, panel, p)) for p in range(self.panels)]

        def moved(pointers, by):
            return [builder.gep(pointer, [by]) for pointer in pointers]

        def step(values):
            fours, panels, sums = self.split(values)
            for pointer in panels:
                self.prefetch(pointer)
            panel_rows = [self.load(pointer) for pointer in panels]
            factors = [
                self.broadcast(builder.gep(four, [offset]))
                for four, offset in product(fours, near)
            ]
            pairs = product(factors, panel_rows)
            sums = [
                multiply_add(builder, *pair, total, self.name)
                for pair, total in zip(pairs, sums, strict=True)
            ]
            width = self.index(self.width)
            return [*moved(fours, a_k), *moved(panels, width), *sums]

        def plane(values):
            fours, _, _ = self.split(values)
            after = self.loop(n_k, values, step)
            return [*moved(fours, a_plane), *after[len(fours) :]]

        return self.split(self.loop(n_planes, [*fours, *panels, *sums], plane))[2]

    def near_rows(self, stride):
        """How far the first rows are, four of them at most."""
        rows = [self.index(0), stride, self.builder.mul(stride, self.index(2))]
        rows.append(self.hidden(self.builder.mul(stride, self.index(3))))
        return rows[: self.rows]

    def hidden(self, value):
        """The same value; LLVM no longer knows where it came from.

        Else it finds each row from the one before it, in a chain of additions that
        takes longer than the multiply-adds.
        """
        kind = ir.FunctionType(value.type, [value.type])
        return self.builder.asm(kind, "", "=r,0", [value], side_effect=False)

    def split(self, values):
        """Pointers to every fourth row and to the panels, and the sums."""
        n = -(-self.rows // 4)
        return values[:n], values[n : n + self.panels], values[n + self.panels :]


@np.errstate(over="ignore", invalid="ignore")  # of lanes that nobody reads
def _tile_twin(rows, panels, c, a, b, at, strides, sizes, accumulate):
    (c_at, a_at, b_at), (c_row, c_panel, c_pair) = at, strides[:3]
    a_row, a_k, a_plane, b_panel = strides[3:]
    (n_planes, n_k), width = sizes, PANEL_BYTES // c.itemsize
    for r, panel in np.ndindex(rows, panels):
        to = c_at + r * c_row + panel // 2 * c_pair + panel % 2 * c_panel
        total = c[to:][:width]
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
    strides : (c_row, c_panel, c_pair, a_row, a_k, a_plane, b_panel)
        Elements between neighbouring rows of c, the panels of a pair, and pairs; rows,
        k and planes of a; panels of b.
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
        c_strides, a_strides = integers(strides)[:3], integers(strides)[3:]
        shape = rows.literal_value, panels.literal_value
        body = _Tile(context, builder, kinds[0].dtype, *shape)
        places = list(body.places(c, c_strides))
        sums = body.sums_at_start(accumulate, places)
        sums = body.multiply(sums, a, a_strides, integers(sizes), b)
        for total, place in zip(sums, places, strict=True):
            body.store(total, place)
        return context.get_dummy_value()

    return signature, codegen


def _copy_panel_row_twin(m, to, start):
    width = PANEL_BYTES // m.itemsize
    m[to : to + width] = m[start : start + width]


@intrinsic_with_twin(_copy_panel_row_twin)
def copy_panel_row(typingctx, m, to, start):
    """Copy a row of a panel within a vector.

    LLVM would ask at each row whether both places overlap.
    """

    def codegen(context, builder, signature, args):
        kind, (m, to, start) = signature.args[0], args
        data = context.make_array(kind)(context, builder, m).data
        body = _Tile(context, builder, kind.dtype, 1, 1)
        row = body.load(builder.gep(data, [start]))
        body.store(row, builder.gep(data, [to]))
        return context.get_dummy_value()

    return types.void(m, to, start), codegen


@njit(**INNER)
def panels_product(n, n_panels, c, a, b, at, strides, sizes, accumulate):
    """`tile` for any number of rows and panels: the fewest tiles that give both.

    Give it typed numbers (`ZERO`, `ONE`): Numba compiles one more variant for each
    combination of literal arguments.
    """
    done = ZERO
    while done < n_panels:
        c_at = at[0] + done // 2 * strides[2] + done % 2 * strides[1]
        here, left = (c_at, at[1], at[2] + done * strides[6]), n_panels - done
        if n == 1:
            done += row_product(left, c, a, b, here, strides, sizes, accumulate)
        elif TILE_PANELS >= 2 and left >= 2:
            pair_product(n, c, a, b, here, strides, sizes, accumulate)
            done += 2
        else:
            panel_product(n, c, a, b, here, strides, sizes, accumulate)
            done += 1


@njit(**INNER)
def row_product(n_panels, c, a, b, at, strides, sizes, accumulate):
    """`tile` for one row and as many panels as it takes; returns how many.

    One row in one panel is one chain of sums, each of which waits for the last one.
    """
    if ROW_PANELS >= 8 and n_panels >= 8:
        tile(1, 8, c, a, b, at, strides, sizes, accumulate)
        return 8
    if n_panels >= 4:
        tile(1, 4, c, a, b, at, strides, sizes, accumulate)
        return 4
    if n_panels >= 2:
        tile(1, 2, c, a, b, at, strides, sizes, accumulate)
        return 2
    tile(1, 1, c, a, b, at, strides, sizes, accumulate)
    return 1


@njit(**INNER)
def panel_product(n, c, a, b, at, strides, sizes, accumulate):
    """`tile` for one panel and any number of rows."""
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
        a_at += rows * strides[3]


@njit(**INNER)
def pair_product(n, c, a, b, at, strides, sizes, accumulate):
    """`tile` for two panels and any number of rows, for long registers."""
    c_at, a_at, b_at = at
    while n > 0:
        here = (c_at, a_at, b_at)
        if n >= 8:
            rows = 8
            tile(8, 2, c, a, b, here, strides, sizes, accumulate)
        elif n >= 4:
            rows = 4
            tile(4, 2, c, a, b, here, strides, sizes, accumulate)
        elif n >= 2:
            rows = 2
            tile(2, 2, c, a, b, here, strides, sizes, accumulate)
        else:
            rows = 1
            tile(1, 2, c, a, b, here, strides, sizes, accumulate)
        n -= rows
        c_at += rows * strides[0]
        a_at += rows * strides[3]
