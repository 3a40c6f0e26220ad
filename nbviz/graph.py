"""The model graph, which every adapter writes and every view reads; independent of frameworks and views."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, final

from nbviz.columns import Columns
from nbviz.errors import UnknownPathError, nearest
from nbviz.shape import Dim, Shape

if TYPE_CHECKING:
    import networkx

CallKind = Literal["layer", "operation", "input", "output", "constant"]
ParameterKind = Literal["weight", "buffer"]
Setting = str | int | float | bool | None | tuple["Setting", ...]
"""A plain value of a layer's configuration; other objects are stored as text."""


def itemsize(dtype: str | None) -> float | None:
    """Return the bytes of one element (0.5 for ``int4``), or None for a dtype without a size such as ``string``."""
    if dtype is None:
        return None
    if dtype == "bool":
        return 1
    bits = re.search(r"\d+", dtype)
    return None if bits is None else int(bits[0]) / 8


def stored_bytes(dtype: str | None, elements: int | None) -> int | None:
    """Return the bytes that so many elements take (two ``int4`` share one), None when either is unknown."""
    width = itemsize(dtype)
    if elements is None or width is None:
        return None
    return -(-elements * int(8 * width) // 8)  # in whole numbers: no float holds every size that a file may claim


@final
@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The shape, dtype and name of a tensor, without its values.

    Attributes
    ----------
    shape
        One dimension per axis; None if the rank is unknown.
    dtype
        The framework's name of the dtype (``"float32"``); None if unknown.
    name
        The framework's name of the tensor or argument, or ``""``.

    Examples
    --------
    >>> graph.calls[1].outputs[0]
    TensorSpec(shape=(None, 8), dtype='float32', name='question')
    """

    shape: Shape | None
    dtype: str | None = None
    name: str = ""

    @property
    def bytes(self) -> int | None:
        """Size in bytes, where a free batch counts as 1; None if unknown.

        Examples
        --------
        >>> graph.calls[1].outputs[0].bytes
        32
        """
        return stored_bytes(self.dtype, None if self.shape is None else self.shape.size(free_batch=True))


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """A stored tensor of the model, counted once even if several layers share it.

    Attributes
    ----------
    id
        Position in ``ModelGraph.parameters``.
    name
        Name in its first owner (``"kernel"``).
    kind
        ``"weight"`` if it counts as a parameter; ``"buffer"`` if not (random seeds, PyTorch's running statistics).
    shape
        The stored shape.
    dtype
        The stored dtype.
    trainable
        Whether training changes it.
    bytes
        Stored size in bytes; None if unknown.
    size
        Number of logical elements. Differs from the stored element count for packed (quantized) weights.
    owners
        Paths of the layers that hold it, in tree order. A tied parameter has more than one.

    Examples
    --------
    >>> graph.parameters[0]
    Parameter(id=0, name='kernel', kind='weight', shape=(8, 4), dtype='float32', trainable=True, bytes=128, size=32,
              owners=('encoder',))
    """

    id: int
    name: str
    kind: ParameterKind
    shape: Shape
    dtype: str
    trainable: bool
    bytes: int | None
    size: int
    owners: tuple[str, ...]


EXTENTS: Mapping[str, frozenset[str]] = {
    "conv": frozenset({"output", "window"}),
    "conv_transpose": frozenset({"input", "window"}),
    "matmul": frozenset({"output", "contracted"}),
    "attention": frozenset({"query", "key", "value"}),
    "recurrent": frozenset({"gates", "contracted"}),
}
"""The extents of each pattern of multiply-accumulates, see ``Compute``."""


@final
@dataclass(frozen=True, slots=True)
class Compute:
    """One multiply-accumulate (MAC) pattern of a call; ``nbviz.metrics`` defines the formula of each ``op``.

    Attributes
    ----------
    op
        ``"conv"``, ``"conv_transpose"``, ``"matmul"``, ``"attention"`` or ``"recurrent"``.
    shapes
        The shapes that the formula needs, by name: ``output`` and ``window`` (conv), ``input`` and ``window``
        (conv_transpose), ``output`` and ``contracted`` (matmul), ``query``, ``key`` and ``value`` (attention), ``gates`` and
        ``contracted`` (recurrent). If a shape has a batch, it is the first axis.

    Examples
    --------
    >>> graph.calls[3].compute
    (Compute(op='matmul', shapes=(...)),)
    """

    op: str
    shapes: tuple[tuple[str, Shape], ...]

    def repeated(self, times: tuple[int, ...]) -> Compute:
        """Return the pattern of a call that runs several times, with one factor for each loop around it.

        Examples
        --------
        >>> graph.calls[3].compute[0].repeated((2,))
        Compute(op='matmul', shapes=(...))
        """
        (name, shape), *others = self.shapes
        return Compute(self.op, ((name, Shape((*shape.dims[:1], *times, *shape.dims[1:]))), *others))


@final
@dataclass(frozen=True, slots=True)
class Layer:
    """A module of the model, listed once, no matter how often it is called.

    Attributes
    ----------
    path
        Unique path of escaped names joined by ``/``; the path of the root is ``""``.
    name
        The framework's own name for the layer, as users write it.
    type
        Class name (``"Conv2D"``).
    module
        The module that defines the class (``"keras.src.layers.convolutional.conv2d"``).
    parent
        Path of the layer that holds it; None for the root.
    settings
        Configuration of the layer, in the framework's order.
    parameters
        Ids of the parameters that the layer holds itself, including tied ones; None if the layer is not built yet.
    accessor
        Python expression that returns the layer object when appended to the model (``".get_layer('conv1')"``),
        or ``""``.
    source
        ``file.py:line`` of the class, or ``""``.
    trainable
        The layer's own ``trainable`` switch; None if the framework has none.

    Examples
    --------
    >>> graph.layers[3]
    Layer(path='encoder', name='encoder', type='Dense', module='keras.src.layers.core.dense', parent='',
          settings=(('name', 'encoder'), ('trainable', True), ('dtype', 'float32'), ('units', 4), ...),
          parameters=(0, 1), accessor=".get_layer('encoder')", source='', trainable=True)
    """

    path: str
    name: str
    type: str
    module: str = ""
    parent: str | None = None
    settings: tuple[tuple[str, Setting], ...] = ()
    parameters: tuple[int, ...] | None = ()
    accessor: str = ""
    source: str = ""
    trainable: bool | None = None


@final
@dataclass(frozen=True, slots=True)
class Call:
    """One execution of a layer or operation, or an input, output or constant of the graph.

    Attributes
    ----------
    id
        Position in ``ModelGraph.calls``, in execution order. A parent comes before the calls inside it.
    kind
        ``"layer"``, ``"operation"``, ``"input"``, ``"output"`` or ``"constant"``.
    path
        Path of the row that it belongs to: the path of the layer, or ``parent/op#k`` for an operation that is not a layer.
    op
        The layer's type, or the operation's name.
    parent
        Id of the call that contains it; None for the call of the root.
    layer
        Path of the layer that is called; None for an operation.
    inputs, outputs
        Tensors in port order.
    parameters
        Ids of the parameters that this call reads itself, without those of inner calls.
    compute
        Its multiply-accumulate patterns, without those of inner calls; ``()`` means none, None means unknown.
    settings
        Arguments of an operation (``axis=1``).
    failed
        Whether the forward pass stopped here.
    source
        ``file.py:line`` where the call was made, or ``""``.

    Examples
    --------
    >>> graph.calls[4]
    Call(id=4, kind='layer', path='encoder', op='Dense', parent=0, layer='encoder',
         inputs=(TensorSpec(...),), outputs=(TensorSpec(...),), parameters=(0, 1), compute=(Compute(...),),
         settings=(), failed=False, source='')
    """

    id: int
    kind: CallKind
    path: str
    op: str
    parent: int | None = None
    layer: str | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    parameters: tuple[int, ...] = ()
    compute: tuple[Compute, ...] | None = ()
    settings: tuple[tuple[str, Setting], ...] = ()
    failed: bool = False
    source: str = ""


@final
@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor that goes from an output of one call to an input of another.

    Both calls contain no other calls; a view that folds calls draws the edge between the visible ones.

    Attributes
    ----------
    source, source_port
        Id of the call that produces the tensor, and the index of its output.
    target, target_port
        Id of the call that receives it, and the index of its input.

    Examples
    --------
    >>> graph.edges[0]
    Edge(source=1, source_port=0, target=3, target_port=0)
    >>> graph.calls[1].path, graph.calls[3].path
    ('question', 'encoder')
    """

    source: int
    source_port: int
    target: int
    target_port: int


@final
@dataclass(frozen=True, slots=True)
class Group:
    """Sibling layers that belong together by their names; inferred, and not part of the path of a layer.

    Attributes
    ----------
    id
        ``~conv4/block1``, prefixed by the path of the layer that holds the members unless it is the root
        (``backbone/~conv4``).
    label
        Last part of the id (``block1``).
    parent
        Id of the enclosing group; None for an outermost group.
    layer
        Path of the layer whose children it groups.
    members
        Paths of the layers and operations directly inside, without those of inner groups.

    Examples
    --------
    >>> layers = [keras.layers.Dense(4, name=f"block{b}_dense{d}") for b in (1, 2) for d in (1, 2, 3)]
    >>> nbviz.read(keras.Sequential([keras.Input((4,)), *layers])).groups[0]
    Group(id='~block1', label='block1', parent=None, layer='', members=('block1_dense1', ...))
    """

    id: str
    label: str
    parent: str | None
    layer: str
    members: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A note, warning or error from reading a model, as plain text without control characters.

    Attributes
    ----------
    level
        ``"note"`` (nothing is wrong), ``"warning"`` (something is missing) or ``"error"`` (the forward pass failed).
    message
        What was found and what to do next.
    path
        Path of the row that it is about; ``""`` for the model.
    call
        Id of the failing call; None if it is not about a call.

    Examples
    --------
    >>> nbviz.view(broken, inputs=(None, 8)).graph.diagnostics[0]
    Diagnostic(level='error', message='...', path='...', call=...)
    """

    level: Literal["note", "warning", "error"]
    message: str
    path: str = ""
    call: int | None = None


@final
@dataclass(frozen=True, slots=True)
class OptimizerState:
    """The variables of the optimizer, shown separately and not included in any total.

    Attributes
    ----------
    name
        Class name (``"Adam"``).
    size
        Number of elements in its variables.
    bytes
        Size of its variables in bytes.

    Examples
    --------
    >>> model.compile("adam", "binary_crossentropy")
    >>> model.optimizer.build(model.trainable_variables)
    >>> nbviz.read(model).optimizer
    OptimizerState(name='Adam', size=92, bytes=...)
    """

    name: str
    size: int
    bytes: int


@final
@dataclass(frozen=True)
class ModelGraph:
    """A model as layers, calls, edges and parameters; immutable, comparable, made of plain values.

    Attributes
    ----------
    name
        The model's own name, shown as the title.
    framework
        ``"Keras"``, ``"PyTorch"``, ...
    layers
        The tree of modules in pre-order, root first; siblings are in the order of their first call, uncalled ones last.
    calls
        Calls in execution order; ``Call.parent`` nests them.
    edges
        Tensors between calls that contain no other calls, sorted by target, target port, source, source port.
    parameters
        Every stored tensor once, in tree order of its first owner.
    groups
        Inferred groups, outer groups before inner ones.
    diagnostics
        Notes, warnings and errors from reading the model.
    optimizer
        The variables of the optimizer; None if the model has no built optimizer.
    batch_axis
        Whether the first free dimension of a tensor is the batch; MACs are then per example.

    Examples
    --------
    >>> graph = nbviz.read(model)
    >>> graph
    ModelGraph(name='matcher', framework='Keras', layers=<6 x Layer>, calls=<8 x Call>, edges=<6 x Edge>,
               parameters=<4 x Parameter>, groups=<0 x Group>, diagnostics=(), optimizer=None, batch_axis=True)
    >>> [call.path for call in graph.calls if call.op == "Dense"]
    ['encoder', 'encoder', 'score']
    """

    name: str
    framework: str
    layers: Columns[Layer]
    calls: Columns[Call] = field(default_factory=lambda: Columns(Call))
    edges: Columns[Edge] = field(default_factory=lambda: Columns(Edge))
    parameters: Columns[Parameter] = field(default_factory=lambda: Columns(Parameter))
    groups: Columns[Group] = field(default_factory=lambda: Columns(Group))
    diagnostics: tuple[Diagnostic, ...] = ()
    optimizer: OptimizerState | None = None
    batch_axis: bool = True

    @functools.cached_property
    def layer_index(self) -> Mapping[str, int]:
        """Map from the path of each layer to its position in ``layers``.

        Examples
        --------
        >>> graph.layers[graph.layer_index["encoder"]].type
        'Dense'
        """
        return {path: i for i, path in enumerate(self.layers.column("path"))}

    @functools.cached_property
    def calls_of(self) -> Mapping[str, tuple[int, ...]]:
        """Map from the path of each row to the ids of its calls, in execution order.

        Examples
        --------
        >>> graph.calls_of["encoder"]
        (3, 4)
        """
        found: dict[str, list[int]] = {}
        for call, path in enumerate(self.calls.column("path")):
            found.setdefault(path, []).append(call)
        return {path: tuple(ids) for path, ids in found.items()}

    @functools.cached_property
    def paths(self) -> frozenset[str]:
        """All paths that can be selected: layers, operations, inputs, outputs and groups.

        Examples
        --------
        >>> sorted(graph.paths)
        ['', 'answer', 'encoder', 'joined', 'output#1', 'question', 'score']
        """
        return frozenset({*self.layer_index, *self.calls_of, *self.groups.column("id")})

    @functools.cached_property
    def _path_of_name(self) -> Mapping[str, str]:
        names = self.layers.column("name")
        paths = self.layers.column("path")
        return dict(zip(reversed(names), reversed(paths), strict=True))

    def bytes_of(self, spec: TensorSpec) -> int | None:
        """Return the size of a tensor in bytes, for one example if it has a batch; None if unknown.

        Examples
        --------
        >>> graph.bytes_of(graph.calls[1].outputs[0])
        32
        """
        first = spec.shape.dims[0] if spec.shape else 0
        name = first.partition("*")[2] or first if isinstance(first, str) else first
        is_batch = self.batch_axis and name in (self._batch, "batch")
        return spec.bytes if is_batch or isinstance(first, int) else None

    @functools.cached_property
    def _batch(self) -> Dim:
        """What the batch is called: the first size that is open of an input."""
        entering = zip(self.calls.column("kind"), self.calls.column("outputs"), strict=True)
        shapes = (spec.shape for kind, specs in entering if kind == "input" for spec in specs)
        return next((shape.dims[0] for shape in shapes if shape and not isinstance(shape.dims[0], int)), None)

    def resolve(self, path_or_name: str) -> str:
        """Return the path for a path or for the framework's own name of a layer.

        Raises
        ------
        UnknownPathError
            If the path or name does not exist; the message suggests the closest path.

        Examples
        --------
        >>> graph.resolve("encoder")
        'encoder'
        """
        if path_or_name in self.paths:
            return path_or_name
        if path_or_name in self._path_of_name:
            return self._path_of_name[path_or_name]
        known = sorted(self.paths - {""})
        # A name alone is the end of a path; the nearest of all paths may be that of another layer.
        ends = [path for path in known if path.rpartition("/")[2] == path_or_name]
        msg = f"No layer, operation or group has the path {path_or_name!r}.{nearest(path_or_name, known)}"
        if ends:
            among = f" {len(ends)} paths end in it." if len(ends) > 1 else ""
            msg = f"No layer, operation or group has the path {path_or_name!r}.{among} Did you mean {ends[0]!r}?"
        raise UnknownPathError(msg)

    def to_networkx(self) -> networkx.MultiDiGraph[int]:
        """Return the calls and edges as a ``networkx.MultiDiGraph``.

        Nodes are call ids with the attributes of ``Call`` (``kind``, ``path``, ``op``, ``parent``, ``layer``, ``inputs``,
        ``outputs``, ``parameters``, ``compute``, ``settings``, ``failed``, ``source``). Edges carry ``source_port``,
        ``target_port``, ``shape`` and ``dtype``. The attributes of the network hold the other fields of the graph by name
        (``name``, ``framework``, ``layers``, ``parameters``, ``groups``, ...), so ``from_networkx`` returns an equal graph.

        Examples
        --------
        >>> import networkx as nx
        >>> network = graph.to_networkx()
        >>> [network.nodes[call]["path"] for call in nx.dag_longest_path(network)]
        ['question', 'encoder', 'joined', 'score', 'output#1']
        """
        import networkx as nx

        kept = {name: getattr(self, name) for name in _GRAPH_ATTRIBUTES}
        network: networkx.MultiDiGraph[int] = nx.MultiDiGraph(**kept)
        for call in self.calls:
            network.add_node(call.id, **{name: getattr(call, name) for name in _CALL_ATTRIBUTES})
        outputs = self.calls.column("outputs")
        for edge in self.edges:
            spec = outputs[edge.source][edge.source_port]
            ports = {"source_port": edge.source_port, "target_port": edge.target_port}
            network.add_edge(edge.source, edge.target, **ports, shape=spec.shape, dtype=spec.dtype)
        return network

    @classmethod
    def from_networkx(cls, network: networkx.MultiDiGraph[Any]) -> ModelGraph:
        """Return the model graph for a network that ``to_networkx`` returned.

        Raises
        ------
        KeyError
            If the network lacks an attribute that ``to_networkx`` sets.

        Examples
        --------
        >>> nbviz.ModelGraph.from_networkx(graph.to_networkx()) == graph
        True
        """
        calls = Columns(Call, (Call(id=node, **data) for node, data in sorted(network.nodes(data=True))))
        edges = sorted(
            (target, data["target_port"], source, data["source_port"])
            for source, target, data in network.edges(data=True)
        )
        return cls(
            **{name: network.graph[name] for name in _GRAPH_ATTRIBUTES},
            calls=calls,
            edges=Columns(Edge, (Edge(source, port, target, into) for target, into, source, port in edges)),
        )


_GRAPH_ATTRIBUTES = tuple(f.name for f in fields(ModelGraph) if f.name not in {"calls", "edges"})
_CALL_ATTRIBUTES = tuple(f.name for f in fields(Call) if f.name != "id")
