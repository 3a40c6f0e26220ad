"""Separates optimizer state, which counts in no total, from weights, by the names that libraries use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from nbviz.graph import OptimizerState

if TYPE_CHECKING:
    from nbviz.adapters.checkpoints.tree import Entry

_STATE = re.compile(r"opt(im|imizer)?_states?")
"""What only the state of an optimizer is called, such as the ``opt_state`` of Flax."""
_OPTIMIZER = re.compile(r"opt|optim|optimizers?")
"""What a layer could be called too, so that a name below it has to be one of ``_INSIDE``."""
_INSIDE = frozenset({
    *("state", "param_groups", "param_states", "step", "count", "mu", "nu", "trace"),
    *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer"),
})  # fmt: skip


def apart(entries: list[Entry], known: Mapping[str, Sequence[Entry]]) -> tuple[list[Entry], OptimizerState | None]:
    """Return the tensors that are no optimizer's, and the state of optimizers.

    Parameters
    ----------
    entries
        Tensors, of which the path tells.
    known
        The tensors of optimizers that the structure of a file has told, by the optimizer's name.
    """
    state = {name: list(tensors) for name, tensors in known.items()}
    segments = frozenset[str]().union(*(entry.path for entry in entries))
    if not any(_STATE.fullmatch(name) or _OPTIMIZER.fullmatch(name) for name in segments):
        return entries, _summed(state)
    depths = [_depth(entry.path) for entry in entries]
    rows = {entry.path[:depth] for entry, depth in zip(entries, depths, strict=True) if depth}
    # the TrainState of Flax has the step beside its opt_state
    steps = {(*row[:-1], "step"): row[-1] for row in rows if _STATE.fullmatch(row[-1])}
    others: list[Entry] = []
    for entry, depth in zip(entries, depths, strict=True):
        name = entry.path[depth - 1] if depth else steps.get(entry.path, "") if entry.size == 1 else ""
        (state.setdefault(name, []) if name else others).append(entry)
    return others, _summed(state)


def _depth(path: tuple[str, ...]) -> int:
    """Return how many segments of a path there are up to the name of the optimizer whose state is there, 0 for other tensors."""
    for depth, name in enumerate(path[:-1], 1):
        if _STATE.fullmatch(name) or (_OPTIMIZER.fullmatch(name) and not _INSIDE.isdisjoint(path[depth:])):
            return depth
    return 0


def _summed(state: Mapping[str, Iterable[Entry]]) -> OptimizerState | None:
    """Return the state of all optimizers as one: each tensor counts once."""
    if not state:
        return None
    tensors = {id(e) if e.key is None else e.key: e for some in state.values() for e in some}.values()
    return OptimizerState(next(iter(state)), sum(e.size for e in tensors), sum(e.bytes or 0 for e in tensors))
