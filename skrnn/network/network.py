"""A recurrent network's shape, and its parameters as ONE flat vector with named views.

Inside, the matrices stand input-first and grouped by the cell's blocks; outside
(`export_weights`, `import_weights`) they have PyTorch's names, shapes and gate order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skrnn.mathematics.cells import get_cell
from skrnn.mathematics.initializers import glorot_uniform, orthogonal
from skrnn.mathematics.losses import LOSSES


@dataclass(frozen=True)
class Network:
    """A layer of a cell, a pooling and a linear head with its loss."""

    cell_name: str
    activation: str
    n_features: int
    hidden_size: int
    pooling: str
    n_outputs: int
    loss_name: str
    dtype: str

    @property
    def cell(self):
        return get_cell(self.cell_name, self.activation)

    @property
    def loss(self):
        return LOSSES[self.loss_name]

    @property
    def kind(self):
        """The loss as compiled code receives it."""
        return self.loss.kind_class(self.n_outputs)

    @cached_property
    def shapes(self):
        """Name of each part of the flat vector, in order, and its shape."""
        step, hidden = self.cell.step, self.hidden_size
        n_h = step.n_blocks - step.h_first
        return {
            "input": (step.n_x, self.n_features, hidden),
            "bias": (step.n_blocks, hidden),
            "recurrent": (n_h, hidden, hidden),
            "head": (hidden, self.n_outputs),
            "head_bias": (self.n_outputs,),
        }

    @cached_property
    def starts(self):
        """Where each part starts in the flat vector."""
        ends = np.cumsum([np.prod(shape) for shape in self.shapes.values()])
        return dict(zip(self.shapes, [0, *ends[:-1].tolist()], strict=True))

    @property
    def n_parameters(self):
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def views(self, flat):
        """The parts of a flat vector, as views."""
        return {
            name: flat[start:][: np.prod(shape)].reshape(shape)
            for (name, shape), start in zip(
                self.shapes.items(), self.starts.values(), strict=True
            )
        }

    def weight_mask(self):
        """1 where the flat vector holds a weight, 0 where it holds a bias."""
        mask = np.ones(self.n_parameters, self.dtype)
        views = self.views(mask)
        views["bias"][:] = 0
        views["head_bias"][:] = 0
        return mask

    def initial_parameters(self, random_state):
        """Glorot input weights, orthogonal recurrent weights, biases of 0.

        A forget gate's bias is 1 (Jozefowicz, Zaremba and Sutskever, An empirical
        exploration of recurrent network architectures, ICML 2015).
        """
        flat = np.zeros(self.n_parameters, self.dtype)
        views = self.views(flat)
        for block in views["input"]:
            block[:] = glorot_uniform(random_state, *block.shape)
        for block in views["recurrent"]:
            block[:] = orthogonal(random_state, self.hidden_size)
        views["head"][:] = glorot_uniform(random_state, *views["head"].shape)
        if self.cell.forget is not None:
            views["bias"][self.cell.gates_ih[self.cell.forget]] = 1
        return flat

    def export_weights(self, flat):
        """A dict of arrays with PyTorch's names, shapes and gate order."""
        views, cell = self.views(flat), self.cell
        h_first = cell.step.h_first
        # A block with one bias inside has it in bias_ih outside, and 0 in bias_hh.
        own_bias = [block for block in cell.gates_hh if block >= cell.step.n_x]
        bias_hh = np.zeros_like(views["bias"])
        bias_hh[own_bias] = views["bias"][own_bias]
        return {
            "weight_ih_l0": _stack(b.T for b in views["input"][list(cell.gates_ih)]),
            "weight_hh_l0": _stack(
                views["recurrent"][block - h_first].T for block in cell.gates_hh
            ),
            "bias_ih_l0": views["bias"][list(cell.gates_ih)].ravel(),
            "bias_hh_l0": bias_hh[list(cell.gates_hh)].ravel(),
            "head.weight": views["head"].T.copy(),
            "head.bias": views["head_bias"].copy(),
        }

    def import_weights(self, weights):
        """The flat vector of `weights`, a dict as `export_weights` makes it."""
        flat = np.zeros(self.n_parameters, self.dtype)
        views, cell = self.views(flat), self.cell
        weights = self._check_weights(weights)
        hidden, n_gates = self.hidden_size, cell.n_gates
        gates = {
            name: weights[f"{name}_l0"].reshape(n_gates, hidden, -1)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        for g, (block_ih, block_hh) in enumerate(
            zip(cell.gates_ih, cell.gates_hh, strict=True)
        ):
            views["input"][block_ih] = gates["weight_ih"][g].T
            views["recurrent"][block_hh - cell.step.h_first] = gates["weight_hh"][g].T
            views["bias"][block_ih] += gates["bias_ih"][g, :, 0]
            views["bias"][block_hh] += gates["bias_hh"][g, :, 0]
        views["head"][:] = weights["head.weight"].T
        views["head_bias"][:] = weights["head.bias"]
        return flat

    def _check_weights(self, weights):
        expected = {
            name: array.shape
            for name, array in self.export_weights(
                np.zeros(self.n_parameters, self.dtype)
            ).items()
        }
        if set(weights) != set(expected):
            raise ValueError(
                f"weights must have the names {sorted(expected)}, got "
                f"{sorted(weights)}."
            )
        with np.errstate(over="ignore"):  # what is too large is found below
            arrays = {name: np.asarray(weights[name], self.dtype) for name in expected}
        for name, array in arrays.items():
            if array.shape != expected[name]:
                raise ValueError(
                    f"weights[{name!r}] must have shape {expected[name]}, got "
                    f"{array.shape}."
                )
            if not np.isfinite(array).all():
                raise ValueError(f"weights[{name!r}] contains NaN or infinity.")
        return arrays


def _stack(matrices):
    return np.concatenate(list(matrices))
