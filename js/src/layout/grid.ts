// Boxes that read the same and feed the same, such as the experts of a mixture: many of them side by side make a frame
// far wider than any screen, so they are wrapped into a grid of rows. Lines come in by a trunk on the left with a bus
// above every row, and go out by a bus below every row and a trunk on the right.
import { outletsOf } from "./cells";
import { inParts } from "./parts";
import type { Problem } from "./problem";

/** Fewer boxes than this stay side by side. */
const LEAST = 13;
/** Rows are about this much wider than the grid is long. */
const ASPECT = 2;
const BUS = 10;

export interface Grid {
  readonly members: readonly number[];
  /** What all members read, see `readsOf`; and the nodes that they feed, far ports together as -1. */
  readonly reads: readonly number[];
  readonly feeds: readonly number[];
  readonly across: number;
  readonly along: number;
  /** Line of each read's and feed's trunk, from the grid's left. */
  readonly readTrunk: readonly number[];
  readonly feedTrunk: readonly number[];
  /** Of each member: its centre across, start along, and of its row the first bus above and below. */
  readonly centre: Float64Array;
  readonly start: Float64Array;
  readonly busAbove: Float64Array;
  readonly busBelow: Float64Array;
}

export const busAt = (first: number, i: number): number => first + i * BUS;

/**
 * What each edge brings: the number of its outlet, or one behind all outlets, counted by target, for what enters the frame
 * for its target alone. As with ports where tensors leave, one is as good as another: every member of a grid has its own.
 */
export function readsOf({ boxes, near, from, to, outlet, labelAcross, inPort }: Problem): Int32Array {
  const reads = outlet.slice();
  if (near === 0 || boxes < LEAST) return reads;
  const readers = new Int32Array(labelAcross.length);
  for (let e = 0; e < from.length; e++) readers[outlet[e]!]!++;
  const own: number[] = [];
  for (let e = 0; e < from.length; e++) {
    if (from[e]! >= boxes && to[e]! < boxes && readers[outlet[e]!] === 1) own.push(e);
  }
  own.sort((a, b) => to[a]! - to[b]! || inPort[a]! - inPort[b]! || a - b);
  own.forEach((e, i) => {
    const before = own[i - 1];
    reads[e] = before !== undefined && to[before] === to[e] ? reads[before]! + 1 : labelAcross.length;
  });
  return reads;
}

export function findGrids(problem: Problem, readOf = readsOf(problem)): Grid[] {
  const candidates = candidatesOf(problem, readOf);
  if (candidates.length < LEAST) return [];
  const ties = tiesOf(problem, readOf, candidates);
  const groups = new Map<string, number[]>();
  for (const v of candidates) {
    const { reads, feeds } = ties.get(v)!;
    const key = `${reads.sort((a, b) => a - b)}>${feeds.sort((a, b) => a - b)}`;
    const members = groups.get(key) ?? [];
    members.push(v);
    groups.set(key, members);
  }
  const grids: Grid[] = [];
  for (const members of groups.values()) {
    const { reads, feeds } = ties.get(members[0]!)!;
    if (members.length >= LEAST && !feeds.some((v) => members.includes(v))) {
      grids.push(arrange(problem, members, reads, feeds));
    }
  }
  return grids;
}

/** Boxes that read nothing but what many read, and feed nothing but what many feed. */
function candidatesOf({ boxes, near, from, to, outlet, labelAcross }: Problem, readOf: Int32Array): number[] {
  if (boxes < LEAST) return [];
  const outlets = labelAcross.length;
  const readers = new Int32Array(labelAcross.length);
  const feeders = new Int32Array(boxes);
  inParts(from.length, (first, last) => {
    for (let e = first; e < last; e++) {
      readers[outlet[e]!]!++;
      if (to[e]! < boxes) feeders[to[e]!]!++;
    }
  });
  const out = new Uint8Array(boxes);
  inParts(from.length, (first, last) => {
    for (let e = first; e < last; e++) {
      if (to[e]! < boxes && readOf[e]! < outlets && readers[outlet[e]!]! < LEAST) out[to[e]!] = 1;
      if (from[e]! < boxes && to[e]! < boxes + near && feeders[to[e]!]! < LEAST) out[from[e]!] = 1;
    }
  });
  const candidates: number[] = [];
  inParts(boxes, (first, last) => {
    for (let v = first; v < last; v++) if (!out[v]) candidates.push(v);
  });
  return candidates;
}

interface Ties {
  /** What a box reads, see `readsOf`, and the nodes that it feeds, far ports together as -1. */
  readonly reads: number[];
  readonly feeds: number[];
}

function tiesOf(
  { boxes, near, from, to }: Problem,
  readOf: Int32Array,
  candidates: readonly number[],
): Map<number, Ties> {
  const ties = new Map(candidates.map((v): [number, Ties] => [v, { reads: [], feeds: [] }]));
  for (let e = 0; e < from.length; e++) {
    const reads = ties.get(to[e]!)?.reads;
    if (reads && !reads.includes(readOf[e]!)) reads.push(readOf[e]!);
    // Ports where tensors leave are as good as each other: every member has its own.
    const end = to[e]! >= boxes + near ? -1 : to[e]!;
    const feeds = ties.get(from[e]!)?.feeds;
    if (feeds && !feeds.includes(end)) feeds.push(end);
  }
  return ties;
}

function arrange(
  problem: Problem,
  members: readonly number[],
  reads: readonly number[],
  feeds: readonly number[],
): Grid {
  const { gaps } = problem;
  const outlets = outletsOf(problem);
  const skirt = (v: number): number => (outlets.length[v]! > 0 ? gaps.rank + outlets.length[v]! : 0);
  const cellAcross = Math.max(...members.map((v) => Math.max(problem.across[v]!, outlets.breadth[v]!)));
  const cellAlong = Math.max(...members.map((v) => problem.along[v]! + skirt(v)));
  const above = gaps.rank + BUS * reads.length;
  const below = gaps.rank + BUS * feeds.length;
  const [stepAcross, stepAlong] = [cellAcross + gaps.node, above + cellAlong + below];
  const columns = Math.min(
    members.length,
    Math.max(1, Math.ceil(Math.sqrt((ASPECT * members.length * stepAlong) / stepAcross))),
  );
  const rows = Math.ceil(members.length / columns);
  const left = gaps.edge * reads.length;
  const across = left + columns * stepAcross + gaps.edge * feeds.length;
  const grid = {
    centre: new Float64Array(members.length),
    start: new Float64Array(members.length),
    busAbove: new Float64Array(members.length),
    busBelow: new Float64Array(members.length),
  };
  for (let i = 0; i < members.length; i++) {
    const row = Math.floor(i / columns);
    grid.centre[i] = left + ((i % columns) + 0.5) * stepAcross;
    grid.start[i] = row * stepAlong + above;
    grid.busAbove[i] = row * stepAlong + BUS / 2;
    grid.busBelow[i] = grid.start[i]! + cellAlong + gaps.rank;
  }
  return {
    members,
    reads,
    feeds,
    across,
    along: rows * stepAlong,
    readTrunk: reads.map((_, i) => (i + 0.5) * gaps.edge),
    feedTrunk: feeds.map((_, i) => across - (feeds.length - i - 0.5) * gaps.edge),
    ...grid,
  };
}
