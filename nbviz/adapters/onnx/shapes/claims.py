"""Compares the declared types of tensors with those that the nodes actually produce, and prefers the latter.

Whoever edits a model's inputs, its batch most of all, often leaves what the file says of the tensors behind them as it was,
and exporters leave sizes of their example. Where nodes make another size, the one in the file is stale, and fills no gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Any, NamedTuple, final

from nbviz.adapters.onnx.nodes import copied
from nbviz.adapters.onnx.shapes.constants import is_constant
from nbviz.adapters.onnx.types import described, is_nameless, type_proto
from nbviz.adapters.text import label
from nbviz.errors import counted
from nbviz.graph import TensorSpec
from nbviz.shape import Dim


@final
class Claims(NamedTuple):
    """What a file says of the tensors of a graph, as value infos.

    Attributes
    ----------
    tensors
        Of those that it says something of beside the graph's outputs.
    outputs
        Of each that the graph gives, be it nothing.
    """

    tensors: Sequence[Any]
    outputs: Sequence[Any]


def take_claims(graph: Any) -> Claims:
    """Take out of a graph what the file says of the tensors in it, which would stand, whatever the nodes make; return it.

    Who debugs a model lists tensors as outputs by their names alone: what a value info says of such a tensor is said of the output.
    """
    infos = list(graph.value_info)
    del graph.value_info[:]
    outputs = [copied(info) for info in graph.output]
    for info in graph.output:
        info.ClearField("type")
    if any(_says_no_shape(claim.type) for claim in outputs):
        said = {info.name: info.type for info in infos}
        for claim in outputs:
            if _says_no_shape(claim.type) and claim.name in said:
                claim.type.CopyFrom(said[claim.name])
    given = {claim.name for claim in outputs}
    return Claims([info for info in infos if info.name not in given], outputs)


def _says_no_shape(kind: Any) -> bool:
    value = kind.WhichOneof("value")
    return value is None or (value == "tensor_type" and not kind.tensor_type.HasField("shape"))


def stale_sizes(graph: Any, said: Claims) -> set[int]:
    """Return the numbers in what a file says of tensors in the place of which nodes make others."""
    made = {info.name: info.type for info in (*graph.value_info, *graph.output)}
    found: set[int] = set()
    compared: set[tuple[bytes, bytes]] = set()
    for claim in chain(said.tensors, said.outputs):
        kind = made.get(claim.name)
        if kind is None or kind == claim.type:
            continue
        key = kind.SerializeToString(), claim.type.SerializeToString()
        if key not in compared:
            compared.add(key)
            dims, claims = described(kind)[1] or (), described(claim.type)[1] or ()
            pairs = zip(dims, claims, strict=True) if len(dims) == len(claims) else ()
            found.update(old for one, old in pairs if isinstance(old, int) and not _agree([one], [old]))
    return found


def fill_gaps(
    graph: Any, said: Claims, note: Callable[[str], None], *, trusted: bool, stale: Collection[int] = ()
) -> list[Any]:
    """Add what a file says of tensors to a graph where inference knows less, as behind operations that it does not know.

    Parameters
    ----------
    graph
        A graph with the shapes that are inferred from its inputs, into which is written.
    said
        What the file says; of outputs those count that nodes take too, others are settled by ``settle_output`` alone.
    note
        Is told what the file says otherwise.
    trusted
        Whether dtypes are right in the file alone: operations that stand in for others make the same shapes, not always of
        the same numbers.
    stale
        Numbers that are no sizes any more (see ``stale_sizes``).

    Returns
    -------
    The value infos of tensors of which the file said more.
    """
    claims = [*said.tensors, *_taken_too(graph, said.outputs)]
    if not claims:
        return []
    made = {info.name: info for info in graph.value_info}
    made.update((info.name, info) for info in graph.output)
    unknown = [_without(claim, stale) for claim in claims if claim.name not in made]
    graph.value_info.extend(unknown)
    wrong: list[tuple[Any, Any]] = []
    given = {named.name for named in (*graph.initializer, *graph.input)} if unknown else set()
    filled = [claim for claim in unknown if claim.name not in given]
    settled: dict[tuple[bytes, bytes], tuple[Any, bool]] = {}
    for claim in claims:
        info = made.get(claim.name)
        if info is None or info.type == claim.type:
            continue
        key = info.type.SerializeToString(), claim.type.SerializeToString()
        if key not in settled:  # a large model has many tensors of one type
            settled[key] = _settled(info.type, claim.type, trusted=trusted, stale=stale)
        known, agree = settled[key]
        if not agree:
            wrong.append((claim, info.type))
        if known is not None:
            info.type.CopyFrom(known)
            filled.append(info)
    if wrong:
        _tell_wrong(graph, wrong, note)
    return filled


def _tell_wrong(graph: Any, wrong: Sequence[tuple[Any, Any]], note: Callable[[str], None]) -> None:
    """Tell of which tensors the file says what nodes do not make: value infos, each with the type that is made."""
    settled = {info.name for info in graph.output}  # by ``settle_output``, which tells it
    settled.update(node.output[0] for node in graph.node if is_constant(node))  # what it makes its value says
    told = [(claim, kind) for claim, kind in wrong if claim.name not in settled]
    if told:
        claim, kind = told[0]
        others = f", as for {counted(len(told) - 1, 'other tensor')}" if len(told) > 1 else ""
        note(_contradiction(claim, described(claim.type)[0], described(kind)[0], others))


def _taken_too(graph: Any, outputs: Sequence[Any]) -> list[Any]:
    """Return what the file says of outputs that nodes of the graph take too, where that is not what is made."""
    made = {info.name: info.type for info in graph.output}
    said = {claim.name: claim for claim in outputs if claim.type.WhichOneof("value") and claim.type != made[claim.name]}
    taken = dict.fromkeys(name for node in graph.node for name in node.input if name in said) if said else ()
    return [said[name] for name in taken]


def fill_body(
    body: Any,
    said: Claims,
    note: Callable[[str], None],
    *,
    trusted: bool,
    stale: Collection[int] = (),
) -> bool:
    """Do the same for a graph inside a node; tell whether the file knew more of its tensors, or of what it gives."""
    filled = bool(fill_gaps(body, said, note, trusted=trusted, stale=stale))
    for info, claim in zip(body.output, said.outputs, strict=True):
        made = info.type.SerializeToString()
        settle_output(info, claim, note, stale)
        filled = filled or info.type.SerializeToString() != made
    return filled


def settle_output(info: Any, said: Any, note: Callable[[str], None], stale: Collection[int] = ()) -> bool:
    """Write what is known of an output: what its node makes, and what the file says of that beyond it.

    Return whether a shape is known without the file, as far as it is one.
    """
    if said.type.WhichOneof("value") != "tensor_type" or info.type.WhichOneof("value") != "tensor_type":
        info.type.CopyFrom(said.type if said.type.WhichOneof("value") else info.type)
        return bool(info.type.WhichOneof("value") != "tensor_type")
    (made, dims), (claimed, claims) = described(info.type), described(said.type)
    if dims is None or made.dtype is None:
        info.type.CopyFrom(_without(said, stale).type)
        return claims is None
    claims = dims if claims is None else claims
    if not _agree(dims, claims) or claimed.dtype not in (None, made.dtype):
        note(_contradiction(said, claimed, made, "", "its output "))
    else:
        info.type.CopyFrom(type_proto(made.dtype, _better(dims, claims, stale)))
    return True


def _settled(made: Any, claim: Any, *, trusted: bool, stale: Collection[int]) -> tuple[Any, bool]:
    """Return a type that says more than what is made, None where the file does not, and whether the two agree."""
    (spec, dims), (claimed, claims) = described(made), described(claim)
    if claim.WhichOneof("value") != "tensor_type" or made.WhichOneof("value") != "tensor_type":
        return (None, True) if made.WhichOneof("value") else (claim, True)
    dtype = claimed.dtype if trusted and claimed.dtype else spec.dtype or claimed.dtype
    if dims is None or claims is None:
        agree, known = True, dims if claims is None else _better([None] * len(claims), claims, stale)
    else:
        agree = _agree(dims, claims)
        known = _better(dims, claims, stale) if agree else dims
    agree = agree and claimed.dtype in (None, dtype)
    return (None if (dtype, known) == (spec.dtype, dims) else type_proto(dtype, known)), agree


def _better(dims: Sequence[Dim], claims: Sequence[Dim], stale: Collection[int]) -> tuple[Dim, ...]:
    """Return the sizes that are made; where the inference has no name for one, the one that the file says."""
    pairs = zip(dims, claims, strict=True)
    return tuple(
        claim if is_nameless(one) and not (is_nameless(claim) or claim in stale) else one for one, claim in pairs
    )


def _without(claim: Any, stale: Collection[int]) -> Any:
    """Return what a file says of a tensor without numbers that are no sizes any more."""
    dims = described(claim.type)[1] if stale else None
    if dims is None or not any(dim in stale for dim in dims):
        return claim
    copy = type(claim)(name=claim.name)
    copy.type.CopyFrom(type_proto(described(claim.type)[0].dtype, (None if dim in stale else dim for dim in dims)))
    return copy


def _agree(dims: Sequence[Dim], claims: Sequence[Dim]) -> bool:
    """Tell whether sizes may be the same: a size of the inputs that is open is no number, one that inference lost may be any."""
    return len(dims) == len(claims) and all(
        one == claim or not isinstance(claim, int) or is_nameless(one) for one, claim in zip(dims, claims, strict=True)
    )


def _contradiction(claim: Any, said: TensorSpec, made: TensorSpec, others: str, what: str = "") -> str:
    return (
        f"The file declares {what}{label(claim.name)!r} as {_text(said)}, but its nodes produce {_text(made)}; nbviz "
        f"shows the latter{others}."
    )


def _text(spec: TensorSpec) -> str:
    return f"{spec.dtype} of any shape" if spec.shape is None else f"{spec.shape} {spec.dtype or ''}".rstrip()
