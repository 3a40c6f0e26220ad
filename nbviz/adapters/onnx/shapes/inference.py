"""Infers shapes that the file does not store, with the shape inference of the ``onnx`` package.

It works on a copy without weights: it would copy them, and refuses models of more than two gigabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nbviz.adapters.onnx.external import misplaced
from nbviz.adapters.onnx.fits.marks import is_marked, mark_misfits
from nbviz.adapters.onnx.fits.misfits import LOST
from nbviz.adapters.onnx.functions import Functions
from nbviz.adapters.onnx.nodes import WITH_BODIES, bodies, copied
from nbviz.adapters.onnx.order import put_in_order
from nbviz.adapters.onnx.schemas import versions
from nbviz.adapters.onnx.shapes.captured import inferred_with_captured
from nbviz.adapters.onnx.shapes.claims import Claims, fill_body, fill_gaps, settle_output, stale_sizes, take_claims
from nbviz.adapters.onnx.shapes.contrib import replace_contrib, uses_contrib
from nbviz.adapters.onnx.shapes.folding import inferred_with_values
from nbviz.adapters.onnx.shapes.fragile import guarded
from nbviz.adapters.onnx.shapes.growth import doubtful
from nbviz.adapters.onnx.shapes.loops import inferred_through_loops
from nbviz.adapters.onnx.shapes.rounds import infer_in_rounds
from nbviz.adapters.onnx.shapes.sizes import fix_sizes, name_sizes, replace_symbols
from nbviz.adapters.onnx.shapes.slices import inferred_without_whole_axes
from nbviz.adapters.onnx.types import dtype_of, is_credible
from nbviz.adapters.text import label, plain, short
from nbviz.errors import counted
from nbviz.graph import itemsize, stored_bytes
from nbviz.shape import Dim

_SMALL = 1 << 10
"""Bytes of a stored tensor that is kept, since a shape may be computed from it."""

_ABOUT_SIZES = re.compile(r"dim|rank|ax[ei]s|size", re.IGNORECASE)
_SHAPES = "[ShapeInferenceError]"
_REPORT = f"{_SHAPES} Inference error(s):"
_BRANCHES = "(op_type:If"


def with_shapes(model: Any, note: Callable[[str], None], inputs: Any = None, *, arrange: bool = False) -> Any:
    """Return a copy of a model without its large weights and with all shapes that can be inferred.

    Nodes of which sizes contradict each other are marked in it (see ``fits.marks``), and nothing is inferred of what they give.

    Parameters
    ----------
    model
        A ``ModelProto``, which is left as it is.
    note
        Is told what could not be done.
    inputs
        Shapes of what goes in, for the sizes that the model leaves open.
    arrange
        Whether its nodes are to be put in order.

    Raises
    ------
    InputsError
        If ``inputs`` does not fit the model.
    """
    slim = _slim(model, note)
    if arrange:
        put_in_order(slim.graph)
    name_sizes(slim.graph)
    if not Functions(model).unfold(model):
        note("Functions of this model call each other recursively, or too often; they are shown closed.")
        del slim.functions[:]
    if inputs is not None:
        fix_sizes(slim.graph, inputs)
    said = _taken(slim)
    shaped, stale = _shaped_from_inputs(slim, said, note, asks=True)
    outputs = zip(shaped.graph.output, said[0].outputs, strict=True)
    told = [settle_output(info, claim, note, stale) for info, claim in outputs]
    if not all(told) and not is_marked(shaped) and (reason := misfit(shaped)):
        note(reason)
    return shaped


def misfit(model: Any) -> str:
    """Return which sizes in a model do not fit together, ``""`` where none are found: inference passes over them unless asked."""
    from onnx.shape_inference import infer_shapes

    if model.graph.sparse_initializer:  # it does not know their shapes
        return ""
    doubt = doubtful(model)
    if doubt.shapes:
        return ""
    copy = copied(model)
    try:
        guarded(lambda given: infer_shapes(given, strict_mode=True, data_prop=not doubt.values), copy)
    except Exception as error:  # noqa: BLE001 - the package raises all kinds, also its own from C++
        found = next(filter(_is_of_sizes, plain(error).replace(_REPORT, "").splitlines()), "")  # others follow from it
        said = short(" ".join(found.replace(_SHAPES, "").split()).rstrip(". "), 300)
        return f"Tensor sizes in this model do not match: {said}. {LOST}" if said else ""
    return ""


def _is_of_sizes(line: str) -> bool:
    """Tell whether a line of a report is about sizes; a branch of them may be one that is never taken."""
    return _SHAPES in line and _ABOUT_SIZES.search(line) is not None and not line.lstrip().startswith(_BRANCHES)


def _unclaimed(model: Any) -> Any:
    """Return a copy without what the file says of the tensors that nodes make."""
    copy = copied(model)
    take_claims(copy.graph)
    return copy


def for_batch(model: Any, symbol: Dim, size: int) -> Any:
    """Return the graph of a model with all shapes as they are for a batch of this size."""
    copy = _unclaimed(model)
    for info in copy.graph.input:
        for dim in info.type.tensor_type.shape.dim if info.type.HasField("tensor_type") else ():
            if dim.dim_param and dim.dim_param == symbol:
                dim.dim_value = size
    return _shaped(copy, lambda _: None).graph


def for_sizes(model: Any, sizes: Mapping[str, int]) -> Any:
    """Return the graph of a model with all shapes as they are with these sizes in the place of symbols."""
    copy = copied(model)
    replace_symbols(copy.graph, sizes)
    return _shaped_from_inputs(copy, _taken(copy), lambda _: None)[0].graph


def _shaped(model: Any, note: Callable[[str], None]) -> Any:
    return _by_standard(model, note) if uses_contrib(model) else _inferred(model, note)


def _taken(model: Any) -> list[Claims]:
    """Take out of a model what the file says of tensors; return that of its graph, and of those inside nodes."""
    return [take_claims(graph) for graph in (model.graph, *bodies(model.graph))]


def _shaped_from_inputs(
    model: Any, said: Sequence[Claims], note: Callable[[str], None], *, asks: bool = False
) -> tuple[Any, set[int]]:
    """Infer shapes from those of the inputs alone: what the file says of others may be of other inputs, and fills gaps only.

    Return also which numbers in it are stale. ``asks`` is whether to ask which sizes contradict each other.
    """
    shaped = _shaped(model, note)
    if asks and mark_misfits(shaped):
        _taken(shaped)
        shaped = _shaped(shaped, lambda _: None)
    graphs = [shaped.graph, *bodies(shaped.graph)]
    stale = set[int]().union(*map(stale_sizes, graphs, said))
    trusted = uses_contrib(model)
    filled = fill_gaps(shaped.graph, said[0], note, trusted=trusted, stale=stale)
    within = [
        fill_body(body, claims, note, trusted=trusted, stale=stale)
        for body, claims in zip(graphs[1:], said[1:], strict=True)
    ]
    return (_shaped_with(shaped, filled) if filled or any(within) else shaped), stale


def _shaped_with(shaped: Any, filled: Sequence[Any]) -> Any:
    """Infer shapes once more, from the inputs and from what the file alone can know, which others follow from."""
    copy = copied(shaped)
    del copy.graph.value_info[:]  # sizes without a name would stay so
    copy.graph.value_info.extend(filled)
    known = {info.name for info in filled}
    for info in copy.graph.output:
        if info.name not in known:
            info.ClearField("type")
    failed: list[str] = []
    again = _shaped(copy, failed.append)
    return shaped if failed else again


def _by_standard(model: Any, note: Callable[[str], None]) -> Any:
    """Infer shapes with standard operations in the place of onnxruntime's own."""
    from onnx.defs import onnx_opset_version

    copy = copied(model)
    replace_contrib(copy.graph)
    if "" not in versions(copy.opset_import):  # of a file with nothing else than operations of others
        copy.opset_import.add(version=onnx_opset_version())
    found = _inferred(copy, note).graph
    for graph, shaped in zip((model.graph, *bodies(model.graph)), (found, *bodies(found)), strict=True):
        for kind in "value_info", "output", "input":
            infos = getattr(graph, kind)
            del infos[:]
            infos.extend(getattr(shaped, kind))
    return model


