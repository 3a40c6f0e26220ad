"""Opens SavedModels: folders with a ``saved_model.pb``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nbviz.adapters.dataflow.rows import Rows
from nbviz.adapters.dataflow.scopes import of_names
from nbviz.adapters.dataflow.writer import Writer
from nbviz.adapters.files.opening import damaged
from nbviz.adapters.files.values import Values, Weights
from nbviz.adapters.savedmodel.entrances import of_functions, of_graph
from nbviz.adapters.savedmodel.functions import Functions
from nbviz.adapters.savedmodel.objects import Objects, Variable, variables_of_nodes
from nbviz.adapters.savedmodel.protos import KIND, graph_of, parsed
from nbviz.adapters.savedmodel.values import Saved, Written
from nbviz.adapters.text import label, plain
from nbviz.builder import GraphBuilder
from nbviz.columns import Columns
from nbviz.errors import FileReadError, MissingExtraError
from nbviz.graph import Group, Setting
from nbviz.grouping import infer_groups
from nbviz.reading import Reading

FILE = "saved_model.pb"


def read_folder(path: Path, *, constants: bool = False) -> Reading:
    """Read a SavedModel by its folder (see ``read_file``)."""
    return read_file(path / FILE, constants=constants)


def read_file(path: Path, *, constants: bool = False) -> Reading:
    """Read a ``saved_model.pb``; values of variables stay in the checkpoint beside it.

    Raises
    ------
    FileReadError
        If it is damaged, or holds no model.
    MissingExtraError
        If TensorFlow is not installed.
    """
    model = parsed(path)
    try:
        return _reading(path.absolute(), graph_of(model), constants=constants)
    except (FileReadError, MissingExtraError):
        raise
    except Exception as error:
        what = plain(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {plain(error)}"
        raise damaged(path, KIND, what) from error


def _reading(path: Path, meta_graph: Any, *, constants: bool) -> Reading:
    objects = Objects(meta_graph.object_graph_def)
    by_node, optimizer = ({}, None) if objects else variables_of_nodes(meta_graph)
    variables: dict[Any, Variable] = {**objects.variables, **by_node}
    library = {function.signature.name: function for function in meta_graph.graph_def.library.function}
    functions = Functions(library, by_node.get)
    entrances = of_functions(meta_graph, objects, functions) if objects else of_graph(meta_graph, functions)
    builder = GraphBuilder(label(path.parent.name) or "model", "TensorFlow", batch_axis=False)
    rows = Rows(builder)
    root = rows.root("SavedModel", "tensorflow", _settings(meta_graph))
    writer = Writer(builder, rows, functions, constants=constants)
    if entrances:
        writer.write(root, entrances)
    else:
        builder.note("The model has no function that can be shown, only its variables.")
    variables.update(objects.variables)  # a function may take one that no object holds
    for variable in variables.values():
        functions.variable(variable)
    for key, stored in functions.stored.items():
        rows.store(key, stored)
    for key in rows.rest():
        scopes = of_names(functions.paths[key][:-1])
        rows.hold(rows.scope(root, scopes[-1]) if scopes else root, key)
    writer.findings.doubled.update(functions.doubled)
    writer.finish(root)
    rest = objects.uncounted()
    if rest:
        builder.note(
            f"{rest:,} more variables are saved with the model, such as metrics and copies; they are not counted."
        )
    builder.optimizer = objects.optimizer() or optimizer
    keys = builder.parameter_keys()
    graph = builder.finish()
    if not rows.has_scopes:
        graph = replace(graph, groups=Columns(Group, infer_groups(graph, rows.automatic)))
    return Reading(graph, Weights(repr(str(path)), [_values(path, key, variables) for key in keys]))


def _settings(meta_graph: Any) -> tuple[tuple[str, Setting], ...]:
    info = meta_graph.meta_info_def
    told: dict[str, Setting] = {
        "tensorflow": label(info.tensorflow_version),
        "tags": tuple(map(label, info.tags[:16])),
        "signatures": tuple(label(name) for name in sorted(meta_graph.signature_def)[:16] if not name.startswith("__")),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _values(path: Path, key: Any, variables: dict[Any, Variable]) -> Values | str:
    kind, at, *rest = key
    if kind == "constant":
        return Written(path, at, rest[0])
    variable = variables[at]
    return Saved(path.parent, variable.tracked, isinstance(variable.key, int))
