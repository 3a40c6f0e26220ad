"""Infers shapes in several rounds if one pass might need too much memory.

How much that is can only be told from above, and far above where sizes are not known. The nodes in doubt are left out first;
what is inferred without them tells more of the sizes, and so clears most of them for the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from nbviz.adapters.onnx.shapes.fragile import guarded
from nbviz.adapters.onnx.shapes.growth import Doubtful, doubtful
from nbviz.adapters.onnx.types import described, is_sized
from nbviz.adapters.text import label
from nbviz.errors import counted

_LEFT_OUT = "!"
"""Ends the name of an operation that is left out, which the inference does not know then."""

_ROUNDS = 32
_NODES = 1 << 17
"""Nodes that are walked through in all rounds, about."""


def infer_in_rounds(model: Any, note: Callable[[str], None], inferred: Iterable[Any] = ()) -> Any:
    """Return a model with the shapes that can be inferred in little memory.

    Parameters
    ----------
    model
        The model.
    note
        Is told what had to be left out.
    inferred
        What has been inferred of tensors before, which may clear all doubt.
    """
    doubt = _doubt_beside(model, inferred)
    if not doubt.values:
        return _inferred(model, ())
    said = {info.name for info in _infos(model.graph)}
    for _ in range(max(2, min(_ROUNDS, _NODES // len(model.graph.node)))):
        before = doubt
        model = _inferred(model, before.values)
        doubt = doubtful(model, {info.name for info in _infos(model.graph)} - said)
        if not doubt.values:
            return _inferred(model, ())
        if doubt == before:
            break
    model = _inferred(model, doubt.shapes, follows=False)
    if behind := _unknown_behind(model.graph, doubt):
        more = f", and after {counted(len(behind) - 1, 'other node')}" if len(behind) > 1 else ""
        note(
            "This model computes shapes that may grow beyond any tensor, so nbviz does not follow them: after "
            f"the node that produces {label(behind[0])!r}{more}, only the shapes stored in the file are shown."
        )
    return model


def _doubt_beside(model: Any, inferred: Iterable[Any]) -> Doubtful:
    """Tell which nodes are doubtful where something has been inferred of tensors of which the model says nothing."""
    infos = model.graph.value_info
    said, before = {info.name for info in _infos(model.graph)}, len(infos)
    infos.extend(info for info in inferred if info.name not in said)
    doubt = doubtful(model, {info.name for info in infos[before:]})
    del infos[before:]
    return doubt


def _inferred(model: Any, left_out: Collection[int], *, follows: bool = True) -> Any:
    from onnx.shape_inference import infer_shapes

    for at in left_out:
        model.graph.node[at].op_type += _LEFT_OUT
    sparse = list(model.graph.sparse_initializer)  # whose type no operation takes; each is there as a dense one too
    del model.graph.sparse_initializer[:]
    changed = [model.graph]
    try:
        shaped = guarded(lambda given: infer_shapes(given, data_prop=follows), model)
        changed += [shaped.graph] if shaped is not model else []
    finally:
        for graph in changed:
            graph.sparse_initializer.extend(sparse)
            for at in left_out:
                graph.node[at].op_type = graph.node[at].op_type.removesuffix(_LEFT_OUT)
    return shaped


def _infos(graph: Any) -> list[Any]:
    """Return what has a type of what nodes make."""
    return [info for info in (*graph.value_info, *graph.output) if info.type.WhichOneof("value")]


def _unknown_behind(graph: Any, doubt: Doubtful) -> list[str]:
    """Return the first results of the nodes in doubt behind which a size is not known."""
    known = {info.name for info in _infos(graph) if is_sized(described(info.type)[1])}
    origin: dict[str, int] = {}
    found: dict[int, None] = {}
    for at, node in enumerate(graph.node):
        in_doubt = at in doubt.values or at in doubt.shapes
        source = at if in_doubt else next((origin[name] for name in node.input if name in origin), None)
        if source is not None:
            origin.update(dict.fromkeys(node.output, source))
            if any(name and name not in known for name in node.output):
                found[source] = None
    return [next(iter(graph.node[at].output), "") for at in found]
