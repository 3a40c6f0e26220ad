// What can be a box in the graph: every call but the root, every inferred group within one parent call, and every stack
// of equal siblings.
import { atOnce } from "../steps";
import { countOf, list, type Payload } from "../wire";
import { childrenOf, type Nesting, nest } from "./nesting";
import { siblingsOf } from "./siblings";
import { findStacks } from "./stacks";
import { structureSteps } from "./structure";

export interface Units {
  readonly length: number;
  /** Units from here on are stacks. Those below `payload.calls.length` are calls, those between are groups. */
  readonly stacks: number;
  /** The unit around each unit; 0 is the root. */
  readonly parent: Int32Array;
  /** Its row; of a stack, that of its first member. */
  readonly row: Int32Array;
  /** By stack, from the first: the rows of its members, each once. */
  readonly stackRows: readonly (readonly number[])[];
  readonly hasChildren: Uint8Array;
  /** All units in pre-order, siblings by first call; the root first. */
  readonly order: Int32Array;
  /** By unit: its place in `order`, and the place behind everything that it holds. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Nesting depth; 0 for the root. */
  readonly depth: Int32Array;
  /** What it is made of: see `structureSteps`; 0 for stacks. */
  readonly structure: Int32Array;
  /** Layers and operations inside that hold no other. */
  readonly leaves: Int32Array;
  /** Which of its row's calls this is, from 1; 0 for groups and what has no row. */
  readonly nth: Int32Array;
  /** How often its row was called within one call of what holds it; more than once is worth a mark. */
  readonly repeats: Int32Array;
  /** What opens and closes it; of all but stacks, the path that selects it. */
  path(unit: number): string;
  /** The same text for the same thing as long as the payload lives. */
  key(unit: number): string;
}

/** What a stack is called in what is open: this, and the path of its first member. */
export const STACK_MARK = "≡";

const cache = new WeakMap<Payload, [on: Units | undefined, off: Units | undefined]>();

export function unitsOf(payload: Payload, groups: boolean): Units {
  return atOnce(unitsSteps(payload, groups));
}

/** The same in steps of a few milliseconds, for those who have to stay responsive. */
export function* unitsSteps(payload: Payload, groups: boolean): Generator<undefined, Units> {
  const known = cache.get(payload) ?? [undefined, undefined];
  cache.set(payload, known);
  const at = groups ? 0 : 1;
  known[at] ??= yield* build(payload, groups);
  return known[at];
}

/** What stands directly in a unit. */
export function membersOf(units: Units, unit: number): number[] {
  return childrenOf(units, unit);
}

/** The paths that select a unit: its own, or those of a stack's members. */
export function selecting(units: Units, unit: number): readonly string[] {
  if (unit < units.stacks) return [units.path(unit)];
  return [...new Set(membersOf(units, unit).map((m) => units.path(m)))];
}

function* build(payload: Payload, groups: boolean): Generator<undefined, Units> {
  const calls = payload.calls.length;
  const plain = framed(payload, groups);
  yield;
  const nesting = nest(plain.parent, firstCalls(plain.parent, calls), calls);
  yield;
  const siblings = siblingsOf(payload, nesting);
  yield;
  const structure = yield* structureSteps(payload, nesting, siblings);
  yield;
  const leaves = leavesOf(payload, nesting);
  yield;
  const label = (u: number): string => {
    const row = plain.row[u] as number;
    return (row >= 0 ? payload.rows.label[row] : payload.calls.path[u]) ?? "";
  };
  const stacks = findStacks(payload, { nesting, siblings, structure, leaves, label });
  yield;
  const row = joined(
    plain.row,
    stacks.map(([first]) => plain.row[first as number] as number),
  );
  const together = stacks.map((members) => members.reduce((sum, u) => sum + (leaves[u] as number), 0));
  const outer = stacked(nesting, stacks, calls);
  yield;
  return finish(payload, outer, {
    row,
    structure,
    leaves: joined(leaves, together),
    stacks: plain.row.length,
  });
}

/** Calls and, behind them, the frames of groups. */
function framed(payload: Payload, groups: boolean): { parent: Int32Array; row: Int32Array } {
  const { calls, rows } = payload;
  const parent = calls.parent.map((p, c) => (c === 0 ? -1 : Math.max(0, p)));
  if (!groups || !rows.kind.includes("group")) return { parent, row: calls.row };
  const around: number[] = [];
  const group: number[] = [];
  const frames = new Map<number, number>();
  /** The frame of a group within one parent call; a group of another layer's children does not apply there. */
  const frame = (g: number, within: number): number => {
    if (g < 0 || rows.parent[g] !== calls.row[within]) return within;
    const key = g * calls.length + within;
    const known = frames.get(key);
    if (known !== undefined) return known;
    const outer = frame(rows.group[g] ?? -1, within);
    const id = calls.length + around.length;
    frames.set(key, id);
    around.push(outer);
    group.push(g);
    return id;
  };
  for (let c = 1; c < calls.length; c++) {
    const r = calls.row[c] as number;
    if (r >= 0) parent[c] = frame(rows.group[r] ?? -1, parent[c] as number);
  }
  return { parent: joined(parent, around), row: joined(calls.row, group) };
}