def _inferred(model: Any, note: Callable[[str], None]) -> Any:
    told: list[str] = []

    def infer(given: Any, inferred: Sequence[Any]) -> Any:
        told.clear()  # what is worked out since may have settled it
        return infer_in_rounds(given, told.append, inferred)

    try:
        shaped = _with_all(model, infer)
    except Exception as error:  # noqa: BLE001 - the package raises all kinds, also its own from C++
        note(
            f"onnx could not infer shapes ({short(' '.join(plain(error).split()), 300)}), so only the shapes "
            "stored in the file are shown."
        )
        return model
    for text in told:
        note(text)
    return shaped


def _with_all(model: Any, infer: Callable[[Any, Sequence[Any]], Any]) -> Any:
    """Return a model with the shapes that ``infer`` finds, helped with what it does not follow."""

    def values(given: Any) -> Any:
        return inferred_with_values(given, infer)

    operations = {node.op_type for node in model.graph.node}
    if WITH_BODIES.isdisjoint(operations):  # as in most
        return inferred_without_whole_axes(model, values) if "Slice" in operations else values(model)
    steps = lambda given: inferred_through_loops(given, values)  # noqa: E731
    return inferred_with_captured(model, lambda given: inferred_without_whole_axes(given, steps))


def _slim(model: Any, note: Callable[[str], None]) -> Any:
    """Return a copy without large initializers."""
    from onnx import ModelProto

    slim = ModelProto(ir_version=model.ir_version, producer_name=label(model.producer_name))
    slim.opset_import.extend(model.opset_import)
    slim.functions.extend(model.functions)
    graph = slim.graph
    graph.name = label(model.graph.name)
    for repeated in ("node", "input", "output", "value_info", "sparse_initializer", "quantization_annotation"):
        getattr(graph, repeated).extend(getattr(model.graph, repeated))
    for tensor in model.graph.initializer:
        _copy(tensor, graph.initializer.add(), note)
    for sparse in model.graph.sparse_initializer:  # beside itself as a dense one, which is all that the inference reads
        dims = (max(dim, 0) for dim in sparse.dims)
        graph.initializer.add(name=sparse.values.name, data_type=sparse.values.data_type, dims=dims)
    _tell_misplaced(model.graph.initializer, note)
    return slim


