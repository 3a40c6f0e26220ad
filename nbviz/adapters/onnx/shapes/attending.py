"""Replaces onnxruntime's attention operations by standard ones with the same output shapes.

Beside what they are asked for, these operations give the keys and values for the next step: (batch, heads, positions, size).
"""

from __future__ import annotations

from typing import Any

from nbviz.adapters.onnx.shapes.standing_in import FLOAT, Rule, Standard, attribute

_BOTH = 2
"""Keys and values."""

_APART = 4
"""Axes of keys and values that have their heads apart."""


def of_heads(past: int, buffer: int) -> Rule:
    """Return the rule of an attention with heads; inputs from ``past`` on are earlier keys and values.

    The input ``buffer`` is given where these are as long as ever needed, and filled in part.
    """

    def rule(to: Standard, node: Any) -> bool:
        _attended(to, node)
        for at in range(_BOTH):
            given, result = _name(node.input, past + at), _name(node.output, 1 + at)
            if result and given and _name(node.input, buffer):
                to.add("Identity", given, to=result)
            elif result:
                added = _added(to, node, 1 + at)
                to.concat((given, added) if given else (added,), axis=2, to=result)
        return True

    return rule


def _attended(to: Standard, node: Any) -> None:
    """Make as many positions as there are queries, as wide as the values are; some or all may come in one."""
    query, key, value = (_name(node.input, at) for at in range(3))
    if key and to.axes(key) == _APART:  # (batch, heads, positions, size)
        to.add("Reshape", to.einsum("bpw,bhks->bphs", query, value or key), to.numbers(0, 0, -1), to=node.output[0])
    elif key and value:
        to.add("MatMul", to.einsum("bij,bkj->bik", query, key), value, to=node.output[0])
    elif key:
        to.add("Identity", query, to=node.output[0])
    else:  # (batch, positions, heads, 3, size)
        to.add("Reshape", to.einsum("bphks->bphs", query), to.numbers(0, 0, -1), to=node.output[0])


def _added(to: Standard, node: Any, at: int) -> str:
    """Add the keys, or the values, that an attention is given; return their name."""
    query, key, value = (_name(node.input, at) for at in range(3))
    if key and value:
        given = str(node.input[at])
        return given if to.axes(given) == _APART else _parted(to, given, attribute(node, "num_heads"))
    return to.einsum("bphks->bhps", key or query)


def _parted(to: Standard, name: str, heads: int) -> str:
    """Add the heads of a tensor that has them in one; return their name."""
    alone = to.einsum("bpw->bpw", name)  # of what has other axes nothing is known
    return to.einsum("bphs->bhps", to.add("Reshape", alone, to.numbers(0, 0, heads, -1)))


def in_groups(to: Standard, node: Any) -> bool:
    """Make something like the queries, which may come with keys and values behind them."""
    heads, others = attribute(node, "num_heads"), attribute(node, "kv_num_heads")
    query, key, value = (_name(node.input, at) for at in range(3))
    parted = ""
    if key and value:
        to.add("Identity", query, to=node.output[0])
    else:
        parted = to.add("Reshape", query, to.numbers(0, 0, heads + 2 * others, -1))
        queries = to.add("Slice", parted, to.numbers(0), to.numbers(heads), to.numbers(2))
        to.add("Reshape", queries, to.numbers(0, 0, -1), to=node.output[0])
    for at, result in enumerate(list(node.output)[1:3]):
        past = _name(node.input, 3 + at)
        if result and past:  # it may be a buffer: how long the result is depends on a value
            to.einsum("bhps,at->bhts", past, to.add("NonZero", past), to=result)
        elif result and parted:
            own = to.add("Slice", parted, to.numbers(heads), to.numbers(heads + others), to.numbers(2))
            to.einsum("bphs->bhps", own, to=result)
        elif result:
            to.add("Identity", _parted(to, node.input[1 + at], others), to=result)
    return heads > 0


def projected(past: int, buffer: int) -> Rule:
    """Return the rule of an attention that projects to queries, keys and values in one; these have a third each."""

    def rule(to: Standard, node: Any) -> bool:
        dims = to.dims(_name(node.input, 1))
        width = dims[-1] // 3 if dims else 0
        if not dims or not width or any(a.name == "qkv_hidden_sizes" for a in node.attribute):
            return False
        source = to.cast(node.input[0], FLOAT)
        made = to.add("MatMul", source, to.weight(dims[0], width), to=node.output[0])
        given, result = _name(node.input, past), _name(node.output, 1)
        if result and given and _name(node.input, buffer):
            to.add("Identity", given, to=result)
        elif result:  # keys and values in one: (2, batch, heads, positions, size)
            keys = _parted(to, made, attribute(node, "num_heads"))
            both = to.einsum("k,bhps->kbhps", to.weight(_BOTH), keys)
            to.concat((given, both) if given else (both,), axis=3, to=result)
        return True

    return rule


def _name(names: Any, at: int) -> str:
    return names[at] if at < len(names) else ""
