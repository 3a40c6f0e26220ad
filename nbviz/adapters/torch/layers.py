"""Gives the modules of a model layers of the graph."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbviz.adapters.text import plain
from nbviz.adapters.torch.kinds import kind_of, type_name
from nbviz.adapters.torch.parameters import Holdings, explain_packed
from nbviz.adapters.torch.settings import Described
from nbviz.adapters.torch.shared import told_of_others, with_others
from nbviz.adapters.torch.tree import Tree, accessor
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
        examples.update(zip(classes, part, strict=True))
        settings += described.of(part)
        held += holdings.of(part)
    told, unknown = [holdings.placements], set(holdings.lazy)
    if tree.shared:
        told.append(told_of_others(tree))
        held, unknown = with_others(tree, held, holdings.lazy)
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
    known = {cls: kind_of(module) for cls, module in examples.items()}
    kinds = [known[cls] for cls in types]
    scripted = any(kind.access == "scripted" for kind in known.values())
    return {
        "type": list(map(type_name, modules)) if scripted else [kind.name for kind in kinds],
        "module": [kind.module for kind in kinds],
        "source": [kind.source for kind in kinds],
        "trainable": [None] * len(kinds),
    }


def add_one(builder: GraphBuilder, module: Any, holder: Any, segment: str) -> str:
    """Add one module below one that is already there, and return its path."""
    kind = kind_of(module)
    key, name, way = None, plain(segment), ""
    if holder is not None:
        key, names = id(holder), list(holder._modules)
        above = builder.layer(key)
        way = above.accessor + accessor(holder, segment, names.index(segment) if segment in names else None)
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


def _explain_lazy(builder: GraphBuilder, lazy: list[int]) -> None:
    """Say why numbers are missing, if they are."""
    if lazy:
        builder.note(
            f"Lazy layers ({len(lazy):,} of them) get their weights when they first run, so that the numbers of parameters are not "
            "known yet: call the model once on real inputs, and view it again.",
            builder.path_of(lazy[0]) or "",
        )
