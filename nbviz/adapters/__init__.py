"""Chooses the adapter for a model: by class for objects, by suffix for files. Importing this module imports no framework."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from nbviz.adapters.files.foreign import written_by_others
from nbviz.adapters.files.opening import looks_like, require_contents, without_variant
from nbviz.adapters.text import full_name, plain, short
from nbviz.adapters.undo import attributes_of, slots_of
from nbviz.errors import (
    RAISED_BY,
    AdapterWarning,
    FileReadError,
    OptionError,
    UnsupportedModelError,
    kind_of,
    nearest,
    with_article,
)
from nbviz.graph import ModelGraph
from nbviz.reading import Adapter, Reading, without_inputs
from nbviz.stack import with_room

OBJECTS = {
    "Keras 3": "nbviz.adapters.keras:KerasAdapter",
    "PyTorch": "nbviz.adapters.torch:TorchAdapter",
    "ONNX": "nbviz.adapters.onnx:OnnxAdapter",
    "JAX": "nbviz.adapters.jax:JaxAdapter",
    "dicts of arrays": "nbviz.adapters.checkpoints.mapping:MappingAdapter",
}
"""The built-in adapters of model objects, in the order in which they are asked."""

FILES = {
    ".weights.h5": "nbviz.adapters.checkpoints.hdf5:read_file",
    ".keras": "nbviz.adapters.keras.files:read_file",
    ".h5": "nbviz.adapters.keras.files:read_file",
    ".hdf5": "nbviz.adapters.keras.files:read_file",
    ".pt2": "nbviz.adapters.torch.exported.files:read_file",
    ".safetensors": "nbviz.adapters.checkpoints.safetensors:read_file",
    ".safetensors.index.json": "nbviz.adapters.checkpoints.sharded:read_index",
    ".bin.index.json": "nbviz.adapters.checkpoints.sharded:read_index",
    ".weights.json": "nbviz.adapters.checkpoints.sharded:read_keras_index",
    ".gguf": "nbviz.adapters.checkpoints.gguf:read_file",
    ".pt": "nbviz.adapters.checkpoints.torch_files:read_file",
    ".pth": "nbviz.adapters.checkpoints.torch_files:read_file",
    ".pth.tar": "nbviz.adapters.checkpoints.torch_files:read_file",
    ".bin": "nbviz.adapters.checkpoints.torch_files:read_file",
    ".ckpt": "nbviz.adapters.checkpoints.torch_files:read_file",
    ".npz": "nbviz.adapters.checkpoints.npz:read_archive",
    ".npy": "nbviz.adapters.checkpoints.npz:read_array",
    ".onnx": "nbviz.adapters.onnx.opening:read_file",
    ".tflite": "nbviz.adapters.tflite.opening:read_file",
    "saved_model.pb": "nbviz.adapters.savedmodel.opening:read_file",
    ".json": "nbviz.adapters.saved:read_file",
}
"""The built-in readers of files by suffix; the longest that matches is taken."""

FITTING = frozenset({"nbviz.adapters.keras.files:read_file", "nbviz.adapters.onnx.opening:read_file"})
"""Those of them that ``inputs`` are of use for: they load a model and trace it, or infer shapes."""

FOLDER = "nbviz.adapters.folder:read_folder"
"""The reader of folders, by what is inside."""

FOLDING = frozenset(
    {
        FOLDER,
        "nbviz.adapters.onnx.opening:read_file",
        "nbviz.adapters.savedmodel.opening:read_file",
        "nbviz.adapters.tflite.opening:read_file",
    }
)
"""Readers that make constants settings of what reads them, unless they are asked not to."""

EXTRAS = {"keras": "nbviz[keras]", "torch": "nbviz[torch]", "onnx": "nbviz[onnx]", "jax": "nbviz[jax]"}
"""What to install for models of a package."""

GROUP = "nbviz.adapters"
"""The entry-point group of other packages' adapters."""


