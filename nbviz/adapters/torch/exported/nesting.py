"""Finds the module call that each node of an fx graph belongs to, from the metadata of the node."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

_ROOT = re.compile(r"^(L\[['\"]self['\"]\]|L__self__|self)(?=$|[.\[])")
_INDEX = re.compile(r"\[['\"]?([^'\"\]]*)['\"]?\]")

_NO_MODULE = "_empty_nn_module_stack"  # stands where export knows none


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One module around a node.

    Attributes
    ----------
    call
        Tells the calls of a module apart.
    path
        The module's dotted name.
    type
        Its class with the module that defines it, ``""`` where that is not known.
    """

    call: str
    path: str
    type: str


@final
@dataclass(slots=True)
class Frame:
    """One call of a module: the nodes and the calls inside it, in order."""

    entry: Entry
    items: list[Any] = field(default_factory=list)

    def nodes(self) -> Iterator[Any]:
        """Yield the nodes inside, however deep."""
        for item in self.items:
            if isinstance(item, Frame):
                yield from item.nodes()
            else:
                yield item


def stack_of(node: Any) -> list[Entry]:
    """Return the modules around a node, without the root."""
    stack: Mapping[str, Any] = node.meta.get("nn_module_stack") or {}
    found = [Entry(str(key), dotted(path), class_name(kind)) for key, (path, kind) in stack.items()]
    if node.op == "call_module" and found and found[-1].path == node.target:
        del found[-1]  # the node is this call itself
    return [entry for entry in found if entry.path and not entry.path.startswith(_NO_MODULE)]


def root_class(nodes: Iterable[Any]) -> str:
    """Return the class of the model, ``""`` if no node tells."""
    for node in nodes:
        for path, kind in (node.meta.get("nn_module_stack") or {}).values():
            if not dotted(path):
                return class_name(kind)
    return ""


def dotted(path: Any) -> str:
    """Return a module's name as ``named_modules`` has it, however a version of PyTorch writes it."""
    bare = _INDEX.sub(r".\1", _ROOT.sub("", str(path))).replace("_modules.", "")
    return bare.partition("@")[0].strip(".")


def class_name(kind: Any) -> str:
    """Return the full name of a class."""
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def nested(nodes: Iterable[Any], around: Collection[Entry] = ()) -> list[Any]:
    """Return nodes as a tree of the calls that they belong to; ``around`` are calls that all of it is inside of."""
    outer = {entry.call for entry in around}
    top: list[Any] = []
    opened: list[Frame] = []
    for node in nodes:
        stack = [entry for entry in stack_of(node) if entry.call not in outer]
        depth = 0
        while depth < min(len(stack), len(opened)) and stack[depth] == opened[depth].entry:
            depth += 1
        del opened[depth:]
        for entry in stack[depth:]:
            frame = Frame(entry)
            (opened[-1].items if opened else top).append(frame)
            opened.append(frame)
        (opened[-1].items if opened else top).append(node)
    return top
