// Long links pass the ranks between their ends through virtual nodes. Links of one outlet that go far share theirs: a
// mask that hundreds of layers read is one line with hundreds of branches, and costs one line.
import type { Links } from "./links";
import { inParts } from "./parts";

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
  /** Whether there are any such. */
  readonly lanes: boolean;
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

// Where only few tensors go to very many places (a mask, positions), each gets several trunks, for near targets and for
// far ones: side by side they cross less, as those that end early can run inside those that go on.
const BRANCHES = 20;
const TRUNKS = 4;
const CROWDED = 8;

interface Trunks {
  readonly count: number;
  /** The trunk of each link, -1 for those with a chain of their own. */
  readonly of: Int32Array;
  /** Last rank that each trunk reaches. */
  readonly reach: Int32Array;
}

function trunksOf({ from, to, rank, outlet }: Links, inLane: Uint8Array): Trunks {
  const of = new Int32Array(from.length).fill(-1);
  const long: number[] = [];
  inParts(from.length, (first, last) => {
    for (let l = first; l < last; l++) if (!inLane[l] && rank[to[l]!]! - rank[from[l]!]! > SHARE) long.push(l);
  });
  long.sort((a, b) => outlet[a]! - outlet[b]! || rank[to[a]!]! - rank[to[b]!]! || a - b);
  const bounds: number[] = [];
  for (let i = 0; i < long.length; i++) if (i === 0 || outlet[long[i]!] !== outlet[long[i - 1]!]) bounds.push(i);
  bounds.push(long.length);
  const wide = bounds.filter((start, i) => i > 0 && start - bounds[i - 1]! > BRANCHES).length;
  const reach: number[] = [];
  for (let b = 0; b + 1 < bounds.length; b++) {
    const first = bounds[b]!;
    const last = bounds[b + 1]!;
    const trunks = wide > CROWDED ? 1 : Math.min(TRUNKS, Math.ceil((last - first) / BRANCHES));
    const size = Math.ceil((last - first) / trunks);
    for (let i = first; i < last; i++) {
      if ((i - first) % size === 0) reach.push(0);
      of[long[i]!] = reach.length - 1;
      reach[reach.length - 1] = rank[to[long[i]!]!]!;
    }
  }
  return { count: reach.length, of, reach: Int32Array.from(reach) };
}

export function layer(links: Links): Layered {
  const { from, to, rank, nodes } = links;
  const m = from.length;
  const inLane = chooseLanes(links);
  const trunks = trunksOf(links, inLane);
  const chain = new Int32Array(m).fill(-1);
  const shared = new Int32Array(trunks.count).fill(-1);
  let total = nodes;
  let pieces = 0;
  inParts(m, (first, last) => {
    for (let l = first; l < last; l++) {
      if (inLane[l]) continue;
      const start = rank[from[l]!]!;
      const t = trunks.of[l]!;
      if (t < 0) {
        const span = rank[to[l]!]! - start;
        pieces += span;
        chain[l] = span > 1 ? total : -1;
        total += span - 1;
        continue;
      }
      pieces++;
      if (shared[t]! < 0) {
        shared[t] = total;
        total += trunks.reach[t]! - start - 1;
        pieces += trunks.reach[t]! - start - 1;
      }
      chain[l] = shared[t]!;
    }
  });
  return connect(links, { chain, inLane, trunks, total, pieces });
}

interface Chains {
  readonly chain: Int32Array;
  readonly inLane: Uint8Array;
  readonly trunks: Trunks;
  readonly total: number;
  readonly pieces: number;
}

type Pieces = Pick<Layered, "rank" | "upper" | "lower" | "weight" | "starts" | "arrives">;

function connect(links: Links, chains: Chains): Layered {
  const { chain, inLane, total, pieces } = chains;
  const laid = {
    rank: new Int32Array(total),
    upper: new Int32Array(pieces),
    lower: new Int32Array(pieces),
    weight: new Int32Array(pieces).fill(1),
    starts: new Int32Array(pieces).fill(-1),
    arrives: new Int32Array(pieces).fill(-1),
  };
  laid.rank.set(links.rank);
  const branches = new Int32Array(total);
  const count = layLinks(links, chains, laid, branches);
  if (chains.trunks.count > 0) layTrunks(links, chains, laid, branches, count);
  return { nodes: links.nodes, total, ranks: links.ranks, chain, inLane, lanes: inLane.includes(1), ...laid };
}

/** The pieces of all links that have a chain of their own, and the last ones of those that share a trunk. */
function layLinks(
  { from, to }: Links,
  { chain, inLane, trunks }: Chains,
  { rank, upper, lower, starts, arrives }: Pieces,
  branches: Int32Array,
): number {
  let p = 0;
  inParts(from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      if (inLane[l]) continue;
      const start = rank[from[l]!]!;
      const span = rank[to[l]!]! - start;
      let at = from[l]!;
      if (trunks.of[l]! >= 0) {
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
  });
  return p;
}

/** The first link of a trunk lays it for all; the pieces above a branch carry it. */
function layTrunks(
  { from }: Links,
  { chain, trunks }: Chains,
  { rank, upper, lower, weight, starts }: Pieces,
  branches: Int32Array,
  count: number,
): void {
  const laid = new Uint8Array(trunks.count);
  let p = count;
  inParts(from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const t = trunks.of[l]!;
      if (t < 0 || laid[t]) continue;
      laid[t] = 1;
      const start = rank[from[l]!]!;
      const length = trunks.reach[t]! - start - 1;
      let carried = 0;
      for (let i = length - 1; i >= 0; i--) {
        const v = chain[l]! + i;
        carried += branches[v]!;
        rank[v] = start + 1 + i;
        upper[p + i] = i > 0 ? v - 1 : from[l]!;
        lower[p + i] = v;
        weight[p + i] = carried;
      }
      starts[p] = l;
      p += length;
    }
  });
}

// Links longer than this may have so many virtual nodes in a frame. Ordering costs in proportion to them: what goes beyond
// is moved into lanes, longest first.
const LONG = 200;
const AFFORDABLE = 50_000;

/** The outlets that would need the most virtual nodes, until the rest is affordable. */
function chooseLanes({ from, to, rank, outlet, outlets }: Links): Uint8Array {
  const inLane = new Uint8Array(from.length);
  const length = new Int32Array(outlets);
  let any = false;
  inParts(from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const span = rank[to[l]!]! - rank[from[l]!]!;
      if (span <= LONG) continue;
      length[outlet[l]!] = Math.max(length[outlet[l]!]!, span - 1);
      any = true;
    }
  });
  if (!any) return inLane;
  const long: number[] = [];
  let needed = 0;
  inParts(outlets, (first, last) => {
    for (let o = first; o < last; o++) {
      if (length[o] === 0) continue;
      long.push(o);
      needed += length[o]!;
    }
  });
  if (needed <= AFFORDABLE) return inLane;
  const chosen = new Uint8Array(outlets);
  for (const o of long.sort((a, b) => length[b]! - length[a]! || a - b)) {
    if (needed <= AFFORDABLE) break;
    chosen[o] = 1;
    needed -= length[o]!;
  }
  inParts(from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      if (chosen[outlet[l]!] && rank[to[l]!]! - rank[from[l]!]! > SHARE) inLane[l] = 1;
    }
  });
  return inLane;
}
