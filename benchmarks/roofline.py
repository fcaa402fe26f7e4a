"""What share of the machine's float32 peak training steps and predictions reach.

The peak is that of multiply-adds in registers. Of the network only the multiply-adds
count that it needs: forward G H (F + H) for each step of a sequence, with G gates (rnn
1, lstm 4, gru 3), and H n_classes for the head of each sequence; backward twice as
many. Each is two operations.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from _problems import Problem, add_options, set_threads
from _skrnn import STEPS_AN_EPOCH, backend_call, training_epoch
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from report.tables import PROBLEM_FIELDS, Table, threads_text
from report.timing import median_ms

SHAPES = (  # N >= 32 and H from 64 to 256
    (32, 50, 8, 64),
    (256, 50, 8, 64),
    (32, 50, 32, 128),
    (256, 28, 28, 128),
    (64, 100, 64, 256),
)
HAS_LONG_REGISTERS = binding.get_host_cpu_features().get("avx512f", False)
LANES = 16 if HAS_LONG_REGISTERS else 8
# More sums at once than a processor of today starts multiply-adds before the first of
# them is done (two in each of 4 or 5 cycles), and fewer than it has registers.
SUMS = 12


@intrinsic
def multiply_add(typingctx, n, factor, out):
    """n times a multiply-add of each sum, in registers; `out` has the sums."""
    signature = types.void(n, factor, out)

    def codegen(context, builder, signature, args):
        n, factor, out = args
        vector = ir.VectorType(ir.FloatType(), LANES)
        fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector] * 3),
            f"llvm.fma.v{LANES}f32",
        )
        pointer = context.make_array(signature.args[2])(context, builder, out).data
        pointer = builder.bitcast(pointer, vector.as_pointer())
        places = [builder.gep(pointer, [ir.IntType(64)(i)]) for i in range(SUMS)]
        factors = ir.Constant(vector, ir.Undefined)
        for lane in range(LANES):
            factors = builder.insert_element(factors, factor, ir.IntType(32)(lane))
        sums = []
        for place in places:
            start = builder.load(place)
            start.align = 4
            sums.append(cgutils.alloca_once_value(builder, start))
        with cgutils.for_range(builder, n):
            for total in sums:  # variables that LLVM turns into registers
                value = builder.call(fma, [builder.load(total), factors, factors])
                builder.store(value, total)
        for total, place in zip(sums, places, strict=True):
            builder.store(builder.load(total), place).align = 4
        return context.get_dummy_value()

    return signature, codegen


@njit(nogil=True)
def run_multiply_adds(n, factor, out):
    multiply_add(n, factor, out)


def peak_gflops(n_threads, seconds):
    """The best of rounds of some milliseconds: each thread does the same work."""
    n, factor = 1_000_000, np.float32(0.5)
    outs = [np.zeros(SUMS * LANES, np.float32) for _ in range(n_threads)]
    work = partial(run_multiply_adds, n, factor)
    work(outs[0])  # compiles
    shortest, stop = np.inf, time.perf_counter() + seconds
    with ThreadPoolExecutor(n_threads) as pool:
        while time.perf_counter() < stop:
            start = time.perf_counter()
            list(pool.map(work, outs))
            shortest = min(shortest, time.perf_counter() - start)
    return 2 * n * SUMS * LANES * n_threads / shortest / 1e9


def reached_gflops(problem, seconds):
    """Of a training step, and of the backend's prediction."""
    epoch_ms = median_ms(training_epoch(problem, repeats=STEPS_AN_EPOCH), seconds)
    predict_ms = median_ms(backend_call(problem, problem.parameters()), seconds)
    operations = 2e-6 * problem.n_products
    return 3 * operations * STEPS_AN_EPOCH / epoch_ms, operations / predict_ms


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    args = parser.parse_args()
    set_threads(args.threads)
    numbers = sorted({1, args.threads}, reverse=True)
    peaks = {n: peak_gflops(n, args.seconds) for n in numbers}
    for n_threads, peak in peaks.items():
        print(f"Peak of {threads_text(n_threads)}: {peak:.0f} GFLOP/s")
    rates = ("train GFLOP/s", "predict GFLOP/s", "train share", "predict share")
    table = Table([*PROBLEM_FIELDS, "threads", "peak GFLOP/s", *rates], args.csv)
    for n_threads, peak in peaks.items():
        set_threads(n_threads)
        for cell in args.cells:
            for shape in SHAPES:
                problem = Problem(cell, *shape)
                reached = reached_gflops(problem, args.seconds / 2)
                shares = [rate / peak for rate in reached]
                table.add(*problem[:5], n_threads, peak, *reached, *shares)


if __name__ == "__main__":
    main()
