"""The tree of a model's modules, with the path and accessor of each module."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from itertools import chain, compress
from operator import attrgetter, methodcaller
from typing import Any, final
from unicodedata import normalize

from nbviz.adapters.text import plain
from nbviz.adapters.torch.modules.kinds import holder_of, kind_of
from nbviz.builder import escape, join
from nbviz.layers import numbered

_PART = 256
"""How many modules are found at a time: few enough to be in the processor's cache still when somebody looks at them again."""

_inside, _names = attrgetter("_modules"), methodcaller("keys")

Found = tuple[Any, str, str, str, str | None]
"""A module, its path, its name, the expression that returns it, and the path of the one around it."""

Steps = tuple[list[str], list[str], list[str]]
"""What each module inside another has behind the other's path, name and expression."""


@final
class Tree:
    """The modules of a model in pre-order, each where it is found first.

    Attributes
    ----------
    modules
        The modules by identity.
    paths, names, accessors, parents
        What was found with them, field by field; the model itself has no parent.
    shared
        Whether a module is held more than once.
    """

    def __init__(self) -> None:
        self.modules: dict[int, Any] = {}
        self.paths: list[str] = []
        self.names: list[str] = []
        self.accessors: list[str] = []
        self.parents: list[str | None] = []
        self.shared = False
        self._new: list[Any] = []
        self._steps: dict[tuple[type, tuple[str, ...]], Steps] = {}

    def parts(self, model: Any) -> Iterator[list[Any]]:
        """Find all modules; yield those that are new whenever they are some hundred, and at the end."""
        waiting: list[Iterator[Found]] = [iter([(model, "", "", "", None)])]
        while waiting:
            for found in waiting[-1]:
                inside = self._enter(found) if self._add(found) and found[0]._modules else None
                if inside is not None:
                    waiting.append(inside)
                    break
            else:
                waiting.pop()
            if len(self._new) >= _PART or not waiting:
                yield self._new
                self._new = []

    def _add(self, found: Found) -> bool:
        """Add a module, and tell whether it is new."""
        if id(found[0]) in self.modules:
            self.shared = True
            return False
        self._take([[field] for field in found])
        return True

    def _take(self, columns: list[list[Any]]) -> None:
        """Add modules that are new, with what was found with them, field by field as in ``Found``."""
        modules, paths, names, accessors, parents = columns
        self.modules.update(zip(map(id, modules), modules, strict=True))
        self._new += modules
        self.paths += paths
        self.names += names
        self.accessors += accessors
        self.parents += parents

    def paths_inside(self, module: Any, path: str) -> list[str]:
        """Return the paths of the modules directly inside one, where they are not found in another place first."""
        return [join(path, step) for step in self._steps_of(module, tuple(module._modules.keys()))[0]]

    def _enter(self, found: Found) -> Iterator[Found] | None:
        """Return the modules directly inside one; None where they were added all at once, with what is inside them."""
        holder, path, name, accessor, _ = found
        inside = holder._modules
        paths, names, accessors = self._steps_of(holder, tuple(inside.keys()))
        before, dotted = join(path, ""), f"{name}." if name else ""
        columns: list[list[Any]] = [
            list(inside.values()),
            [before + step for step in paths],
            [dotted + step for step in names],
            [accessor + step for step in accessors],
            [path] * len(paths),
        ]
        there = [module is not None for module in columns[0]]
        if not all(there):
            columns = [list(compress(column, there)) for column in columns]
        return None if self._add_all(columns) else zip(*columns, strict=True)

    def _add_all(self, columns: list[list[Any]]) -> bool:
        """Add modules that are siblings if there is nothing inside them, or the same in each of them; tell whether they were added.

        Most modules of a large model are such: what takes a moment for each is done for all at once.
        """
        inside = list(map(_inside, columns[0]))
        if any(inside):
            if not _are_alike(columns[0], inside):
                return False
            columns = self._with_inside(columns, [list(held.values()) for held in inside])
        new = set(map(id, columns[0]))
        if len(new) < len(columns[0]) or not self.modules.keys().isdisjoint(new):
            return False
        self._take(columns)
        return True

    def _with_inside(self, columns: list[list[Any]], inside: list[list[Any]]) -> list[list[Any]]:
        """Return siblings that are alike, each followed by what is inside it."""
        holders, paths, names, accessors, parents = columns
        steps = self._steps_of(holders[0], tuple(holders[0]._modules.keys()))
        after = [("", *(f"{before}{step}" for step in of)) for before, of in zip(("/", ".", ""), steps, strict=True)]
        dotted = [name + step for name in names for step in after[1]]
        return [
            [module for holder, inner in zip(holders, inside, strict=True) for module in (holder, *inner)],
            [path + step for path in paths for step in after[0]],
            dotted if all(names) else [name.removeprefix(".") for name in dotted],
            [accessor + step for accessor in accessors for step in after[2]],
            [
                holder
                for above, path in zip(parents, paths, strict=True)
                for holder in (above, *[path] * len(inside[0]))
            ],
        ]

    def _steps_of(self, holder: Any, names: tuple[str, ...]) -> Steps:
        """Return the steps from a module to those inside it, once for all modules of its class with such names inside."""
        key = type(holder), names
        if key not in self._steps:
            self._steps[key] = _steps(holder, names)
        return self._steps[key]


def _are_alike(modules: list[Any], inside: list[Mapping[str, Any]]) -> bool:
    """Tell whether modules are of one class, and hold others of the same names that hold none."""
    if len(set(map(type, modules))) > 1 or len(set(map(tuple, map(_names, inside)))) > 1:
        return False
    inner = list(chain.from_iterable(held.values() for held in inside))
    return type(None) not in map(type, inner) and not any(map(_inside, inner))


def _steps(holder: Any, names: tuple[str, ...]) -> Steps:
    """Return the steps from a module to those inside it; a second one of the same path gets a number."""
    shown = [plain(name) for name in names]
    paths = dict[str, None]()
    for path in map(escape, shown):
        taken = path in paths or not path  # by the model
        paths[numbered(path, paths) if taken else path] = None
    return list(paths), shown, [accessor(holder, name, position) for position, name in enumerate(names)]


def accessor(holder: Any, name: Any, position: int | None) -> str:
    """Return what follows the expression of a module for that of one inside it, which has a position if it is held by PyTorch."""
    if not isinstance(name, str):
        return f"._modules[{name!r}]"
    access = kind_of(holder).access
    if access == "key":
        return f"[{name!r}]"
    if access == "position" and position is not None and name.isdecimal():
        return f"[{position}]"  # in a part of another container that is not what its name says
    if access == "number" and _is_number(name, len(holder._modules)):
        return f"[{name}]"
    if name.isidentifier() and not keyword.iskeyword(name) and normalize("NFKC", name) == name:
        # what the class has under that name is found first
        return f".{name}" if holder_of(type(holder), name) is None else f"._modules[{name!r}]"
    return f"._modules[{name!r}]" if access == "scripted" or "." in name or not name else f".get_submodule({name!r})"


def _is_number(name: str, count: int) -> bool:
    """Tell whether a name is that of one of so many modules in a list, as the list itself writes it."""
    return name.isdecimal() and len(name) <= len(str(count)) and int(name) < count and str(int(name)) == name
