"""A layer's configuration as plain, short values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nbviz.adapters.keras.kinds import is_builtin, is_kind
from nbviz.adapters.keras.text import plain, short
from nbviz.graph import Setting

_LONGEST = 16
_SKIPPED = frozenset({"layers", "input_layers", "output_layers", "build_input_shape", "build_config", "cell", "layer"})
_DEPTH = 4


def settings_of(layer: Any) -> tuple[tuple[str, Setting], ...]:
    """Return a layer's settings in Keras's order; never raises and never returns large values."""
    try:
        config = _config(layer)
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        config = _from_signature(layer)
    return tuple(
        (plain(key), simple(_unpacked(layer, key, value))) for key, value in config.items() if key not in _SKIPPED
    )


def _unpacked(layer: Any, key: Any, value: Any) -> Any:
    """Return the function where Keras has marshalled a lambda to bytecode (``activation=lambda x: 2 * x``)."""
    if isinstance(value, Mapping) and "class_name" not in value:
        held = vars(layer).get(key)
        return held if inspect.isfunction(held) else value
    return value


def _config(layer: Any) -> Mapping[str, Any]:
    if is_kind(layer, "Functional", "Sequential"):
        # Their get_config serialises and copies the whole graph inside.
        return {"name": layer.name, "trainable": layer.trainable}
    if is_kind(layer, "Lambda"):
        # Keras would marshal the function's bytecode, and warn.
        given = vars(layer)
        return {
            "name": layer.name,
            "trainable": layer.trainable,
            "function": getattr(given.get("function"), "__name__", "?"),
            "arguments": given.get("arguments") or None,
        }
    config = layer.get_config()
    if not isinstance(config, Mapping):
        return _from_signature(layer)
    if "dtype" not in config and not is_builtin(type(layer)):
        return {**config, "dtype": layer.dtype_policy.name}
    return config


def _from_signature(layer: Any) -> Mapping[str, Any]:
    """Read what the constructor takes from the attributes of the same names."""
    found: dict[str, Any] = {}
    try:
        found["name"] = layer.name
        for name in inspect.signature(type(layer).__init__).parameters:
            if name in vars(layer):
                found[name] = vars(layer)[name]
        found["dtype"] = layer.dtype_policy.name
    except Exception:  # noqa: BLE001 - a model's own code may raise anything
        return found
    return found


def simple(value: Any, depth: int = 0) -> Setting:
    """Return a value of a configuration as a plain value, or as short text."""
    if value is None or type(value) in (bool, int, float):
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return short(value)
    if isinstance(value, Mapping):
        return _object_text(value, depth)
    if isinstance(value, (list, tuple)) and depth < _DEPTH:
        return _sequence(value, depth)
    return _other(value)


def _sequence(values: list[Any] | tuple[Any, ...], depth: int) -> Setting:
    if len(values) <= _LONGEST:
        return tuple(simple(value, depth + 1) for value in values)
    head = ", ".join(str(simple(value, depth + 1)) for value in values[:3])
    return f"[{short(head)}, … {len(values):,} values]"


def _object_text(value: Mapping[Any, Any], depth: int) -> Setting:
    """Write what Keras has serialised, or a plain dict, as it would be typed."""
    if depth >= _DEPTH:
        return "…"
    if "class_name" not in value:
        parts = [f"{plain(k)}: {simple(v, depth + 1)}" for k, v in list(value.items())[:_LONGEST]]
        more = ", …" if len(value) > _LONGEST else ""
        return short(f"{{{', '.join(parts)}{more}}}", 400)
    kind, config = plain(value["class_name"]), value.get("config")
    if kind == "__lambda__":
        return "<lambda>"
    if not isinstance(config, Mapping):
        return plain(config) if kind == "function" else kind
    if kind.endswith("DTypePolicy") or kind == "function":
        return plain(config.get("name", kind))
    if "build_config" in value or "layers" in config:
        return f"{kind} {config.get('name', '')!r}"
    given = [f"{k}={simple(v, depth + 1)!r}" for k, v in config.items() if v is not None]
    return short(f"{kind}({', '.join(given)})", 400)


def _other(value: Any) -> Setting:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        if not len(shape) and hasattr(value, "item") and type(value).__module__.startswith("numpy"):
            return simple(value.item(), _DEPTH)
        return short(f"{type(value).__name__} {tuple(shape)} {dtype}")
    name = getattr(value, "__name__", None)
    if isinstance(name, str):
        return short(name)
    if is_kind(value, "Layer"):
        return short(f"{type(value).__name__} {value.name!r}")
    if getattr(type(value), "__repr__", None) is object.__repr__:
        return f"{type(value).__name__}()"
    return short(value)
