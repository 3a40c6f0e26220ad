"""Reads exported programs and fx graphs as recorded, without running the model's code."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, final

from nbviz.adapters.text import plain
from nbviz.adapters.torch.exported.nesting import root_class, stack_of
from nbviz.adapters.torch.exported.nodes import attribute, graphs_among, placeholders
from nbviz.adapters.torch.exported.values import UNKNOWN, described
from nbviz.adapters.torch.exported.walk import Program, Walk
from nbviz.adapters.torch.modules.layers import add_one
from nbviz.adapters.torch.modules.parameters import explain_packed, packed_parameters, stored
from nbviz.adapters.torch.modules.weights import TorchWeightReader
from nbviz.builder import GraphBuilder
from nbviz.reading import Reading, without_inputs
from nbviz.records import Stored

_UNKNOWN = (
    "This is the graph as it was recorded; its {} are unknown. To see them, pass inputs: inputs=(None, 3, 224, "
    "224), an example tensor, or a tuple or dict of these."
)


def read_exported(program: Any, inputs: Any = None) -> Reading:
    """Read a ``torch.export.ExportedProgram``."""
    nodes = list(all_nodes(program.graph))
    name = root_class(nodes).rpartition(".")[2] or "ExportedProgram"
    builder = GraphBuilder(name, "PyTorch")
    layers = Layers(builder)
    layers.add_root(root_class(nodes))
    tensors: dict[Hashable, Any] = {}
    signature = program.graph_signature
    constants = {
        name: program.constants[name] for name in signature.non_persistent_buffers if name in program.constants
    }
    buffers = {*signature.buffers, *constants}
    layers.add_called(nodes)
    for target, tensor in {**program.state_dict, **constants}.items():
        key = tensor_key(tensor)
        tensors.setdefault(key, tensor)
        layers.hold(target, key, stored(target.rpartition(".")[2], tensor, buffer=target in buffers))
    taken = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    lifted: dict[str, Hashable | None] = {name: layers.key_of(target) for name, target in taken.items()}
    lifted.update(dict.fromkeys(signature.inputs_to_lifted_tensor_constants))
    names = iter(structure_names(program.call_spec.out_spec))
    outputs = [next(names, "") if str(spec.kind).endswith("USER_OUTPUT") else None for spec in signature.output_specs]
    walk(builder, layers, program.graph, lifted, outputs, symbol_names(program.graph))
    reader = TorchWeightReader([tensors[key] for key in builder.parameter_keys()])
    return without_inputs(Reading(builder.finish(), reader), inputs)


def read_graph_module(model: Any) -> Reading:
    """Read a ``torch.fx.GraphModule`` without inputs."""
    nodes = list(all_nodes(model.graph))
    own = root_class(nodes)
    builder = GraphBuilder(own.rpartition(".")[2] or type(model).__name__.removesuffix("Impl"), "PyTorch")
    layers = Layers(builder)
    tensors = layers.add_modules(model)
    layers.layer("", own)
    layers.add_called(nodes)
    pytree = getattr(model.graph._codegen, "pytree_info", None)
    if pytree is not None and pytree.out_spec is not None:
        names = list(structure_names(pytree.out_spec))
    else:
        names = list(argument_names(next(n for n in reversed(model.graph.nodes) if n.op == "output").args[0]))
    walk(builder, layers, model.graph, {}, names, symbol_names(model.graph))
    if all(described(node.meta, {}) is UNKNOWN for node in placeholders(model.graph)):
        builder.note(_UNKNOWN.format("shapes and MACs"))
    elif any(call.compute is None for call in builder.calls):  # only shapes were recorded
        builder.note(_UNKNOWN.format("MACs"))
    return Reading(builder.finish(), TorchWeightReader([tensors[key] for key in builder.parameter_keys()]))


def walk(  # noqa: PLR0917
    builder: GraphBuilder,
    layers: Layers,
    graph: Any,
    lifted: Mapping[str, Hashable | None],
    outputs: Sequence[str | None],
    names: Mapping[str, str],
) -> None:
    """Write a graph whose layers and parameters are known."""
    program = Program(graph, lifted, outputs, names, layers.parameter, layers.path_of, layers.held_in)
    Walk(builder, program).run()


@final
class Layers:
    """The rows of a program's modules by their dotted names, and what they hold.

    Parameters
    ----------
    builder
        Takes the layers.
    """

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self._keys: dict[str, Hashable] = {}
        self._targets: dict[str, Hashable] = {}
        self._held: set[Hashable] = set()

    def add_root(self, kind: str) -> None:
        """Add the model."""
        self._keys[""] = self._add("", None, kind)

    def _add(self, name: str, parent: Hashable | None, kind: str) -> Hashable:
        key = ("module", name)
        module, _, type_name = kind.rpartition(".")
        fallback = "Module" if name else self.builder.name
        segment = name.rpartition(".")[2]
        self.builder.add_layer(key, parent, segment, name=name, type=plain(type_name) or fallback, module=plain(module))
        return key

    def add_modules(self, model: Any) -> dict[Hashable, Any]:
        """Add the modules of a model with what they hold; return the tensors by their keys, packed ones as the way to them."""
        tensors: dict[Hashable, Any] = {}
        outside: dict[Hashable, int] = {}
        for name, module in model.named_modules():
            above, _, segment = name.rpartition(".")
            if name and (_is_part_of_graph(model, name) or above not in self._keys):
                continue
            holder = model.get_submodule(above) if name else None
            add_one(self.builder, module, holder, segment)
            self._keys[name] = id(module)
            for own, tensor, buffer in _own_tensors(module):
                key = tensor_key(tensor)
                tensors.setdefault(key, tensor)
                self.hold(f"{name}.{own}" if name else own, key, stored(own, tensor, buffer=buffer))
            for key, packed, known in packed_parameters(module):
                tensors[key], outside[key] = packed, known.size
                self.hold(f"{name}.{known.name}", key, known)
        explain_packed(self.builder, sum(outside.values()))
        return tensors

    def add_called(self, nodes: Iterable[Any]) -> None:
        """Add the modules that nodes belong to, and tell the types of those that are known by name alone."""
        for node in nodes:
            for entry in stack_of(node):
                self.layer(entry.path, entry.type)

    def layer(self, name: str, kind: str = "") -> Hashable:
        """Return the key of a module's row; add it, and those around it, where there is none."""
        if name not in self._keys:
            self._keys[name] = self._add(name, self.layer(name.rpartition(".")[0]), kind)
        elif kind and self.builder.layer(self._keys[name]).type in ("Module", "GraphModule"):
            module, _, type_name = kind.rpartition(".")
            record = self.builder.layer(self._keys[name])
            record.type, record.module = plain(type_name), plain(module)
        return self._keys[name]

    def path_of(self, name: str) -> str:
        """Return the path of a module's row."""
        return self.builder.path_of(self.layer(name)) or ""

    def hold(self, target: str, key: Hashable, known: Stored) -> None:
        """Add a parameter by its dotted name."""
        self._targets[target] = key
        self._held.add(key)
        self.builder.hold(self.layer(target.rpartition(".")[0]), key, known)

    def key_of(self, target: str) -> Hashable | None:
        """Return the key of a parameter by its dotted name, None if there is none."""
        return self._targets.get(target)

    def parameter(self, tensor: Any) -> Hashable | None:
        """Return the key of a tensor that a module holds, None if none does."""
        key = tensor_key(tensor) if hasattr(tensor, "untyped_storage") else None
        return key if key in self._held else None

    def held_in(self, name: str) -> list[Hashable]:
        """Return the keys of what a module holds, and the modules inside it."""
        return [key for target, key in self._targets.items() if target.startswith(f"{name}.")]


