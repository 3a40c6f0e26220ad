// Questions about calls that several views ask: whose they are, and what stands before and after them.
import { atOnce } from "./steps";
import { countOf, list, type Payload } from "./wire";

type Index = ReadonlyMap<string, readonly number[]>;

const indices = new WeakMap<Payload, Index>();

/** Ids of the calls with this path, in execution order. */
export function callsOf(payload: Payload, path: string): readonly number[] {
  return atOnce(callIndexSteps(payload)).get(path) ?? [];
}

// Calls between two yields.
const STEP = 10_000;

/** Finds calls by path, in steps of a few milliseconds for those who see to it beforehand. */
export function* callIndexSteps(payload: Payload): Generator<undefined, Index> {
  const index = indices.get(payload);
  if (index) return index;
  const byPath = new Map<string, number[]>();
  const { path, length } = payload.calls;
  for (let call = 0; call < length; call++) {
    const known = byPath.get(path[call] as string);
    if (known) known.push(call);
    else byPath.set(path[call] as string, [call]);
    if (call % STEP === STEP - 1) yield;
  }
  indices.set(payload, byPath);
  return byPath;
}

/** The call that a click on `path` in the table means: its first; null for groups and for what is never called. */
export function firstCall(payload: Payload, path: string): number | null {
  return callsOf(payload, path)[0] ?? null;
}

const running = new WeakMap<Payload, Uint8Array>();

/**
 * Whether a layer takes no part in the forward pass: a list of blocks that are called is not called itself, nor is one of
 * weights that the code around it reads.
 */
export function isIdle(payload: Payload, row: number): boolean {
  const { rows, calls } = payload;
  if (calls.length === 0 || rows.kind[row] !== "layer") return false;
  let runs = running.get(payload);
  if (!runs) {
    runs = readElsewhere(payload);
    // What a row holds comes behind it.
    for (let i = rows.length - 1; i >= 0; i--) {
      const parent = rows.parent[i] as number;
      if ((rows.order[i] as number) >= 0) runs[i] = 1;
      if (runs[i] && parent >= 0) runs[parent] = 1;
    }
    running.set(payload, runs);
  }
  return runs[row] === 0;
}

/** Rows that hold weights which calls read; a tied one may be read for the other row. */
function readElsewhere({ rows, calls, parameters }: Payload): Uint8Array {
  const read = new Set(calls.parameters.values);
  const found = new Uint8Array(rows.length);
  for (let row = 0; row < rows.length; row++) {
    if (list(rows.parameters, row).some((id) => read.has(id) && countOf(parameters.owners, id) === 1)) found[row] = 1;
  }
  return found;
}

function around(payload: Payload, call: number): Set<number> {
  const found = new Set<number>();
  for (let at = call; at >= 0; at = payload.calls.parent[at] ?? -1) found.add(at);
  return found;
}

/** Everything that happens inside these calls, and they themselves. */
function inside(payload: Payload, calls: readonly number[]): Uint8Array {
  const { parent, length } = payload.calls;
  const found = new Uint8Array(length);
  for (const call of calls) found[call] = 1;
  // A parent comes before what it contains, so one pass is enough.
  for (let call = 0; call < length; call++) {
    const up = parent[call] ?? -1;
    if (up >= 0 && found[up]) found[call] = 1;
  }
  return found;
}

export interface Neighbour {
  readonly call: number;
  readonly path: string;
}

/**
 * Calls that feed `calls`, and calls that they feed, each named at the level of `calls`: before a block stands the block
 * before it, not the last operation in there.
 */
export function neighbours(payload: Payload, calls: readonly number[]): { before: Neighbour[]; after: Neighbour[] } {
  const { edges } = payload;
  const within = inside(payload, calls);
  const outer = around(payload, calls[0] ?? 0);
  const level = (call: number): number => {
    let at = call;
    for (let up = payload.calls.parent[at] ?? -1; up >= 0 && !outer.has(up); up = payload.calls.parent[at] ?? -1)
      at = up;
    return at;
  };
  const before = new Set<number>();
  const after = new Set<number>();
  for (let edge = 0; edge < edges.length; edge++) {
    const source = edges.source[edge] ?? 0;
    const target = edges.target[edge] ?? 0;
    if (within[target] && !within[source]) before.add(level(source));
    if (within[source] && !within[target]) after.add(level(target));
  }
  const named = (found: Set<number>): Neighbour[] =>
    [...found].sort((a, b) => a - b).map((call) => ({ call, path: payload.calls.path[call] ?? "" }));
  return { before: named(before), after: named(after) };
}

/** How a call is called: the layer's label, or the operation, with which use it is of a shared layer. */
export function callLabel(payload: Payload, call: number): string {
  const row = payload.calls.row[call] ?? -1;
  const path = payload.calls.path[call] ?? "";
  return (row >= 0 ? payload.rows.label[row] : undefined) || path.slice(path.lastIndexOf("/") + 1) || payload.meta.name;
}

/** Rows upstream as `connected_to` names them. */
export function connectedTo(payload: Payload, row: number): string[] {
  return Array.from(list(payload.rows.connected_to, row), (upstream) => payload.rows.path[upstream] ?? "");
}

/** Which settings a call has: an operation its own each time, a layer those of its row; -1 for none. */
export function callSettings({ rows, calls }: Payload, call: number, row: number): number {
  const own = calls.settings[call] ?? -1;
  if (calls.kind[call] === "operation" || row < 0) return own;
  return rows.settings[row] ?? own;
}
