// Edges by one of their ends, in two flat arrays.

export interface Adjacency {
  /** The edges of `v` are `edges[offsets[v]]` to `edges[offsets[v + 1] - 1]`, in the order of their numbers. */
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

/** Group the numbers `0 .. ends.length - 1` by the node in `ends`, of `n` nodes. */
export function adjacency(n: number, ends: Int32Array): Adjacency {
  const offsets = offsetsOf(countsOf(n, ends));
  return { offsets, edges: grouped(ends, offsets) };
}

// One loop to a function: a function is compiled while its first loop runs, and thrown away when it gets to the second.

function countsOf(n: number, ends: Int32Array): Int32Array {
  const counts = new Int32Array(n);
  for (let e = 0; e < ends.length; e++) counts[ends[e]!]!++;
  return counts;
}

/** Where each group starts, with the end of the last one. */
function offsetsOf(counts: Int32Array): Int32Array {
  const offsets = new Int32Array(counts.length + 1);
  let sum = 0;
  for (let v = 0; v < counts.length; v++) {
    sum += counts[v]!;
    offsets[v + 1] = sum;
  }
  return offsets;
}

function grouped(ends: Int32Array, offsets: Int32Array): Int32Array {
  const edges = new Int32Array(ends.length);
  const next = offsets.slice();
  for (let e = 0; e < ends.length; e++) {
    const at = next[ends[e]!]!;
    edges[at] = e;
    next[ends[e]!] = at + 1;
  }
  return edges;
}
