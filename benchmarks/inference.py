"""Time skrnn's predictions beside PyTorch and ONNX Runtime, in turns in one process.

All compute the last states, in float32; the other two without a head.
"""

import argparse
import warnings
from functools import partial

import numpy as np
import torch
from _problems import (
    SHAPES,
    add_options,
    last_states,
    problems_of,
    set_threads,
)
from _timing import (
    PER_STEP_FIELDS,
    PER_STEP_FORMATS,
    print_means,
    print_table,
    time_in_turns,
    time_per_step,
)
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier
from skrnn.backends import make_backend

try:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    onnx, MISSING = None, error.name

SINGLE = (1, 100, 8, 32)
TOLERANCE = 1e-4
OPSET, IR_VERSION = 14, 8  # old ones, which every runtime of today reads
FIELDS = ("predict_ms", "backend_ms", "PyTorch_ms", "ONNX_ms")
FIELDS += ("PyTorch/predict", "PyTorch/backend", "ONNX/predict", "ONNX/backend")
FORMATS = (*["10.3f"] * 4, "15.2f", "15.2f", "12.2f", "12.2f")
# PyTorch's order of the gates -> that of the ONNX operator
ONNX_GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def fitted(problem):
    """An estimator that has seen as many classes, and hardly learned."""
    first = problem._replace(N=8, ragged=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return RNNClassifier(
            cell=problem.cell,
            hidden_size=problem.H,
            n_layers=problem.n_layers,
            bidirectional=problem.bidirectional,
            layer_norm=False,  # the others have none
            pooling="last",
            max_iter=1,
            random_state=0,
        ).fit(first.arrays(), first.labels())


def user_input(problem):
    """X as a user has it: a list if lengths differ, else one array."""
    arrays = problem.arrays()
    return arrays if problem.ragged else np.stack(arrays)


def predict_call(problem):
    """The estimator's predict: validation, outputs and labels."""
    return partial(fitted(problem).predict, user_input(problem))


def backend_call(estimator, problem, what):
    """What predict calls once the input is checked; `what` is the method's name."""
    backend = make_backend("cpu", estimator._network)
    method = getattr(backend, what)
    return partial(method, estimator._parameters, problem.sequences())


def torch_call(estimator, problem):
    """The module alone; ragged batches are packed beforehand, which favours it."""
    module, weights = problem.torch_layers().eval(), estimator.get_weights()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))
    X = problem.torch_input()

    def call():
        with torch.inference_mode():
            return module(X)

    return call


def onnx_call(estimator, problem, n_threads):
    """One operator a layer; ragged batches are padded, and their lengths given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    session = onnxruntime.InferenceSession(
        onnx_model(estimator, problem).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    X = np.zeros((problem.lengths.max(), problem.N, problem.F), np.float32)
    for i, x in enumerate(problem.arrays()):
        X[: len(x), i] = x
    inputs = {"x0": X}
    if problem.ragged:
        inputs["lengths"] = problem.lengths.astype(np.int32)
    return partial(session.run, None, inputs)


def onnx_model(estimator, problem):
    """The layers as a graph from x0, time first, to the last states of the last one."""
    weights, nodes, tensors = estimator.get_weights(), [], []
    for layer in range(problem.n_layers):
        nodes.append(onnx_layer(problem, layer))
        tensors += onnx_weights(weights, problem, layer)
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


def onnx_layer(problem, layer):
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


def onnx_weights(weights, problem, layer):
    """The layer's matrices and biases, both directions in one tensor."""
    gates = ONNX_GATES[problem.cell]

    def both(*names):
        suffixes = ("", "_reverse") if problem.bidirectional else ("",)
        return np.stack(
            [
                np.concatenate([reorder(f"{n}_l{layer}{suffix}") for n in names])
                for suffix in suffixes
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


def check_agreement(problem, ours, theirs, onnx_states):
    """Raise AssertionError unless all compute the same states."""
    expected = last_states(theirs, 2 if problem.bidirectional else 1).numpy()
    np.testing.assert_allclose(ours, expected, atol=TOLERANCE, rtol=0)
    if onnx_states is not None:
        states = np.concatenate(onnx_states, axis=1)
        np.testing.assert_allclose(ours, states, atol=TOLERANCE, rtol=0)


def compare(problem, seconds, n_threads):
    """What the table says of a problem."""
    estimator = fitted(problem)
    theirs = [torch_call(estimator, problem)]
    if onnx:
        theirs.append(onnx_call(estimator, problem, n_threads))
    check_agreement(
        problem,
        backend_call(estimator, problem, "features")(),
        theirs[0](),
        theirs[1]()[0] if onnx else None,
    )
    calls = [predict_call(problem), backend_call(estimator, problem, "outputs")]
    times = [median for median, _ in time_in_turns([*calls, *theirs], seconds)]
    predict, backend, torch_ms, onnx_ms = [*times, np.nan][:4]
    return (
        *times[:2],
        torch_ms,
        onnx_ms,
        *[
            theirs / ours
            for theirs in (torch_ms, onnx_ms)
            for ours in (predict, backend)
        ],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    args = parser.parse_args()
    if onnx is None:
        print(f"Without ONNX Runtime: the module {MISSING} is missing.")
    set_threads(args.threads)
    problems = problems_of(args, (SINGLE, *SHAPES))
    if args.per_step:
        make_row = partial(time_per_step, predict_call, seconds=args.seconds)
        rows = print_table(
            problems, PER_STEP_FIELDS, PER_STEP_FORMATS, make_row, args.csv
        )
        print_means(rows, [-1], PER_STEP_FIELDS[-1:])
    else:
        make_row = partial(compare, seconds=args.seconds, n_threads=args.threads)
        rows = print_table(problems, FIELDS, FORMATS, make_row, args.csv)
        print_means(rows, range(-4, 0), FIELDS[-4:])


if __name__ == "__main__":
    main()
