// Positions along the flow, and curves. An edge runs straight through the band of every rank that it passes, where it
// has a place of its own, and bends only in the gaps between bands, where no box is: so it crosses no foreign box.
import type { Ends } from "./attach";
import type { FrameEdge, FrameInput, Links } from "./frame";
import { labelRank, type Placement } from "./layers";
import { FAR, NEAR } from "./rank";

export interface Bands {
  readonly start: Float64Array;
  readonly length: Float64Array;
  readonly total: number;
}

// A gap grows with the widest swing in it, up to a point, so that curves do not become nearly flat.
const SWING = 0.16;
const MAX_SWING = 40;
const TURN_HEIGHT = 14;

export function stackBands(input: FrameInput, links: Links, placement: Placement, ends: Ends): Bands {
  let count = 0;
  for (const r of links.rank) count = Math.max(count, r + 1);
  const length = new Float64Array(count);
  links.rank.forEach((r, v) => {
    length[r] = Math.max(length[r] as number, links.along[v] as number);
  });
  const swing = new Float64Array(count);
  for (let l = 0; l < links.from.length; l++) {
    const first = links.rank[links.from[l] as number] as number;
    const last = links.rank[links.to[l] as number] as number;
    const edge = input.edges[links.edge[l] as number] as FrameEdge;
    const r = labelRank(first, last);
    if (edge.labelAcross > 0) length[r] = Math.max(length[r] as number, edge.labelAlong);
    let x = ends.upper[l] as number;
    const bends = placement.bends[l] as Float64Array;
    for (let i = 0; i <= bends.length; i++) {
      const next = i < bends.length ? (bends[i] as number) : (ends.lower[l] as number);
      swing[first + i] = Math.max(swing[first + i] as number, Math.abs(next - x));
      x = next;
    }
  }
  return stack(input, length, swing);
}

function stack(input: FrameInput, length: Float64Array, swing: Float64Array): Bands {
  const count = length.length;
  const near = input.pinned.includes(NEAR);
  const far = input.pinned.includes(FAR);
  const [before, after] = input.padAlong;
  const start = new Float64Array(count);
  // Edges that enter run straight through the frame's title line.
  if (near) length[0] = before - input.gaps.rank;
  let at = near ? 0 : before;
  for (let r = 0; r < count; r++) {
    start[r] = at;
    at += length[r] as number;
    if (r === count - 1) break;
    const gap = input.gaps.rank + Math.min(MAX_SWING, (swing[r] as number) * SWING);
    at += gap;
  }
  if (!far) return { start, length, total: Math.max(at + after, input.least.along) };
  const total = Math.max(at, input.least.along, count > 1 ? (start[count - 2] as number) + after : 0);
  start[count - 1] = total;
  return { start, length, total };
}

/** Add a straight piece, as a cubic. */
function straight(path: number[], x: number, y: number): void {
  const x0 = path[path.length - 2] as number;
  const y0 = path[path.length - 1] as number;
  if (x0 === x && Math.abs(y0 - y) < 0.01) return;
  path.push(x0 + (x - x0) / 3, y0 + (y - y0) / 3, x0 + ((x - x0) * 2) / 3, y0 + ((y - y0) * 2) / 3, x, y);
}

/** Add an S between two points that leaves and arrives along the flow. */
function swerve(path: number[], x: number, y: number): void {
  const x0 = path[path.length - 2] as number;
  const y0 = path[path.length - 1] as number;
  if (Math.abs(x0 - x) < 0.01) {
    straight(path, x, y);
    return;
  }
  const pull = (y - y0) * 0.55;
  path.push(x0, y0 + pull, x, y - pull, x, y);
}

function down(l: number, links: Links, placement: Placement, ends: Ends, bands: Bands, start: Float64Array): number[] {
  const u = links.from[l] as number;
  const v = links.to[l] as number;
  const first = links.rank[u] as number;
  const path = [ends.upper[l] as number, (start[u] as number) + (links.along[u] as number)];
  straight(path, path[0] as number, (bands.start[first] as number) + (bands.length[first] as number));
  (placement.bends[l] as Float64Array).forEach((x, i) => {
    const r = first + 1 + i;
    swerve(path, x, bands.start[r] as number);
    straight(path, x, (bands.start[r] as number) + (bands.length[r] as number));
  });
  swerve(path, ends.lower[l] as number, bands.start[links.rank[v] as number] as number);
  straight(path, ends.lower[l] as number, start[v] as number);
  return path;
}

function backwards(path: readonly number[]): number[] {
  const result: number[] = [];
  for (let i = path.length - 2; i >= 0; i -= 2) result.push(path[i] as number, path[i + 1] as number);
  return result;
}

function arc(path: number[], x: number, height: number): void {
  const x0 = path[path.length - 2] as number;
  const y0 = path[path.length - 1] as number;
  path.push(x0, y0 + height, x, y0 + height, x, y0);
}

export function route(
  edge: FrameEdge,
  way: readonly number[],
  links: Links,
  placement: Placement,
  ends: Ends,
  bands: Bands,
  start: Float64Array,
): number[] {
  const piece = (l: number): number[] => down(l, links, placement, ends, bands, start);
  const [only, back, last] = way;
  if (only === undefined) return selfLoop(edge.from, links, placement, start);
  const path = piece(only);
  if (back === undefined || last === undefined) return path;
  const up = backwards(piece(back));
  const end = piece(last);
  arc(path, up[0] as number, TURN_HEIGHT * 0.8);
  path.push(...up.slice(2));
  arc(path, end[0] as number, -TURN_HEIGHT * 0.8);
  path.push(...end.slice(2));
  return path;
}

function selfLoop(v: number, links: Links, placement: Placement, start: Float64Array): number[] {
  const x = (placement.centre[v] as number) + (links.across[v] as number) / 2;
  const y0 = (start[v] as number) + (links.along[v] as number) * 0.7;
  const y1 = (start[v] as number) + (links.along[v] as number) * 0.3;
  return [x, y0, x + 14, y0, x + 14, y1, x, y1];
}
