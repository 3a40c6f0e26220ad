// Where links meet the sides of their boxes. Tensors leave in their ports' order; those that arrive are spread about the
// middle, in their ports' order where they have one, else towards where they come from.
import { adjacency } from "./adjacency";
import type { Cells } from "./cells";
import type { Layered } from "./chains";
import type { Links } from "./links";
import { nodesOf, type Problem } from "./problem";

export interface Ends {
  /** Positions across the flow at the upper end of each link (below its label, if it has one) and at its lower end. */
  readonly upper: Float64Array;
  readonly lower: Float64Array;
}

const REACH = 26;
const APART = 12;
const CORNER = 8;

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
  for (let l = 0; l < m; l++) {
    const o = links.outlet[l]!;
    const label = cells.labelAt[o]!;
    upper[l] = centre[links.from[l]!]! + (Number.isNaN(label) ? cells.outletAt[o]! : label);
  }
  const { offsets, edges } = adjacency(links.nodes, links.to);
  const n = nodesOf(problem);
  for (let v = 0; v < links.nodes; v++) {
    const arriving: number[] = [];
    for (let k = offsets[v]!; k < offsets[v + 1]!; k++) {
      const l = edges[k]!;
      const fixed = v < n ? problem.toAt[links.edge[l]!]! : 0;
      if (Number.isNaN(fixed)) arriving.push(l);
      else lower[l] = centre[v]! + fixed;
    }
    if (arriving.length > 0) spread(v, arriving);
  }
  return { upper, lower };

  function spread(v: number, arriving: number[]): void {
    const port = (l: number): number => problem.inPort[links.edge[l]!]!;
    if (arriving.length > 1) arriving.sort((a, b) => port(a) - port(b) || approach(a) - approach(b) || a - b);
    const room = Math.max(0, (problem.across[v] ?? 0) / 2 - CORNER);
    const reach = Math.min(REACH + APART * Math.max(0, arriving.length - 3), room);
    const apart = arriving.length > 1 ? Math.min(APART, (2 * reach) / (arriving.length - 1)) : 0;
    const middle = (arriving.length - 1) / 2;
    // Towards where they come from, as far as there is room; then apart from each other.
    const at = arriving.map((l) =>
      arriving.length === 1 ? 0 : Math.max(-reach, Math.min(reach, (approach(l) - centre[v]!) * 0.3)),
    );
    for (let i = 0; i < at.length; i++) at[i] = Math.max(at[i]!, i === 0 ? -reach : at[i - 1]! + apart);
    for (let i = at.length - 1; i >= 0; i--) at[i] = Math.min(at[i]!, i === at.length - 1 ? reach : at[i + 1]! - apart);
    arriving.forEach((l, i) => {
      lower[l] = centre[v]! + (room === 0 && middle > 0 ? 0 : at[i]!);
    });
  }

  /** Where a link comes from in the rank above its target. */
  function approach(l: number): number {
    if (layered.inLane[l]) return laneAt[l]!;
    const span = links.rank[links.to[l]!]! - links.rank[links.from[l]!]!;
    return span > 1 ? x[layered.chain[l]! + span - 2]! : upper[l]!;
  }
}
