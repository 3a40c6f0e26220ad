// Edges by one of their ends, in two flat arrays.
import { inParts } from "./parts";

export interface Adjacency {
  /** The edges of `v` are `edges[offsets[v]]` to `edges[offsets[v + 1] - 1]`, in the order of their numbers. */
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

interface Grouping extends Adjacency {
  readonly ends: Int32Array;
  /** Where the next edge of each node goes. */
  readonly next: Int32Array;
}

/** Group the numbers `0 .. ends.length - 1` by the node in `ends`, of `n` nodes. */
export function adjacency(n: number, ends: Int32Array): Adjacency {
  const offsets = offsetsOf(n, ends);
  const grouping = { offsets, edges: new Int32Array(ends.length), ends, next: offsets.slice() };
  inParts(ends.length, group, grouping);
  return grouping;
}

/** Where each of `n` groups starts, with the end of the last one. */
export function offsetsOf(n: number, ends: Int32Array): Int32Array {
  const offsets = new Int32Array(n + 1);
  const counting = { offsets, ends };
  inParts(ends.length, count, counting);
  inParts(n, addUp, counting);
  return offsets;
}

function count(first: number, last: number, { offsets, ends }: Pick<Grouping, "offsets" | "ends">): void {
  for (let e = first; e < last; e++) offsets[ends[e]! + 1]!++;
}

function addUp(first: number, last: number, { offsets }: Pick<Grouping, "offsets" | "ends">): void {
  for (let v = first; v < last; v++) offsets[v + 1]! += offsets[v]!;
}

function group(first: number, last: number, { ends, edges, next }: Grouping): void {
  for (let e = first; e < last; e++) edges[next[ends[e]!]!++] = e;
}

/** Up to so many are sorted by insertion. */
const FEW = 48;

/** Sort the edges between two places, so far in the order of their numbers, by their keys. */
export function sortEdges(edges: Int32Array, first: number, last: number, key: Int32Array): void {
  if (last - first > FEW) {
    edges.subarray(first, last).sort((a, b) => key[a]! - key[b]! || a - b);
    return;
  }
  for (let i = first + 1; i < last; i++) {
    const e = edges[i]!;
    const at = key[e]!;
    let j = i - 1;
    for (; j >= first && key[edges[j]!]! > at; j--) edges[j + 1] = edges[j]!;
    edges[j + 1] = e;
  }
}
