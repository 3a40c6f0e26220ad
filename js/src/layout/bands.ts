// Positions along the flow: every rank is a band as long as its longest node, and between two bands is a gap where lines
// bend. Where lines swing far, the gap is longer, so that curves do not become nearly flat.
import type { Cells } from "./cells";
import type { Layered } from "./chains";
import type { Ends } from "./ends";
import type { Links } from "./links";
import { inParts } from "./parts";
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
  if (layered.lanes) coverLanes(swing, links, layered, ends, laneAt);
  return stack(problem, lengthsOf(links, layered.ranks, cells), swing);
}

function lengthsOf({ rank, nodes }: Links, ranks: number, { full }: Cells): Float64Array {
  const length = new Float64Array(ranks);
  inParts(nodes, (first, last) => {
    for (let v = first; v < last; v++) if (full[v]! > length[rank[v]!]!) length[rank[v]!] = full[v]!;
  });
  return length;
}

/** How far lines swing across the flow below each rank. */
function coverPieces(swing: Float64Array, layered: Layered, ends: Ends, x: Float64Array): void {
  const { upper, lower, starts, arrives, rank } = layered;
  inParts(upper.length, (first, last) => {
    for (let p = first; p < last; p++) {
      const from = starts[p]! < 0 ? x[upper[p]!]! : ends.upper[starts[p]!]!;
      const to = arrives[p]! < 0 ? x[lower[p]!]! : ends.lower[arrives[p]!]!;
      const far = Math.abs(to - from);
      if (far > swing[rank[upper[p]!]!]!) swing[rank[upper[p]!]!] = far;
    }
  });
}

function coverLanes(swing: Float64Array, links: Links, layered: Layered, ends: Ends, laneAt: Float64Array): void {
  inParts(laneAt.length, (first, last) => {
    for (let l = first; l < last; l++) {
      if (!layered.inLane[l]) continue;
      const leaves = links.rank[links.from[l]!]!;
      const arrives = links.rank[links.to[l]!]! - 1;
      swing[leaves] = Math.max(swing[leaves]!, Math.abs(laneAt[l]! - ends.upper[l]!));
      swing[arrives] = Math.max(swing[arrives]!, Math.abs(laneAt[l]! - ends.lower[l]!));
    }
  });
}

function stack({ near, far, padAlong, gaps, least }: Problem, length: Float64Array, swing: Float64Array): Bands {
  const count = length.length;
  const [before, after] = padAlong;
  const start = new Float64Array(count);
  // Lines that enter run straight through the frame's title.
  if (near > 0) length[0] = before - gaps.rank;
  let at = near > 0 ? 0 : before;
  inParts(count, (first, last) => {
    let next = at;
    for (let r = first; r < last; r++) {
      start[r] = next;
      next += length[r]!;
      if (r < count - 1) next += Math.max(gaps.rank, Math.min(GAP_MOST, GAP_LEAST + swing[r]! * SWING));
    }
    at = next;
  });
  if (far === 0) return { start, length, total: Math.max(at + after, least.along) };
  const total = Math.max(at, least.along, count > 1 ? start[count - 2]! + length[count - 2]! + after : 0);
  start[count - 1] = total;
  return { start, length, total };
}
