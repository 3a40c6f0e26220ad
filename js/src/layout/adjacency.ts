// Edges by one of their ends, in two flat arrays.

export interface Adjacency {
  /** The edges of `v` are `edges[offsets[v]]` to `edges[offsets[v + 1] - 1]`, in the order of their numbers. */
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

/** Group the numbers `0 .. ends.length - 1` by the node in `ends`, of `n` nodes. */
export function adjacency(n: number, ends: Int32Array, count = ends.length): Adjacency {
  const offsets = new Int32Array(n + 1);
  for (let e = 0; e < count; e++) offsets[ends[e]! + 1]!++;
  for (let v = 0; v < n; v++) offsets[v + 1]! += offsets[v]!;
  const next = offsets.slice(0, n);
  const edges = new Int32Array(count);
  for (let e = 0; e < count; e++) edges[next[ends[e]!]!++] = e;
  return { offsets, edges };
}