@with_room
def read(source: Any, inputs: Any = None, *, run: bool = False, constants: bool = False) -> Reading:
    """Read a model object, a model graph or a file.

    Parameters
    ----------
    source
        A model, a ``ModelGraph``, an object with ``__nbviz_graph__``, or the path of a file or folder.
    inputs
        Example tensors, shapes or specs, where the framework does not know the model's inputs itself.
    run
        Run the model once on ``inputs``, instead of reading it without computing.
    constants
        Let constants be calls, where they would be settings of what reads them.

    Raises
    ------
    UnsupportedModelError
        If nothing reads such an object.
    FileReadError
        If the file is missing, damaged, or of a kind that nothing reads.
    MissingExtraError
        If the file needs a package that is not installed.
    InputsError
        If ``inputs`` cannot be understood.
    OptionError
        If ``run`` is asked for a source that is never run.
    """
    own = getattr(type(source), "__nbviz_graph__", None)  # on the type: an instance may answer to any name
    if own is None and not isinstance(source, (ModelGraph, str, os.PathLike)):
        return _read_object(source, inputs, run=run, constants=constants)
    if run:
        raise OptionError(_never_run(source))
    if own is None and not isinstance(source, ModelGraph):
        return _read_path(os.fspath(source), inputs, constants=constants)
    if own is None:
        return without_inputs(_reading(source, "This"), inputs)
    name = f"{type(source).__name__}.__nbviz_graph__"
    if not callable(own):
        msg = f"{name} is {kind_of(own)}; it must be a method that returns an nbviz.ModelGraph."
        raise UnsupportedModelError(msg)
    return without_inputs(_reading(_own_graph(source, own, name), f"{name}()"), inputs)


def _own_graph(source: Any, own: Callable[..., Any], name: str) -> Any:
    """Return the graph that an object makes of itself."""
    of_class = isinstance(inspect.getattr_static(type(source), "__nbviz_graph__", None), classmethod)
    with _blaming(f"{name}()"):
        return own() if of_class else own(source)


@contextmanager
def _blaming(by: str) -> Iterator[None]:
    """Let what somebody else's code raises say whose it is; it stays what it is."""
    try:
        yield
    except Exception as error:
        error.add_note(f"{RAISED_BY}{by}")
        raise


def _read_object(source: Any, inputs: Any, *, run: bool, constants: bool) -> Reading:
    adapter = find(type(source))
    if adapter is None:
        raise UnsupportedModelError(_unsupported(source))
    if isinstance(source, MethodType) and getattr(find(type(source.__self__)), "can_run", False):
        # such a model has no pure functions, which JAX could follow
        msg = f"{source.__qualname__} is a method of {kind_of(source.__self__)}: pass the model itself."
        raise UnsupportedModelError(msg)
    if inputs is None and isinstance(source, FunctionType) and _needs_nothing(source):
        name = source.__name__
        msg = (
            f"{name} is a function and needs inputs. If it builds the model, pass its result: {name}(), or on "
            f"the command line {source.__module__}:{name}(). If it is the model itself, pass inputs."
        )
        raise UnsupportedModelError(msg)
    if run and not getattr(adapter, "can_run", False):
        raise OptionError(_never_run(source))
    folds = constants and getattr(adapter, "folds_constants", False)
    asked = {name: True for name, wanted in (("run", run), ("constants", folds)) if wanted}
    by = f"{type(adapter).__name__}.read()"
    with nullcontext() if type(adapter).__module__.startswith(f"{__name__}.") else _blaming(by):
        made = adapter.read(source, inputs, **asked)
    return _reading(made, by)


def _needs_nothing(function: FunctionType) -> bool:
    return all(p.default is not p.empty for p in inspect.signature(function).parameters.values())


def _never_run(source: Any) -> str:
    kind = "files" if isinstance(source, (str, os.PathLike)) else f"{type(source).__name__} objects"
    return f"The option run is not supported for {kind}; remove it."


def find(model_type: type) -> Adapter | None:
    """Return the adapter that reads instances of a class, None when there is none.

    For each class along the method resolution order every adapter is asked in turn, so that the nearest class decides.
    """
    adapters: list[Adapter] = [*third_party(model_type), *(_load(target)() for target in OBJECTS.values())]
    return next((adapter for cls in model_type.__mro__ for adapter in adapters if adapter.reads(cls)), None)


