// From the edges of a frame to links that all point along the flow: what closes a cycle takes a detour around its ends,
// crowds of parallel edges become one link, and every link knows the ranks of its ends.
import { breakCycles } from "./acyclic";
import { adjacency } from "./adjacency";
import { inParts } from "./parts";
import { nodesOf, type Problem } from "./problem";
import { rankNodes } from "./rank";

export interface Links {
  /** Nodes of the problem, then two turning points for each reversed edge. */
  readonly nodes: number;
  readonly ranks: number;
  readonly rank: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Links of one outlet leave their node as one. */
  readonly outlet: Int32Array;
  readonly outlets: number;
  /** The first edge that each link stands for. */
  readonly edge: Int32Array;
  /** The link of each edge, -1 for self loops; a turned edge has three, one behind the other. */
  readonly first: Int32Array;
  readonly turned: Uint8Array;
}

/** More edges than this between the same two nodes are drawn as one. */
const PARALLEL = 6;

export function linksOf(problem: Problem): Links {
  const { from, to } = problem;
  const n = nodesOf(problem);
  const m = from.length;
  const { reversed, topological } = breakCycles(n, from, to);
  const linkOf = mergeParallel(n, problem);
  const { direct, turns } = countLinks(linkOf, reversed);
  const nodes = n + 2 * turns;
  const count = direct + 2 * turns;
  const links = {
    from: new Int32Array(count),
    to: new Int32Array(count),
    outlet: new Int32Array(count),
    edge: new Int32Array(count),
  };
  const turned = new Uint8Array(m);
  let l = 0;
  let turn = n;
  let outlets = problem.labelAcross.length;
  const put = (u: number, v: number, e: number, outlet: number): void => {
    links.from[l] = u;
    links.to[l] = v;
    links.edge[l] = e;
    links.outlet[l++] = outlet;
  };
  inParts(m, (first, last) => {
    for (let e = first; e < last; e++) {
      if (linkOf[e] !== e) continue;
      const u = from[e]!;
      const v = to[e]!;
      linkOf[e] = l;
      if (!reversed[e]) put(u, v, e, problem.outlet[e]!);
      else {
        turned[e] = 1;
        const above = turn++;
        const below = turn++;
        put(u, below, e, problem.outlet[e]!);
        put(above, below, e, outlets++);
        put(above, v, e, outlets++);
      }
    }
  });
  if (direct < m) followMerged(linkOf, turned);
  // Most frames of a network have neither cycles nor ports, and then the links are all there is to rank.
  const plain = turns + problem.near + problem.far === 0;
  const { rank, ranks } = plain
    ? rankPlain(n, links, topological)
    : rankLinks(problem, nodes, links, reversed, topological);
  return { nodes, ranks, rank, ...links, outlets, first: linkOf, turned };
}

/** Marks merged edges as `-2 - e` of the edge that stands for them, self loops as -1, all others as themselves. */
function mergeParallel(n: number, { from, to, fromAt, toAt }: Problem): Int32Array {
  /** Edges of open frames end where they end: only those that end together become one. */
  const together = (a: number, b: number): boolean => Object.is(fromAt[a], fromAt[b]) && Object.is(toAt[a], toAt[b]);
  const linkOf = new Int32Array(from.length);
  const out = adjacency(n, from);
  const seen = new Int32Array(n).fill(-1);
  const times = new Int32Array(n);
  inParts(n, (first, last) => {
    for (let u = first; u < last; u++) {
      const a = out.offsets[u]!;
      const b = out.offsets[u + 1]!;
      for (let k = a; k < b; k++) times[to[out.edges[k]!]!] = 0;
      for (let k = a; k < b; k++) times[to[out.edges[k]!]!]!++;
      for (let k = a; k < b; k++) {
        const e = out.edges[k]!;
        const v = to[e]!;
        if (u === v) linkOf[e] = -1;
        else if (times[v]! <= PARALLEL) linkOf[e] = e;
        else if (seen[v]! >= a && together(out.edges[seen[v]!]!, e)) linkOf[e] = -2 - out.edges[seen[v]!]!;
        else {
          linkOf[e] = e;
          seen[v] = k;
        }
      }
    }
  });
  return linkOf;
}

