"""The CUDA backend's numbers beside those of the CPU backend in float64.

In every way that it can compute a recurrence; where the tests are at hand, also beside
their plain NumPy twin.
"""

import importlib.util
import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from report.tables import Table

from gpu.cases import data_of
from skrnn.backends import make_backend
from skrnn.mathematics.dropout import NO_DROPOUT
from skrnn.sequences import Sequences

DEVICE = "cuda"
#: What two orders of the same sums may differ by, relative to the largest value.
TOLERANCES = {"float64": 1e-10, "float32": 1e-5}
NAIVE = Path(__file__).parents[2] / "tests" / "naive.py"
CHUNK = 2  # steps of a part of the sequences that is learned from
MAX_ERRORS = 20  # the rest would take long and say the same


# What a backend gives, under names.


def results(case, backend, dtype):
    """Loss, gradients, and all that a prediction can ask for."""
    data = data_of(case, dtype)
    found = loss_gradients(case, backend, data, bptt_steps=case.bptt_steps)
    for what in ("outputs", "features"):
        found[what] = getattr(backend, what)(data.parameters, data.sequences)
    if case.pooling == "attention":
        found["attention weights"] = backend.attention_weights(
            data.parameters, data.sequences
        )
    if not case.bidirectional and case.loss == "softmax":  # one loss says enough
        found |= pieces(case, backend, data)
    return found


def loss_gradients(case, backend, data, what="", rows=None, **options):
    """The loss, and the gradients that are needed, under names as outside."""
    network = backend.network
    gradient = np.full_like(data.parameters, np.nan)
    loss = backend.loss_gradient(
        data.parameters,
        data.sequences,
        data.rows if rows is None else rows,
        data.targets,
        data.scales,
        gradient,
        dropout=case.dropout,
        **options,
    )
    needed = network.arrays_of([case.trained])
    gradients = network.export_weights(gradient)
    return {f"loss{what}": np.array(loss)} | {
        f"gradient of {name}{what}": gradients[name]
        for name, part in network.names.items()
        if part in needed
    }


