// Long links pass the ranks between their ends through virtual nodes. Links of one outlet that go far share theirs: a
// mask that hundreds of layers read is one line with hundreds of branches, and costs one line.
import type { Links } from "./links";

export interface Layered {
  /** Links' nodes, then virtual ones. */
  readonly nodes: number;
  readonly total: number;
  readonly ranks: number;
  readonly rank: Int32Array;
  /** The first virtual node of each link: it passes that one and those after it, one for each rank between its ends. */
  readonly chain: Int32Array;
  /** 1 for links that run in a lane outside of everything instead, see `lanes.ts`. */
  readonly inLane: Uint8Array;
  /** Pieces between neighbouring ranks, and how many links each carries. */
  readonly upper: Int32Array;
  readonly lower: Int32Array;
  readonly weight: Int32Array;
  /** The link whose first or last piece this is, -1 in between. */
  readonly starts: Int32Array;
  readonly arrives: Int32Array;
}

/** Links over more ranks than this share virtual nodes; for shorter ones sharing makes more crossings than it saves. */
const SHARE = 8;

export function layer(links: Links): Layered {
  const { from, to, rank, nodes, outlet } = links;
  const m = from.length;
  const inLane = chooseLanes(links);
  const chain = new Int32Array(m).fill(-1);
  /** By outlet: the last rank that its shared links reach, and the first of their virtual nodes. */
  const reach = new Int32Array(links.outlets);
  const shared = new Int32Array(links.outlets).fill(-1);
  let total = nodes;
  let pieces = 0;
  for (let l = 0; l < m; l++) {
    if (inLane[l]) continue;
    const span = rank[to[l]!]! - rank[from[l]!]!;
    pieces += span > SHARE ? 1 : span;
    if (span > SHARE) reach[outlet[l]!] = Math.max(reach[outlet[l]!]!, rank[to[l]!]!);
    else if (span > 1) {
      chain[l] = total;
      total += span - 1;
    }
  }
  for (let l = 0; l < m; l++) {
    const o = outlet[l]!;
    const start = rank[from[l]!]!;
    if (inLane[l] || rank[to[l]!]! - start <= SHARE) continue;
    if (shared[o]! < 0) {
      shared[o] = total;
      total += reach[o]! - start - 1;
      pieces += reach[o]! - start - 1;
    }
    chain[l] = shared[o]!;
  }
  return connect(links, { chain, inLane, shared, reach, total, pieces });
}

interface Chains {
  readonly chain: Int32Array;
  readonly inLane: Uint8Array;
  readonly shared: Int32Array;
  readonly reach: Int32Array;
  readonly total: number;
  readonly pieces: number;
}

function connect(links: Links, { chain, inLane, shared, reach, total, pieces }: Chains): Layered {
  const { from, to, outlet, nodes } = links;
  const rank = new Int32Array(total);
  rank.set(links.rank);
  const upper = new Int32Array(pieces);
  const lower = new Int32Array(pieces);
  const weight = new Int32Array(pieces).fill(1);
  const starts = new Int32Array(pieces).fill(-1);
  const arrives = new Int32Array(pieces).fill(-1);
  const branches = new Int32Array(total);
  let p = 0;
  for (let l = 0; l < from.length; l++) {
    if (inLane[l]) continue;
    const start = rank[from[l]!]!;
    const span = rank[to[l]!]! - start;
    let at = from[l]!;
    if (span > SHARE) {
      at = chain[l]! + span - 2;
      branches[at]!++;
    } else {
      starts[p] = l;
      for (let i = 0; i < span - 1; i++) {
        const v = chain[l]! + i;
        rank[v] = start + 1 + i;
        upper[p] = at;
        lower[p++] = v;
        at = v;
      }
    }
    upper[p] = at;
    lower[p] = to[l]!;
    arrives[p++] = l;
  }
  for (let l = 0; l < from.length; l++) {
    const o = outlet[l]!;
    if (shared[o]! < 0 || chain[l] !== shared[o]) continue;
    // The first link of an outlet lays the trunk for all; the pieces above a branch carry it.
    const start = rank[from[l]!]!;
    const length = reach[o]! - start - 1;
    let carried = 0;
    for (let i = length - 1; i >= 0; i--) {
      const v = shared[o]! + i;
      carried += branches[v]!;
      rank[v] = start + 1 + i;
      upper[p + i] = i > 0 ? v - 1 : from[l]!;
      lower[p + i] = v;
      weight[p + i] = carried;
    }
    starts[p] = l;
    p += length;
    shared[o] = -1;
  }
  return { nodes, total, ranks: links.ranks, rank, chain, inLane, upper, lower, weight, starts, arrives };
}

// Virtual nodes that a frame may have per node and link. Ordering costs in proportion to them: what goes beyond is
// moved into lanes, longest first.
const VIRTUAL = 1.5;
const VIRTUAL_LEAST = 20_000;

/** The outlets that would need the most virtual nodes, until the rest is affordable. */
function chooseLanes({ from, to, rank, outlet, outlets, nodes }: Links): Uint8Array {
  const m = from.length;
  const inLane = new Uint8Array(m);
  const length = new Int32Array(outlets);
  let needed = 0;
  for (let l = 0; l < m; l++) {
    const span = rank[to[l]!]! - rank[from[l]!]!;
    if (span <= SHARE) needed += span - 1;
    else length[outlet[l]!] = Math.max(length[outlet[l]!]!, span - 1);
  }
  for (let o = 0; o < outlets; o++) needed += length[o]!;
  const affordable = Math.max(VIRTUAL_LEAST, VIRTUAL * (nodes + m));
  if (needed <= affordable) return inLane;
  const chosen = new Uint8Array(outlets);
  const longest = Int32Array.from(length.keys()).sort((a, b) => length[b]! - length[a]! || a - b);
  for (const o of longest) {
    if (needed <= affordable || length[o]! <= SHARE) break;
    chosen[o] = 1;
    needed -= length[o]!;
  }
  for (let l = 0; l < m; l++) if (chosen[outlet[l]!] && rank[to[l]!]! - rank[from[l]!]! > SHARE) inLane[l] = 1;
  return inLane;
}
