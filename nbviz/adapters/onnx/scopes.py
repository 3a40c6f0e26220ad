"""Which parts of the original model a node belongs to, as exporters note it: in metadata, or in the node's name.

The exporter of ``torch.onnx.export`` writes each node's modules with their classes (``pkg.torch.onnx.name_scopes``). Older
ones, and those of TensorFlow, write paths as names: ``/encoder/layers.0/fc/MatMul``, ``model/block1/conv/Conv2D``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.onnx.types import decoded, label

_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
_QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_DEEPEST = 32
_LONGEST = 1 << 14


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One scope around a node.

    Attributes
    ----------
    path
        The names from the root to it, which are also the segments of its row's path.
    type
        Its class with the module that defines it, ``""`` where that is not known.
    """

    path: tuple[str, ...]
    type: str = ""


def scopes_of(proto: Any) -> tuple[tuple[Entry, ...], str]:
    """Return the scopes around a node, outer first, and its own name among what is in them."""
    if proto.metadata_props:
        noted = {p.key: decoded(p.value) for p in proto.metadata_props}
        if _SCOPES in noted:
            return _of_modules(noted[_SCOPES], noted.get(_CLASSES, "")), label(proto.name)
    name = decoded(proto.name)
    if "/" not in name:
        return (), label(name)
    outer, _, own = name.rpartition("/")
    return _of_name(outer), label(own)


def root_class(proto: Any) -> str:
    """Return the class of the model that a node was exported from, ``""`` if it does not say."""
    noted = {p.key: decoded(p.value) for p in proto.metadata_props}
    scopes, classes = _quoted(noted.get(_SCOPES, "")), _quoted(noted.get(_CLASSES, ""))
    return label(classes[0]) if scopes[:1] == [""] and classes else ""


def _quoted(text: str) -> list[str]:
    """Return the strings in the text of a list; it is not evaluated."""
    return [a or b for a, b in _QUOTED.findall(text)] if len(text) <= _LONGEST else []


def _of_modules(scopes: str, classes: str) -> tuple[Entry, ...]:
    # the last entries are the operation itself, which differs from node to node
    return _modules(scopes.rpartition(",")[0], classes.rpartition(",")[0])


@functools.lru_cache(maxsize=4096)
def _modules(scopes: str, classes: str) -> tuple[Entry, ...]:
    names, types = _quoted(scopes), _quoted(classes)
    if len(types) != len(names):
        types = [""] * len(names)
    found: dict[str, Entry] = {}
    for name, kind in zip(names[: _DEEPEST + 1], types, strict=False):
        if name:
            found[name] = Entry(tuple(map(label, name.split("."))), label(kind))
    return tuple(found.values())


@functools.lru_cache(maxsize=4096)
def _of_name(outer: str) -> tuple[Entry, ...]:
    """Return the scopes in a path of names."""
    return _nested(tuple(filter(None, outer.split("/")))[:_DEEPEST])


@functools.lru_cache(maxsize=4096)
def _nested(names: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return the scopes of names, outer first; ``layer1/layer1.0`` is the part ``0`` of ``layer1``."""
    if not names:
        return ()
    around = _nested(names[:-1])
    path = around[-1].path if around else ()
    pieces, last = _pieces(names[-1]), _pieces(names[-2]) if around else []
    inner = pieces[len(last) :] if last and len(pieces) > len(last) and pieces[: len(last)] == last else pieces
    return (*around, Entry((*path, *map(label, inner))))


def _pieces(segment: str) -> list[str]:
    """Cut the dotted name of a module in a list (``layers.0``); other names with dots stay whole."""
    pieces = segment.split(".")
    return pieces if len(pieces) > 1 and any(piece.isdigit() for piece in pieces[1:]) and all(pieces) else [segment]
