// Curves. A line runs straight through the band of every rank that it passes, where it has a place of its own, and bends
// only in the gaps between bands, where no box is: so it crosses no box but its own.
import type { Bands } from "./bands";
import type { Cells } from "./cells";
import type { Layered } from "./chains";
import type { Ends } from "./ends";
import type { Links } from "./links";
import { inParts } from "./parts";
import { Paths } from "./path";
import type { Problem } from "./problem";

export interface Placed {
  readonly links: Links;
  readonly layered: Layered;
  readonly cells: Cells;
  readonly ends: Ends;
  readonly bands: Bands;
  /** Line of every node, virtual ones too; centre and start of the links' nodes; lanes of links. */
  readonly x: Float64Array;
  readonly centre: Float64Array;
  readonly start: Float64Array;
  readonly laneAt: Float64Array;
}

/** How far a line that turns bows out. */
const BOW = 11;

export function routesOf(problem: Problem, placed: Placed): { routes: Float64Array; offsets: Int32Array } {
  const { links, layered } = placed;
  const m = problem.from.length;
  const offsets = new Int32Array(m + 1);
  const paths = new Paths();
  const runs = runsOf(layered, placed.x);
  inParts(m, (first, last) => {
    for (let e = first; e < last; e++) {
      const l = links.first[e]!;
      if (l < 0) loop(paths, problem, placed, problem.from[e]!);
      else if (links.turned[e]) turn(paths, problem, placed, runs, l);
      else follow(paths, problem, placed, runs, l);
      offsets[e + 1] = paths.length;
    }
  });
  return { routes: paths.take(), offsets };
}

/** For each virtual node, how many of those after it in its chain stand on the same line. */
function runsOf({ nodes, total, upper, lower }: Layered, x: Float64Array): Int32Array {
  const same = new Uint8Array(total);
  inParts(upper.length, (first, last) => {
    for (let p = first; p < last; p++) {
      const u = upper[p]!;
      const v = lower[p]!;
      if (u >= nodes && v === u + 1 && Math.abs(x[u]! - x[v]!) < 0.01) same[u] = 1;
    }
  });
  const runs = new Int32Array(total);
  inParts(total - nodes, (first, last) => {
    for (let v = total - 1 - first; v >= total - last; v--) if (same[v]) runs[v] = runs[v + 1]! + 1;
  });
  return runs;
}

/** The way of one link along the flow. */
function follow(paths: Paths, problem: Problem, placed: Placed, runs: Int32Array, l: number): void {
  const { links, layered, cells, ends, bands, x, centre, start, laneAt } = placed;
  const u = links.from[l]!;
  const v = links.to[l]!;
  const above = links.rank[u]!;
  const last = links.rank[v]!;
  const bottom = start[u]! + cells.along[u]!;
  paths.start(centre[u]! + cells.outletAt[links.outlet[l]!]!, bottom);
  if (cells.full[u]! > cells.along[u]!) paths.swerve(ends.upper[l]!, bottom + problem.gaps.rank);
  paths.straight(bands.start[above]! + bands.length[above]!);
  const chain = layered.chain[l]! - above - 1;
  for (let r = above + 1, next = r; r < last; r = next + 1) {
    const at = layered.inLane[l] ? laneAt[l]! : x[chain + r]!;
    next = layered.inLane[l] ? last - 1 : Math.min(r + runs[chain + r]!, last - 1);
    paths.pass(at, bands.start[r]!, bands.start[next]! + bands.length[next]!);
  }
  paths.pass(ends.lower[l]!, bands.start[last]!, start[v]!);
}

/** Down past the source, up beside everything, and down again into the target. */
function turn(paths: Paths, problem: Problem, placed: Placed, runs: Int32Array, l: number): void {
  const part = (link: number): Float64Array => {
    const own = new Paths();
    follow(own, problem, placed, runs, link);
    return own.take();
  };
  const back = part(l + 1);
  const end = part(l + 2);
  follow(paths, problem, placed, runs, l);
  paths.bow(back[back.length - 2]!, BOW);
  paths.reversed(back);
  paths.bow(end[0]!, -BOW);
  paths.append(end);
}

/** A tensor that goes back to where it comes from, beside the box. */
function loop(paths: Paths, problem: Problem, { centre, start }: Placed, v: number): void {
  const x = centre[v]! + problem.across[v]! / 2;
  const y0 = start[v]! + problem.along[v]! * 0.7;
  const y1 = start[v]! + problem.along[v]! * 0.3;
  paths.start(x, y0);
  paths.curve(x + 14, y0, x + 14, y1, x, y1);
}
