"""What the CUDA backend is checked with: networks, and seeded numbers for them."""

from itertools import cycle, pairwise, product
from typing import NamedTuple

import numpy as np

from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.dropout import NO_DROPOUT, Dropout
from skrnn.mathematics.losses import LOSSES
from skrnn.network import POOLINGS, Network
from skrnn.sequences import Sequences

#: Those that read a row; one that reads sequences is computed on the CPU.
ROW_LOSSES = [name for name, loss in LOSSES.items() if not loss.reads_sequences]
LENGTHS = (3, 1, 2, 4, 1, 7, 2, 1, 3, 1, 5, 1, 2, 1, 3, 1, 2, 1, 4)


class Case(NamedTuple):
    """A network, a batch, and how its gradient is computed."""

    cell: str = "lstm"
    activation: str | None = "tanh"
    loss: str = "softmax"
    pooling: str | None = "last"  # None: outputs for every step
    dtype: str = "float32"
    n_layers: int = 1
    bidirectional: bool = False
    layer_norm: bool = False
    n_features: int = 3
    hidden_size: int = 5
    lengths: tuple = LENGTHS
    output_sizes: tuple = (3,)
    dropout: Dropout = NO_DROPOUT
    bptt_steps: int | None = None
    missing: float = 0.0  # part of the targets
    trained: str = "*"  # names of the weights whose gradients are needed
    frame_length: int = 1
    hop_length: int = 1  # where states are pooled
    embeddings: tuple = ()  # of each code of a step: rows, and their size

    def __str__(self):
        pairs = zip(self._fields, self, Case(), strict=True)
        changed = {name: value for name, value, default in pairs if value != default}
        if len(set(self.lengths)) == 1 or len(self.lengths) > len(LENGTHS):
            changed["lengths"] = f"{len(self.lengths)} of up to {max(self.lengths)}"
        return ", ".join(f"{name}={value}" for name, value in changed.items())

    def network(self, dtype):
        return Network(
            cell_name=self.cell,
            activation=self.activation or "tanh",
            n_features=self.n_features,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            layer_norm=self.layer_norm,
            pooling=self.pooling,
            output_sizes=self.output_sizes,
            loss=LOSSES[self.loss](),
            dtype=dtype,
            frame_length=self.frame_length,
            hop_length=self.hop_length if self.pooling else 1,
            embeddings=self.embeddings,
        )


class Data(NamedTuple):
    """The numbers of a case, the same ones in either precision."""

    parameters: np.ndarray
    arrays: list
    sequences: Sequences
    targets: np.ndarray
    scales: np.ndarray
    rows: np.ndarray


def data_of(case, dtype):
    """Random weights and sequences; a batch of most of these, in any order."""
    rng, network = np.random.default_rng(0), case.network(dtype)
    bound = case.hidden_size**-0.5
    parameters = rng.uniform(-bound, bound, network.n_parameters).astype("float32")
    arrays = [
        rng.standard_normal((n, case.n_features), dtype=np.float32).astype(dtype)
        for n in case.lengths
    ]
    for n_rows, _ in case.embeddings:
        codes = [rng.integers(n_rows, size=n).astype(dtype) for n in case.lengths]
        arrays = list(map(np.column_stack, zip(arrays, codes, strict=True)))
    n = len(arrays) if case.pooling else sum(case.lengths)
    targets = random_targets(case, network, n, rng)
    return Data(
        parameters.astype(dtype),
        arrays,
        Sequences.from_list(arrays, dtype),
        targets if case.loss == "softmax" else targets.astype(dtype),
        rng.uniform(0.1, 1, n),
        rng.permutation(len(arrays))[: max(1, len(arrays) - 1)],
    )


def random_targets(case, network, n, rng):
    shape = n, network.n_columns
    if case.loss == "softmax":
        targets = np.column_stack([rng.integers(k, size=n) for k in case.output_sizes])
    elif case.loss == "logistic":
        targets = rng.integers(2, size=shape).astype(np.float32)
    elif case.loss == "multi_task":
        targets = np.c_[rng.integers(2, size=(n, 2)), rng.standard_normal(n)]
    else:
        targets = rng.standard_normal(shape, dtype=np.float32)
        if not network.loss.accepts(targets).all():
            targets = np.exp(targets)
    unknown = -1 if case.loss == "softmax" else np.nan
    targets[rng.random(targets.shape) < case.missing] = unknown
    return targets


