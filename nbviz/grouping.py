"""Groups siblings by common prefixes (``conv4_block1_2_conv``) or suffixes of their names.

A group is a prefix that several siblings share and that makes one piece of the graph: no path leaves it and comes back,
and drawing every group as one box makes no cycle. Bare operations, and layers with automatic names, belong to a group
when they lie between its members. A large group is divided by the rest of its members' names. Where prefixes group
little, names that end with the same number may (``separable_conv_1_normal_left2_12``).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import final

from nbviz.builder import escape, join
from nbviz.graph import Group, ModelGraph

_FEWEST_SIBLINGS = 6
"""A model with fewer parts needs no groups."""

_DIVIDED_FROM = 16
"""Named members from which a group is divided further."""

_FEW = 4
"""Named members below which a group may not consist mostly of parts without a name."""

_MANY_ENDS = 8
"""Names that have to end alike to make a group: ends are often alike by chance."""

_FEW_GROUPED = 0.25
"""Share of the named siblings that prefixes have to group; below it the names' ends are looked at."""

_GENERIC_SHARE = 0.5
"""A prefix without a number (``conv``) that covers more of its surroundings than this says nothing."""


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """A sibling: its row, its name in pieces (empty for what names cannot group), whether a group may take it in."""

    path: str
    pieces: tuple[str, ...]
    loose: bool


@final
@dataclass(slots=True)
class _Scope:
    """The siblings among which groups are sought, in execution order, and the connections between them."""

    parts: Sequence[_Part]
    inside: list[int]
    after: Mapping[int, Collection[int]]
    before: Mapping[int, Collection[int]]
    group_of: dict[int, list[int]] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the order that groups lie in, those that overlap as one."""

    def within(self, members: list[int]) -> _Scope:
        """Return the scope of one group's own members."""
        kept = set(members)
        after = {i: [j for j in self.after[i] if j in kept] for i in members}
        before = {i: [j for j in self.before[i] if j in kept] for i in members}
        return _Scope(self.parts, sorted(members), after, before)

    def named(self) -> list[int]:
        """Return the siblings that names can group."""
        return [i for i in self.inside if self.parts[i].pieces]

    def accept(self, members: list[int]) -> None:
        """Take these siblings as one group from now on."""
        touched, span = self._overlapping(members[0], members[-1])
        self.spans[touched] = [span]
        for i in members:
            self.group_of[i] = members

    def closed(self, members: list[int]) -> list[int] | None:
        """Return the members with all that lies between them, None where that belongs elsewhere."""
        window = self._window(members)
        forward = self._reached(members, self.after, window)
        backward = self._reached(members, self.before, window)
        between = (forward & backward) - set(members)
        if any(i in self.group_of or not self.parts[i].loose for i in between):
            return None
        return sorted({*members, *between})

    def with_feeders(self, members: list[int]) -> list[int]:
        """Return the members with the loose siblings that nothing else reads: a path cannot leave through them."""
        found = set(members)
        waiting = [j for i in members for j in self.before[i]]
        while waiting:
            i = waiting.pop()
            if i in found or i in self.group_of or not self.parts[i].loose or not found.issuperset(self.after[i]):
                continue
            found.add(i)
            waiting.extend(self.before[i])
        return sorted(found)

    def _window(self, members: list[int]) -> tuple[int, int]:
        """Return the stretch of the order that a path which comes back can pass: through a group it may also step back."""
        return self._overlapping(min(members), max(members))[1]

    def _overlapping(self, low: int, high: int) -> tuple[slice, tuple[int, int]]:
        """Return which spans overlap a stretch, and the stretch with them."""
        touched = slice(
            bisect_left(self.spans, low, key=itemgetter(1)), bisect_right(self.spans, high, key=itemgetter(0))
        )
        found = [(low, high), *self.spans[touched]]
        return touched, (min(first for first, _ in found), max(last for _, last in found))

    def _reached(self, start: list[int], step: Mapping[int, Collection[int]], window: tuple[int, int]) -> set[int]:
        """Follow connections, other groups as a whole, as far as they can lead back to the members."""
        low, high = window
        found: set[int] = set()
        waiting = [j for i in start for j in step[i]]
        while waiting:
            i = waiting.pop()
            if i in found:
                continue
            whole = self.group_of.get(i, [i])
            if whole[0] > high or whole[-1] < low:
                continue
            found.update(whole)
            waiting.extend(j for k in whole for j in step[k])
        return found


