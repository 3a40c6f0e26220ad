"""Converts the serialized graph of an exported program to an fx graph without PyTorch's own reader (see ``archive``)."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.exported.symbols import readable
from nbviz.adapters.torch.exported.values import Number
from nbviz.graph import TensorSpec
from nbviz.shape import Dim, Shape

_DTYPES = (
    "", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex32", "complex64", "complex128",
    "bool", "bfloat16",
)  # fmt: skip
"""The dtypes by their number in ``torch._export.serde.schema.ScalarType``."""

_LATER_DTYPES = {
    28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz", 33: "float8_e8m0fnu",
    34: "uint32", 35: "uint64",
}  # fmt: skip


# Tensors


def dtype_of(number: Any) -> str | None:
    """Return the name of a dtype by its number."""
    known = _DTYPES[number] if isinstance(number, int) and 0 < number < len(_DTYPES) else _LATER_DTYPES.get(number)
    return known or None


def dims(sizes: Iterable[Mapping[str, Any]]) -> list[Dim]:
    """Return sizes as numbers, or as the text of their expressions."""
    return [_dim(size) for size in sizes]


def _dim(size: Mapping[str, Any]) -> Dim:
    if "as_int" in size:
        return int(size["as_int"])
    text = str(size.get("as_expr", {}).get("expr_str", ""))
    return readable(text)


def spec(meta: Mapping[str, Any]) -> TensorSpec:
    """Return what an archive says of a tensor."""
    return TensorSpec(Shape(dims(meta["sizes"])), dtype_of(meta["dtype"]))


# Graphs


@final
class GraphReader:
    """Writes one graph of an archive, and those inside it, as fx graphs, which are never compiled.

    Parameters
    ----------
    graph
        The graph as JSON.
    """

    def __init__(self, graph: Mapping[str, Any]) -> None:
        import torch

        self._from = graph
        self.graph = torch.fx.Graph()
        self.names: dict[str, str] = {}
        self._nodes: dict[str, Any] = {}

    def read(self) -> Any:
        """Return the fx graph; ``names`` then has the names of its placeholders by those in the file."""
        for argument in self._from["inputs"]:
            kind, value = _only(argument)
            name = str(value["name"]) if isinstance(value, dict) and "name" in value else f"{kind}_{len(self._nodes)}"
            node = self.graph.placeholder(name)
            node.meta["val"] = self._known(kind, value)
            self._nodes[name], self.names[name] = node, node.name
        for node in self._from["nodes"]:
            self._call(node)
        outputs = tuple(self._argument(argument) for argument in self._from["outputs"])
        self.graph.output(outputs)
        return self.graph

    def _known(self, kind: str, value: Any) -> Any:
        """Return what is known of a tensor or number with a name."""
        name = value.get("name") or value.get("as_name") if isinstance(value, dict) else None
        if kind == "as_tensor" and name in self._from["tensor_values"]:
            return spec(self._from["tensor_values"][name])
        numbers = self._from.get("sym_int_values", {})
        return Number(_dim(numbers[name])) if name in numbers else Number(None)

    def _call(self, node: Mapping[str, Any]) -> None:
        args = [self._argument(i["arg"]) for i in node["inputs"] if i.get("kind") != 2]
        kwargs = {str(i["name"]): self._argument(i["arg"]) for i in node["inputs"] if i.get("kind") == 2}
        made = self.graph.call_function(operation(str(node["target"])), tuple(args), kwargs)
        made.meta["nn_module_stack"] = _module_stack(node["metadata"].get("nn_module_stack", ""))
        made.meta["stack_trace"] = str(node["metadata"].get("stack_trace", ""))
        outputs = [_only(argument) for argument in node["outputs"]]
        if len(outputs) == 1 and outputs[0][0] != "as_tensors" and node.get("is_hop_single_tensor_return") is not False:
            kind, value = outputs[0]
            made.meta["val"] = self._known(kind, value) if kind != "as_none" else None
            self._name(value, made)
            return
        parts = [("as_tensor", v) if k == "as_tensors" else (k, v) for k, vs in outputs for v in _listed(k, vs)]
        made.meta["val"] = tuple(self._known(kind, value) if kind != "as_none" else None for kind, value in parts)
        for i, (_, value) in enumerate(parts):
            part = self.graph.call_function(operator.getitem, (made, i))
            part.meta.update(made.meta, val=made.meta["val"][i])
            self._name(value, part)

    def _name(self, value: Any, node: Any) -> None:
        name = value.get("name") or value.get("as_name") if isinstance(value, dict) else None
        if name is not None:
            self._nodes[str(name)] = node

    def _argument(self, argument: Mapping[str, Any]) -> Any:
        kind, value = _only(argument)
        if kind == "as_none":
            return None
        if kind == "as_graph":
            node = self.graph.create_node("get_attr", str(value["name"]))
            node.meta["graph"] = GraphReader(value["graph"]).read()
            return node
        if kind == "as_scalar_type":
            return _torch_dtype(value)
        if kind == "as_device":
            return str(value.get("type"))
        if kind == "as_nested_tensors":
            return [[self._named(item) for item in inner] for inner in value]
        if isinstance(value, list):
            return [self._named(item) for item in value]
        return self._named(value) if kind not in ("as_custom_obj", "as_operator", "as_complex") else None

    def _named(self, value: Any) -> Any:
        """Return the node of a name; of an entry of a list with several kinds, what it holds."""
        if not isinstance(value, dict):
            return value
        if "name" in value or "as_name" in value:
            return self._nodes[str(value.get("name") or value.get("as_name"))]
        kind, inner = _only(value)
        return None if kind == "as_none" else self._named(inner)


def _listed(kind: str, value: Any) -> list[Any]:
    return list(value) if kind == "as_tensors" else [value]


def _only(union: Mapping[str, Any]) -> tuple[str, Any]:
    ((kind, value),) = union.items()
    return str(kind), value


def _torch_dtype(number: Any) -> Any:
    import torch

    return getattr(torch, dtype_of(number) or "", None)


def _module_stack(text: str) -> dict[str, tuple[str, str]]:
    """Return the modules around a node from ``key,path,class;key,path,class``."""
    entries = (entry.split(",", 2) for entry in text.split(";"))
    return {entry[0]: (entry[1], entry[2]) for entry in entries if len(entry) == 3}


def operation(target: str) -> Any:
    """Return the operation of PyTorch that a file names; of any other name, a stand-in that cannot be run."""
    import torch

    names = target.split(".")
    if names[:2] == ["torch", "ops"] and len(names) == 5 and not names[2].startswith("__"):
        packet = getattr(getattr(torch.ops, names[2], None), names[3], None)
        found = getattr(packet, names[4], None)
        if isinstance(found, torch._ops.OpOverload):
            return found
        return _Unknown(names[3])
    return _Unknown(names[-1])


@final
class _Unknown:
    """An operation that this PyTorch does not have, or that is more than one of tensors."""

    __module__ = "nbviz"
    namespace = ""

    def __init__(self, name: str) -> None:
        self.__name__ = plain(name)

    def __call__(self) -> None:
        """Do nothing: fx only asks whether it could be called."""