def third_party(model_type: type) -> Iterator[Adapter]:
    """Yield the adapters that other packages have registered; one that fails, also when it is asked, is left out."""
    for point in _registered(_installed()):
        try:
            made = point.load()
            adapter = made() if isinstance(made, type) else made
            for cls in model_type.__mro__:
                adapter.reads(cls)
        except Exception as error:  # noqa: BLE001 - another package's fault must not take the reading down
            package = f" of the package {point.dist.name!r}" if point.dist is not None else ""
            why = f"{type(error).__name__}: {short(error)}".removesuffix(": ")
            msg = (
                f"The adapter {point.name!r} ({point.value}){package} failed and was skipped: {why}. Update or "
                "uninstall it."
            )
            warnings.warn(msg, AdapterWarning, stacklevel=2)  # once, wherever it is asked
        else:
            yield adapter


@functools.lru_cache(maxsize=1)
def _registered(_: object) -> tuple[EntryPoint, ...]:
    """Return what packages have registered; asking each of them takes longer than reading a small model."""
    return tuple(entry_points(group=GROUP))


def _installed() -> tuple[tuple[str, int], ...]:
    """Return what changes when a package is installed, also while a notebook runs."""
    return tuple((path, os.stat(path).st_mtime_ns) for path in sys.path if os.path.isdir(path))  # noqa: PTH112, PTH116


