// Where links meet the sides of their boxes. Tensors leave in their ports' order; those that arrive are spread about the
// middle, in their ports' order where they have one, else towards where they come from.
import { adjacency } from "./adjacency";
import type { Cells } from "./cells";
import type { Layered } from "./chains";
import type { Links } from "./links";
import { inParts } from "./parts";
import { nodesOf, type Problem } from "./problem";

export interface Ends {
  /** Positions across the flow at the upper end of each link (below its label, if it has one) and at its lower end. */
  readonly upper: Float64Array;
  readonly lower: Float64Array;
}

const REACH = 26;
const APART = 12;
const CORNER = 8;
/** Up to so many are sorted by insertion. */
const FEW = 48;

/** The links that arrive somewhere, grouped by where, and all that says where from. */
interface Arrivals extends Ends {
  readonly problem: Problem;
  readonly links: Links;
  readonly layered: Layered;
  readonly centre: Float64Array;
  readonly x: Float64Array;
  readonly laneAt: Float64Array;
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

export function endsOf(
  problem: Problem,
  links: Links,
  layered: Layered,
  cells: Cells,
  centre: Float64Array,
  x: Float64Array,
  laneAt: Float64Array,
): Ends {
  const m = links.from.length;
  const upper = new Float64Array(m);
  const lower = new Float64Array(m);
  inParts(m, (first, last) => {
    for (let l = first; l < last; l++) {
      const o = links.outlet[l]!;
      const label = cells.labelAt[o]!;
      upper[l] = centre[links.from[l]!]! + (Number.isNaN(label) ? cells.outletAt[o]! : label);
    }
  });
  const { offsets, edges } = adjacency(links.nodes, links.to);
  inParts(links.nodes, arrive, { problem, links, layered, centre, x, laneAt, offsets, edges, upper, lower });
  return { upper, lower };
}

function arrive(first: number, last: number, arrivals: Arrivals): void {
  const { problem, links, centre, offsets, edges, lower } = arrivals;
  const n = nodesOf(problem);
  for (let v = first; v < last; v++) {
    const start = offsets[v]!;
    const end = offsets[v + 1]!;
    if (start === end) continue;
    // All ends at a frame or port are where it has them, all others are open.
    const fixed = v < n ? problem.toAt[links.edge[edges[start]!]!]! : 0;
    if (!Number.isNaN(fixed)) {
      for (let k = start; k < end; k++) {
        lower[edges[k]!] = centre[v]! + (v < n ? problem.toAt[links.edge[edges[k]!]!]! : 0);
      }
    } else if (end - start === 1) lower[edges[start]!] = centre[v]!;
    else spread(arrivals, v, start, end);
  }
}

/** The ends of the links between two places, all at `v`. */
function spread(arrivals: Arrivals, v: number, first: number, last: number): void {
  const { problem, centre, edges, lower } = arrivals;
  sort(arrivals, first, last);
  const count = last - first;
  const room = Math.max(0, problem.across[v]! / 2 - CORNER);
  const reach = Math.min(REACH + APART * Math.max(0, count - 3), room);
  const apart = Math.min(APART, (2 * reach) / (count - 1));
  // Towards where they come from, as far as there is room; then apart from each other.
  let least = -reach;
  for (let i = first; i < last; i++) {
    const l = edges[i]!;
    lower[l] = Math.max(least, Math.min(reach, (approach(arrivals, l) - centre[v]!) * 0.3));
    least = lower[l]! + apart;
  }
  let most = reach;
  for (let i = last - 1; i >= first; i--) {
    const l = edges[i]!;
    lower[l] = Math.min(most, lower[l]!);
    most = lower[l]! - apart;
    lower[l]! += centre[v]!;
  }
}

function sort(arrivals: Arrivals, first: number, last: number): void {
  const { edges } = arrivals;
  if (last - first > FEW) {
    edges.subarray(first, last).sort((a, b) => compare(arrivals, a, b) || a - b);
    return;
  }
  for (let i = first + 1; i < last; i++) {
    const l = edges[i]!;
    let j = i - 1;
    for (; j >= first && compare(arrivals, edges[j]!, l) > 0; j--) edges[j + 1] = edges[j]!;
    edges[j + 1] = l;
  }
}

function compare(arrivals: Arrivals, a: number, b: number): number {
  const { edge } = arrivals.links;
  const { inPort } = arrivals.problem;
  return inPort[edge[a]!]! - inPort[edge[b]!]! || approach(arrivals, a) - approach(arrivals, b);
}

/** Where a link comes from in the rank above its target. */
function approach({ links, layered, x, laneAt, upper }: Arrivals, l: number): number {
  if (layered.inLane[l]) return laneAt[l]!;
  const span = links.rank[links.to[l]!]! - links.rank[links.from[l]!]!;
  return span > 1 ? x[layered.chain[l]! + span - 2]! : upper[l]!;
}
