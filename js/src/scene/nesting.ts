// Who holds whom, put in order: what a unit holds follows it, siblings by the first call in them.

export interface Nesting {
  /** The unit around each unit; -1 for the root, which is number 0. */
  readonly parent: Int32Array;
  /** The first call in each unit: for a call, itself. */
  readonly first: Int32Array;
  /** All units in pre-order. */
  readonly order: Int32Array;
  /** By unit: its place in `order`, and the place behind everything that it holds. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** 0 for the root. */
  readonly depth: Int32Array;
}

/** Units below `calls` are calls, whose parents come before them; for the others `first` says which call they begin with. */
export function nest(parent: Int32Array, first: Int32Array, calls: number): Nesting {
  const n = parent.length;
  const { heads, next } = childLists(parent, first, calls);
  const order = new Int32Array(n);
  const start = new Int32Array(n);
  const end = new Int32Array(n);
  const depth = new Int32Array(n);
  let done = 0;
  // A model that was never called has no root either.
  let at = n > 0 ? 0 : -1;
  while (at >= 0) {
    start[at] = done;
    order[done++] = at;
    if (at > 0) depth[at] = (depth[parent[at] as number] as number) + 1;
    if ((heads[at] as number) >= 0) {
      at = heads[at] as number;
      continue;
    }
    end[at] = done;
    while (at > 0 && (next[at] as number) < 0) {
      at = parent[at] as number;
      end[at] = done;
    }
    at = at > 0 ? (next[at] as number) : -1;
  }
  return { parent, first, order: order.subarray(0, done), start, end, depth };
}

/** Lists of children in the order of their first calls, as chains. */
function childLists(
  parent: Int32Array,
  first: Int32Array,
  calls: number,
): { readonly heads: Int32Array; readonly next: Int32Array } {
  const n = parent.length;
  const heads = new Int32Array(n).fill(-1);
  const next = new Int32Array(n).fill(-1);
  // Units other than calls, by their first call; no two of one parent begin with the same.
  const begun = new Int32Array(calls).fill(-1);
  const other = new Int32Array(Math.max(0, n - calls));
  for (let u = calls; u < n; u++) {
    other[u - calls] = begun[first[u] as number] as number;
    begun[first[u] as number] = u;
  }
  const add = (u: number): void => {
    const p = parent[u] as number;
    next[u] = heads[p] as number;
    heads[p] = u;
  };
  // Later ones first, as each goes to the front.
  for (let c = calls - 1; c >= 0; c--) {
    if (c > 0) add(c);
    for (let u = begun[c] as number; u >= 0; u = other[u - calls] as number) add(u);
  }
  return { heads, next };
}

/** What stands directly in a unit. */
export function childrenOf({ order, start, end }: Pick<Nesting, "order" | "start" | "end">, u: number): number[] {
  const found: number[] = [];
  const last = end[u] as number;
  for (let i = (start[u] as number) + 1; i < last; i = end[order[i] as number] as number) {
    found.push(order[i] as number);
  }
  return found;
}
