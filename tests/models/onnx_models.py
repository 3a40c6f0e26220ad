"""ONNX models for the tests, made with ``onnx.helper``."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def tensor(name, *shape, dtype=np.float32):
    """Return a stored tensor of counted values."""
    return numpy_helper.from_array(np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype), name)


def info(name, *shape, dtype=FLOAT):
    """Return what is known of a tensor; no sizes at all for ``info(name, None)``."""
    return helper.make_tensor_value_info(name, dtype, None if shape == (None,) else shape)


def node(op, inputs, outputs, name="", **attributes):
    """Return a node; inputs and outputs as words."""
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def model(nodes, inputs, outputs, stored=(), *, opsets=(("", 21),), functions=(), name="net", **fields):
    """Return a model."""
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(stored), **fields)
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)


def mlp():
    """Two dense layers in scopes, as the TorchScript exporter names them, on an open batch."""
    nodes = [
        node("Gemm", "x encoder.fc.weight encoder.fc.bias", "h", "/encoder/fc/Gemm", transB=1),
        node("Relu", "h", "r", "/encoder/act/Relu"),
        node("MatMul", "r head", "y", "/head/MatMul"),
    ]
    stored = [tensor("encoder.fc.weight", 8, 4), tensor("encoder.fc.bias", 8), tensor("head", 8, 2)]
    return model(nodes, [info("x", "batch", 4)], [info("y", "batch", 2)], stored)


def cnn():
    """A flat list without names, with shapes that only inference knows, and a reshape by a stored shape."""
    nodes = [
        node("Conv", "x w b", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "c", "r"),
        node("GlobalAveragePool", "r", "p"),
        node("Reshape", "p shape", "f"),
        node("Gemm", "f v", "y"),
    ]
    shape = numpy_helper.from_array(np.array([-1, 6], np.int64), "shape")
    stored = [tensor("w", 6, 3, 3, 3), tensor("b", 6), shape, tensor("v", 6, 5)]
    return model(nodes, [info("x", "n", 3, 8, 8)], [info("y", None)], stored)


def branch():
    """A condition: one branch has a weight of its own, the other takes a tensor from outside."""
    then = helper.make_graph([node("MatMul", "x w", "t")], "then", [], [info("t", 2, 4)], [tensor("w", 4, 4)])
    other = helper.make_graph([node("Neg", "x", "e")], "else", [], [info("e", 2, 4)])
    nodes = [node("If", "c", "y", "choose", then_branch=then, else_branch=other)]
    return model(nodes, [info("c", dtype=TensorProto.BOOL), info("x", 2, 4)], [info("y", 2, 4)])


def loop():
    """A loop whose body multiplies by a weight of the graph around it."""
    body = helper.make_graph(
        [node("MatMul", "a w", "b"), node("Identity", "go", "on")],
        "body",
        [info("i", dtype=INT64), info("go", dtype=TensorProto.BOOL), info("a", 2, 4)],
        [info("on", dtype=TensorProto.BOOL), info("b", 2, 4)],
    )
    steps = numpy_helper.from_array(np.array(3), "steps")
    turn = helper.make_node("Loop", ["steps", "", "x"], ["y"], body=body)
    return model([turn], [info("x", 2, 4)], [info("y", 2, 4)], [steps, tensor("w", 4, 4)])


def function():
    """A function that is called twice, with a reference to an attribute and a constant of its own."""
    inner = [
        node("Constant", "", "one", value_float=1.0),
        node("MatMul", "a w", "m"),
        node("LeakyRelu", "m", "r"),
        node("Add", "r one", "out"),
    ]
    reference = inner[2].attribute.add(name="alpha", ref_attr_name="slope", type=1)
    assert reference.ref_attr_name
    own = helper.make_function("my", "Dense", ["a", "w"], ["out"], inner, [helper.make_opsetid("", 21)], ["slope"])
    nodes = [
        node("Dense", "x w", "h", "first", domain="my", slope=0.1),
        node("Dense", "h v", "y", "second", domain="my", slope=0.2),
    ]
    stored = [tensor("w", 4, 6), tensor("v", 6, 3)]
    opsets = (("", 21), ("my", 1))
    return model(nodes, [info("x", 5, 4)], [info("y", None)], stored, opsets=opsets, functions=[own])


def quantized():
    """Convolutions and products of whole numbers, with scales and zero points."""
    nodes = [
        node("QLinearConv", "x s z w ws wz s z b", "c"),
        node("QLinearMatMul", "c s z m s z s z", "q"),
        node("DequantizeLinear", "q s z", "y"),
    ]
    stored = [
        numpy_helper.from_array(np.float32(0.5), "s"),
        numpy_helper.from_array(np.uint8(128), "z"),
        tensor("w", 4, 3, 1, 1, dtype=np.uint8),
        tensor("ws", 4),
        tensor("wz", 4, dtype=np.uint8),
        tensor("b", 4, dtype=np.int32),
        tensor("m", 1, 4, 8, 5, dtype=np.uint8),
    ]
    return model(nodes, [info("x", 1, 3, 8, 8, dtype=TensorProto.UINT8)], [info("y", None)], stored)


CASES = {f.__name__: f for f in (mlp, cnn, branch, loop, function, quantized)}
