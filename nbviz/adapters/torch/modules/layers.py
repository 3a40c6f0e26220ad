"""Adds the modules of a model to the graph as layers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.kinds import kind_of, type_name
from nbviz.adapters.torch.modules.parameters import Holdings, explain_packed
from nbviz.adapters.torch.modules.settings import Described
from nbviz.adapters.torch.modules.shared import settings_of_shared, shared_in, with_shared
from nbviz.adapters.torch.modules.tree import Tree, accessor
from nbviz.builder import GraphBuilder
from nbviz.layers import Fields


class Added(NamedTuple):
    """What a model consists of.

    Attributes
    ----------
    modules
        All modules by identity.
    held
        Parameters and buffers by what they are known by, packed ones as the way to them.
    examples
        A module of each class.
    """

    modules: dict[int, Any]
    held: dict[Hashable, Any]
    examples: Collection[Any]


def add_tree(builder: GraphBuilder, model: Any) -> Added:
    """Add a model and all modules inside it, with what they hold."""
    tree, described, holdings = Tree(), Described(), Holdings()
    types, examples = list[type](), dict[type, Any]()
    settings, held = [], []
    for part in tree.parts(model):
        classes = list(map(type, part))
        types += classes
        examples |= {cls: part[classes.index(cls)] for cls in set(classes) - examples.keys()}
        settings += described.of(part)
        held += holdings.of(part)
    told, unknown = [holdings.placements], set(holdings.lazy)
    if tree.shared:
        shared = shared_in(tree)
        told.append(settings_of_shared(shared, tree))
        held, unknown = with_shared(shared, tree, held, holdings.lazy)
    for more in filter(None, told):
        settings = [own + more.get(key, ()) for key, own in zip(tree.modules, settings, strict=True)]
    layers: dict[str, Sequence[Any]] = {
        "key": list(tree.modules),
        "path": tree.paths,
        "parent": tree.parents,
        "name": tree.names,
        "accessor": tree.accessors,
        "settings": settings,
        "held": held,
        "complete": [key not in unknown for key in tree.modules] if unknown else [True] * len(held),
    }
    builder.add_tree({**layers, **_of_classes(types, examples, tree.modules.values())}, holdings.known)
    explain_packed(builder, holdings.outside)
    _explain_lazy(builder, list(holdings.lazy))
    return Added(tree.modules, holdings.tensors, examples.values())


def _of_classes(types: Sequence[type], examples: Mapping[type, Any], modules: Iterable[Any]) -> Fields:
    """Return the fields of layers that follow from the classes of their modules."""
    kinds = {cls: kind_of(module) for cls, module in examples.items()}
    scripted = any(kind.access == "scripted" for kind in kinds.values())
    names, defined, sources = (
        {cls: getattr(kind, of) for cls, kind in kinds.items()} for of in ("name", "module", "source")
    )
    return {
        "type": list(map(type_name, modules)) if scripted else list(map(names.__getitem__, types)),
        "module": list(map(defined.__getitem__, types)),
        "source": list(map(sources.__getitem__, types)),
        "trainable": [None] * len(types),
    }


def add_one(builder: GraphBuilder, module: Any, holder: Any, segment: str) -> str:
    """Add one module below one that is already there, and return its path."""
    kind = kind_of(module)
    key, name, way = None, plain(segment), ""
    if holder is not None:
        key = id(holder)
        above = builder.layer(key)
        way = above.accessor + accessor(holder, segment, _position(holder, segment))
        segment = name
        if above.name:
            name = f"{above.name}.{segment}"
    return builder.add_layer(
        id(module),
        key,
        segment,
        name=name,
        type=type_name(module),
        module=kind.module,
        settings=Described().of([module])[0],
        accessor=way,
        source=kind.source,
    )


def _position(holder: Any, name: str) -> int | None:
    """Return where a module stands in one whose positions count, None elsewhere."""
    names = list(holder._modules.keys()) if kind_of(holder).access == "position" else []
    return names.index(name) if name in names else None


def _explain_lazy(builder: GraphBuilder, lazy: list[int]) -> None:
    """Say why numbers are missing, if they are."""
    if lazy:
        builder.note(
            (
                f"Lazy layers ({len(lazy):,}) create their weights on the first call, so the number of parameters is "
                "unknown: call the model once on real inputs, and view it again."
            ),
            builder.path_of(lazy[0]) or "",
        )
