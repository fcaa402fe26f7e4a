"""A recurrent network's shape, and its parameters as ONE flat vector with named views.

Inside, the matrices stand input-first and grouped by the cell's blocks; outside
(`export_weights`, `import_weights`) they have PyTorch's names, shapes and gate order.
"""

import fnmatch
from dataclasses import dataclass, fields

import numpy as np

from skrnn.lazy import cached_property
from skrnn.mathematics.cells import get_cell
from skrnn.mathematics.initializers import glorot_uniform, orthogonal
from skrnn.mathematics.losses import LOSSES


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers of a cell, a pooling and a linear head with its loss."""

    cell_name: str
    activation: str
    n_features: int
    hidden_size: int
    n_layers: int = 1
    bidirectional: bool = False
    layer_norm: bool = False
    pooling: str | None  # None: outputs for every step
    output_sizes: tuple  # outputs of each target column that has a loss of its own
    loss_name: str
    dtype: str

    def description(self):
        """The network as plain values: texts, whole numbers, yes or no, None, lists.

        `from_description` makes an equal network of it, in any later version as well:
        this is what files hold.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["output_sizes"] = [int(size) for size in self.output_sizes]
        values["loss"] = {"name": values.pop("loss_name")}
        return values

    @classmethod
    def from_description(cls, description):
        """The network that gave this description."""
        values = dict(description)
        values["output_sizes"] = tuple(values["output_sizes"])
        values["loss_name"] = values.pop("loss")["name"]
        return cls(**values)

    @property
    def cell(self):
        return get_cell(self.cell_name, self.activation)

    @property
    def loss(self):
        return LOSSES[self.loss_name]

    @property
    def n_outputs(self):
        return sum(self.output_sizes)

    @cached_property
    def kind(self):
        """The loss as compiled code receives it."""
        bounds = np.cumsum([0, *self.output_sizes])
        return self.loss.kind_class(self.n_outputs, bounds)

    @property
    def n_directions(self):
        return 2 if self.bidirectional else 1

    @property
    def n_states_out(self):
        """Features that the last layer gives for a step."""
        return self.n_directions * self.hidden_size

    @cached_property
    def layers(self):
        """Suffix of the names, and inputs, of each layer in each direction.

        In the order of computing: both directions of a layer, then the next layer.
        """
        return [
            (f"l{layer}{suffix}", self.n_states_out if layer else self.n_features)
            for layer in range(self.n_layers)
            for suffix in ("", "_reverse")[: self.n_directions]
        ]

    @cached_property
    def shapes(self):
        """Name of each part of the flat vector, in order, and its shape."""
        step, hidden = self.cell.step, self.hidden_size
        n_h = step.n_blocks - step.h_first
        shapes = {}
        for name, n_inputs in self.layers:
            shapes[f"input_{name}"] = (step.n_x, n_inputs, hidden)
            shapes[f"bias_{name}"] = (step.n_blocks, hidden)
            shapes[f"recurrent_{name}"] = (n_h, hidden, hidden)
        for layer in range(self.n_layers if self.layer_norm else 0):
            shapes[f"norm_l{layer}"] = shapes[f"norm_bias_l{layer}"] = (
                self.n_states_out,
            )
        if self.pooling == "attention":
            shapes["attention"] = (self.n_states_out, hidden)
            shapes["attention_bias"] = (hidden,)
            shapes["attention_query"] = (hidden, 1)
        shapes["head"] = (self.n_states_out, self.n_outputs)
        shapes["head_bias"] = (self.n_outputs,)
        return shapes

    @property
    def levels(self):
        """Of each part the number of its layer; pooling and head count on."""
        after = {"attention": self.n_layers, "head": self.n_layers + 1}
        levels = {}
        for name in self.shapes:
            first, *rest = name.removesuffix("_reverse").split("_")
            levels[name] = after[first] if first in after else int(rest[-1][1:])
        return levels

    @property
    def matrices(self):
        """Names of the parts that hold input and recurrent matrices."""
        return [
            f"{kind}_{name}"
            for name, _ in self.layers
            for kind in ("input", "recurrent")
        ]

    @cached_property
    def starts(self):
        """Where each part starts in the flat vector."""
        ends = np.cumsum([np.prod(shape) for shape in self.shapes.values()])
        return dict(zip(self.shapes, [0, *ends[:-1].tolist()], strict=True))

    @cached_property
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
        """1 where the flat vector holds a weight of a matrix product, otherwise 0."""
        mask = np.ones(self.n_parameters, self.dtype)
        for name, view in self.views(mask).items():
            if "bias" in name or "norm" in name:
                view[:] = 0
        return mask

    def initial_parameters(self, random_state):
        """Glorot input weights, orthogonal recurrent weights, biases of 0, norms of 1.

        A forget gate's bias is 1 (Jozefowicz, Zaremba and Sutskever, An empirical
        exploration of recurrent network architectures, ICML 2015).
        """
        flat = np.zeros(self.n_parameters, self.dtype)
        views = self.views(flat)
        for name, _ in self.layers:
            for block in views[f"input_{name}"]:
                block[:] = glorot_uniform(random_state, *block.shape)
            for block in views[f"recurrent_{name}"]:
                block[:] = orthogonal(random_state, self.hidden_size)
            if self.cell.forget is not None:
                views[f"bias_{name}"][self.cell.gates_ih[self.cell.forget]] = 1
        for layer in range(self.n_layers if self.layer_norm else 0):
            views[f"norm_l{layer}"][:] = 1
        for name in ("attention", "attention_query", "head"):
            if name in views:
                views[name][:] = glorot_uniform(random_state, *views[name].shape)
        return flat

    def export_weights(self, flat):
        """A dict of arrays with PyTorch's names, shapes and gate order."""
        views, weights = self.views(flat), {}
        for name, _ in self.layers:
            weights |= self._export_layer(views, name)
        for outside, inside in self._norms.items():
            weights[outside] = views[inside].copy()
        if self.pooling == "attention":
            weights["attention.weight"] = views["attention"].T.copy()
            weights["attention.bias"] = views["attention_bias"].copy()
            weights["attention.query"] = views["attention_query"][:, 0].copy()
        weights["head.weight"] = views["head"].T.copy()
        weights["head.bias"] = views["head_bias"].copy()
        return weights

    @property
    def names(self):
        """Each name of `export_weights`, and the part that it shows."""
        names = {}
        for name, _ in self.layers:
            names[f"weight_ih_{name}"] = f"input_{name}"
            names[f"weight_hh_{name}"] = f"recurrent_{name}"
            names[f"bias_ih_{name}"] = names[f"bias_hh_{name}"] = f"bias_{name}"
        names |= self._norms
        if self.pooling == "attention":
            names["attention.weight"] = "attention"
            names["attention.bias"] = "attention_bias"
            names["attention.query"] = "attention_query"
        return names | {"head.weight": "head", "head.bias": "head_bias"}

    def parts(self, patterns):
        """Names of the parts that some of the exported names or patterns mean."""
        chosen = set()
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise TypeError(
                    "trainable must be 'all', 'head', or a list of names or patterns "
                    f"of weights, found {pattern!r} in it."
                )
            found = {self.names[name] for name in fnmatch.filter(self.names, pattern)}
            if not found:
                raise ValueError(
                    f"trainable has {pattern!r}, which is no name or pattern of a "
                    f"weight of this network; it has {list(self.names)}."
                )
            chosen |= found
        return frozenset(chosen)

    @property
    def _norms(self):
        """Names of the layer normalisation's parameters: outside, inside."""
        return {
            f"norm_l{layer}.{outside}": f"{inside}_l{layer}"
            for layer in range(self.n_layers if self.layer_norm else 0)
            for outside, inside in (("weight", "norm"), ("bias", "norm_bias"))
        }

    def _export_layer(self, views, name):
        cell, bias = self.cell, views[f"bias_{name}"]
        h_first = cell.step.h_first
        # A block with one bias inside has it in bias_ih outside, and 0 in bias_hh.
        own_bias = [block for block in cell.gates_hh if block >= cell.step.n_x]
        bias_hh = np.zeros_like(bias)
        bias_hh[own_bias] = bias[own_bias]
        inputs, recurrent = views[f"input_{name}"], views[f"recurrent_{name}"]
        return {
            f"weight_ih_{name}": _stack(inputs[block].T for block in cell.gates_ih),
            f"weight_hh_{name}": _stack(
                recurrent[block - h_first].T for block in cell.gates_hh
            ),
            f"bias_ih_{name}": bias[list(cell.gates_ih)].ravel(),
            f"bias_hh_{name}": bias_hh[list(cell.gates_hh)].ravel(),
        }

    def export_adapter(self, part, a, b):
        """The thin matrices that are added to a part, for the exported matrix."""
        kind, name = part.split("_", 1)
        gates, first = {
            "input": (self.cell.gates_ih, 0),
            "recurrent": (self.cell.gates_hh, self.cell.step.h_first),
        }[kind]
        blocks = b.reshape(len(b), -1, self.hidden_size)
        outside = {"input": "weight_ih", "recurrent": "weight_hh"}[kind]
        return {
            f"{outside}_{name}.lora_A": a.copy(),
            f"{outside}_{name}.lora_B": _stack(blocks[:, g - first].T for g in gates),
        }

    def import_weights(self, weights):
        """The flat vector of `weights`, a dict as `export_weights` makes it."""
        flat = np.zeros(self.n_parameters, self.dtype)
        views = self.views(flat)
        weights = self._check_weights(weights)
        for name, _ in self.layers:
            self._import_layer(views, weights, name)
        for outside, inside in self._norms.items():
            views[inside][:] = weights[outside]
        if self.pooling == "attention":
            views["attention"][:] = weights["attention.weight"].T
            views["attention_bias"][:] = weights["attention.bias"]
            views["attention_query"][:, 0] = weights["attention.query"]
        views["head"][:] = weights["head.weight"].T
        views["head_bias"][:] = weights["head.bias"]
        return flat

    def _import_layer(self, views, weights, name):
        cell = self.cell
        gates = {
            kind: weights[f"{kind}_{name}"].reshape(cell.n_gates, self.hidden_size, -1)
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        bias = views[f"bias_{name}"]
        for g, (block_ih, block_hh) in enumerate(
            zip(cell.gates_ih, cell.gates_hh, strict=True)
        ):
            views[f"input_{name}"][block_ih] = gates["weight_ih"][g].T
            recurrent = views[f"recurrent_{name}"]
            recurrent[block_hh - cell.step.h_first] = gates["weight_hh"][g].T
            bias[block_ih] += gates["bias_ih"][g, :, 0]
            bias[block_hh] += gates["bias_hh"][g, :, 0]

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
