"""Which rows a text means: the same as in ``js/src/search.ts``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from typing import Final

from nbviz.metrics import Metrics
from nbviz.shape import Shape

_NAME_END: Final = "\t"
"""No word holds one, so that it tells names from everything else, and where each of them ends."""


def matching_paths(metrics: Metrics, text: str) -> AbstractSet[str] | None:
    """Return the paths of the rows that a text means; None when there is nothing to look for.

    Every word, in either case, must occur in the names, type, dtype or output shapes of a row, or in the name, dtype or shape of
    a parameter that it holds or reads. A parameter's full name is that of a layer, a dot or a slash, and its own.
    """
    words = text.lower().split()
    if not words:
        return None
    texts = _row_texts(metrics)
    found = [True] * len(texts)
    for word in words:
        using = _rows_using(metrics, _matching_parameters(metrics, texts, word))
        found = [was and (row in using or word in texts[row]) for row, was in enumerate(found)]
    return set(compress(metrics.tree.path, found))


def _rows_using(metrics: Metrics, matching: AbstractSet[int]) -> AbstractSet[int]:
    """Return the rows that hold one of these parameters, and the operations that read it of a layer around."""
    tree = metrics.tree
    reading = zip(tree.row_of_call, metrics.graph.calls.column("parameters"), strict=True)
    uses = [
        *enumerate(metrics.held),
        *((row, ids) for row, ids in reading if row >= 0 and tree.kind[row] == "operation"),
    ]
    return {row for row, ids in uses if not matching.isdisjoint(ids)}


def _matching_parameters(metrics: Metrics, texts: Sequence[str], word: str) -> AbstractSet[int]:
    """Return the parameters that have the word in them, or in their full names."""
    index, splits = metrics.tree.index, list(_splits(word))
    found = set()
    for parameter in metrics.graph.parameters:
        own = "\n".join((parameter.name, parameter.dtype or "", *_shape_texts(parameter.shape))).lower()
        holders = [texts[index[path]] for path in parameter.owners]
        if word in own or any(
            own.startswith(begin) and any(end in holder for holder in holders) for end, begin in splits
        ):
            found.add(parameter.id)
    return found


def _splits(word: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to read a word as the end of a layer's name and the beginning of a parameter's."""
    for mark in re.finditer(r"[./]", word):
        yield word[: mark.start()] + _NAME_END, word[mark.end() :]


def _row_texts(metrics: Metrics) -> Sequence[str]:
    """Return what is looked at of each row itself, in lower case: names first, then type, dtype and output shapes."""
    tree, layers, nodes = metrics.tree, metrics.graph.layers.column("name"), _node_names(metrics)
    columns = (tree.path, tree.labels, tree.layer, metrics.columns["type"], metrics.columns["dtype"], metrics.outputs)
    texts = []
    for row, (path, label, layer, kind, dtype, outputs) in enumerate(zip(*columns, strict=True)):
        names = (path, label, layers[layer] if layer >= 0 else "", *nodes.get(row, ()))
        # a newline between the other fields: a word never matches across two of them
        others = (kind or "", dtype or "", *(text for spec in outputs for text in _shape_texts(spec.shape)))
        texts.append(("".join(name + _NAME_END for name in names) + "\n".join(others)).lower())
    return texts


def _node_names(metrics: Metrics) -> Mapping[int, Iterable[str]]:
    """Return how a file calls the nodes that are the calls of a row: it names what nbviz numbers."""
    found: dict[int, dict[str, None]] = {}
    for row, settings in zip(metrics.tree.row_of_call, metrics.graph.calls.column("settings"), strict=True):
        name = next((value for key, value in settings if key == "name" and isinstance(value, str)), "")
        if row >= 0 and name:
            found.setdefault(row, {})[name] = None
    return found


def _shape_texts(shape: Shape | None) -> Iterator[str]:
    """Yield the ways in which a shape may be typed."""
    if shape is None:
        yield "?"
        return
    printed = str(shape)
    dims = [str(dim) for axis, dim in enumerate(shape) if axis or dim is not None]
    yield from (printed, printed.replace(" ", ""))
    yield from (mark.join(dims) or "scalar" for mark in ("x", "\N{MULTIPLICATION SIGN}"))
