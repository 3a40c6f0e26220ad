// Which edges to turn so that what remains has no cycle.
import { type Adjacency, adjacency } from "./adjacency";
import { inParts, PART } from "./parts";

export interface Acyclic {
  /** 1 for edges that close a cycle in depth-first search; self loops too. */
  readonly reversed: Uint8Array;
  /** Every node before those that it leads to. */
  readonly topological: Int32Array;
}

interface Search extends Acyclic {
  readonly to: Int32Array;
  readonly out: Adjacency;
  /** 0 new, 1 on the stack, 2 done. */
  readonly state: Uint8Array;
  /** The edge of each node to be looked at next. */
  readonly cursor: Int32Array;
  readonly stack: Int32Array;
  depth: number;
  /** Nodes that are not done. */
  left: number;
}

/** Depth-first search with an explicit stack (graphs are thousands of nodes deep), from nodes in their order. */
export function breakCycles(n: number, from: Int32Array, to: Int32Array): Acyclic {
  const out = adjacency(n, from);
  const search: Search = {
    to,
    out,
    reversed: new Uint8Array(from.length),
    topological: new Int32Array(n),
    state: new Uint8Array(n),
    cursor: out.offsets.slice(0, n),
    stack: new Int32Array(n),
    depth: -1,
    left: n,
  };
  const { state, stack } = search;
  inParts(n, (first, last) => {
    for (let root = first; root < last; root++) {
      if (state[root]) continue;
      stack[0] = root;
      state[root] = 1;
      search.depth = 0;
      while (search.depth >= 0) advance(search);
    }
  });
  return search;
}

/** Some steps of the search. */
function advance(search: Search): void {
  const { to, out, reversed, topological, state, cursor, stack } = search;
  let { depth, left } = search;
  for (let step = 0; step < PART && depth >= 0; step++) {
    const v = stack[depth]!;
    const at = cursor[v]!;
    if (at === out.offsets[v + 1]!) {
      state[v] = 2;
      topological[--left] = v;
      depth--;
      continue;
    }
    cursor[v] = at + 1;
    const e = out.edges[at]!;
    const w = to[e]!;
    if (state[w] === 1) reversed[e] = 1;
    else if (state[w] === 0) {
      state[w] = 1;
      stack[++depth] = w;
    }
  }
  search.depth = depth;
  search.left = left;
}