def _tell_misplaced(tensors: Iterable[Any], note: Callable[[str], None]) -> None:
    told = ((tensor.name, misplaced(tensor)) for tensor in tensors if tensor.data_location)
    found = [(name, why) for name, why in told if why]
    if found:
        name, why = found[0]
        others = f" and {counted(len(found) - 1, 'other tensor')}" if len(found) > 1 else ""
        note(f"Cannot read the values of {label(name)!r}{others}: {why}.")


def _copy(tensor: Any, copy: Any, note: Callable[[str], None]) -> None:
    """Copy a stored tensor, of a large one what it is and not its values; one that is not as it says is what it holds."""
    held = len(tensor.raw_data)
    possible = min(tensor.dims, default=0) >= 0 and is_credible(tensor.dims)
    if not held and not (possible and dtype_of(tensor.data_type) is not None):
        what = f"has the shape {short(tuple(tensor.dims))} and the element type {tensor.data_type}"
        note(f"{label(tensor.name)!r} {what}: it is damaged and not counted.")
    if held and held != stored_bytes(dtype_of(tensor.data_type), math.prod(tensor.dims)):
        note(f"{label(tensor.name)!r} has the shape {tuple(tensor.dims)} but holds {held} bytes: it is damaged.")
        width = itemsize(dtype_of(tensor.data_type))
        copy.name, copy.data_type = tensor.name, tensor.data_type
        copy.dims.append(int(held / width) if width else held)
    elif held <= _SMALL and tensor.ByteSize() <= 2 * _SMALL:
        copy.CopyFrom(tensor)
    else:
        copy.name, copy.data_type = tensor.name, tensor.data_type
        copy.dims.extend(tensor.dims)


def in_function(function: Any, model: Any, types: Iterable[tuple[str, Any]], attributes: Mapping[str, Any]) -> Any:
    """Return the value infos inside one call of a function.

    Parameters
    ----------
    function
        The function.
    model
        The model that defines it.
    types
        Names of its inputs with their types, as ``TypeProto``; others are left out by the call.
    attributes
        The attributes of the call, by name.
    """
    from onnx import ModelProto

    inner = ModelProto(ir_version=max(model.ir_version, 10))
    inner.opset_import.extend(function.opset_import)
    known = {opset.domain for opset in function.opset_import}
    inner.opset_import.extend(opset for opset in model.opset_import if opset.domain not in known)
    inner.functions.extend(model.functions)
    inner.graph.name = label(function.name) or "function"
    inner.graph.node.extend(function.node)
    inner.graph.value_info.extend(function.value_info)
    for name, kind in types:
        info = inner.graph.input.add(name=name)
        info.type.CopyFrom(kind)
    left_out = set(function.input).difference(info.name for info in inner.graph.input)
    for node in inner.graph.node:
        _bind(node, attributes)
        for at, name in enumerate(node.input):
            if name in left_out:
                node.input[at] = ""
    return _shaped(inner, lambda _: None).graph


def _bind(node: Any, attributes: Mapping[str, Any]) -> None:
    """Replace attributes that stand for arguments of the call by what the call gives; those that it leaves out go."""
    for at in range(len(node.attribute) - 1, -1, -1):
        attribute = node.attribute[at]
        if not attribute.ref_attr_name:
            continue
        given = attributes.get(attribute.ref_attr_name)
        if given is None:
            del node.attribute[at]
            continue
        name = attribute.name
        attribute.CopyFrom(given)
        attribute.name = name
