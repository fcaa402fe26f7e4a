"""A recurrent layer in one direction, and the normalisation of a layer's outputs."""

import numpy as np

from skrnn.mathematics.initializers import glorot_uniform, orthogonal
from skrnn.network.part import Array, Part, ones


class RecurrentLayer(Part):
    """A layer of a cell in one direction.

    Inside, the matrices stand input-first and grouped by the cell's blocks; outside
    they have PyTorch's shapes and order of gates.
    """

    def __init__(self, cell, level, suffix, n_inputs, hidden_size):
        self.cell, self.n_inputs, self.hidden_size = cell, n_inputs, hidden_size
        self.name = name = f"l{level}{suffix}"
        step = cell.step
        n_h = step.n_blocks - step.h_first
        self.input, self.bias = f"input_{name}", f"bias_{name}"
        self.recurrent = f"recurrent_{name}"
        self.matrices = self.input, self.recurrent
        shapes = {
            self.input: (step.n_x, n_inputs, hidden_size),
            self.bias: (step.n_blocks, hidden_size),
            self.recurrent: (n_h, hidden_size, hidden_size),
        }
        outside = f"weight_ih_{name}", f"bias_ih_{name}", f"weight_hh_{name}"
        starts = _glorot_blocks, self._start_bias, _orthogonal_blocks
        arrays = {
            inside: Array(
                shapes[inside], name, start=start, is_weight=inside in self.matrices
            )
            for inside, name, start in zip(shapes, outside, starts, strict=True)
        }
        super().__init__(level, arrays)

    @property
    def names(self):
        """Each name outside, and the array inside that it shows."""
        name = self.name
        return {
            f"weight_ih_{name}": self.input,
            f"weight_hh_{name}": self.recurrent,
            f"bias_ih_{name}": self.bias,
            f"bias_hh_{name}": self.bias,
        }

    def _start_bias(self, random_state, shape):
        """Zeros, but for a forget gate ones.

        R. Jozefowicz, W. Zaremba and I. Sutskever, An empirical exploration of
        recurrent network architectures, ICML 2015.
        """
        bias = np.zeros(shape)
        if self.cell.forget is not None:
            bias[self.cell.gates_ih[self.cell.forget]] = 1
        return bias

    def export(self, views):
        """Copies of the arrays by their names outside."""
        cell, name, bias = self.cell, self.name, views[self.bias]
        # A block with one bias inside has it in bias_ih outside, and 0 in bias_hh.
        own_bias = [block for block in cell.gates_hh if block >= cell.step.n_x]
        bias_hh = np.zeros_like(bias)
        bias_hh[own_bias] = bias[own_bias]
        inputs, recurrent = views[self.input], views[self.recurrent]
        h_first = cell.step.h_first
        return {
            f"weight_ih_{name}": _stack(inputs[block].T for block in cell.gates_ih),
            f"weight_hh_{name}": _stack(
                recurrent[block - h_first].T for block in cell.gates_hh
            ),
            f"bias_ih_{name}": bias[list(cell.gates_ih)].ravel(),
            f"bias_hh_{name}": bias_hh[list(cell.gates_hh)].ravel(),
        }

    def take(self, views, weights):
        """Write what `export` gave into the part's views, which hold zeros."""
        cell = self.cell
        gates = {
            kind: weights[f"{kind}_{self.name}"].reshape(
                cell.n_gates, self.hidden_size, -1
            )
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        bias, recurrent = views[self.bias], views[self.recurrent]
        for g, (block_ih, block_hh) in enumerate(
            zip(cell.gates_ih, cell.gates_hh, strict=True)
        ):
            views[self.input][block_ih] = gates["weight_ih"][g].T
            recurrent[block_hh - cell.step.h_first] = gates["weight_hh"][g].T
            bias[block_ih] += gates["bias_ih"][g, :, 0]
            bias[block_hh] += gates["bias_hh"][g, :, 0]

    def export_adapter(self, matrix, a, b):
        """The thin matrices that are added to one of ours, for the exported matrix."""
        outside, gates = self._gates_of(matrix)
        blocks = b.reshape(len(b), -1, self.hidden_size)
        return {
            f"{outside}.lora_A": a.copy(),
            f"{outside}.lora_B": _stack(blocks[:, g].T for g in gates),
        }

    def import_adapter(self, matrix, weights):
        """The thin matrices of which `export_adapter` made these."""
        outside, gates = self._gates_of(matrix)
        a, b = weights[f"{outside}.lora_A"], weights[f"{outside}.lora_B"]
        blocks = np.empty((b.shape[1], len(gates), self.hidden_size), b.dtype)
        for g, gate in zip(gates, np.split(b, len(gates)), strict=True):
            blocks[:, g] = gate.T
        return a, blocks.reshape(b.shape[1], -1)

    def _gates_of(self, matrix):
        """A matrix's name outside, and of each of its gates the block inside."""
        if matrix == self.input:
            return f"weight_ih_{self.name}", self.cell.gates_ih
        first = self.cell.step.h_first
        gates = [gate - first for gate in self.cell.gates_hh]
        return f"weight_hh_{self.name}", gates


class LayerNorm(Part):
    """Weights and biases of the normalised outputs of a layer, all its directions."""

    def __init__(self, level, n_out):
        self.weight, self.bias = f"norm_l{level}", f"norm_bias_l{level}"
        arrays = {
            self.weight: Array((n_out,), f"norm_l{level}.weight", start=ones),
            self.bias: Array((n_out,), f"norm_l{level}.bias"),
        }
        super().__init__(level, arrays)


def _glorot_blocks(random_state, shape):
    return [glorot_uniform(random_state, *shape[1:]) for _ in range(shape[0])]


def _orthogonal_blocks(random_state, shape):
    return [orthogonal(random_state, shape[1]) for _ in range(shape[0])]


def _stack(matrices):
    return np.concatenate(list(matrices))