def infer_groups(graph: ModelGraph, automatic: Collection[str] = ()) -> list[Group]:
    """Return the groups of every layer whose children's names share prefixes, outer before inner.

    Parameters
    ----------
    graph
        The graph; its own groups are not looked at.
    automatic
        Paths of layers whose names say nothing (``dense_17``).
    """
    names, paths = graph.layers.column("name"), graph.layers.column("path")
    parents = graph.layers.column("parent")
    counts: dict[str, int] = {}
    for parent in parents:
        if parent is not None:
            counts[parent] = counts.get(parent, 0) + 1
    name_of = {path: name.rpartition("/")[2] for path, name in zip(paths, names, strict=True) if path not in automatic}
    found: list[Group] = []
    frames = _first_frames(graph)
    for layer, count in counts.items():
        if count >= _FEWEST_SIBLINGS and layer in frames:
            scope = _scope(graph, frames[layer], name_of, layer)
            groups = _groups(scope, layer, None, 0, 0)
            if _members(groups) < _FEW_GROUPED * len(scope.named()):
                by_ends = _groups_by_ends(scope.within(scope.inside), layer)
                groups = max(groups, by_ends, key=_members)
            found.extend(groups)
    return found


def _members(groups: Sequence[Group]) -> int:
    return sum(len(group.members) for group in groups)


def _first_frames(graph: ModelGraph) -> dict[str, int]:
    first: dict[str, int] = {}
    for call, layer in enumerate(graph.calls.column("layer")):
        if layer is not None:
            first.setdefault(layer, call)
    return first


def _scope(graph: ModelGraph, frame: int, name_of: dict[str, str], layer: str) -> _Scope:
    """Collect the calls directly inside one call, and the connections lifted to them."""
    parents = graph.calls.column("parent")
    top: dict[int, int] = {}
    order: list[int] = []
    for call in range(frame + 1, len(parents)):
        if parents[call] == frame:
            top[call] = len(order)
            order.append(call)
        elif parents[call] in top:
            top[call] = top[parents[call]]
        else:
            break  # the calls inside a call follow it directly
    after: dict[int, set[int]] = {i: set() for i in range(len(order))}
    before: dict[int, set[int]] = {i: set() for i in range(len(order))}
    for source, target in zip(graph.edges.column("source"), graph.edges.column("target"), strict=True):
        a, b = top.get(source), top.get(target)
        if a is not None and b is not None and a != b:
            after[a].add(b)
            before[b].add(a)
    parts = _parts(graph, order, name_of, layer)
    return _Scope(parts, list(range(len(order))), after, before)


def _parts(graph: ModelGraph, order: list[int], name_of: dict[str, str], layer: str) -> list[_Part]:
    kinds, paths = graph.calls.column("kind"), graph.calls.column("path")
    times: dict[str, int] = {}
    for call in order:
        times[paths[call]] = times.get(paths[call], 0) + 1
    parts = []
    for call in order:
        path = paths[call]
        own = path.rpartition("/")[0] == layer and times[path] == 1 and kinds[call] in ("layer", "operation")
        name = name_of.get(path, "") if own and kinds[call] == "layer" else ""
        parts.append(_Part(path, _pieces(name), own and not name))
    return parts


def _pieces(name: str) -> tuple[str, ...]:
    """Cut a name at its separators; a number stays with the word that it counts (``block_1``)."""
    pieces: list[str] = []
    for piece in re.split(r"[_.\-]", name):
        if not piece:
            continue
        if piece.isdigit() and pieces and not pieces[-1][-1].isdigit():
            pieces[-1] = f"{pieces[-1]}_{piece}"
        else:
            pieces.append(piece)
    return tuple(pieces)


def _id(layer: str, parent: Group | None, label: str) -> str:
    return join(layer, f"~{escape(label)}") if parent is None else f"{parent.id}/{escape(label)}"


