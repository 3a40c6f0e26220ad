// Which layers and groups stand open: at first, to a depth, and around a path.
import { callsOf } from "./calls";
import { membersOf, STACK_MARK, selecting, type Units, unitsOf } from "./scene/units";
import { rowIndex, treeOf } from "./tree";
import { countOf, type Payload } from "./wire";

/** Boxes that a first screen may show. */
const ROOM = 40;
/** Boxes that it shows rather than almost nothing: a model that is one wrapper around everything. */
const WRAPPED_ROOM = 150;
const TOO_FEW = 5;
/** Rows that a first screen may show of a model without boxes. */
const SCREEN = 24;

/** What is open before anybody has opened anything. */
export function initialExpanded(payload: Payload, depth: number | "auto", groups: boolean): string[] {
  return depth === "auto" ? openWhatFits(payload, groups) : expandToDepth(payload, depth, groups);
}

/** Everything that stands less than `depth` levels deep: 1 shows the top level only. */
export function expandToDepth(payload: Payload, depth: number, groups: boolean): string[] {
  const units = unitsOf(payload, groups);
  const open = new Set<string>();
  const level = new Int32Array(units.length);
  for (const u of units.order) {
    if (u === 0) continue;
    // A stack is no level of the model: it stands where its members do.
    const around = units.parent[u] as number;
    level[u] = (level[around] as number) + (around < units.stacks ? 1 : 0);
    if (units.hasChildren[u] && (level[u] as number) < depth) open.add(units.path(u));
  }
  return [...withContainers(payload, groups, units, open, depth)];
}

/** Rows that hold others and are never called themselves (a list of blocks) have no box, but a place in the table. */
function withContainers(
  payload: Payload,
  groups: boolean,
  units: Units,
  open: Set<string>,
  depth: number,
): Set<string> {
  const { rows } = payload;
  const tree = treeOf(rows, groups);
  const boxed = new Uint8Array(rows.length);
  for (const u of units.order) if ((units.row[u] as number) >= 0) boxed[units.row[u] as number] = 1;
  for (let row = 1; row < rows.length; row++) {
    if (boxed[row] || (tree.parent[row] as number) < 0 || countOf(tree.children, row) === 0) continue;
    const around = tree.parent[row] as number;
    const shown = around <= 0 || open.has(rows.path[around] ?? "");
    if (shown && (tree.depth[row] as number) < depth) open.add(rows.path[row] ?? "");
  }
  return open;
}

interface Kind {
  readonly paths: Set<string>;
  readonly units: number[];
  added: number;
}

/**
 * Level by level, all boxes of one type or none: the first three of twelve equal blocks being open would say something
 * that is not so.
 */
function openWhatFits(payload: Payload, groups: boolean): string[] {
  const units = unitsOf(payload, groups);
  const open = new Set<string>();
  let level = units.length > 0 ? membersOf(units, 0) : [];
  let showing = level.length;
  while (level.length > 0) {
    const kinds = kindsOf(payload, units, level, showing < TOO_FEW);
    const next: number[] = [];
    for (const kind of kinds) {
      const room = showing < TOO_FEW ? WRAPPED_ROOM : ROOM;
      if (showing + kind.added > room) continue;
      showing += kind.added;
      for (const path of kind.paths) open.add(path);
      for (const u of kind.units) next.push(...membersOf(units, u));
    }
    level = next;
  }
  const depth = open.size > 0 ? Number.POSITIVE_INFINITY : Math.max(2, levelsOnScreen(payload, groups));
  return [...withContainers(payload, groups, units, open, depth)];
}

/** How many levels of rows fit on a first screen of the table. */
function levelsOnScreen(payload: Payload, groups: boolean): number {
  const counts: number[] = [];
  for (const depth of treeOf(payload.rows, groups).depth) counts[depth] = (counts[depth] ?? 0) + 1;
  let showing = 0;
  let level = 0;
  while (level < counts.length && showing + (counts[level] ?? 0) <= SCREEN) showing += counts[level++] ?? 0;
  return level - 1;
}

/** What can be opened in a level, by type, the cheapest first. Stacks only where nearly nothing else shows. */
function kindsOf(payload: Payload, units: Units, level: readonly number[], stacks: boolean): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const u of level) {
    const isStack = u >= units.stacks;
    if (!units.hasChildren[u] || (isStack && !stacks)) continue;
    const type = isStack ? STACK_MARK : (payload.rows.type[units.row[u] as number] ?? "");
    const kind = kinds.get(type) ?? { paths: new Set(), units: [], added: 0 };
    kind.paths.add(units.path(u));
    kind.units.push(u);
    // The frame of what is open is a box too, and was counted when it was folded.
    kind.added += membersOf(units, u).length;
    kinds.set(type, kind);
  }
  return [...kinds.values()].sort((a, b) => a.added - b.added);
}

/** The stacks that have to open so that what is open in them shows. */
export function stacksAround(payload: Payload, open: ReadonlySet<string>, groups: boolean): string[] {
  const units = unitsOf(payload, groups);
  const found: string[] = [];
  for (let u = units.stacks; u < units.length; u++) {
    if (membersOf(units, u).some((m) => open.has(units.path(m)))) found.push(units.path(u));
  }
  return found;
}

/** Paths of what a stack holds; none for the path of anything else. */
export function stackMembers(payload: Payload, path: string, groups: boolean): readonly string[] {
  if (!path.startsWith(STACK_MARK)) return [];
  const units = unitsOf(payload, groups);
  for (let u = units.stacks; u < units.length; u++) if (units.path(u) === path) return selecting(units, u);
  return [];
}

/** What has to be open so that `path` shows in table and graph, outermost first. */
export function ancestors(payload: Payload, path: string, groups: boolean): string[] {
  const found = new Set<string>();
  const { rows } = payload;
  const tree = treeOf(rows, groups);
  const row = rowIndex(rows).get(path) ?? -1;
  const chain: string[] = [];
  for (let r = tree.parent[row] ?? -1; r > 0; r = tree.parent[r] ?? -1) chain.push(rows.path[r] ?? "");
  for (const around of chain.reverse()) found.add(around);
  const units = unitsOf(payload, groups);
  for (const call of unitsAt(payload, units, path, row)) {
    const around: string[] = [];
    for (let u = units.parent[call] ?? -1; u > 0; u = units.parent[u] ?? -1) around.push(units.path(u));
    for (const name of around.reverse()) found.add(name);
  }
  found.delete("");
  found.delete(path);
  return [...found];
}

function unitsAt(payload: Payload, units: Units, path: string, row: number): readonly number[] {
  if (payload.rows.kind[row] !== "group") return callsOf(payload, path);
  const frames: number[] = [];
  for (let u = payload.calls.length; u < units.stacks; u++) if (units.row[u] === row) frames.push(u);
  return frames;
}
