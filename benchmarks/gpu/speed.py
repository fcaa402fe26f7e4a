"""Time skrnn and PyTorch on the GPU by its own events; measure what it can reach."""

import gc
import math
import time
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from _skrnn import LEARNING_RATE, STEPS_AN_EPOCH, training_epoch

from gpu.kernels import DEVICE
from skrnn.backends import make_predictor
from skrnn.mathematics.cells import get_cell

#: PyTorch's precisions: its title, and whether products may be computed in TF32, which
#: keeps 10 bits of a factor's 23.
PRECISIONS = {"PyTorch": False, "TF32": True}
#: How far losses and outputs of the first call may be from skrnn's.
AGREEMENT = {"CPU": 1e-4, "PyTorch": 1e-3, "TF32": 2e-2}
#: Of a copy, in bytes, and edge of the matrices of a product.
COPIED, EDGE = 2**30, 8192
#: Multiply-adds of a forward pass from which one step is timed, not an epoch of some.
LONG_STEP = 1e11


class Clock(NamedTuple):
    """Marks in the work of a device, and the milliseconds between two of them."""

    mark: object
    elapsed: object


def numba_clock():
    from numba import cuda

    def mark():
        event = cuda.event()
        event.record()
        return event

    def elapsed(start, end):
        end.synchronize()
        return cuda.event_elapsed_time(start, end)

    return Clock(mark, elapsed)


def torch_clock(torch):
    def mark():
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def elapsed(start, end):
        end.synchronize()
        return start.elapsed_time(end)

    return Clock(mark, elapsed)


HOST_CLOCK = Clock(time.perf_counter, lambda start, end: 1e3 * (end - start))


def median_ms(call, clock, seconds):
    """Milliseconds of a call that is warm; three calls at least, 200 at most."""
    start = clock.mark()
    call()
    first = clock.elapsed(start, clock.mark())
    n = int(np.clip(1e3 * seconds / max(first, 1e-3), 3, 200))
    marks = [clock.mark()]
    for _ in range(n):
        call()
        marks.append(clock.mark())
    return float(np.median([clock.elapsed(*pair) for pair in pairwise(marks)]))


# What is measured: for each title a function that makes a call, and how many steps or
# predictions a call is.


def our_step(problem, device=DEVICE):
    """An epoch of some steps, as in fit; of one step where that is long enough."""
    repeats = STEPS_AN_EPOCH if problem.n_products < LONG_STEP else 1
    return training_epoch(problem, repeats=repeats, device=device), repeats


def our_prediction(problem, device=DEVICE):
    """What predict does once the input is checked."""
    network, parameters = problem.network(), problem.parameters()
    sequences = problem.sequences()

    def call():
        return make_predictor(device, network).outputs(parameters, sequences)

    return call, 1


def their_step(problem):
    """PyTorch's, on a batch that is on the device."""
    import torch
    from peers import pytorch

    model, X = their_model(problem)
    y = pytorch.make_labels(problem, problem.ragged).to(DEVICE)
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    return partial(pytorch.train, model, adam, X.to(DEVICE), y), 1


def their_prediction(problem):
    """As ours, from arrays of the host to outputs of the host."""
    import torch

    model, X = their_model(problem)

    def call():
        with torch.inference_mode():
            return model(X.to(DEVICE)).cpu()

    return call, 1


def their_model(problem):
    from peers import pytorch

    model = pytorch.Classifier(problem, problem.ragged).to(DEVICE)
    return model, pytorch.make_input(problem, problem.ragged)


MAKERS = {
    "train": (our_step, their_step),
    "predict": (our_prediction, their_prediction),
}