def _groups(scope: _Scope, layer: str, parent: Group | None, level: int, shown: int) -> list[Group]:
    """Return the groups of a scope by the pieces of names from ``level`` on; labels begin at piece ``shown``."""
    accepted: list[tuple[str, list[int], int]] = []
    _divide(scope, scope.named(), (level, shown), accepted)
    found: list[Group] = []
    for label, members, depth in sorted(accepted, key=lambda a: a[1][0]):
        group_id = _id(layer, parent, label)
        inner_scope = scope.within(members)
        group = Group(group_id, label, None if parent is None else parent.id, layer, ())
        inner: list[Group] = []
        if len(inner_scope.named()) > _DIVIDED_FROM:
            inner = _groups(inner_scope, layer, group, depth, depth)
        inside = {path for g in inner for path in g.members}
        direct = tuple(scope.parts[i].path for i in members if scope.parts[i].path not in inside)
        found.append(Group(group_id, label, group.parent, layer, direct))
        found.extend(inner)
    return found


def _divide(
    scope: _Scope,
    members: list[int],
    at: tuple[int, int],
    accepted: list[tuple[str, list[int], int]],
) -> None:
    """Accept a group for every piece that makes one; look further into those that do not."""
    start, shown = at
    buckets: dict[str, list[int]] = {}
    for i in members:
        if len(scope.parts[i].pieces) > start:
            buckets.setdefault(scope.parts[i].pieces[start], []).append(i)
    everything = len(scope.named())
    for bucket in buckets.values():
        level = start
        if len(bucket) < 2:
            continue
        if len(bucket) == everything:  # the prefix of all of them names the model
            _divide(scope, bucket, (level + 1, level + 1), accepted)
            continue
        while _one_piece(scope, bucket, level + 1):
            level += 1  # the longest prefix that they share
        label = _label(scope.parts[bucket[0]].pieces[: level + 1], shown)
        generic = not any(c.isdigit() for c in label) and len(bucket) > _GENERIC_SHARE * everything
        closed = None if generic else scope.closed(bucket)
        few = closed is not None and len(bucket) < _FEW and len(closed) > 2 * len(bucket)
        if closed is None or few:  # mostly parts without a name of their own
            _divide(scope, bucket, (level + 1, shown), accepted)
            continue
        scope.accept(closed)
        accepted.append((label, closed, level + 1))


def _one_piece(scope: _Scope, bucket: list[int], level: int) -> bool:
    """Tell whether all names go on with the same piece, and beyond it."""
    pieces = [scope.parts[i].pieces for i in bucket]
    return all(len(p) > level + 1 and p[level] == pieces[0][level] for p in pieces)


def _label(pieces: Sequence[str], shown: int) -> str:
    label = "_".join(pieces[shown:])
    return "_".join(pieces[shown - 1 :]) if label.isdigit() and shown else label


def _groups_by_ends(scope: _Scope, layer: str) -> list[Group]:
    """Return the groups of names that end alike: with a word and a number if many do (``stem_1``), else with a number."""
    last = {i: _last_pieces(scope.parts[i].pieces) for i in scope.named()}
    words = Counter(last.values())
    buckets: dict[str, list[int]] = {}
    for i, (word, number) in last.items():
        if number:
            end = f"{word}_{number}" if word and words[word, number] >= _MANY_ENDS else number
            buckets.setdefault(end, []).append(i)
    found: list[Group] = []
    for end, bucket in buckets.items():
        closed = scope.closed(bucket) if len(bucket) >= _MANY_ENDS else None
        if closed is None:
            continue
        closed = scope.with_feeders(closed)
        scope.accept(closed)
        label = end if not end.isdigit() else f"{_commonest_word(scope, bucket)}_{end}"
        members = tuple(scope.parts[i].path for i in closed)
        found.append(Group(_id(layer, None, label), label, None, layer, members))
    return found


def _last_pieces(pieces: Sequence[str]) -> tuple[str, str]:
    """Return the number at the end of a name, and the word before it if that has no number of its own."""
    number = re.search(r"(?:^|_)(\d+)$", pieces[-1])
    if number is None:
        return "", ""
    word = pieces[-1][: number.start()] or (pieces[-2] if len(pieces) > 1 else "")
    return ("" if any(c.isdigit() for c in word) else word), number[1]


def _commonest_word(scope: _Scope, members: Sequence[int]) -> str:
    """Return the word in most of the names, the later one of several."""
    words = [{piece for piece in scope.parts[i].pieces if piece.isalpha()} for i in members]
    count = Counter(word for own in words for word in own)
    most = max(count.values(), default=0)
    order = [piece for i in members for piece in scope.parts[i].pieces]
    return next((word for word in reversed(order) if count[word] == most), "")
