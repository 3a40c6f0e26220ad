"""Small TFLite models, written with the classes that the format's own compiler makes of its schema."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import tflite

CONVERTED = {path.stem: path for path in sorted(Path(__file__).with_name("tflite").glob("*.tflite"))}
"""Models that TensorFlow 2.21 has converted from Keras 3 and functions, with random weights."""


class Writer:
    """Writes one file; tables are made inside out."""

    def __init__(self):
        self.builder = flatbuffers.Builder(1024)
        self.codes = []
        self.buffers = [self.table("Buffer")]

    def table(self, kind, **fields):
        """Write a table: texts, arrays and lists of tables become what they stand for."""
        ready = {name: self._field(value) for name, value in fields.items() if value is not None}
        getattr(tflite, f"{kind}Start")(self.builder)
        for name, value in ready.items():
            getattr(tflite, f"{kind}Add{name}")(self.builder, value)
        return getattr(tflite, f"{kind}End")(self.builder)

    def _field(self, value):
        if isinstance(value, str | bytes):
            return self.builder.CreateString(value)
        if isinstance(value, np.ndarray):
            return self.builder.CreateNumpyVector(value)
        if isinstance(value, list):
            self.builder.StartVector(4, len(value), 4)
            for offset in reversed(value):
                self.builder.PrependUOffsetTRelative(offset)
            return self.builder.EndVector()
        return value

    def buffer(self, values, dtype="float32"):
        """Store values, and return the number of their buffer."""
        data = np.frombuffer(np.asarray(values, dtype).tobytes(), "uint8")
        self.buffers.append(self.table("Buffer", Data=data))
        return len(self.buffers) - 1

    def place(self, offset, size):
        """Say that a buffer lies behind the tables."""
        self.buffers.append(self.table("Buffer", Offset=offset, Size=size))
        return len(self.buffers) - 1

    def tensor(self, name, shape=(), kind="FLOAT32", buffer=0, scale=(), zero=(), axis=0, signature=None, **fields):
        quantization = None
        if scale:
            numbers = {"Scale": np.array(scale, "float32"), "ZeroPoint": np.array(zero or [0] * len(scale), "int64")}
            quantization = self.table("QuantizationParameters", **numbers, QuantizedDimension=axis)
        return self.table(
            "Tensor",
            Name=name,
            Shape=np.array(shape, "int32"),
            Type=getattr(tflite.TensorType, kind),
            Buffer=buffer,
            Quantization=quantization,
            ShapeSignature=None if signature is None else np.array(signature, "int32"),
            HasRank=True,
            **fields,
        )

    def newer_tensor(self, name, shape, number, buffer=0, external=None):
        """Write a tensor with what only later versions of the format have: a type by its number, a buffer elsewhere."""
        text, sizes = self.builder.CreateString(name), self.builder.CreateNumpyVector(np.array(shape, "int32"))
        self.builder.StartObject(11)
        tflite.TensorAddName(self.builder, text)
        tflite.TensorAddShape(self.builder, sizes)
        tflite.TensorAddType(self.builder, number)
        tflite.TensorAddBuffer(self.builder, buffer)
        if external is not None:
            self.builder.PrependUint32Slot(10, external, 0)
        return self.builder.EndObject()

    def operator(self, op, inputs, outputs, options=None, version=1, **fields):
        """Write an operator; ``options`` is the name of their table and its fields. A small name is that of a custom one."""
        key = (op, version)
        if key not in self.codes:
            self.codes.append(key)
        made = {}
        if options is not None:
            kind, given = options
            second = hasattr(tflite.BuiltinOptions2, kind)
            union = tflite.BuiltinOptions2 if second else tflite.BuiltinOptions
            made = {f"BuiltinOptions{'2' * second}Type": getattr(union, kind)}
            made[f"BuiltinOptions{'2' * second}"] = self.table(kind, **given)
        numbers = {"Inputs": np.array(inputs, "int32"), "Outputs": np.array(outputs, "int32")}
        return self.table("Operator", OpcodeIndex=self.codes.index(key), **numbers, **made, **fields)

    def graph(self, tensors, inputs, outputs, operators, name="main"):
        numbers = {"Inputs": np.array(inputs, "int32"), "Outputs": np.array(outputs, "int32")}
        return self.table("SubGraph", Tensors=tensors, **numbers, Operators=operators, Name=name)

    def signature(self, key, at, inputs, outputs):
        maps = [
            [self.table("TensorMap", Name=name, TensorIndex=i) for name, i in named.items()]
            for named in (inputs, outputs)
        ]
        return self.table("SignatureDef", SignatureKey=key, SubgraphIndex=at, Inputs=maps[0], Outputs=maps[1])

    def _code(self, op, version):
        if op.islower():
            number = tflite.BuiltinOperator.CUSTOM
            return self.table("OperatorCode", CustomCode=op, Version=version, BuiltinCode=number)
        number = getattr(tflite.BuiltinOperator, op)
        return self.table("OperatorCode", DeprecatedBuiltinCode=min(number, 127), BuiltinCode=number, Version=version)

    def bytes(self, *graphs, **fields):
        """Return the file."""
        codes = [self._code(op, version) for op, version in self.codes]
        tables = {"OperatorCodes": codes, "Subgraphs": list(graphs), "Buffers": self.buffers}
        self.builder.Finish(self.table("Model", Version=3, **tables, **fields), b"TFL3")
        return bytes(self.builder.Output())


RELU = tflite.ActivationFunctionType.RELU


def convolutions():
    """A convolution and a dense layer in scopes, with an open batch; their biases share a buffer."""
    w = Writer()
    kernel, bias, dense = w.buffer(np.ones((4, 3, 3, 2))), w.buffer(np.arange(4)), w.buffer(np.ones((4, 64)))
    tensors = [
        w.tensor("x:0", (1, 6, 6, 2), signature=(-1, 6, 6, 2)),
        w.tensor("net/conv/Conv2D", (4, 3, 3, 2), buffer=kernel),
        w.tensor("net/conv/bias", (4,), buffer=bias),
        w.tensor("net/conv/Relu;net/conv/BiasAdd;net/conv/Conv2D1", (1, 4, 4, 4), signature=(-1, 4, 4, 4)),
        w.tensor("net/flatten/shape", (2,), "INT32", w.buffer([-1, 64], "int32")),
        w.tensor("net/flatten/Reshape", (1, 64), signature=(-1, 64)),
        w.tensor("net/dense/MatMul", (4, 64), buffer=dense),
        w.tensor("net/dense/bias", (4,), buffer=bias),
        w.tensor("StatefulPartitionedCall:0", (1, 4), signature=(-1, 4)),
    ]
    conv = {"Padding": 1, "StrideW": 1, "StrideH": 1, "FusedActivationFunction": RELU}
    conv |= {"DilationWFactor": 1, "DilationHFactor": 1}
    operators = [
        w.operator("CONV_2D", [0, 1, 2], [3], ("Conv2DOptions", conv), version=3),
        w.operator("RESHAPE", [3, 4], [5], ("ReshapeOptions", {})),
        w.operator("FULLY_CONNECTED", [5, 6, 7], [8], ("FullyConnectedOptions", {})),
    ]
    graph = w.graph(tensors, [0], [8], operators)
    w.buffers.append(w.table("Buffer", Data=np.frombuffer(b"1.14.0\0\0", "uint8")))
    runtime = w.table("Metadata", Name="min_runtime_version", Buffer=len(w.buffers) - 1)
    signature = w.signature("serving_default", 0, {"picture": 0}, {"scores": 8})
    return w.bytes(graph, Description="made for a test", Metadata=[runtime], SignatureDefs=[signature])


def calls(*targets, leaf=None):
    """Subgraphs that each call others: ``targets[i]`` are the numbers of those that subgraph ``i`` calls in turn."""
    w = Writer()
    graphs = []
    for i, called in enumerate(targets):
        tensors = [w.tensor(f"t{j}", (2,)) for j in range(len(called) + 2)]
        operators = [
            w.operator("CALL", [j], [j + 1], ("CallOptions", {"Subgraph": target})) for j, target in enumerate(called)
        ]
        operators.append(w.operator(leaf or "NEG", [len(called)], [len(called) + 1]))
        graphs.append(w.graph(tensors, [0], [len(called) + 1], operators, f"g{i}"))
    return w.bytes(*graphs)


def of_one(op, shapes, made, options=None, kinds=None, constants=(), signature=None, **fields):
    """One operator: the shapes of its inputs, None for one that is left out, and of its output; some are constants."""
    w = Writer()
    tensors, inputs = [], []
    for i, shape in enumerate(shapes):
        if shape is None:
            inputs.append(-1)
            continue
        kind = (kinds or {}).get(i, "FLOAT32")
        given = constants.get(i) if isinstance(constants, dict) else (np.ones(shape) if i in constants else None)
        buffer = (
            0 if given is None else w.buffer(given, kind.lower() if kind in {"INT32", "INT64", "INT8"} else "float32")
        )
        inputs.append(len(tensors))
        tensors.append(w.tensor(f"in{i}", shape, kind, buffer, signature=(signature or {}).get(i)))
    tensors.append(w.tensor("out", made, signature=(signature or {}).get("out")))
    entering = [i for i, at in zip(inputs, range(len(shapes)), strict=True) if i >= 0 and at not in constants]
    operator = w.operator(op, inputs, [len(tensors) - 1], options, **fields)
    return w.bytes(w.graph(tensors, entering, [len(tensors) - 1], [operator]))
