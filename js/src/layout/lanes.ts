// Lanes: links over so many ranks that they run beside everything else. Each outlet has one, next to what it passes;
// outlets with many branches to the left and nearest, so that few branches cross few lanes; single skips to the right,
// the shorter inside the longer.
import type { Extents } from "./align";
import type { Layered } from "./chains";
import type { Links } from "./links";
import type { Ordered } from "./neighbours";
import { inParts } from "./parts";

interface Lane {
  readonly outlet: number;
  readonly first: number;
  last: number;
  branches: number;
}

/** More branches than this and a lane goes to the left. */
const SKIP = 3;

/** Position across the flow of each link that runs in a lane; NaN for the others. */
export function lanesOf(
  links: Links,
  layered: Layered,
  order: Ordered,
  x: Float64Array,
  extents: Extents,
  gap: number,
): Float64Array {
  const at = new Float64Array(links.from.length).fill(Number.NaN);
  const byOutlet = new Map<number, Lane>();
  if (!layered.lanes) return at;
  inParts(at.length, (from, to) => {
    for (let l = from; l < to; l++) {
      if (!layered.inLane[l]) continue;
      const outlet = links.outlet[l]!;
      const first = links.rank[links.from[l]!]! + 1;
      const lane = byOutlet.get(outlet) ?? { outlet, first, last: first, branches: 0 };
      byOutlet.set(outlet, lane);
      lane.last = Math.max(lane.last, links.rank[links.to[l]!]! - 1);
      lane.branches++;
    }
  });
  const placed = new Map<number, number>();
  const borders = bordersOf(order, x, extents);
  const left = (lane: Lane): boolean => lane.branches > SKIP;
  const lanes = [...byOutlet.values()].sort(
    (a, b) =>
      (left(a) && left(b) ? b.branches - a.branches : 0) ||
      a.last - a.first - (b.last - b.first) ||
      a.outlet - b.outlet,
  );
  for (const lane of lanes)
    placed.set(lane.outlet, place(lane, left(lane) ? borders.low : borders.high, left(lane), gap));
  inParts(at.length, (from, to) => {
    for (let l = from; l < to; l++) if (layered.inLane[l]) at[l] = placed.get(links.outlet[l]!)!;
  });
  return at;
}

function bordersOf(
  order: Ordered,
  x: Float64Array,
  { before, after }: Extents,
): { low: Float64Array; high: Float64Array } {
  const ranks = order.starts.length - 1;
  const low = new Float64Array(ranks);
  const high = new Float64Array(ranks);
  inParts(ranks, (first, last) => {
    for (let r = first; r < last; r++) {
      if (order.starts[r] === order.starts[r + 1]) continue;
      const leftmost = order.nodes[order.starts[r]!]!;
      const rightmost = order.nodes[order.starts[r + 1]! - 1]!;
      low[r] = x[leftmost]! - before[leftmost]!;
      high[r] = x[rightmost]! + after[rightmost]!;
    }
  });
  return { low, high };
}

/** Beside the border of all ranks that the lane passes, which it then becomes. */
function place(lane: Lane, border: Float64Array, left: boolean, gap: number): number {
  let at = left ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  for (let r = lane.first; r <= lane.last; r++) at = left ? Math.min(at, border[r]!) : Math.max(at, border[r]!);
  at += left ? -gap / 2 : gap / 2;
  border.fill(left ? at - gap / 2 : at + gap / 2, lane.first, lane.last + 1);
  return at;
}
