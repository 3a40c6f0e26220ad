"""Modules that are held more than once: each has one row, where PyTorch finds it first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from nbviz.adapters.text import plain
from nbviz.adapters.torch.settings import Settings
from nbviz.adapters.torch.tree import Tree
from nbviz.adapters.torch.walk import modules_of


def told_of_others(tree: Tree) -> dict[int, Settings]:
    """Return, for each module that holds others which have their rows in other places, what tells that: more of its settings."""
    names = dict(zip(tree.modules, tree.names, strict=True))
    found: dict[int, Settings] = {}
    for key, inside in _elsewhere(tree):
        found[key] = tuple((plain(name), f"same as {names[id(child)] or 'the model'}") for name, child in inside)
    return found


def with_others(
    tree: Tree, own: Sequence[tuple[Hashable, ...]], lazy: Mapping[int, None]
) -> tuple[list[tuple[Hashable, ...]], set[int]]:
    """Return what each module holds with what it shares with one outside itself, and those of which that is not all known.

    Whoever holds a shared module has its parameters too, as PyTorch counts.
    """
    held, paths = dict(zip(tree.modules, own, strict=True)), dict(zip(tree.modules, tree.paths, strict=True))
    inner: dict[int, tuple[dict[Hashable, None], bool]] = {}
    added: dict[int, dict[Hashable, None]] = {}
    unknown = set(lazy)
    for key, inside in _elsewhere(tree):
        path = paths[key]
        for _, child in inside:
            if not path or paths[id(child)].startswith(f"{path}/"):
                continue
            if id(child) not in inner:
                modules = [id(module) for module in modules_of(child)]
                inner[id(child)] = (
                    dict.fromkeys(k for m in modules for k in held[m]),
                    not lazy.keys().isdisjoint(modules),
                )
            keys, is_lazy = inner[id(child)]
            added.setdefault(key, dict.fromkeys(held[key])).update(keys)
            if is_lazy:
                unknown.add(key)
    return [tuple(added.get(key, keys)) for key, keys in held.items()], unknown


def _elsewhere(tree: Tree) -> Iterator[tuple[int, list[tuple[str, Any]]]]:
    """Yield the modules that hold others which have their rows in other places, by identity, with the names of these."""
    paths = dict(zip(tree.modules, tree.paths, strict=True))
    for key, module in tree.modules.items():
        inside = zip(tree.paths_inside(module, paths[key]), module._modules.items(), strict=True)
        others = [(name, child) for path, (name, child) in inside if child is not None and paths[id(child)] != path]
        if others:
            yield key, others
