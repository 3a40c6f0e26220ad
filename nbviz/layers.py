"""The layers and parameters of a model while it is read, and their order in the graph."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain, count
from operator import attrgetter
from typing import Any, final

from nbviz.graph import Layer
from nbviz.preorder import first_calls, pre_order
from nbviz.records import CallRecord, LayerRecord, Stored

Fields = dict[str, Sequence[Any]]
"""Rows field by field: a sequence for each, all of one length."""

_FIELDS = tuple(field.name for field in fields(LayerRecord))
_OF_LAYER = tuple(field.name for field in fields(Layer) if field.name in _FIELDS)
_STORED = tuple(field.name for field in fields(Stored))


@final
class Layers:
    """Layers as an adapter gives them: one after the other, or a whole tree at once.

    Of a tree nothing is made but what it is given as, until somebody asks for one of its layers: who reads 40,000 modules without
    their calls needs no object for each.

    Attributes
    ----------
    parameters
        What is known of each parameter, by the key that the adapter knows it by.
    """

    def __init__(self) -> None:
        self.parameters: dict[Hashable, Stored] = {}
        self._tree: Fields | None = None
        self._records: list[LayerRecord] = []
        self._of: dict[Hashable, LayerRecord] = {}
        self._paths: set[str] = set()
        self._ordered: tuple[tuple[int, int], list[LayerRecord]] | None = None

    def __len__(self) -> int:
        return len(self._tree["key"]) if self._tree is not None else len(self._records)

    def __getitem__(self, key: Hashable) -> LayerRecord:
        self._take_apart()
        return self._of[key]

    def add(self, record: LayerRecord) -> str:
        """Add a layer, and return its path: a second sibling of the same name gets ``#2``."""
        self._take_apart()
        if record.path in self._paths:
            record.path = numbered(record.path, self._paths)
        self._put(record)
        return record.path

    def add_tree(self, layers: Fields, parameters: Mapping[Hashable, Stored]) -> None:
        """Add all layers of a model in pre-order, before any other, as the fields of ``LayerRecord``."""
        if len(self):
            msg = f"The tree must be added before all other layers, but there are already {len(self):,}."
            raise ValueError(msg)
        self._tree = layers
        self.parameters.update(parameters)

    def _put(self, record: LayerRecord) -> None:
        self._records.append(record)
        self._of[record.key] = record
        self._paths.add(record.path)

    def _take_apart(self) -> None:
        """Make a record of each layer of a tree."""
        if self._tree is None:
            return
        self._records = list(map(LayerRecord, *(self._tree[name] for name in _FIELDS)))
        self._of = dict(zip(self._tree["key"], self._records, strict=True))
        self._paths = set(self._tree["path"])
        self._tree = None

    def path_of(self, key: Hashable) -> str | None:
        """Return the path of the layer with that key, None when there is none."""
        self._take_apart()
        record = self._of.get(key)
        return None if record is None else record.path

    def has_path(self, path: str) -> bool:
        """Tell whether a layer is there."""
        self._take_apart()
        return path in self._paths

    def keys(self) -> list[Hashable]:
        """Return the keys of all layers, in the order in which they were added."""
        return [record.key for record in self._records] if self._tree is None else list(self._tree["key"])

    def hold(self, layer: Hashable, key: Hashable, stored: Stored) -> None:
        """Record that a layer holds a parameter; the first to say so names it, and what is a weight anywhere is no buffer."""
        if stored.outranks(self.parameters.setdefault(key, stored)):
            self.parameters[key] = stored
        self[layer].hold(key)

    def cut(self, first: int) -> list[LayerRecord]:
        """Take out all layers from this one on, in the order in which they were added."""
        self._take_apart()
        cut = self._records[first:]
        del self._records[first:]
        for record in cut:
            del self._of[record.key]
            self._paths.discard(record.path)
        return cut

    def paste(self, cut: Iterable[LayerRecord]) -> None:
        """Put back what was cut."""
        for record in cut:
            self._put(record)

    # In the graph's order

    def in_order(self, calls: Sequence[CallRecord]) -> Fields:
        """Return all layers as fields of ``LayerRecord``: pre-order, siblings by the first call of themselves or anything inside."""
        if not calls and self._tree is not None:
            return self._tree
        return columns_of(_FIELDS, self._order(calls))

    def parameter_keys(self, calls: Sequence[CallRecord]) -> list[Hashable]:
        """Return the keys of the parameters by their id in the graph: in the order of the layers that hold them."""
        if not calls and self._tree is not None:
            held = self._tree["held"]
        else:
            held = [record.held for record in self._order(calls)]
        return list(dict.fromkeys(chain.from_iterable(held)))

    def _order(self, calls: Sequence[CallRecord]) -> list[LayerRecord]:
        self._take_apart()
        known = len(self._records), len(calls)
        if self._ordered is None or self._ordered[0] != known:
            preorder = not calls and _is_preorder(self._records)
            self._ordered = known, self._records if preorder else _in_tree_order(self._records, calls)
        return self._ordered[1]


def columns_of(names: Sequence[str], records: Sequence[Any]) -> Fields:
    """Return these fields of records: a row for each would be made and taken apart again."""
    columns = zip(*map(attrgetter(*names), records), strict=True) if records else [()] * len(names)
    return dict(zip(names, columns, strict=True))


def owners_of(layers: Fields) -> dict[Hashable, tuple[str, ...]]:
    """Return the paths of the layers that hold each parameter, by its key, in the order of the parameters' ids in the graph."""
    owners: dict[Hashable, tuple[str, ...]] = {}
    tied: dict[Hashable, list[str]] = {}
    for path, held in zip(layers["path"], layers["held"], strict=True):
        for key in held:
            if key not in owners:
                owners[key] = (path,)
            else:
                tied.setdefault(key, [*owners[key]]).append(path)
    owners.update((key, tuple(paths)) for key, paths in tied.items())
    return owners


def layer_columns(layers: Fields, ids: Mapping[Hashable, int]) -> Fields:
    """Return the fields of ``nbviz.graph.Layer``; ``ids`` are those of parameters by their keys."""
    known = ids.__getitem__
    held = zip(layers["held"], layers["complete"], strict=True)
    own = [(tuple(map(known, keys)) if keys else ()) if complete else None for keys, complete in held]
    return {**{name: layers[name] for name in _OF_LAYER}, "parameters": own}


def parameter_columns(owners: Mapping[Hashable, tuple[str, ...]], known: Mapping[Hashable, Stored]) -> Fields:
    """Return the fields of ``nbviz.graph.Parameter``."""
    kept = columns_of(_STORED, [known[key] for key in owners])
    return {**kept, "id": range(len(owners)), "owners": list(owners.values())}


def numbered(path: str, taken: Container[str]) -> str:
    """Return a path with the first number behind it, from 2 on, that is not taken."""
    return next(other for n in count(2) if (other := f"{path}#{n}") not in taken)


def _is_preorder(layers: list[LayerRecord]) -> bool:
    """Tell whether each layer comes right after its parent and what is inside its elder siblings."""
    around: list[str] = []
    for record in layers:
        while around and around[-1] != record.parent:
            around.pop()
        if record.parent is not None and not around:
            return False
        around.append(record.path)
    return True


def _in_tree_order(layers: list[LayerRecord], calls: Sequence[CallRecord]) -> list[LayerRecord]:
    number = {record.path: at for at, record in enumerate(layers)}
    around = [-1 if record.parent is None else number[record.parent] for record in layers]
    called = [-1 if call.layer is None else number.get(call.layer, -1) for call in calls]
    return [layers[at] for at in pre_order(around, first_calls(around, called))]