function followMerged(linkOf: Int32Array, turned: Uint8Array): void {
  inParts(linkOf.length, (first, last) => {
    for (let e = first; e < last; e++) {
      if (linkOf[e]! > -2) continue;
      const stands = -2 - linkOf[e]!;
      linkOf[e] = linkOf[stands]!;
      turned[e] = turned[stands]!;
    }
  });
}

/** How many edges stand for themselves, and how many of those are turned. */
function countLinks(linkOf: Int32Array, reversed: Uint8Array): { direct: number; turns: number } {
  let direct = 0;
  let turns = 0;
  inParts(linkOf.length, (first, last) => {
    for (let e = first; e < last; e++) {
      if (linkOf[e] !== e) continue;
      direct++;
      if (reversed[e]) turns++;
    }
  });
  return { direct, turns };
}

function rankPlain(
  n: number,
  { from, to }: Pick<Links, "from" | "to">,
  topological: Int32Array,
): Pick<Links, "rank" | "ranks"> {
  const rank = rankNodes(n, from, to, topological);
  let most = -1;
  inParts(n, (first, last) => {
    for (let v = first; v < last; v++) if (rank[v]! > most) most = rank[v]!;
  });
  return { rank, ranks: most + 1 };
}

/** Boxes among themselves; ports above and below everything else; turning points a rank beyond the ends they serve. */
function rankLinks(
  problem: Problem,
  nodes: number,
  links: Pick<Links, "from" | "to" | "edge">,
  reversed: Uint8Array,
  topological: Int32Array,
): { rank: Int32Array; ranks: number } {
  const { boxes, near, far } = problem;
  const n = nodesOf(problem);
  const up = new Int32Array(links.from.length);
  const down = new Int32Array(links.from.length);
  let kept = 0;
  inParts(links.from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const e = links.edge[l]!;
      const source = problem.from[e]!;
      const target = problem.to[e]!;
      if (source >= boxes || target >= boxes) continue;
      // Of the three links of a turned edge, the first one stands for the edge itself.
      if (reversed[e] && links.from[l] !== source) continue;
      up[kept] = reversed[e] ? target : source;
      down[kept++] = reversed[e] ? source : target;
    }
  });
  const order = near + far === 0 ? topological : topological.filter((v) => v < boxes);
  const own = rankNodes(boxes, up.subarray(0, kept), down.subarray(0, kept), order);
  const rank = new Int32Array(nodes);
  rank.set(own);
  inParts(links.from.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const e = links.edge[l]!;
      if (!reversed[e]) continue;
      if (links.to[l]! >= n) rank[links.to[l]!] = own[problem.from[e]!]! + 1;
      if (links.from[l]! >= n) rank[links.from[l]!] = own[problem.to[e]!]! - 1;
    }
  });
  return pinPorts(rank, boxes, near, far, n);
}

function pinPorts(rank: Int32Array, boxes: number, near: number, far: number, n: number): ReturnType<typeof rankLinks> {
  let low = 0;
  let high = -1;
  inParts(rank.length, (first, last) => {
    for (let v = first; v < last; v++) {
      if (v >= boxes && v < n) continue;
      low = Math.min(low, rank[v]!);
      high = Math.max(high, rank[v]!);
    }
  });
  const shift = (near > 0 ? 1 : 0) - low;
  inParts(rank.length, (first, last) => {
    for (let v = first; v < last; v++) {
      if (v < boxes || v >= n) rank[v]! += shift;
      else rank[v] = v < boxes + near ? 0 : high + shift + 1;
    }
  });
  return { rank, ranks: high + shift + 1 + (far > 0 ? 1 : 0) };
}
