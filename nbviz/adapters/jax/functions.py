"""Equinox modules, and functions of a tree of parameters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

from nbviz.adapters.jax.bindings import around_it, binding_of, missed, names_given, with_bound_given
from nbviz.adapters.jax.closures import is_partial
from nbviz.adapters.jax.linen_bound import tree_of, with_tree
from nbviz.adapters.jax.linen_parts import linen_watched
from nbviz.adapters.jax.nnx import NnxModel, is_nnx
from nbviz.adapters.jax.nnx_parts import nnx_watched
from nbviz.adapters.jax.parameters import arrays_in
from nbviz.adapters.jax.recorder import ModuleCall, Recorder
from nbviz.adapters.jax.subject import Leaves, Path, Subject
from nbviz.adapters.jax.trees import ParameterTree, is_module
from nbviz.adapters.jax.wrapped import Wrapped, called_by, plain_name, wrapped_module
from nbviz.adapters.specs import Arguments
from nbviz.adapters.text import short
from nbviz.builder import GraphBuilder

_NONE_FOUND = "No parameters found, so every argument is treated as an input. Name one `params`, or pass it first."
_LEFT = (
    "These arguments are treated as inputs, because it cannot be told whether their arrays are parameters: {names}. Name "
    "the argument that is `params`."
)
_ONE_EXAMPLE = (
    "Equinox modules take one example: leave the batch out of inputs, or view the model for a batch with "
    "jax.vmap(model)."
)


@final
class TreeModel:
    """A function with its parameters.

    Parameters
    ----------
    function
        What ``inputs`` are the arguments of, the parameters left out.
    tree
        The parameters: a module of Equinox that is called itself, or a tree that goes into the function.
    call
        Calls the model with a tree of parameters and the arguments.
    root
        The class of the module, or the name of the function.
    closed
        Whether the function has the tree's arrays in it already, so that no others can go in.
    note
        What to say of the parameters.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        tree: Any,
        call: Callable[..., Any],
        root: type | str,
        *,
        closed: bool = False,
        note: str = "",
    ) -> None:
        self.name = root if isinstance(root, str) else root.__name__
        self.function = function
        self.extras: list[Any] = []
        self._tree = ParameterTree(tree)
        self._call = call
        self._root = root
        self._closed = closed
        self._note = note
        equinox = any(map(is_module, self._tree.values()))
        self.hint = _ONE_EXAMPLE if equinox and not closed else ""
        self._known = self._tree.places(tree) if closed else {}
        self.leaves: Leaves = [] if closed else self._tree.leaves
        self.closed_over: Leaves = self._tree.leaves if closed else []
        self._is_module = is_module(tree)

    @property
    def parts(self) -> list[Path]:
        """The nodes of the tree whose calls are not noted."""
        return [] if self._is_module else self._tree.parts()

    def prepare(self, given: Arguments, default: Any) -> None:
        """Find out nothing more: the arrays are there already."""

    def add_to(self, builder: GraphBuilder) -> None:
        """Add the tree of parameters."""
        self._tree.add_to(builder, self._root)
        if self._note:
            builder.note(self._note)

    def call(self, leaves: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the model on a tree with other arrays."""
        if self._closed:
            return self._call(None, *args, **kwargs)
        copy = self._tree.filled(leaves)
        self._known.clear()
        self._known.update(self._tree.places(copy))
        return self._call(copy, *args, **kwargs)

    @contextmanager
    def watched(self, recorder: Recorder) -> Iterator[None]:
        """Let the recorder note the calls of the modules in the tree."""
        named = self._tree.named
        with self._tree.watched(recorder, self._known), linen_watched(named, recorder), nnx_watched(named, recorder):
            yield

    def layers(self, call: ModuleCall) -> Sequence[Hashable]:
        """Return the keys of the layers that a call may be of."""
        return self._tree.layers(call)


def equinox_model(model: Any, inputs: Any) -> tuple[Subject, Any]:
    """Return a module of Equinox as what can be traced; of one that is wrapped around a function, that function."""
    wraps = getattr(model, "__wrapped__", None) is not None
    if wraps or is_partial(model):
        return function_model(model, inputs)
    return TreeModel(model, model, lambda copy, *args, **kwargs: copy(*args, **kwargs), type(model)), inputs


def _of_wrapped(function: Any, wrapped: Wrapped) -> Subject:
    """Return a module with what is wrapped around it, in which a copy takes its place if it can."""
    module, root = wrapped.module, wrapped.name or type(wrapped.module)
    if wrapped.around(module) is None:
        tree, call = tree_of(module), lambda _, *args, **kwargs: function(*args, **kwargs)
        return TreeModel(function, tree, call, root, closed=True)

    def with_copy(copy: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapped.around(with_tree(module, copy))(*args, **kwargs)

    if is_nnx(module):
        return NnxModel(module, with_copy, function, wrapped.name)
    model = TreeModel(function, tree_of(module), with_copy, root)
    model.hint = ""  # there is a batch, or whatever it is wrapped for
    return model


def function_model(function: Any, inputs: Any) -> tuple[Subject, Any]:
    """Return a function with its parameters, and the other inputs.

    A function that was made from a module of Equinox or NNX, as by ``jax.vmap(model)``, has those of the module.
    """
    function, inputs = with_bound_given(function, inputs)
    called, *_ = called_by(function)
    name = plain_name(called)
    wrapped = wrapped_module(function)
    if wrapped is not None:
        return _of_wrapped(function, wrapped), inputs
    found = binding_of(function, inputs)
    if found is None:
        call = lambda _, *args, **kwargs: function(*args, **kwargs)  # noqa: E731
        return TreeModel(function, (), call, name, note=_NONE_FOUND if missed(inputs) else ""), inputs
    left = _LEFT.format(names=short(", ".join(found.left))) if found.left else ""
    if is_nnx(found.tree) and not found.closed:
        return NnxModel(found.tree, found.call, found.rest, name, left), found.inputs
    closed = bool(found.closed)
    counted = arrays_in(found.tree)
    around = around_it(function, names_given(function, inputs))
    others = found.closed or [name for name, value in around if not arrays_in(value) <= counted]
    what = (
        "are counted as its parameters" if closed else "are not counted as its parameters: pass them as arguments too"
    )
    note = (
        f"Arrays that the function reads from outside variables {what}: {short(', '.join(others))}." if others else ""
    )
    notes = " ".join(filter(None, (note, left)))
    return TreeModel(found.rest, found.tree, found.call, name, closed=closed, note=notes), found.inputs
