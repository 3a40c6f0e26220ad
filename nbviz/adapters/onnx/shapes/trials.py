"""Finds sizes that depend on the inputs in ways that symbols cannot express, by trying a few numbers.

Exporters compute sizes where axes are open: positions are cut to as many as there are, heads are taken apart by what ``Shape``
gives. With numbers in the place of the symbols all that is worked out; a size that is the same number each time is that number,
and one that is each time what a symbol was, or as many times as much, is the symbol.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from nbviz.adapters.onnx.shapes.expressions import size_of
from nbviz.adapters.onnx.shapes.inference import for_sizes
from nbviz.adapters.onnx.shapes.sizes import open_sizes
from nbviz.adapters.onnx.types import Described, Types, is_nameless, type_proto
from nbviz.shape import Dim

_NUMBERS = (5, 7, 11, 13, 17, 19, 23), (29, 31, 37, 41, 43, 47, 53)
"""What is tried in the place of symbols: primes, since no size is one of them by chance.

The second ones are several times the first, so that what has an end, such as a table of positions, is not taken for a number.
"""

_MOST_NODES = 1 << 14


def name_open_sizes(model: Any) -> None:
    """Write into a model the sizes without a name that numbers in the place of its inputs' symbols tell.

    Parameters
    ----------
    model
        A model with the shapes that are inferred (see ``inference.with_shapes``), into which is written.
    """
    graph = model.graph
    entering = open_sizes(graph)
    tried = "" not in entering and all(info.type.WhichOneof("value") == "tensor_type" for info in graph.input)
    if not (tried and 0 < len(entering) <= len(_NUMBERS[0])) or len(graph.node) > _MOST_NODES:
        return
    trials = [_sizes(entering, numbers) for numbers in _NUMBERS]
    known = Types([*graph.value_info, *graph.output], {})
    lost = [info for info in (*graph.value_info, *graph.output) if _is_lost(known.of(info.name), trials[0])]
    if not lost:
        return
    found = [_types(for_sizes(model, sizes)) for sizes in trials]
    for info in lost:
        _write(info, known.of(info.name), [types.of(info.name)[1] for types in found], trials)


def _is_lost(known: Described, sizes: Mapping[str, int]) -> bool:
    """Tell whether a tensor has a size that has no name, or one that the file has made up for it."""
    spec, dims = known
    return spec.dtype is not None and (dims is None or any(_is_open(dim, sizes) for dim in dims))


def _is_open(dim: Dim, sizes: Mapping[str, int]) -> bool:
    if isinstance(dim, int) or dim in sizes:
        return False
    return is_nameless(dim) or size_of(str(dim), sizes) is None


def _types(graph: Any) -> Types:
    return Types([*graph.value_info, *graph.output], {})


def _sizes(symbols: Sequence[str], numbers: Sequence[int]) -> Mapping[str, int]:
    """Return a number for each symbol; some are expressions of others."""
    sizes = dict(zip(symbols, numbers, strict=False))
    return {symbol: size_of(symbol, sizes) or size for symbol, size in sizes.items()}


def _write(
    info: Any, known: Described, found: Sequence[Sequence[Dim] | None], trials: Sequence[Mapping[str, int]]
) -> None:
    spec, before = known
    first, second = found
    if first is None or second is None or len(first) != len(second) or len(first) != len(before or first):
        return
    told = [_told(pair, trials) for pair in zip(first, second, strict=True)]
    pairs = zip(before or [None] * len(first), told, strict=True)
    dims = [now if now is not None and _is_open(dim, trials[0]) else dim for dim, now in pairs]
    info.type.CopyFrom(type_proto(spec.dtype, dims))


def _told(sizes: tuple[Dim, Dim], trials: Sequence[Mapping[str, int]]) -> Dim:
    """Return what a size is that has been these two: a number, a multiple of one or two symbols, None where it is something else."""
    first, second = sizes
    if not isinstance(first, int) or not isinstance(second, int):
        return None
    if first == second:
        return first
    factors = [symbol for symbol in trials[0] if symbol.isidentifier() and not is_nameless(symbol)]
    alone, pairs = combinations(trials[0], 1), combinations(factors, 2)
    for symbols in (*alone, *pairs):
        once, again = (math.prod(trial[symbol] for symbol in symbols) for trial in trials)
        times, rest = divmod(first, once)
        if times and not rest and second == times * again:
            named = times == len(symbols) == 1 or set(symbols) <= set(factors)
            return "*".join((*[str(times)] * (times > 1), *symbols)) if named else None
    return None
