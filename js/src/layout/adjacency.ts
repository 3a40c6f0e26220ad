// Edges by one of their ends, in two flat arrays.
import { inParts } from "./parts";

export interface Adjacency {
  /** The edges of `v` are `edges[offsets[v]]` to `edges[offsets[v + 1] - 1]`, in the order of their numbers. */
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

/** Group the numbers `0 .. ends.length - 1` by the node in `ends`, of `n` nodes. */
export function adjacency(n: number, ends: Int32Array): Adjacency {
  const offsets = offsetsOf(n, ends);
  const edges = new Int32Array(ends.length);
  const next = offsets.slice();
  inParts(ends.length, (first, last) => {
    for (let e = first; e < last; e++) edges[next[ends[e]!]!++] = e;
  });
  return { offsets, edges };
}

/** Where each of `n` groups starts, with the end of the last one. */
export function offsetsOf(n: number, ends: Int32Array): Int32Array {
  const offsets = new Int32Array(n + 1);
  inParts(ends.length, (first, last) => {
    for (let e = first; e < last; e++) offsets[ends[e]! + 1]!++;
  });
  inParts(n, (first, last) => {
    for (let v = first; v < last; v++) offsets[v + 1]! += offsets[v]!;
  });
  return offsets;
}
