"""Shapes of the values that a ``Loop`` carries from step to step.

The inference of ``onnx`` says nothing of them, since a step could make other shapes than it takes. Here each is taken to be
as it is before the first step; what a step makes of that otherwise is open, and looked at again, until a step changes nothing.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Literal, NamedTuple, final

from nbviz.adapters.onnx.nodes import DEEPEST, WITH_BODIES, copied, graphs_in
from nbviz.adapters.onnx.types import NOTHING, Described, described, described_tensor, is_nameless, type_proto
from nbviz.shape import Dim

_ROUNDS = 24
_NODES = 1 << 16
"""Nodes that are walked through in all rounds, about."""

_COUNTED = 2
"""What a step is given, and what it makes, begin with so much that says how often: the number of the step, the condition."""

_VARIES = ""
"""Stands for a size that steps change."""

_Kept = tuple[Dim, ...] | Literal[False] | None
"""Sizes that stay as they are, step by step, and are open otherwise; None where nothing is known yet, False where it cannot be."""


@final
class _Carried(NamedTuple):
    """A tensor that a loop carries.

    Attributes
    ----------
    before, taken, made
        What is known of it before the first step, as a step takes it, and as a step makes it.
    around, result
        The graph that the loop is in, and what the last one is called there, ``""`` if it is left out.
    entering
        What a step takes, as a value info.
    """

    before: Described
    taken: Described
    made: Described
    around: Any
    result: str
    entering: Any


def inferred_through_loops(model: Any, infer: Callable[[Any], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds, also those that loops carry."""
    said = list(_carried(model.graph))
    if not said:
        return infer(model)
    shaped = infer(copied(model))
    kept: list[_Kept] = [None] * len(said)
    for _ in range(max(2, min(_ROUNDS, _NODES // len(model.graph.node)))):
        now = list(_carried(shaped.graph))
        begun = [_begun(one, claim, dims) for one, claim, dims in zip(now, said, kept, strict=True)]
        if begun == kept:  # until then, what is not known of a step may be for another loop in it
            begun = list(map(_stays, now, said, kept))
        if begun == kept:
            return shaped
        kept, given = begun, copied(model)
        for one, before, dims in zip(_carried(given.graph), now, kept, strict=True):
            if isinstance(dims, tuple):
                _write(one, type_proto(before.before[0].dtype, (None if dim == _VARIES else dim for dim in dims)))
        shaped = infer(given)
    return infer(model)


def _begun(one: _Carried, claim: _Carried, kept: _Kept) -> _Kept:
    """Return the sizes before the first step, where they are known now: the file may know one beyond that."""
    dims = one.before[1]
    if kept is False or dims is None or (kept is not None and len(kept) != len(dims)):
        return kept
    claims = _claimed(claim, len(dims))
    return tuple(
        old if old is not None else said if dim is None else dim
        for old, dim, said in zip((None,) * len(dims) if kept is None else kept, dims, claims, strict=True)
    )


def _stays(one: _Carried, claim: _Carried, kept: _Kept) -> _Kept:
    """Return which of the sizes a step keeps, and what is before the first one still has."""
    dims, made = one.before[1], one.made[1]
    if not isinstance(kept, tuple):
        return kept
    if made is None or dims is None or not len(made) == len(dims) == len(kept):
        return False
    claims = _claimed(claim, len(dims))
    return tuple(
        old if old == after and old == (said if dim is None else dim) else _VARIES
        for old, dim, said, after in zip(kept, dims, claims, made, strict=True)
    )


def _claimed(claim: _Carried, axes: int) -> Sequence[Dim]:
    """Return what the file says of the sizes that a step takes."""
    claims = claim.taken[1]
    return claims if claims is not None and len(claims) == axes else (None,) * axes


def _write(one: _Carried, kind: Any) -> None:
    """Write into a model what a loop carries, as a step takes it and as the last one leaves it."""
    one.entering.type.CopyFrom(kind)
    if not one.result:
        return
    infos = (info for info in chain(one.around.value_info, one.around.output) if info.name == one.result)
    info = next(infos, None) or one.around.value_info.add(name=one.result)
    if not info.type.WhichOneof("value"):  # what the file says otherwise is held against it later
        info.type.CopyFrom(kind)


def _carried(graph: Any, around: Sequence[dict[str, Any]] = ()) -> Iterator[_Carried]:
    """Yield what the loops in a graph carry, and those inside its nodes."""
    nodes = [node for node in graph.node if node.op_type in WITH_BODIES]
    if not nodes or len(around) > DEEPEST:
        return
    scopes = (_types(graph), *around)
    for node in nodes:
        for _, body in graphs_in(node.attribute):
            if node.op_type == "Loop" and not node.domain:
                yield from _carried_by(node, body, graph, ChainMap(*scopes))
            yield from _carried(body, scopes)


def _carried_by(node: Any, body: Any, around: Any, known: ChainMap[str, Any]) -> Iterator[_Carried]:
    inside = ChainMap(_types(body), *known.maps)
    places = zip(
        node.input[_COUNTED:], body.input[_COUNTED:], body.output[1:], chain(node.output, repeat("")), strict=False
    )
    for name, entering, leaving, result in places:
        before, made = _said(known.get(name)), _said(inside.get(leaving.name))
        yield _Carried(before, _said(entering.type), made, around, result, entering)


def _types(graph: Any) -> dict[str, Any]:
    """Return what is known of a graph's tensors by name: types, or what is stored."""
    infos = chain(graph.value_info, graph.output, graph.input)
    return {**{info.name: info.type for info in infos}, **{tensor.name: tensor for tensor in graph.initializer}}


def _said(of: Any) -> Described:
    """Return what is known of a tensor, of which sizes without a name tell nothing."""
    if of is None:
        return NOTHING
    spec, dims = described_tensor(of) if hasattr(of, "dims") else described(of)
    return spec, None if dims is None else tuple(None if is_nameless(dim) else dim for dim in dims)
