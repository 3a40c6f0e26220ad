"""TFLite models as the format's own interpreter sees them; runs wherever that is installed."""

from __future__ import annotations

import numpy as np
import pytest

from nbviz.adapters import read
from nbviz.adapters.tflite import schema
from nbviz.shape import Shape
from tests.models.tflite_models import CONVERTED

pytestmark = pytest.mark.zoo


def interpreter(path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = pytest.importorskip("tensorflow").lite.Interpreter  # noqa: N806 - a class
    return Interpreter(str(path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CONVERTED)
def test_operators_and_tensors_are_those_of_the_interpreter(name):
    theirs, graph = interpreter(CONVERTED[name]), read(CONVERTED[name]).graph
    tensors = {tensor["index"]: tensor for tensor in theirs.get_tensor_details()}
    operators = [op for op in theirs._get_ops_details() if op["op_name"] != "DELEGATE"]
    part = next((layer.path for layer in graph.layers if layer.type == "Signature"), "")
    inside = {layer.path for layer in graph.layers if layer.type in {"WHILE", "IF", "CALL_ONCE"}}
    ours = [
        call
        for call in graph.calls
        if call.op not in {"Scope", "Graph", "Model", "Signature", "merge", "input", "output", "constant"}
        and call.path.startswith(part)
        and not any(call.path.startswith(f"{path}/") for path in inside)
    ]
    made = [(call.op, [(spec.shape, spec.dtype) for spec in call.outputs]) for call in ours]
    # scopes put what belongs together side by side
    assert sorted(made, key=str) == sorted(
        ((op["op_name"], [described(tensors[i]) for i in op["outputs"]]) for op in operators), key=str
    )


def described(tensor):
    signature = tensor["shape_signature"] if tensor["shape_signature"].size else tensor["shape"]
    dtype = "resource" if tensor["dtype"] is np.object_ else np.dtype(tensor["dtype"]).name
    return Shape(None if size < 0 else int(size) for size in signature), dtype


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["att", "small", "small_int8"])
def test_values_of_weights_are_those_of_the_interpreter(name):
    theirs, reading = interpreter(CONVERTED[name]), read(CONVERTED[name])
    theirs.allocate_tensors()
    found = {tuple(p.shape): np.concatenate(list(reading.weights.chunks(p.id))) for p in reading.graph.parameters}
    checked = 0
    for tensor in theirs.get_tensor_details():
        values = found.get(tuple(tensor["shape"].tolist()))
        if values is not None and values.dtype == tensor["dtype"]:
            try:
                theirs_of = theirs.get_tensor(tensor["index"]).reshape(-1)
            except ValueError:  # a tensor that only a run makes
                continue
            checked += bool(np.array_equal(theirs_of, values))
    assert checked >= len(found) - 1


def test_the_schema_is_the_newest():
    """Every field and number that the package of the runtime knows is known here."""
    theirs = pytest.importorskip("ai_edge_litert.schema_py_generated")
    for name, known in schema.names().items():
        numbers = {key: value for key, value in vars(getattr(theirs, name)).items() if key[0] != "_"}
        assert dict(enumerate(known)) == {value: key for key, value in numbers.items()}, name
    for name, fields in schema.tables().items():
        for key, field in fields.items():
            accessor = getattr(theirs, name, None)
            assert accessor is not None, name
            camel = "".join(part[:1].upper() + part[1:] for part in key.split("_"))
            assert hasattr(accessor, camel), (name, camel)
            assert field.slot >= 0
