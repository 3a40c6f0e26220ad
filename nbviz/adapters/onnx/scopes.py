"""Finds the module that a node comes from in the original model, from metadata or from its name.

The exporter of ``torch.onnx.export`` writes each node's modules with their classes (``pkg.torch.onnx.name_scopes``), and the
lines of code that called it (``pkg.torch.onnx.stack_trace``). Older
ones, and those of TensorFlow, write paths as names: ``/encoder/layers.0/fc/MatMul``, ``model/block1/conv/Conv2D``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nbviz.adapters.dataflow.scopes import DEEPEST_SCOPE, Entry, of_path
from nbviz.adapters.places import place
from nbviz.adapters.text import decoded, label

_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
_TRACE = "pkg.torch.onnx.stack_trace"
_CALL = re.compile(r'File "([^"\n]{1,1000})", line (\d{1,9})')
_LIBRARY = re.compile(r"(^|[\\/])(site-packages|torch|transformers)[\\/]|^<")
_QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_LONGEST = 1 << 14
_NO_MODULE = "_empty_nn_module_stack"  # begins what stands where the exporter knows none


def noted_in(proto: Any) -> Mapping[str, str]:
    """Return the metadata of a node."""
    return {p.key: decoded(p.value) for p in proto.metadata_props} if proto.metadata_props else {}


def is_noted(protos: Iterable[Any]) -> bool:
    """Tell whether nodes are from the newer exporter of ``torch.onnx.export``, which alone notes modules in metadata."""
    return any(_SCOPES in noted_in(proto) for proto in protos)


def tells_scopes(name: str, noted: Mapping[str, str]) -> bool:
    """Tell whether a node says in which scopes it is, be it in none."""
    return "/" in name or _SCOPES in noted


def scopes_of(name: str, noted: Mapping[str, str]) -> tuple[tuple[Entry, ...], str]:
    """Return the scopes around a node, outer first, and its own name among what is in them."""
    if _SCOPES in noted:
        return _of_modules(noted[_SCOPES], noted.get(_CLASSES, "")), label(name)
    if "/" not in name:
        return (), label(name)
    outer, _, own = name.rpartition("/")
    return of_path(outer), label(own)


def source_of(noted: Mapping[str, str]) -> str:
    """Return the last line of the model's own code that called what a node does, ``""`` if it does not say."""
    trace = noted.get(_TRACE, "")
    calls = _CALL.findall(trace) if len(trace) <= _LONGEST else []
    own = [(file, line) for file, line in calls if not _LIBRARY.search(file)]
    return label(place(own[-1][0].replace("\\", "/"), int(own[-1][1]))) if own else ""


def root_class(proto: Any) -> str:
    """Return the class of the model that a node was exported from, ``""`` if it does not say."""
    noted = noted_in(proto)
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
    for name, kind in zip(names[: DEEPEST_SCOPE + 1], types, strict=False):
        if name and not name.startswith(_NO_MODULE):
            found[name] = Entry(tuple(map(label, name.split("."))), label(kind))
    return tuple(found.values())
