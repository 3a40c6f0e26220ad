"""Details of a single fx node: its target, settings, source line, subgraphs and the tensors that it changes."""

from __future__ import annotations

import re
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.calls import operation_name, operation_settings
from nbviz.adapters.torch.exported.values import Number, Value, flat, values_in
from nbviz.graph import Setting

_LINE = re.compile(r'File "([^"]+)", line (\d+)')
_NOT_THE_MODEL = re.compile(r"[/\\](?:site|dist)-packages[/\\]torch[/\\]|^<")


def function_of(node: Any) -> Any:
    """Return the function that a node calls."""
    import torch

    return getattr(torch.Tensor, node.target, node.target) if node.op == "call_method" else node.target


def name_of(node: Any) -> str:
    """Return the name of what a node calls, as in a trace."""
    return operation_name(function_of(node))


def source_of(node: Any) -> str:
    """Return ``file.py:line`` of the model's code that made a node, ``""`` where it is not known."""
    lines = _LINE.findall(node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in lines if not _NOT_THE_MODEL.search(file)]
    if not own:
        return ""
    file, line = own[-1]
    return plain(f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}")


def settings(node: Any, args: Any, kwargs: Any) -> tuple[tuple[str, Setting], ...]:
    """Return what a node was given besides tensors."""
    return operation_settings(function_of(node), _plain(args), _plain(kwargs), _is_no_setting)


def _is_no_setting(value: Any) -> bool:
    return any(isinstance(item, Value) or hasattr(item, "nodes") for item in flat(value))


def _plain(structure: Any) -> Any:
    """Return arguments with the text of numbers."""
    if isinstance(structure, Number):
        return structure.dim
    if isinstance(structure, dict):
        return {key: _plain(item) for key, item in structure.items()}
    if isinstance(structure, (tuple, list)):
        return type(structure)(_plain(item) for item in structure)
    return structure


def placeholders(graph: Any) -> list[Any]:
    """Return the nodes through which a graph is given its arguments."""
    return [node for node in graph.nodes if node.op == "placeholder"]


def output_of(graph: Any) -> Any:
    """Return the node with what a graph gives."""
    return next(node for node in reversed(graph.nodes) if node.op == "output")


def attribute(node: Any) -> Any:
    """Return what a ``get_attr`` node stands for; a graph for a module that is one."""
    if "graph" in node.meta:
        return node.meta["graph"]
    found = node.graph.owning_module
    for name in node.target.split("."):
        found = getattr(found, name, None)
    graph = getattr(found, "graph", None)
    return graph if hasattr(graph, "nodes") else found


def graphs_among(node: Any) -> list[Any]:
    """Return the arguments of a node that are graphs."""
    return [n for n in node.all_input_nodes if n.op == "get_attr" and hasattr(attribute(n), "nodes")]


# In-place changes


def writes(node: Any) -> bool:
    """Tell whether a node changes a tensor that it is given."""
    schema = getattr(node.target, "_schema", None)
    if schema is not None:
        return bool(schema.is_mutable)
    name = name_of(node)
    return name == "setitem" or (name.endswith("_") and not name.endswith("__"))


def written(node: Any, args: Any, kwargs: Any) -> list[Value]:
    """Return the tensors that a node changes."""
    if not writes(node):
        return []
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return values_in(args[:1])
    given = {**{a.name: value for a, value in zip(schema.arguments, args, strict=False)}, **kwargs}
    changed = (a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    return values_in([given.get(name) for name in changed])


def viewed(node: Any, args: Any) -> Value | None:
    """Return the tensor of which a node gives views, None if it gives none."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or schema.is_mutable or not any(r.alias_info is not None for r in schema.returns):
        return None
    pairs = zip(schema.arguments, args, strict=False)
    return next((v for a, v in pairs if a.alias_info is not None and isinstance(v, Value)), None)
