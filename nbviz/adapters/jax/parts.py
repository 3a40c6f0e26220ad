"""Parts of a function of a tree of parameters: equations that read the arrays of one node of the tree are a call of the node.

Such a function has no modules whose calls could be noted. But who writes one hands each part of the tree to the part of the
function that it belongs to, so that equations that read arrays of one node stand together, with what happens between them. A
node whose equations stand in several places and that has no arrays of its own, as a list of blocks with something between, only
holds others and is seen through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, final

from nbviz.adapters.jax.activations import Stack, instructions_of, spread
from nbviz.adapters.jax.jaxprs import is_jitted, is_literal
from nbviz.adapters.jax.nesting import Frame, Scope, Written, equations_in, is_backward
from nbviz.adapters.jax.subject import Path
from nbviz.adapters.jax.values import entering

Keys = frozenset[Path]

_NONE: Keys = frozenset()


@final
@dataclass(frozen=True, slots=True)
class _Run:
    """Items that follow each other, from ``start`` to before ``end``, in which the arrays of one node are read."""

    node: Path
    start: int
    end: int


@final
class Parts:
    """Finds the calls of the nodes of one tree in a function that is walked.

    Parameters
    ----------
    nodes
        The nodes by the paths of their layers, the root too. Modules are none: their calls are known.
    arrays
        The arrays of the tree.
    key_of
        Returns the array that a variable is, if it is one.
    """

    def __init__(self, nodes: Mapping[str, Path], arrays: Iterable[Path], key_of: Callable[[Any], Path | None]) -> None:
        self._nodes = dict(nodes)
        self._key_of = key_of
        self._made_of: dict[Any, Keys] = {}
        self._under: dict[Path, set[Path]] = {node: set() for node in nodes.values()}
        self._holding: set[Path] = set()
        for array in arrays:
            self._holding.add(array[:-1])
            for length in range(len(array)):
                self._under.get(array[:length], set()).add(array)

    def enter(self, variables: Iterable[Any], operands: Iterable[Any]) -> None:
        """Let the variables of a jaxpr inside an equation be made of what its operands are made of."""
        for variable, operand in zip(variables, operands, strict=True):
            self._made_of[variable] = (
                _NONE if operand is None or is_literal(operand) else self._made_of.get(operand, _NONE)
            )

    def called_by(self, item: Any, around: str) -> Path | None:
        """Return the node inside the layer ``around`` all of whose arrays an item reads, and no others.

        Where a scope in it does so too, that is the call.
        """
        if around not in self._nodes:
            return None
        keys = self.read(equations_in([item]))
        node = self._whole(keys)
        inner = item.items if isinstance(item, Frame) else ()
        within = any(isinstance(one, Frame) and self.read(one.equations()) == keys for one in inner)
        return None if node == self._nodes[around] or within else node

    def grouped(self, items: list[Any], around: str) -> list[Any]:
        """Return items with those that are a call of a node inside the layer ``around`` in a frame of it."""
        if around not in self._nodes or len(self._nodes) == 1:
            return items
        node = self._nodes[around]
        items = self._late(items)
        found: list[Any] = []
        at = 0
        for run in self._runs(items, node):
            frame = Frame(Scope(run.node[-1]), items[run.start : run.end], run.node)
            found += [*items[at : run.start], frame]
            at = run.end
        return [*found, *items[at:]]

    # What is read

    def read(self, equations: Iterable[Any]) -> Keys:
        """Return the arrays that equations read, also as something else made of them: cast, transposed, broadcast."""
        return _NONE.union(*map(self._of, entering(list(equations))))

    def _of(self, variable: Any) -> Keys:
        key = self._key_of(variable)
        return self._made_of.get(variable, _NONE) if key is None else frozenset([key])

    def _late(self, items: list[Any]) -> list[Any]:
        """Return items with each that makes something of a node's arrays alone right before what first needs it."""
        fixed: set[Any] = set()  # what is made of nothing that goes in
        early: set[int] = set()
        for at, item in enumerate(items):
            equations = list(equations_in([item]))
            entered = list(entering(equations))
            keys = self.read(equations)
            made = [v for equation in equations for v in equation.outvars]
            if len({key[:-1] for key in keys}) == 1 and all(v in fixed or self._of(v) for v in entered):
                early.add(at)
                self._made_of.update(dict.fromkeys(made, keys))
            elif all(v in fixed for v in entered):
                fixed.update(made)
        needed = _first_needed(items, early)
        return [items[at] for at in sorted(range(len(items)), key=lambda at: (needed[at], at))] if early else items

    # Where they are read

    def _runs(self, items: Sequence[Any], around: Path) -> list[_Run]:
        """Return the calls of nodes inside the node ``around``, until gradients begin."""
        forward = next((i for i, item in enumerate(items) if any(map(is_backward, equations_in([item])))), len(items))
        items = items[:forward]
        read = [self.read(equations_in([item])) for item in items]
        belongs = spread(self._stacks(items), read)
        opened = self._wrappers(around)
        while True:
            found = self._found(items, read, belongs, around, opened)
            runs = [run for run in found if any(read[run.start : run.end])]
            often = {node for node, count in Counter(run.node for run in runs).items() if count > 1}
            more = often - self._holding - opened
            if not more:
                return self._computing(items, read, runs)
            opened |= more

    def _computing(self, items: Sequence[Any], read: Sequence[Keys], runs: list[_Run]) -> list[_Run]:
        """Return runs without those that only make something of arrays, such as a cast, of a node that is called elsewhere."""
        casts = {run for run in runs if self._only_makes(items[run.start : run.end])}
        if not casts:
            return runs
        called = {run.node for run in runs if run not in casts}
        called.update(
            node for item, keys in zip(items, read, strict=True) if (node := self._whole(keys)) and _is_framed(item)
        )
        return [run for run in runs if run not in casts or run.node not in called]

    def _only_makes(self, items: Sequence[Any]) -> bool:
        return all(variable in self._made_of for equation in equations_in(items) for variable in equation.outvars)

    def _wrappers(self, around: Path) -> set[Path]:
        """Return the nodes that hold all that a node holds: ``{"params": {...}}``."""
        found: set[Path] = set()
        while around not in self._holding:
            inside = {key[: len(around) + 1] for key in self._under[around]}
            if len(inside) != 1:
                break
            around = next(iter(inside))
            if around not in self._under or around in self._holding:
                break
            found.add(around)
        return found

    def _stacks(self, items: Sequence[Any]) -> list[Stack]:
        """Return where items were made; of what is made of arrays alone, where it is needed."""
        stacks: list[Stack] = []
        for item in reversed(items):
            equation = next(iter(equations_in([item])))
            early = bool(stacks) and all(v in self._made_of for v in equation.outvars)
            stacks.append(stacks[-1] if early else instructions_of(equation))
        return stacks[::-1]

    def _found(
        self,
        items: Sequence[Any],
        read: Sequence[Keys],
        belongs: Sequence[AbstractSet[Path]],
        around: Path,
        opened: set[Path],
    ) -> Iterator[_Run]:
        """Yield the runs of nodes; what belongs to several or to none is in a run that goes on behind it."""
        run: _Run | None = None
        seen: set[Any] = set()
        for at, keys in enumerate(read):
            node = self._node(belongs[at], around, opened)
            if not keys and node is None:
                continue
            marks = self._marks(items[at])
            stays = run is not None and node == run.node and seen.isdisjoint(marks)
            alone = node is None or (bool(keys) and self._is_call(items[at], node, keys))
            if run is not None and (alone or not stays):
                yield run
                run = None
            if node is None or alone:
                continue
            seen = marks if run is None else seen | marks
            run = _Run(node, at if run is None else run.start, at + 1)
        if run is not None:
            yield run

    def _node(self, keys: AbstractSet[Path], around: Path, opened: set[Path]) -> Path | None:
        """Return the node inside ``around`` that holds these arrays, None where it is none or several."""
        found = {self._inside(key, around, opened) for key in keys}
        return found.pop() if len(found) == 1 else None

    def _inside(self, key: Path, around: Path, opened: set[Path]) -> Path | None:
        for length in range(len(around) + 1, len(key)):
            node = key[:length]
            if node not in opened:
                return node if node in self._under and node[: len(around)] == around else None
        return None

    def _marks(self, item: Any) -> set[Any]:
        """Return which arrays are read as they are, and where: who reads one again in the same place is called again."""
        found: set[Any] = set()
        for equation in equations_in([item]):
            keys = [(v, self._key_of(v)) for v in equation.invars if not is_literal(v)]
            if not all(self._of(v) for v, _ in keys):
                found.update((key, instructions_of(equation)[-1:]) for _, key in keys if key is not None)
        return found

    def _is_call(self, item: Any, node: Path, keys: Keys) -> bool:
        """Tell whether an item is a call of the node already: a function that is jitted, or has a scope."""
        return _is_framed(item) and self._whole(keys) == node

    def _whole(self, keys: Keys) -> Path | None:
        """Return the node that holds these arrays and no others, the innermost one."""
        if not keys:
            return None
        first, held = min(keys), set(keys)
        nodes = (first[:length] for length in range(len(first) - 1, -1, -1))
        return next((node for node in nodes if held == self._under.get(node)), None)


def _is_framed(item: Any) -> bool:
    return isinstance(item, Frame) or (not isinstance(item, Written) and is_jitted(item))


def _first_needed(items: Sequence[Any], early: set[int]) -> list[int]:
    """Return the place of each item; of those that came early, that of the first item which needs them."""
    places = list(range(len(items)))
    first: dict[Any, int] = {}
    for at in range(len(items) - 1, -1, -1):
        equations = list(equations_in([items[at]]))
        if at in early:
            places[at] = min((first.get(v, len(items)) for e in equations for v in e.outvars), default=at)
        for variable in entering(equations):
            first[variable] = min(places[at], first.get(variable, places[at]))
    return places
