// Which layer each box of one frame belongs to. Boxes get even ranks: the odd ones between are for edge labels.

export interface Ranking {
  readonly rank: Int32Array;
  /** 1 where an edge points against the flow and is drawn the other way round. */
  readonly reversed: Uint8Array;
}

interface Adjacency {
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

function adjacency(n: number, ends: Int32Array): Adjacency {
  const offsets = new Int32Array(n + 1);
  for (const v of ends) offsets[v + 1] = (offsets[v + 1] as number) + 1;
  for (let i = 0; i < n; i++) offsets[i + 1] = (offsets[i + 1] as number) + (offsets[i] as number);
  const next = offsets.slice();
  const edges = new Int32Array(ends.length);
  for (let e = 0; e < ends.length; e++) {
    const v = ends[e] as number;
    edges[next[v] as number] = e;
    next[v] = (next[v] as number) + 1;
  }
  return { offsets, edges };
}

/** Mark the edges that close a cycle, by depth-first search with an explicit stack: frames may be thousands deep. */
function backEdges(n: number, from: Int32Array, to: Int32Array): { reversed: Uint8Array; postorder: Int32Array } {
  const out = adjacency(n, from);
  const reversed = new Uint8Array(from.length);
  const state = new Uint8Array(n); // 0 new, 1 on the stack, 2 done
  const cursor = out.offsets.slice(0, n);
  const stack = new Int32Array(n);
  const postorder = new Int32Array(n);
  let done = 0;
  for (let root = 0; root < n; root++) {
    if (state[root]) continue;
    let depth = 0;
    stack[0] = root;
    state[root] = 1;
    while (depth >= 0) {
      const v = stack[depth] as number;
      const at = cursor[v] as number;
      if (at === out.offsets[v + 1]) {
        state[v] = 2;
        postorder[done++] = v;
        depth--;
        continue;
      }
      cursor[v] = at + 1;
      const e = out.edges[at] as number;
      const w = to[e] as number;
      if (state[w] === 1) reversed[e] = 1;
      else if (state[w] === 0) {
        state[w] = 1;
        stack[++depth] = w;
      }
    }
  }
  return { reversed, postorder };
}

/**
 * Rank the boxes of a frame: longest path, then every box that would shorten its edges by moving down does so.
 *
 * Boxes with `pinned` set are ports on the frame's border; `pinPorts` ranks them outside all others.
 */
export function rankBoxes(n: number, from: Int32Array, to: Int32Array, pinned: Uint8Array): Ranking {
  const { reversed, postorder } = backEdges(n, from, to);
  const up = Int32Array.from(from, (v, e) => (reversed[e] ? (to[e] as number) : v));
  const down = Int32Array.from(to, (v, e) => (reversed[e] ? (from[e] as number) : v));
  const incoming = adjacency(n, down);
  const outgoing = adjacency(n, up);
  const rank = new Int32Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const v = postorder[i] as number;
    let best = 0;
    for (let k = incoming.offsets[v] as number; k < (incoming.offsets[v + 1] as number); k++) {
      const u = up[incoming.edges[k] as number] as number;
      if (!pinned[u] && u !== v) best = Math.max(best, (rank[u] as number) + 2);
    }
    rank[v] = best;
  }
  pullDown(postorder, rank, pinned, incoming, outgoing, down);
  return { rank, reversed };
}

/** Constants and side inputs belong next to what reads them. Postorder visits readers first. */
function pullDown(
  postorder: Int32Array,
  rank: Int32Array,
  pinned: Uint8Array,
  incoming: Adjacency,
  outgoing: Adjacency,
  down: Int32Array,
): void {
  for (const v of postorder) {
    if (pinned[v]) continue;
    const ins = (incoming.offsets[v + 1] as number) - (incoming.offsets[v] as number);
    let lowest = Number.POSITIVE_INFINITY;
    let outs = 0;
    for (let k = outgoing.offsets[v] as number; k < (outgoing.offsets[v + 1] as number); k++) {
      const w = down[outgoing.edges[k] as number] as number;
      if (pinned[w] || w === v) continue;
      outs++;
      lowest = Math.min(lowest, (rank[w] as number) - 2);
    }
    if (outs > ins && lowest > (rank[v] as number)) rank[v] = lowest;
  }
}

export const NEAR = 1;
export const FAR = 2;

/** Put near ports above and far ports below everything else, and start at 0. */
export function pinPorts(rank: Int32Array, pinned: Uint8Array): Int32Array {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let near = 0;
  for (let v = 0; v < rank.length; v++) {
    if (pinned[v] === NEAR) near = 2;
    if (pinned[v]) continue;
    low = Math.min(low, rank[v] as number);
    high = Math.max(high, rank[v] as number);
  }
  if (low > high) {
    low = 0;
    high = -2;
  }
  const shift = near - low;
  return rank.map((r, v) => (pinned[v] === NEAR ? 0 : pinned[v] === FAR ? high + shift + 2 : r + shift));
}
