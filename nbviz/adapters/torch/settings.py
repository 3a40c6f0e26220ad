"""A module's configuration as plain, short values."""

from __future__ import annotations

from typing import Any

from nbviz.adapters.simple import simple
from nbviz.adapters.torch.kinds import kind_of
from nbviz.graph import Setting

_NUMBERS = frozenset({bool, int, float, type(None)})


def settings_of(module: Any, texts: dict[int, Setting]) -> tuple[tuple[str, Setting], ...]:
    """Return what a module's constructor was given, as far as it keeps it, and whether it trains.

    ``texts`` remembers what objects look like that many modules hold, such as a configuration, by identity.
    """
    attributes = vars(module)
    parameters = attributes.get("_parameters") or {}
    found: list[tuple[str, Setting]] = []
    for name in kind_of(module).arguments:
        if name in attributes:
            value = attributes[name]
            found.append((name, value if type(value) in _NUMBERS else _remembered(value, texts)))
        elif name in parameters:  # bias=True
            found.append((name, parameters[name] is not None))
    found.append(("training", bool(attributes.get("training", False))))
    return tuple(found)


def _remembered(value: Any, texts: dict[int, Setting]) -> Setting:
    if id(value) not in texts:
        texts[id(value)] = simple(value)
    return texts[id(value)]