def pieces(case, backend, data):
    """Outputs of a stream; gradients of chunks where training takes them."""
    n, found = len(data.arrays), {}
    memory = backend.new_memory(n)
    first = [x[: -(-len(x) // 2)] for x in data.arrays]
    # Of the longer ones the rest; of the others their last step once more.
    rest = [x[len(x) // 2 :] for x in data.arrays]
    totals, frames = np.zeros(n, np.int64), backend.network.frames
    for number, part in enumerate((first, rest), 1):
        sequences = Sequences.from_list(part, data.parameters.dtype)
        spans = frames.spans(sequences.lengths)
        totals = totals + spans.counts
        found[f"outputs of piece {number}"] = backend.outputs(
            data.parameters,
            sequences,
            memory=memory,
            spans=spans._replace(totals=totals),
        )
    if case.pooling is None:
        memory, lengths = backend.new_memory(n), data.sequences.lengths[data.rows]
        for start in range(0, min(lengths.max(), 2 * CHUNK), CHUNK):
            found |= loss_gradients(
                case,
                backend,
                data,
                f" from step {start}",
                data.rows[lengths > start],
                steps=(start, start + CHUNK),
                memory=memory,
            )
    return found


# What the numbers should be.


def references(cases):
    """The same results of the CPU backend in float64, in a process of its own."""
    found = []
    for case in cases:
        network = case.network("float64")
        backend = make_backend("cpu", network, network.arrays_of([case.trained]))
        found.append(results(case, backend, "float64"))
    return found


@cache
def naive():
    """The tests' plain NumPy twin of every kernel; None where there are no tests."""
    if not NAIVE.exists():
        return None
    spec = importlib.util.spec_from_file_location("naive", NAIVE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def naive_results(case):
    """Loss, gradients and outputs by other code than any backend's."""
    data, network = data_of(case, "float64"), case.network("float64")
    weights = network.export_weights(data.parameters)
    bounds = data.sequences.offsets
    if case.pooling:
        bounds = np.arange(len(data.targets) + 1)
    parts = [slice(bounds[row], bounds[row + 1]) for row in data.rows]
    frames = network.frame_length, network.hop_length, network.pooling is not None
    inputs = [naive().frames(x, *frames) for x in data.arrays]
    scales, cell = [data.scales[part] for part in parts], (case.cell, case.activation)
    loss, gradients = naive().loss_and_gradients(
        weights,
        [inputs[row] for row in data.rows],
        [data.targets[part] for part in parts],
        scales,
        *cell,
        case.pooling,
        case.loss,
        output_sizes=case.output_sizes,
        bptt_steps=case.bptt_steps,
    )
    total = np.concatenate(scales).sum()
    # Where one bias stands for two, it has the gradient of either.
    has_own = network.export_weights(np.ones_like(data.parameters))
    _, outputs = naive().forward(weights, inputs, *cell, case.pooling)
    return {"loss": np.array(total * loss), "outputs": outputs} | {
        f"gradient of {name}": (has_own[name] if name.startswith("bias_hh") else 1)
        * total
        * array
        for name, array in gradients.items()
    }


def has_naive(case):
    """Whether the naive twin computes this case, and soon."""
    is_small = case.hidden_size * sum(case.lengths) < 1000
    is_plain = case.dropout is NO_DROPOUT and case.trained == "*"
    is_plain = is_plain and not case.embeddings
    return naive() is not None and is_small and is_plain


def errors(found, expected):
    """How far each result is off, relative to the largest value of its kind."""
    largest = {name: np.abs(array).max() for name, array in expected.items()}
    steepest = max(value for name, value in largest.items() if "gradient" in name)
    relative = {}
    for name, array in expected.items():
        scale = largest[name]
        # What attention learns from is a small difference of large numbers.
        if "gradient" in name and (scale == 0 or "attention" in name):
            scale = steepest
        off = np.inf
        if found[name].shape == array.shape:
            off = np.abs(found[name] - array).max()
        relative[name] = float(off / scale) if scale else float(off)
    return relative


# The checks.


def has_own_products(way):
    """Whether no library computes any, which might add up in another order."""
    from skrnn.backends.cuda.blas import library
    from skrnn.backends.cuda.recurrence import STEPS

    return way != STEPS or library() is None


def is_independent(case, backend, found):
    """Whether a sequence alone has the same bits as in its batch."""
    data, i = data_of(case, case.dtype), len(case.lengths) // 2
    bounds = data.sequences.offsets if case.pooling is None else np.arange(i + 2)
    alone = backend.outputs(data.parameters, data.sequences.take(np.array([i])))
    return np.array_equal(alone, found["outputs"][bounds[i] : bounds[i + 1]])


def backend_of(case, way):
    """The device's backend, made to take this way; None if the network is too large."""
    from skrnn.backends.cuda import CUDABackend

    network = case.network(case.dtype)
    try:
        return CUDABackend(network, network.arrays_of([case.trained]), way=way)
    except ValueError:
        return None


class Checks:
    """Compares, prints a line for each part, and keeps what went wrong."""

    def __init__(self, cases):
        # What needs CUDA is imported late: the processes with the references import
        # this module, too.
        from skrnn.backends.cuda import WAYS

        self.ways, self.cases = WAYS, cases
        self.failures, self.n_errors = [], 0

    def run(self, csv_path=None):
        """All cases; the references come from other processes meanwhile."""
        parts = {}
        for case in self.cases:
            parts.setdefault((case.cell, case.activation, case.pooling), []).append(
                case
            )
        fields = ("cell", "activation", "pooling", "cases", "runs", *GROUPS, "failures")
        table = Table(fields, csv_path, pooling=9, loss=8)
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            futures = [pool.submit(references, cases) for cases in parts.values()]
            for (part, cases), future in zip(parts.items(), futures, strict=True):
                table.add(
                    *map(str, part), len(cases), *self._part(cases, future.result())
                )
        return self.failures

    def _part(self, cases, expected):
        """Runs, the largest errors, and the number of failures."""
        before, n_runs, worst = len(self.failures), 0, dict.fromkeys(GROUPS, 0.0)
        pairs = zip(cases, expected, strict=True)
        for (case, wanted), way in product(pairs, self.ways):
            found = self._errors(case, way, wanted)
            n_runs += bool(found)
            for name, error in found.items():
                worst[group_of(name)] = max(worst[group_of(name)], error)
        texts = [f"{error:.1e}" for error in worst.values()]
        return n_runs, *texts, len(self.failures) - before

    def _errors(self, case, way, expected):
        """Of one case computed one way; none if it cannot be."""
        if self.n_errors > MAX_ERRORS:
            return {}
        try:
            backend = backend_of(case, way)
            if backend is None:
                return {}
            found, again = (results(case, backend, case.dtype) for _ in range(2))
        except Exception as error:
            self._note_error(case, way, error)
            return {}
        for name, array in found.items():
            if not np.array_equal(array, again[name], equal_nan=True):
                self._fail(case, way, f"two runs differ in the {name}")
        if has_own_products(way) and not is_independent(case, backend, found):
            self._fail(case, way, "a prediction depends on its batch")
        if has_naive(case):
            self._judge(case, way, found, naive_results(case), " of the naive twin")
        return self._judge(case, way, found, expected)

    def _note_error(self, case, way, error):
        self._fail(case, way, f"{type(error).__name__}: {error}")
        self.n_errors += 1
        if self.n_errors > MAX_ERRORS:
            self.failures.append("There were too many errors to go on.")

    def _judge(self, case, way, found, expected, of=""):
        off = errors(found, expected)
        for name, error in off.items():
            if not error <= TOLERANCES[case.dtype]:  # NaN is a failure, too
                self._fail(case, way, f"the {name} is {error:.1e} off that{of}")
        return off

    def _fail(self, case, way, what):
        self.failures.append(f"{case} [{way}]: {what}")
        print(f"FAILED {self.failures[-1]}", flush=True)


GROUPS = ("loss", "gradient", "outputs")


def group_of(name):
    return next((group for group in GROUPS if name.startswith(group)), GROUPS[-1])
