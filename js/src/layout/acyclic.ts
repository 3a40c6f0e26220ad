// Which edges to turn so that what remains has no cycle.
import { adjacency } from "./adjacency";

export interface Acyclic {
  /** 1 for edges that close a cycle in depth-first search; self loops too. */
  readonly reversed: Uint8Array;
  /** Every node before those that it leads to. */
  readonly topological: Int32Array;
}

/** Depth-first search with an explicit stack (graphs are thousands of nodes deep), from nodes in their order. */
export function breakCycles(n: number, from: Int32Array, to: Int32Array): Acyclic {
  const out = adjacency(n, from);
  const reversed = new Uint8Array(from.length);
  const state = new Uint8Array(n); // 0 new, 1 on the stack, 2 done
  const cursor = out.offsets.slice(0, n);
  const stack = new Int32Array(n);
  const topological = new Int32Array(n);
  let left = n;
  for (let root = 0; root < n; root++) {
    if (state[root]) continue;
    let depth = 0;
    stack[0] = root;
    state[root] = 1;
    while (depth >= 0) {
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
  }
  return { reversed, topological };
}
