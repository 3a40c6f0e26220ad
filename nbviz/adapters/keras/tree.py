"""The tree of a Keras model's layers, with the path and accessor of each layer.

Paths are made of layer names. In a Functional or Sequential model these are the names that Keras shows. In a
subclassed layer an automatic name (``dense_17``) depends on what else the session has built, so there the attribute
that holds the layer names it instead: ``conv``, ``blocks[0]``. A name that the model's author gave always stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from nbviz.adapters import places
from nbviz.adapters.keras.kinds import fused_cell, is_builtin, is_kind, sublayers
from nbviz.adapters.keras.settings import settings_of
from nbviz.adapters.keras.text import is_automatic, plain, short
from nbviz.builder import GraphBuilder

_KERAS_OWN = frozenset({
    "_layers", "_functional", "_operations", "_operations_by_depth", "_tracker", "_metrics", "_modules", "_torch_params",
    "_self_unconditional_dependency_names",
})  # fmt: skip
"""Attributes of Keras and of its backends that hold layers which the user's own attributes hold too."""

_CONTAINER_DEPTH = 4


def add_tree(builder: GraphBuilder, model: Any) -> dict[int, Any]:
    """Add a model and every layer inside it; return the layers by identity."""
    found: dict[int, Any] = {id(model): model}
    add_one(builder, model, None, segment="", accessor="", name="")
    waiting = deque([(model, "")])
    while waiting:
        layer, name = waiting.popleft()
        try:
            inside = list(children(layer))
        except Exception as error:  # noqa: BLE001 - a custom layer may break its own attributes
            path = builder.path_of(id(layer)) or ""
            builder.note(f"The layers inside {path or 'the model'} could not be listed: {short(error)}", path)
            continue
        for child, segment, accessor in inside:
            if id(child) in found:  # held in two places: it stays where it was found first
                continue
            found[id(child)] = child
            inner = f"{name}/{child_name(child)}" if name else child_name(child)
            add_one(builder, child, layer, segment=segment, accessor=accessor, name=inner)
            waiting.append((child, inner))
    return found


def add_one(
    builder: GraphBuilder,
    layer: Any,
    parent: Any,
    *,
    segment: str,
    accessor: str,
    name: str,
) -> str:
    """Add one layer below a parent that is already there."""
    key = None if parent is None else id(parent)
    above = "" if key is None else builder.layer(key).accessor
    reachable = bool(above) or key is None or builder.path_of(key) == ""
    return builder.add_layer(
        id(layer),
        key,
        segment,
        name=name,
        type=type(layer).__name__,
        module=type(layer).__module__,
        settings=settings_of(layer),
        accessor=f"{above}{accessor}" if accessor and reachable else "",
        source=source_of(type(layer)),
        trainable=_trainable(layer),
    )


def child_name(layer: Any) -> str:
    """Return a layer's own name, whatever the layer's class does with attributes."""
    try:
        return plain(layer.name)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return plain(type(layer).__name__)


def _trainable(layer: Any) -> bool | None:
    try:
        return bool(layer.trainable)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return None


def source_of(layer_type: type) -> str:
    """Return ``file.py:line`` of a user's class, ``""`` for Keras's own."""
    return "" if is_builtin(layer_type) else places.source_of(layer_type)


def children(layer: Any) -> Iterator[tuple[Any, str, str]]:
    """Yield the layers directly inside a layer, each with its path segment and its accessor."""
    if fused_cell(layer) is not None:
        return
    inside = sublayers(layer)
    if not inside:
        return
    named = is_kind(layer, "Functional", "Sequential")
    held = None if named else dict(attributes(layer))
    positions: dict[int, int] = {}
    if named:
        public = layer.layers
        counts: dict[str, int] = {}
        for child in public:
            counts[child.name] = counts.get(child.name, 0) + 1
        positions = {id(child): i for i, child in enumerate(public)}
        unique = {id(child) for child in public if counts[child.name] == 1}
        for child in inside:
            if id(child) in unique:
                yield child, child_name(child), f".get_layer({child.name!r})"
            elif id(child) in positions:
                yield child, child_name(child), f".layers[{positions[id(child)]}]"
            else:
                held = dict(attributes(layer)) if held is None else held
                attribute = held.get(id(child), "")
                yield child, child_name(child), f".{attribute}" if attribute else ""
        return
    for i, child in enumerate(inside):
        attribute = (held or {}).get(id(child), "")
        name = child_name(child)
        automatic = attribute and is_automatic(name, type(child).__name__)
        accessor = f".{attribute}" if attribute else f"._layers[{i}]"
        yield child, attribute if automatic else name, accessor


def attributes(layer: Any) -> Iterator[tuple[int, str]]:
    """Yield the identity of each layer that an attribute holds, with the expression behind the holder's dot."""
    own = vars(layer)
    seen: set[int] = set()
    for source in (own, own.get("_modules") or {}):  # torch keeps modules apart
        for name, value in source.items():
            if name in _KERAS_OWN or not str(name).isidentifier():
                continue
            for key, text in _inside(value, name, 0):
                if key not in seen:
                    seen.add(key)
                    yield key, text


def _inside(value: Any, text: str, depth: int) -> Iterator[tuple[int, str]]:
    if is_kind(value, "Layer"):
        yield id(value), text
    elif depth < _CONTAINER_DEPTH and isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _inside(item, f"{text}[{i}]", depth + 1)
    elif depth < _CONTAINER_DEPTH and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _inside(item, f"{text}[{key!r}]", depth + 1)
