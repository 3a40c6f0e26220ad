"""A module's configuration as plain, short values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import is_, is_not
from typing import Any, final

from nbviz.adapters.simple import simple
from nbviz.adapters.torch.modules.kinds import is_builtin, kind_of
from nbviz.graph import Setting

_ABSENT = object()

Settings = tuple[tuple[str, Setting], ...]


@final
class Described:
    """Tells what the modules of one model were given, as far as they keep it, and whether they train.

    What is the same object in many modules, a configuration say, is described once, and so are modules that hold the same objects.
    """

    def __init__(self) -> None:
        self._texts: dict[int, Setting] = {}
        self._known: dict[type, dict[tuple[int, ...], Settings]] = defaultdict(dict)

    def of(self, modules: Sequence[Any]) -> list[Settings]:
        """Return the settings of each of these modules, which live as long as this."""
        alike: dict[type, list[int]] = defaultdict(list)
        for place, cls in enumerate(map(type, modules)):
            alike[cls].append(place)
        found: list[Settings] = [()] * len(modules)
        for places in alike.values():
            for place, settings in zip(places, self._of_alike([modules[at] for at in places]), strict=True):
                found[place] = settings
        return found

    def _of_alike(self, modules: Sequence[Any]) -> list[Settings]:
        """Return the settings of modules of one class."""
        kind, attributes = kind_of(modules[0]), list(map(vars, modules))
        names = (*(name for name in kind.arguments if name != "training"), "training")
        given = [_values(name, attributes) for name in names]
        if is_builtin(type(modules[0])):
            given[-1] = [_trains(m) if value is _ABSENT else value for m, value in zip(modules, given[-1], strict=True)]
        # most modules of a class are alike, and need no look at each
        if not any(any(map(is_not, values, repeat(values[0]))) for values in given):
            given = [values[:1] for values in given]
        known, found = self._known[type(modules[0])], list[Settings]()
        for at, same in enumerate(zip(*(map(id, values) for values in given), strict=True)):
            settings = known.get(same)
            if settings is None:
                settings = known[same] = self._described(names, [values[at] for values in given])
            found.append(settings)
        return found if len(found) == len(modules) else found * len(modules)

    def _described(self, names: Sequence[str], values: Sequence[Any]) -> Settings:
        given = zip(names, values, strict=True)
        return tuple([(name, self._remembered(value)) for name, value in given if value is not _ABSENT])

    def _remembered(self, value: Any) -> Setting:
        if id(value) not in self._texts:
            self._texts[id(value)] = simple(value)
        return self._texts[id(value)]


def _trains(module: Any) -> Any:
    """Return whether a module trains that keeps it elsewhere, as scripted and compiled ones do."""
    try:
        return module.training
    except Exception:  # noqa: BLE001 - a frozen one does not know, and a compiled one asks the user's
        return _ABSENT


def _values(name: str, attributes: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what modules of one class keep under the name of an argument; of a parameter, ``bias=True``, whether it is there."""
    values = [held.get(name, _ABSENT) for held in attributes]
    if not any(map(is_, values, repeat(_ABSENT))):
        return values
    # of a scripted module they are no dict
    there = [p[name] is not None if (p := held.get("_parameters")) and name in p else _ABSENT for held in attributes]
    return [other if value is _ABSENT else value for value, other in zip(values, there, strict=True)]
