// What can be a box in the graph: every call but the root, and every inferred group within one parent call.
import { list, type Payload } from "../wire";

export interface Units {
  readonly length: number;
  /** The unit around each unit; 0 is the root. Units below `payload.calls.length` are calls, the others groups. */
  readonly parent: Int32Array;
  readonly row: Int32Array;
  readonly hasChildren: Uint8Array;
  /** All units in pre-order, siblings by first call; the root first. */
  readonly order: Int32Array;
  /** Nesting depth; 0 for the root. */
  readonly depth: Int32Array;
  /** Layers and operations inside that hold no other. */
  readonly leaves: Int32Array;
  /** Which of its row's calls this is, from 1; 0 for groups and what has no row. */
  readonly nth: Int32Array;
  /** How often its row was called within one call of what holds it; more than once is worth a mark. */
  readonly repeats: Int32Array;
  /** The path that selects it. */
  path(unit: number): string;
  /** The same text for the same thing as long as the payload lives. */
  key(unit: number): string;
}

const cache = new WeakMap<Payload, [on: Units | undefined, off: Units | undefined]>();

export function unitsOf(payload: Payload, groups: boolean): Units {
  const known = cache.get(payload) ?? [undefined, undefined];
  cache.set(payload, known);
  const at = groups ? 0 : 1;
  known[at] ??= build(payload, groups);
  return known[at];
}

function build(payload: Payload, groups: boolean): Units {
  const { calls, rows } = payload;
  const parent: number[] = Array.from(calls.parent, (p, c) => (c === 0 ? -1 : Math.max(0, p)));
  const row: number[] = Array.from(calls.row);
  const frames = new Map<string, number>();
  /** The frame of a group within one parent call; a group of another layer's children does not apply there. */
  const frame = (group: number, within: number): number => {
    if (group < 0 || rows.parent[group] !== calls.row[within]) return within;
    const key = `${group} ${within}`;
    const known = frames.get(key);
    if (known !== undefined) return known;
    const around = frame(rows.group[group] ?? -1, within);
    const id = parent.length;
    frames.set(key, id);
    parent.push(around);
    row.push(group);
    return id;
  };
  if (groups) {
    for (let c = 1; c < calls.length; c++) {
      const r = calls.row[c] as number;
      if (r >= 0) parent[c] = frame(rows.group[r] ?? -1, parent[c] as number);
    }
  }
  return finish(payload, Int32Array.from(parent), Int32Array.from(row));
}

function finish(payload: Payload, parent: Int32Array, row: Int32Array): Units {
  const n = parent.length;
  const calls = payload.calls.length;
  const order = preOrder(parent, firstCalls(parent, calls));
  const depth = new Int32Array(n);
  const hasChildren = new Uint8Array(n);
  const leaves = new Int32Array(n);
  for (let i = 1; i < order.length; i++) {
    const u = order[i] as number;
    depth[u] = (depth[parent[u] as number] as number) + 1;
    hasChildren[parent[u] as number] = 1;
  }
  for (let i = order.length - 1; i > 0; i--) {
    const u = order[i] as number;
    const kind = payload.calls.kind[u];
    if (!hasChildren[u]) leaves[u] = kind === "input" || kind === "output" || kind === "constant" ? 0 : 1;
    leaves[parent[u] as number] = (leaves[parent[u] as number] as number) + (leaves[u] as number);
  }
  return {
    length: n,
    parent,
    row,
    hasChildren,
    order,
    depth,
    leaves,
    ...repeated(payload, n),
    path: (u) => (u < calls ? (payload.calls.path[u] ?? "") : (payload.rows.path[row[u] as number] ?? "")),
    key: (u) => (u < calls ? `c${u}` : `g${row[u]}.${firstOfGroup(payload, parent, row, u)}`),
  };
}

/** The parent call of a group's frame, which tells the frames of one group apart. */
function firstOfGroup(payload: Payload, parent: Int32Array, _row: Int32Array, u: number): number {
  let at = u;
  while (at >= payload.calls.length) at = parent[at] as number;
  return at;
}

function firstCalls(parent: Int32Array, calls: number): Int32Array {
  const first = Int32Array.from(parent, (_, u) => u);
  for (let u = calls; u < parent.length; u++) first[u] = 0x7fffffff;
  for (let c = 1; c < calls; c++) {
    for (let g = parent[c] as number; g >= calls; g = parent[g] as number) first[g] = Math.min(first[g] as number, c);
  }
  return first;
}

function preOrder(parent: Int32Array, first: Int32Array): Int32Array {
  const n = parent.length;
  const bySeen = Int32Array.from({ length: n }, (_, u) => u).sort(
    (a, b) => (first[a] as number) - (first[b] as number),
  );
  const heads = new Int32Array(n).fill(-1);
  const next = new Int32Array(n).fill(-1);
  // Later siblings first, so that each list ends up in order of first call.
  for (let i = n - 1; i >= 0; i--) {
    const u = bySeen[i] as number;
    if (u === 0) continue;
    const p = parent[u] as number;
    next[u] = heads[p] as number;
    heads[p] = u;
  }
  const order = new Int32Array(n);
  let done = 0;
  // A model that was never called has no root call either.
  let at = n > 0 ? 0 : -1;
  while (at >= 0) {
    order[done++] = at;
    if ((heads[at] as number) >= 0) {
      at = heads[at] as number;
      continue;
    }
    while (at > 0 && (next[at] as number) < 0) at = parent[at] as number;
    at = at > 0 ? (next[at] as number) : -1;
  }
  return order.subarray(0, done);
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
  if (row < 0) return false;
  return list(payload.rows.parameters, row).some((p) => list(payload.parameters.owners, p).length > 1);
}
