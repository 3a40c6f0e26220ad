"""Modules that are held more than once: each has one row, at the place where PyTorch finds it first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.settings import Settings
from nbviz.adapters.torch.modules.tree import Tree
from nbviz.adapters.torch.modules.walk import modules_of

Shared = Mapping[int, Sequence[tuple[str, Any]]]
"""The modules inside each, with their names there, that have their rows in other places; by identity."""


def shared_in(tree: Tree) -> Shared:
    """Return what modules hold that PyTorch finds in other places first."""
    paths = dict(zip(tree.modules, tree.paths, strict=True))
    found = {}
    for key, module in tree.modules.items():
        inside = zip(tree.paths_inside(module, paths[key]), module._modules.items(), strict=True)
        others = [(name, child) for path, (name, child) in inside if child is not None and paths[id(child)] != path]
        if others:
            found[key] = others
    return found


def settings_of_shared(shared: Shared, tree: Tree) -> dict[int, Settings]:
    """Return what tells of a module that it holds others that have their rows in other places: more of its settings."""
    names = dict(zip(tree.modules, tree.names, strict=True))
    return {
        key: tuple((plain(name), f"same as {names[id(child)] or 'the model'}") for name, child in inside)
        for key, inside in shared.items()
    }


def with_shared(
    shared: Shared, tree: Tree, own: Sequence[tuple[Hashable, ...]], lazy: Mapping[int, None]
) -> tuple[list[tuple[Hashable, ...]], set[int]]:
    """Return what each module holds with what it shares with one outside itself, and those of which that is not all known.

    Whoever holds a shared module has its parameters too, as PyTorch counts.
    """
    held, paths = dict(zip(tree.modules, own, strict=True)), dict(zip(tree.modules, tree.paths, strict=True))
    inner: dict[int, list[int]] = {}
    tensors: dict[int, dict[Hashable, None]] = {}
    found, unknown = dict(held), set(lazy)
    for key, inside in shared.items():
        outside = [c for _, c in inside if paths[key] and not paths[id(c)].startswith(f"{paths[key]}/")]
        keys = dict.fromkeys(held[key])
        for child in outside:
            if id(child) not in inner:
                inner[id(child)] = [id(module) for module in modules_of(child)]
                tensors[id(child)] = dict.fromkeys(k for module in inner[id(child)] for k in held[module])
            keys.update(tensors[id(child)])
            if not lazy.keys().isdisjoint(inner[id(child)]):
                unknown.add(key)
        found[key] = tuple(keys)
    return list(found.values()), unknown
