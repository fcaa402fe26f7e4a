"""The arguments of a call against the network that they are for.

Compiled code believes what it is given: of another number of features, or of too short
an array, it would read and write memory that is not its own. So each backend looks
once a call, before compiled code; at shapes only, which takes some us. What the
numbers are is the estimators' to check.
"""

import numpy as np

from skrnn.mathematics.optimizers import OPTIMIZERS


def check_sequences(
    backend, parameters, sequences, *, memory=None, spans=None, gradient=None
):
    """Weights, data, where these stand, and where the gradient goes."""
    network, n = backend.network, sequences.offsets.size - 1
    check_parameters(backend, parameters, gradient)
    check_values(network, sequences)
    if memory is not None:
        _check("memory", memory, (n, backend.memory_size), backend.dtype)
    if spans is not None:
        _check("numbers of frames", spans.counts, (n,))
        _check("total numbers of frames", spans.totals, (n,))


def check_parameters(backend, parameters, gradient=None):
    """A flat vector, and where its gradient goes."""
    shape = (backend.network.n_parameters,)
    _check("parameters", parameters, shape)
    if gradient is not None:
        _check("gradient", gradient, shape, backend.dtype)


def check_values(network, sequences):
    """What a network reads."""
    values, offsets, static = sequences
    shape, dtype = (len(values), network.n_channels), np.dtype(network.dtype)
    _check("values of the sequences", values, shape, dtype)
    if network.n_static > 0:
        static = np.empty((0, 0), dtype) if static is None else static
        shape = offsets.size - 1, network.n_static
        _check("static features of the sequences", static, shape, dtype)
    if offsets[0] < 0 or offsets[-1] > len(values):
        raise ValueError(
            f"The offsets of the sequences must be places among {len(values)} steps; "
            f"they go from {offsets[0]} to {offsets[-1]}."
        )


def check_learned(network, sequences, targets, scales):
    """What a batch is to learn."""
    n = len(sequences.values) if network.has_step_targets else sequences.n_sequences
    _check("scales", scales, (n,))
    if network.loss.reads_sequences:
        _check("offsets of the targets", targets.offsets, (n + 1,))
        _check("targets", targets.values, (int(targets.offsets[-1]), 1))
        return
    _check("targets", targets, (n, network.n_columns))


def check_solver(solver, vector, state, mask):
    """What a solver changes and remembers."""
    n_state_rows = OPTIMIZERS[solver.name].n_state_rows
    _check("mask of the weights", mask, vector.shape, vector.dtype)
    _check("solver's memory", state, (n_state_rows, vector.size), vector.dtype)


def _check(name, array, shape, dtype=None):
    if dtype is not None and array.dtype != dtype:
        raise ValueError(
            f"The {name} must be {dtype}, as the network's weights are; found "
            f"{array.dtype}."
        )
    if array.shape != shape:
        raise ValueError(
            f"The {name} must have shape {shape} for this network, found "
            f"{array.shape}: they were made for another one."
        )