class Speed:
    """Measures, and keeps what went wrong."""

    def __init__(self, torch, seconds):
        self.torch, self.seconds, self.failures = torch, seconds, []
        self.clock = numba_clock()
        self.torch_clock = torch_clock(torch) if torch else None

    def measure(self, problem, what):
        """Milliseconds of skrnn, and of PyTorch in each of its precisions."""
        ours, theirs = MAKERS[what]
        expected, ms = self.time_call(partial(ours, problem), self.clock, what, problem)
        times = [ms]
        for title, is_allowed in PRECISIONS.items() if self.torch else ():
            set_precision(self.torch, is_allowed)
            make = partial(theirs, problem)
            found, ms = self.time_call(make, self.torch_clock, title, problem)
            times.append(ms)
            self.compare(found, expected, title, f"{what} {problem}")
        return times + [math.nan] * (1 + len(PRECISIONS) - len(times))

    def measure_devices(self, problem, what):
        """Milliseconds of skrnn on the CPU and on the GPU."""
        ours, _ = MAKERS[what]
        on_cpu, on_gpu = partial(ours, problem, "cpu"), partial(ours, problem)
        expected, cpu = self.time_call(on_cpu, HOST_CLOCK, what, problem)
        found, gpu = self.time_call(on_gpu, self.clock, what, problem)
        self.compare(found, expected, "CPU", f"{what} {problem}")
        return cpu, gpu

    def time_call(self, make, clock, what, problem):
        """What the first call gives, and the median; NaN without enough memory."""
        try:
            call, n = make()
            first = call()
            return to_array(first), median_ms(call, clock, self.seconds) / n
        except Exception as error:
            text = f"{what} {problem}: {type(error).__name__}: {error}"
            print(text, flush=True)
            if not is_out_of_memory(error):
                self.failures.append(text)
            return None, math.nan
        finally:
            call = first = None
            gc.collect()
            if self.torch and self.torch.cuda.is_available():
                self.torch.cuda.empty_cache()

    def compare(self, found, expected, title, what):
        if found is None or expected is None:
            return
        off = np.abs(found - expected).max() / max(1, np.abs(expected).max())
        if not off <= AGREEMENT[title]:
            self.failures.append(f"{what}: {title} differs by {off:.1e}")
            print(f"FAILED {self.failures[-1]}", flush=True)


def set_precision(torch, is_tf32_allowed):
    torch.backends.cudnn.allow_tf32 = is_tf32_allowed
    torch.backends.cuda.matmul.allow_tf32 = is_tf32_allowed


def to_array(result):
    return np.asarray(result.cpu() if hasattr(result, "cpu") else result)


def is_out_of_memory(error):
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


# What the device can do at best.


def measure_ceilings(speed):
    """Bytes a second of a copy, operations a second of a product; NaN if unknown."""
    from numba import cuda

    source = cuda.to_device(np.ones(COPIED, np.uint8))
    target = cuda.device_array_like(source)
    copy = partial(target.copy_to_device, source)
    rate = 2e3 * COPIED / median_ms(copy, speed.clock, speed.seconds)
    print(f"Device copy: {rate / 1e9:.0f} GB/s, read and written")
    products = product_rates(speed)
    for title, operations in products.items():
        print(f"Matrix product, {title}: {operations / 1e12:.1f} TFLOP/s")
    return rate, products.get("float32", math.nan)


def product_rates(speed):
    """Operations a second of large products, by PyTorch or by CuPy."""
    if speed.torch:
        make, clock, titles = speed.torch.randn, speed.torch_clock, PRECISIONS.values()
        a, b = (make(EDGE, EDGE, device=DEVICE) for _ in range(2))
    else:
        try:
            import cupy
        except ImportError as error:
            print(f"Without PyTorch and CuPy no rate of matrix products: {error}.")
            return {}
        clock, titles = speed.clock, (False,)
        a, b = (cupy.random.standard_normal((EDGE, EDGE), "float32") for _ in range(2))
    rates = {}
    for is_tf32_allowed in titles:
        if speed.torch:
            set_precision(speed.torch, is_tf32_allowed)
        ms = median_ms(lambda: a @ b, clock, speed.seconds)
        rates["TF32" if is_tf32_allowed else "float32"] = 2e3 * EDGE**3 / ms
    return rates


def least_bytes(problem, what):
    """What must move through the device's memory, if nothing is read twice.

    Prediction: inputs, parameters. Training: inputs in both directions, the blocks and
    states of every step written and read, and of each parameter the weight in both
    directions, its gradient, and Adam's reading and writing of three numbers.
    """
    step, n_steps = get_cell(problem.cell, "tanh").step, int(problem.lengths.sum())
    inputs, parameters = n_steps * problem.F, problem.network().n_parameters
    if what == "predict":
        return 4 * (inputs + parameters)
    kept = n_steps * (step.n_blocks + step.n_states) * problem.H
    return 4 * (2 * inputs + 2 * kept + 10 * parameters)