function joined(first: Int32Array, second: readonly number[]): Int32Array {
  const both = new Int32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The first call in each unit, which for a call is itself. */
function firstCalls(parent: Int32Array, calls: number): Int32Array {
  const first = parent.map((_, u) => (u < calls ? u : 0x7fffffff));
  for (let c = 1; c < calls; c++) {
    for (let g = parent[c] as number; g >= calls; g = parent[g] as number) {
      // Calls come in order: what has one has its first.
      if ((first[g] as number) <= c) break;
      first[g] = c;
    }
  }
  return first;
}

/** Stacks come between their members and what is around these. */
function stacked(nesting: Nesting, stacks: readonly (readonly number[])[], calls: number): Nesting {
  if (stacks.length === 0) return nesting;
  const heads = stacks.map(([first]) => first as number);
  const parent = joined(
    nesting.parent,
    heads.map((u) => nesting.parent[u] as number),
  );
  const first = joined(
    nesting.first,
    heads.map((u) => nesting.first[u] as number),
  );
  stacks.forEach((members, i) => {
    for (const u of members) parent[u] = nesting.parent.length + i;
  });
  return nest(parent, first, calls);
}

/** How many layers and operations that hold no other are in each unit. */
function leavesOf({ calls }: Payload, { parent, order, start, end }: Nesting): Int32Array {
  const leaves = new Int32Array(parent.length);
  for (let i = order.length - 1; i > 0; i--) {
    const u = order[i] as number;
    const kind = calls.kind[u];
    const counts = kind !== "input" && kind !== "output" && kind !== "constant";
    if (counts && (end[u] as number) - (start[u] as number) === 1) leaves[u] = 1;
    const around = parent[u] as number;
    leaves[around] = (leaves[around] as number) + (leaves[u] as number);
  }
  return leaves;
}

interface Found {
  readonly row: Int32Array;
  readonly structure: Int32Array;
  readonly leaves: Int32Array;
  /** The first unit that is a stack. */
  readonly stacks: number;
}

function finish(payload: Payload, nesting: Nesting, { row, structure, leaves, stacks }: Found): Units {
  const { parent, first, order, start, end, depth } = nesting;
  const { calls, rows } = payload;
  const pathOf = (u: number): string => (u < calls.length ? calls.path[u] : rows.path[row[u] as number]) ?? "";
  const keyOf = (u: number): string =>
    u < calls.length ? `c${u}` : `g${row[u]}.${callAround(parent, calls.length, u)}`;
  return {
    length: parent.length,
    stacks,
    parent,
    row,
    stackRows: Array.from({ length: parent.length - stacks }, (_, i) => [
      ...new Set(childrenOf(nesting, stacks + i).map((m) => row[m] as number)),
    ]),
    hasChildren: Uint8Array.from(start, (from, u) => ((end[u] as number) - from > 1 ? 1 : 0)),
    order,
    start,
    end,
    depth,
    structure,
    leaves,
    ...repeated(payload, parent.length),
    path: (u) => (u < stacks ? pathOf(u) : STACK_MARK + pathOf(order[(start[u] as number) + 1] as number)),
    key: (u) => (u < stacks ? keyOf(u) : `s${first[u]}.${parent[u]}`),
  };
}

/** The parent call of a group's frame, which tells the frames of one group apart. */
function callAround(parent: Int32Array, calls: number, u: number): number {
  let at = u;
  while (at >= calls) at = parent[at] as number;
  return at;
}

function repeated(payload: Payload, n: number): { nth: Int32Array; repeats: Int32Array } {
  const { calls, rows } = payload;
  const nth = new Int32Array(n);
  const repeats = new Int32Array(n).fill(1);
  const seen = new Int32Array(rows.length);
  for (let c = 1; c < calls.length; c++) {
    const r = calls.row[c] as number;
    if (r < 0) continue;
    seen[r] = (seen[r] as number) + 1;
    nth[c] = seen[r] as number;
    const outer = calls.row[calls.parent[c] as number] ?? -1;
    repeats[c] = (rows.calls[r] as number) / Math.max(1, outer >= 0 ? (rows.calls[outer] as number) : 1);
  }
  return { nth, repeats };
}

/** Ids of the parameters that a row holds and others hold too. */
export function isTied(payload: Payload, row: number): boolean {
  if (row < 0 || countOf(payload.rows.parameters, row) === 0) return false;
  return list(payload.rows.parameters, row).some((p) => countOf(payload.parameters.owners, p) > 1);
}
