// Positions along the flow: every rank is a band as long as its longest node, and between two bands is a gap where lines
// bend. Where lines swing far, the gap is longer, so that curves do not become nearly flat.
import type { Cells } from "./cells";
import type { Layered } from "./chains";
import type { Ends } from "./ends";
import type { Links } from "./links";
import type { Problem } from "./problem";

export interface Bands {
  readonly start: Float64Array;
  readonly length: Float64Array;
  readonly total: number;
}

const SWING = 0.16;
const GAP_LEAST = 11;
const GAP_MOST = 51;

export function bandsOf(
  problem: Problem,
  links: Links,
  layered: Layered,
  cells: Cells,
  ends: Ends,
  x: Float64Array,
  laneAt: Float64Array,
): Bands {
  const swing = new Float64Array(layered.ranks);
  coverPieces(swing, layered, ends, x);
  coverLanes(swing, links, layered, ends, laneAt);
  return stack(problem, lengthsOf(links, layered.ranks, cells), swing);
}

function lengthsOf({ rank, nodes }: Links, ranks: number, { full }: Cells): Float64Array {
  const length = new Float64Array(ranks);
  for (let v = 0; v < nodes; v++) if (full[v]! > length[rank[v]!]!) length[rank[v]!] = full[v]!;
  return length;
}

/** How far lines swing across the flow below each rank. */
function coverPieces(swing: Float64Array, layered: Layered, ends: Ends, x: Float64Array): void {
  const { upper, lower, starts, arrives, rank } = layered;
  for (let p = 0; p < upper.length; p++) {
    const from = starts[p]! < 0 ? x[upper[p]!]! : ends.upper[starts[p]!]!;
    const to = arrives[p]! < 0 ? x[lower[p]!]! : ends.lower[arrives[p]!]!;
    const far = Math.abs(to - from);
    if (far > swing[rank[upper[p]!]!]!) swing[rank[upper[p]!]!] = far;
  }
}

function coverLanes(swing: Float64Array, links: Links, layered: Layered, ends: Ends, laneAt: Float64Array): void {
  for (let l = 0; l < laneAt.length; l++) {
    if (!layered.inLane[l]) continue;
    const leaves = links.rank[links.from[l]!]!;
    const arrives = links.rank[links.to[l]!]! - 1;
    swing[leaves] = Math.max(swing[leaves]!, Math.abs(laneAt[l]! - ends.upper[l]!));
    swing[arrives] = Math.max(swing[arrives]!, Math.abs(laneAt[l]! - ends.lower[l]!));
  }
}

function stack({ near, far, padAlong, gaps, least }: Problem, length: Float64Array, swing: Float64Array): Bands {
  const count = length.length;
  const [before, after] = padAlong;
  const start = new Float64Array(count);
  // Lines that enter run straight through the frame's title.
  if (near > 0) length[0] = before - gaps.rank;
  let at = near > 0 ? 0 : before;
  for (let r = 0; r < count; r++) {
    start[r] = at;
    at += length[r]!;
    if (r < count - 1) at += Math.max(gaps.rank, Math.min(GAP_MOST, GAP_LEAST + swing[r]! * SWING));
  }
  if (far === 0) return { start, length, total: Math.max(at + after, least.along) };
  const total = Math.max(at, least.along, count > 1 ? start[count - 2]! + length[count - 2]! + after : 0);
  start[count - 1] = total;
  return { start, length, total };
}
