"""Damages ONNX models by their structure: what is left can be parsed, and no runtime would take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from onnx import AttributeProto, TensorProto, defs, helper

NAMES = [
    "<img src=x onerror=alert(1)>",
    "\x1b[31m",
    "../../etc/passwd",
    "\u202e",
    "/a/b/c/",
    "a.b.c",
    "",
    "/",
    "#1",
    "~1",
]
NUMBERS = [-1, 0, 1, 2, 7, 1 << 31, -(1 << 31), 1 << 40, (1 << 63) - 1, -(1 << 63)]
DOMAINS = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "x"]
OPERATIONS = sorted({schema.name for schema in defs.get_all_schemas()})
NOTES = ["['', 'a', 'a.b']", "[", "/a/b: C", "None", "a" * 3000]
KEYS = ["namespace", "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy", "pkg.torch.onnx.stack_trace"]
_DEEPEST = 20


def graphs(graph: Any, depth: int = 0) -> Iterator[Any]:
    """Yield a graph, and those inside its nodes."""
    yield graph
    for node in graph.node if depth < _DEEPEST else ():
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from graphs(attribute.g, depth + 1)


def mutate(model: Any, random: Random) -> None:
    """Damage one thing in a model."""
    graph = random.choice([*graphs(model.graph), *model.functions])
    names = [name for node in graph.node for name in node.output] + NAMES
    random.choice(MUTATIONS)(model, graph, names, random)


def _node(graph: Any, random: Random) -> Any:
    return random.choice(graph.node) if len(graph.node) else graph.node.add()


def _operation(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    _node(graph, random).op_type = random.choice([*OPERATIONS, ""])


def _domain(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    _node(graph, random).domain = random.choice(DOMAINS)


def _name(_model: Any, graph: Any, names: list[str], random: Random) -> None:
    _node(graph, random).name = random.choice(names)


def _edge(_model: Any, graph: Any, names: list[str], random: Random) -> None:
    node = _node(graph, random)
    ends = random.choice([node.input, node.output])
    if ends and random.random() < 0.7:
        ends[random.randrange(len(ends))] = random.choice(names)
    else:
        ends.append(random.choice(names))


def _fewer(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    node = _node(graph, random)
    some = random.choice([node.input, node.output, node.attribute, graph.node])
    if some:
        del some[random.randrange(len(some))]


def _twice(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    graph.node.append(_node(graph, random))


def _shuffled(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    nodes = list(graph.node)
    random.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)


def _attribute(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    attributes = _node(graph, random).attribute
    if not attributes:
        return
    attribute, number = random.choice(attributes), random.choice(NUMBERS)
    if attribute.type == AttributeProto.INT:
        attribute.i = number
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = number
    elif attribute.type == AttributeProto.STRING:
        attribute.s = random.choice([b"\xff\xfe", b"SAME_UPPER", b"ij,jk->ik", b""])
    else:
        attribute.type = random.randrange(15)


def _tensor(_model: Any, graph: Any, names: list[str], random: Random) -> None:
    stored = getattr(graph, "initializer", ())
    if not stored:
        return
    tensor = random.choice(stored)
    tensor.dims.append(random.choice(NUMBERS))
    tensor.data_type = random.choice([tensor.data_type, random.randrange(-1, 30)])
    tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
    tensor.name = random.choice([tensor.name, random.choice(names)])


def _beside(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    stored = getattr(graph, "initializer", ())
    if stored:
        tensor = random.choice(stored)
        tensor.data_location = TensorProto.EXTERNAL
        place = {
            "location": random.choice(["../../../etc/passwd", "/etc/passwd", "x"]),
            "offset": random.choice(["-1", "9" * 20]),
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)


def _type(_model: Any, graph: Any, names: list[str], random: Random) -> None:
    infos = [*getattr(graph, "input", ()), *getattr(graph, "output", ())] if hasattr(graph, "initializer") else []
    if not infos:
        return
    info = random.choice(infos)
    dims = info.type.tensor_type.shape.dim
    change = random.randrange(4)
    if change == 0:
        info.name = random.choice(names)
    elif change == 1 and dims:
        random.choice(dims).dim_value = random.choice(NUMBERS)
    elif change == 2 and dims:
        random.choice(dims).dim_param = random.choice(["N", "batch", "N*2", "(", "3", "<b>"])
    else:
        info.type.tensor_type.elem_type = random.randrange(-1, 30)


def _claim(_model: Any, graph: Any, names: list[str], random: Random) -> None:
    dims = random.choice([None, [], ["N"], [2, 3], [1 << 40]])
    graph.value_info.append(helper.make_tensor_value_info(random.choice(names), random.randrange(20), dims))


def _opset(model: Any, _graph: Any, _names: Any, random: Random) -> None:
    model.opset_import.add(domain=random.choice(DOMAINS), version=random.choice([-1, 0, 1, 7, 13, 18, 99, 1 << 40]))


def _body(model: Any, graph: Any, _names: Any, random: Random) -> None:
    copy = type(model.graph)()
    copy.ParseFromString(model.graph.SerializeToString())
    _node(graph, random).attribute.add(name="body", type=AttributeProto.GRAPH).g.CopyFrom(copy)


def _function(model: Any, graph: Any, _names: Any, random: Random) -> None:
    node = _node(graph, random)
    model.functions.add(name=node.op_type, domain=node.domain, input=node.input, output=node.output, node=[node])


def _note(_model: Any, graph: Any, _names: Any, random: Random) -> None:
    _node(graph, random).metadata_props.add(key=random.choice(KEYS), value=random.choice(NOTES))


MUTATIONS: list[Callable[[Any, Any, list[str], Random], None]] = [
    *(_operation, _domain, _name, _edge, _fewer, _twice, _shuffled, _attribute, _tensor, _beside, _type, _claim),
    *(_opset, _body, _function, _note),
]