def tensor_key(tensor: Any) -> Hashable:
    """Return what tells tensors apart: a loaded program has several tensors for a weight that is tied."""
    try:
        return tensor.untyped_storage()._cdata, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()
    except (AttributeError, NotImplementedError, RuntimeError):  # sparse, made of others
        return id(tensor)


def _is_part_of_graph(model: Any, name: str) -> bool:
    """Tell whether a module is a graph inside an operation, or a check of export's: none of the model's own."""
    found = model.get_submodule(name)
    if type(found).__name__ == "GuardsFn":
        return True
    return any(n.op == "get_attr" and n.target == name for n in model.graph.nodes)


def all_nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph and of those inside its operations."""
    for node in graph.nodes:
        yield node
        for inner in graphs_among(node):
            yield from all_nodes(attribute(inner))


def symbol_names(graph: Any) -> dict[str, str]:
    """Return the names that the user gave to symbols with ``torch.export.Dim``, as far as the program keeps them."""
    try:
        shapes = (node.meta["val"].shape for node in placeholders(graph) if hasattr(node.meta.get("val"), "shape"))
        sizes = (size for shape in shapes for size in shape if not isinstance(size, int))
        environment = next(sizes).node.shape_env
        given = environment.source_name_to_debug_name
        found = {}
        for symbol, sources in environment.var_to_sources.items():
            names = (source.name if isinstance(source.name, str) else source.name() for source in sources)
            # the size of an input has the name of its Dim; the Dim that a size was derived from is its own source
            name = next(filter(str.isidentifier, (given.get(n, n) for n in names)), "")
            if name and not name.startswith("_"):
                found[str(symbol)] = name
    except (AttributeError, KeyError, StopIteration, TypeError):  # of another version, or without symbols
        return {}
    return found


def structure_names(spec: Any) -> Iterator[str]:
    """Yield a name for each tensor in a structure that a program gives, as ``named_tensors`` does."""
    children = spec.children() if callable(getattr(spec, "children", None)) else spec.children_specs
    if spec.type is None or not children:
        yield from [""] if spec.type is None else []
        return
    context = spec.context
    if isinstance(context, list) and isinstance(context[0], list):  # of a dataclass, with the fields that are None
        context = context[0]
    names = getattr(spec.type, "_fields", None) or getattr(context, "_fields", None) or context
    if not isinstance(names, (list, tuple)) or len(names) != len(children):
        names = range(len(children))
    for name, child in zip(names, children, strict=True):
        yield from (_joined(name, inner) for inner in structure_names(child))


def argument_names(structure: Any) -> Iterator[str]:
    """Yield a name for each node in what a graph gives."""
    if isinstance(structure, Mapping):
        pairs: Iterable[tuple[Any, Any]] = structure.items()
    elif isinstance(structure, (tuple, list)):
        pairs = enumerate(structure)
    else:
        yield ""
        return
    for name, item in pairs:
        yield from (_joined(name, inner) for inner in argument_names(item))


def _joined(name: Any, inner: str) -> str:
    return f"{plain(name)}.{inner}" if inner else plain(name)


def _own_tensors(module: Any) -> list[tuple[str, Any, bool]]:
    """Return the parameters and buffers that a module holds itself, with their names and whether they are buffers."""
    both = ((module._parameters, False), (module._buffers, True))
    return [(name, tensor, buffer) for held, buffer in both for name, tensor in held.items() if tensor is not None]