STACKS = [
    {"n_layers": n_layers, "bidirectional": bidirectional, "layer_norm": layer_norm}
    for n_layers, bidirectional, layer_norm in product(
        (1, 2, 3), (False, True), (False, True)
    )
]
#: Around powers of two; those at which another way is chosen are added.
HIDDEN_SIZES = (1, 2, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129, 200, 255, 257)
HIDDEN_SIZES += (511, 512, 1024, 1100)
BATCHES = ((1, 1000), (1, 1), (2, 7), (17, 30), (33, 20), (130, 9), (257, 5), (1025, 3))
OPTIONS = (
    {"dropout": Dropout(0.3, 0.0, 1234), "n_layers": 3},
    {"dropout": Dropout(0.0, 0.4, 2**62 + 1), "n_layers": 2, "bidirectional": True},
    {"dropout": Dropout(0.2, 0.5, 7), "n_layers": 2, "layer_norm": True},
    {"bptt_steps": 1},
    {"bptt_steps": 2, "n_layers": 2, "layer_norm": True},
    {"bptt_steps": 3, "dropout": Dropout(0.2, 0.3, 5), "n_layers": 2},
    {"missing": 0.4},
    {"missing": 1.0},
    {"trained": "head.*", "n_layers": 2},
    {"trained": "*_l1*", "n_layers": 3, "bidirectional": True},
    {"n_features": 1, "lengths": (1,)},
    {"embeddings": ((2, 3),), "bptt_steps": 2},
    {"embeddings": ((9, 2), (3, 4)), "n_layers": 2, "bidirectional": True},
    {"embeddings": ((9, 2), (3, 4)), "frame_length": 3, "hop_length": 2},
    {"frame_length": 3, "hop_length": 2},
)


def kinds():
    """The choices that compiled code is made for."""
    choices = product(CELLS, ROW_LOSSES, (*POOLINGS, None))
    for (cell, activation), loss, pooling in choices:
        # One column of two outputs and one of three; or five columns.
        sizes = {"softmax": (2, 3), "multi_task": (3, 1, 1)}.get(loss, (1,) * 5)
        if LOSSES[loss].regresses:
            sizes = LOSSES[loss]().output_sizes(5)
        yield Case(cell, activation or "tanh", loss, pooling, output_sizes=sizes)


def every_case():
    """All kinds in all stacks, and in float64; then sizes and options for each cell."""
    turns = cycle(STACKS[1:] + STACKS[:1])
    for kind in kinds():
        yield from (kind._replace(**stack) for stack in STACKS)
        yield kind._replace(dtype="float64", **next(turns))
    # Not max: of two steps that are equal in float32, either may be the higher one.
    poolings = cycle(("last", "mean", None, "attention", "last"))
    batches, features, stacks = (
        cycle(BATCHES),
        cycle((1, 5, 64, 130)),
        cycle(STACKS[:8]),
    )
    # To norm two units means to divide by a variance that may be nearly 0.
    plain_stacks = cycle(STACKS[:8:2])
    for (cell, activation), compiled in CELLS.items():
        for hidden_size in hidden_sizes(compiled.step):
            yield Case(
                cell,
                activation or "tanh",
                pooling=next(poolings),
                n_features=next(features),
                hidden_size=hidden_size,
                lengths=lengths_of(*next(batches)),
                **next(stacks if hidden_size > 2 else plain_stacks),
            )
    for (cell, activation), option in product(CELLS, OPTIONS):
        for pooling in ("mean", None):
            yield Case(cell, activation or "tanh", pooling=pooling)._replace(**option)


def hidden_sizes(step):
    """Those above, and both sides of each at which a cell's way changes."""
    from skrnn.backends.cuda.device import Device
    from skrnn.backends.cuda.recurrence import choose

    n_h, n_multiprocessors = step.n_blocks - step.h_first, Device().n_multiprocessors
    chosen = [choose(h, n_h, 4, n_multiprocessors) for h in range(1, 1200)]
    turns = [h for h, pair in enumerate(pairwise(chosen), 1) if pair[0] != pair[1]]
    return sorted({*HIDDEN_SIZES, *turns, *[h + 1 for h in turns]})


def lengths_of(n, longest):
    lengths = np.random.default_rng(n).integers(1, longest + 1, size=n)
    lengths[n // 2] = longest
    return tuple(lengths.tolist())


def few_cases():
    """For the simulator, which takes seconds for each."""
    small = {"hidden_size": 3, "n_features": 2, "lengths": (2, 1, 3)}
    cells, losses = cycle(CELLS), cycle(ROW_LOSSES)
    stacks, dtypes = cycle(STACKS[7:3:-1]), cycle(("float64", "float32"))
    for pooling in (*POOLINGS, None):
        cell, activation = next(cells)
        case = Case(cell, activation or "tanh", next(losses), pooling, next(dtypes))
        yield case._replace(**next(stacks), **small)
    for option in (*OPTIONS[1:9:3], *OPTIONS[-2:]):
        yield Case()._replace(**small | option)