def _load(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


def _reading(given: Any, by: str) -> Reading:
    """Return what was read by ``by``, which need not be ours."""
    reading = Reading(given) if isinstance(given, ModelGraph) else given
    if isinstance(reading, Reading):
        if "" in reading.graph.layers.column("path"):  # nearly always the first
            return reading
        msg = (
            f"{by} has no root layer (the layer with the path ''); create one with "
            "nbviz.builder.GraphBuilder.add_layer."
        )
        raise UnsupportedModelError(msg)
    msg = f"{by} returned {kind_of(given)}; it must return an nbviz.ModelGraph, or an nbviz.reading.Reading that holds one."
    raise UnsupportedModelError(msg)


def _read_path(path: str, inputs: Any, *, constants: bool) -> Reading:
    reader = _reader(path)
    asked = {"constants": True} if constants and reader in FOLDING else {}
    if reader in FITTING:
        return _load(reader)(Path(path), inputs, **asked)  # type: ignore[no-any-return]
    return without_inputs(_load(reader)(Path(path), **asked), inputs)


def _reader(path: str) -> str:
    """Return what reads a file or folder that is there."""
    try:
        there = Path(path).exists()
    except OSError as error:  # its name is too long, or its folder closed to us
        msg = f"{short(path)!r} cannot be opened: {plain(error.strerror)}."
        raise FileReadError(msg) from error
    if path and Path(path).is_dir():
        return FOLDER
    name = without_variant(path.lower())
    suffixes = sorted((s for s in FILES if name.endswith(s)), key=len)
    if not suffixes and (there or not _is_path(path)):
        raise FileReadError(_unknown_file(path))
    if not there:
        raise FileReadError(_missing(path))
    require_contents(Path(path))
    return FILES[suffixes[-1]]


def _is_path(path: str) -> bool:
    """Tell whether a text without a suffix can only be meant as a path."""
    return bool(path) and Path(path).name != path and not Path(path).suffix


def _unknown_file(path: str) -> str:
    if not path:
        return "The path is empty; pass the path of a file or folder."
    if path == "-":
        return "'-' usually means standard input, which nbviz does not read. Save the data to a file and pass its path."
    found = Path(path).suffix
    what = f"{path!r} is a path {f'with the suffix {found!r}' if found else 'without a suffix'}"
    hint = written_by_others([Path(path).name]) or looks_like(Path(path))
    if hint:
        return f"{what}, which nbviz does not read.{hint}"
    if path.startswith(":") or path.endswith(":"):
        return f"{what}. To show a model in Python code, name both: MODULE:NAME."
    if not Path(path).exists() and (instead := _instead(path)):
        return f"There is no file {path!r}.{instead}"
    return f"{what}; nbviz reads files that end in {', '.join(FILES)}."


def _missing(path: str) -> str:
    try:
        full = Path(path).absolute()
    except OSError:
        return (
            f"Cannot find {path!r}: the current folder no longer exists. Pass an absolute path, or change to another "
            "folder."
        )
    what = "file" if full.suffix else "file or folder"
    if full.is_symlink():
        return f"{path!r} is a link to {str(full.readlink())!r}, which does not exist."
    if not full.parent.is_dir():
        return f"There is no {what} {path!r}: the folder {str(full.parent)!r} does not exist."
    return f"There is no {what} {path!r}.{_instead(path)} Paths are relative to {str(Path.cwd())!r}."


def _instead(path: str) -> str:
    """Say what is there in place of a file: those of a checkpoint that is named by how they begin, or one of nearly that name."""
    missing = Path(path)
    try:
        beside = list(missing.parent.iterdir())
    except OSError:  # a folder closed to us, or none
        return ""
    parts = [inner.name for inner in beside if inner.name.startswith(f"{missing.name}.")]
    readable = (inner.name for inner in beside if inner.name.endswith(tuple(FILES)) or inner.is_dir())
    return written_by_others(parts, "What begins so") or nearest(
        missing.name, readable, lambda name: repr(str(missing.with_name(name)))
    )


def _unsupported(source: Any) -> str:
    if isinstance(source, type):
        name = source.__name__
        there = (
            "On the command line, name a model in the module, a function that builds one, or "
            f"{source.__module__}:{name}()."
        )
        return f"{name} is a class, not a model. Create an instance and pass it: {name}(...). {there}"
    kind = type(source)
    name = full_name(kind)
    others = [point.name for point in _registered(_installed())]
    tried = ["ModelGraph", "__nbviz_graph__", *(f"the adapter {o!r}" for o in others), *OBJECTS]
    roots = {cls.__module__.partition(".")[0] for cls in kind.__mro__}
    hints = []
    if roots & {"tf_keras"} or any(cls.__module__.startswith("keras.engine") for cls in kind.__mro__):
        hints.append("It looks like a Keras 2 model: nbviz reads Keras 3.")
    if kind.__name__ in ("KerasTensor", "Function") and "keras" in roots:
        hints.append("Wrap it in a model first: keras.Model(inputs, outputs).")
    inside = _readable_inside(source)
    if inside:
        return f"nbviz cannot read {with_article(name)}; pass its {inside} instead."
    instead = next(
        (text for (root, kind), text in _INSTEAD.items() if root in roots and kind == type(source).__name__), ""
    )
    if instead:
        hints.append(instead)
    elif callable(source):
        hints.append("If calling the object runs the model, pass its .__call__ method.")
    missing = [f"pip install '{extra}'" for package, extra in EXTRAS.items() if not _is_there(package)]
    if missing:
        hints.append(f"If its package is supported, install the matching extra ({', '.join(missing)}).")
    hints.append(f"A package can also register an adapter in the entry-point group {GROUP!r}.")
    return f"nbviz cannot read {with_article(name)}. Tried: {', '.join(tried)}. {' '.join(hints)}"


_INSTEAD = {
    **dict.fromkeys(
        (("jax", "ClosedJaxpr"), ("jax", "Jaxpr")),  # one class since jax 0.12
        "Pass it as a function: jax.extend.core.jaxpr_as_fun(closed_jaxpr), with inputs.",
    ),
    ("jax", "Traced"): "Pass the function that was traced, with inputs.",
    ("jax", "Lowered"): "Pass the function that was lowered, with inputs.",
    ("jax", "Compiled"): "Pass the function that was compiled, with inputs.",
    ("jax", "Exported"): "Pass the function that was exported, with inputs; .call does not show what it computes.",
    (
        "flax",
        "Optimizer",
    ): "Pass the module that it updates; a Flax optimizer does not hold the parameters that it trains.",
    ("flax", "GraphDef"): "Combine it with a state: pass nnx.merge(graphdef, state).",
}
"""What to pass in place of objects that stand for a model."""

_PARTS = ("model", "module", "net", "network", "apply", "apply_fn", "params")
"""Under which names objects that are no models often have one."""


def _is_there(package: str) -> bool:
    if package in sys.modules:  # also one that stands in for it, of which nothing else is known
        return True
    return importlib.util.find_spec(package) is not None


def _readable_inside(source: Any) -> str:
    """Return what an object has that can be read, as one writes it; ``""`` if there is nothing. Its own code is not asked."""
    fields = dict(zip(getattr(type(source), "_fields", ()), source, strict=False)) if isinstance(source, tuple) else {}
    held = {**fields, **slots_of(source), **(attributes_of(source) or {})}
    found = [f".{name}" for name in _PARTS if held.get(name) is not None and find(type(held[name])) is not None]
    return " or ".join(found)
