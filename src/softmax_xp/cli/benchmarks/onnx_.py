"""ONNX Runtime: a model of one node."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from .cases import Case, Inputs
from .contestants import Contestant, Prepared

NODES = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "logsumexp": "ReduceLogSumExp",
    "cross_entropy": "SoftmaxCrossEntropyLoss",
}
OPSET = 13
IR_VERSION = 8


def contestants() -> list[Contestant]:
    """Return the one contestant; it needs ``onnx`` to write its models."""
    return [Contestant("onnxruntime", ("onnxruntime", "onnx"), _prepare)]


def _prepare(case: Case, inputs: Inputs, threads: int) -> Prepared | None:
    if case.backward or case.dtype not in ("float32", "float64"):
        return None
    arrays = {"x": inputs.x}
    if case.op == "cross_entropy":
        if case.axis != 1:
            return None
        arrays["labels"] = inputs.labels
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(_model(case, arrays), options, providers=["CPUExecutionProvider"])
    return Prepared(partial(session.run, None, arrays))


def _model(case: Case, arrays: dict[str, Any]) -> bytes:
    """Return the model of a case, serialized."""
    onnx = import_module("onnx")
    helper, dtype_of = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    options: dict[str, Any] = {"axis": case.axis}
    if case.op == "logsumexp":
        options = {"axes": [case.axis], "keepdims": 0}
    elif case.op == "cross_entropy":
        options = {"reduction": "mean"}
    node = helper.make_node(NODES[case.op], list(arrays), ["y"], **options)
    given = [helper.make_tensor_value_info(k, dtype_of(v.dtype), v.shape) for k, v in arrays.items()]
    result = helper.make_tensor_value_info("y", dtype_of(arrays["x"].dtype), None)
    graph = helper.make_graph([node], "one_node", given, [result])
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString())
