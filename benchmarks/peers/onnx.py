"""The same layers as ONNX operators, run by ONNX Runtime."""

from functools import partial

import numba
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TITLE = "ONNX"
OPSET, IR_VERSION = 14, 8  # old ones, which every runtime of today reads
# PyTorch's order of the gates -> that of the ONNX operator
GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def inference_call(problem, weights):
    """One operator a layer; ragged batches are padded, and their lengths given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = numba.get_num_threads()
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        make_model(problem, weights).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    inputs = {"x0": np.ascontiguousarray(problem.padded().swapaxes(0, 1))}
    if problem.ragged:
        inputs["lengths"] = problem.lengths.astype(np.int32)
    return partial(session.run, None, inputs)


def make_model(problem, weights):
    """The layers as a graph from x0, time first, to the last states of the last one."""
    nodes, tensors = [], []
    for layer in range(problem.n_layers):
        nodes.append(make_layer(problem, layer))
        tensors += layer_weights(weights, problem, layer)
        if layer < problem.n_layers - 1:
            # (T, directions, N, H) -> (T, N, directions * H)
            y, moved, x = f"y{layer}", f"moved{layer}", f"x{layer + 1}"
            nodes.append(helper.make_node("Transpose", [y], [moved], perm=[0, 2, 1, 3]))
            flat = f"flat{layer}"
            tensors.append(numpy_helper.from_array(np.array([0, 0, -1]), flat))
            nodes.append(helper.make_node("Reshape", [moved, flat], [x]))
    inputs = [value("x0", TensorProto.FLOAT, ["T", "N", problem.F])]
    if problem.ragged:
        inputs.append(value("lengths", TensorProto.INT32, ["N"]))
    states = value("states", TensorProto.FLOAT, [None] * 3)
    graph = helper.make_graph(nodes, "layers", inputs, [states], tensors)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def make_layer(problem, layer):
    is_last = layer == problem.n_layers - 1
    lengths = "lengths" if problem.ragged else ""
    options = {"linear_before_reset": 1} if problem.cell == "gru" else {}
    return helper.make_node(
        problem.cell.upper(),
        [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", lengths],
        ["", "states"] if is_last else [f"y{layer}"],
        hidden_size=problem.H,
        direction="bidirectional" if problem.bidirectional else "forward",
        **options,
    )


def layer_weights(weights, problem, layer):
    """The layer's matrices and biases, both directions in one tensor."""
    gates = GATES[problem.cell]

    def both(*names):
        return np.stack(
            [
                np.concatenate([reorder(f"{n}_l{layer}{suffix}") for n in names])
                for suffix in problem.suffixes
            ]
        )

    def reorder(name):
        parts = np.split(weights[name], len(gates))
        return np.concatenate([parts[gate] for gate in gates])

    tensors = {
        f"W{layer}": both("weight_ih"),
        f"R{layer}": both("weight_hh"),
        f"B{layer}": both("bias_ih", "bias_hh"),
    }
    return [numpy_helper.from_array(array, name) for name, array in tensors.items()]
