// One frame, pass by pass.
import { align } from "./align";
import { bandsOf } from "./bands";
import { type Cells, cellsOf } from "./cells";
import { layer } from "./chains";
import { endsOf } from "./ends";
import { lanesOf } from "./lanes";
import { type Links, linksOf } from "./links";
import { firstOrder, MIDDLE, PORTS, sidesOf } from "./neighbours";
import { improveOrder } from "./order";
import { inParts } from "./parts";
import { nodesOf, type Plan, type Problem } from "./problem";
import { routesOf } from "./route";
import { unwrapGrids, wrapGrids } from "./wrap";

/** Yields the name of every pass that is done; some yield several times. */
export function* planFrame(problem: Problem): Generator<string, Plan> {
  const wrapped = wrapGrids(problem);
  if (!wrapped) return yield* planLayers(problem);
  const plan = yield* planLayers(wrapped.problem);
  yield "grid";
  return unwrapGrids(problem, wrapped, plan);
}

function* planLayers(problem: Problem): Generator<string, Plan> {
  const links = linksOf(problem);
  yield "rank";
  const layered = layer(links);
  const cells = cellsOf(problem, links, layered);
  yield "layer";
  const { up, down } = sidesOf(layered, portsAbove(problem, links, cells), portsBelow(problem, links));
  const order = firstOrder(layered, { up, down });
  yield "first order";
  for (const _ of improveOrder(layered, order, up, down)) yield "order";
  const aligning = align(layered, order, up, down, cells);
  let aligned = aligning.next();
  for (; !aligned.done; aligned = aligning.next()) yield "align";
  const x = aligned.value;
  const laneAt = lanesOf(links, layered, order, x, cells, problem.gaps.edge);
  const across = shift(problem, cells, x, layered.lanes ? laneAt : null);
  const centre = new Float64Array(links.nodes);
  inParts(centre.length, (first, last) => {
    for (let v = first; v < last; v++) centre[v] = x[v]! - (problem.anchor[v] ?? 0);
  });
  const ends = endsOf(problem, links, layered, cells, centre, x, laneAt);
  const bands = bandsOf(problem, links, layered, cells, ends, x, laneAt);
  const start = startsOf(problem, links, cells, bands.start, bands.length);
  yield "place";
  const curves = routesOf(problem, { links, layered, cells, ends, bands, x, centre, start, laneAt });
  yield "route";
  const { boxes, near, far } = problem;
  const ports = centre.subarray(boxes, boxes + near + far).map((at) => at - across / 2);
  return {
    across,
    along: bands.total,
    centre,
    start,
    nearAt: ports.subarray(0, near),
    farAt: ports.subarray(near),
    ...curves,
    ...labelsOf(problem, cells, centre, start),
  };
}

/** Where each link leaves its node, as a small number that grows across the flow. */
function portsAbove(problem: Problem, links: Links, cells: Cells): Int32Array {
  const ports = new Int32Array(links.outlet.length);
  inParts(ports.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const u = links.from[l]!;
      ports[l] = portAt(cells.outletAt[links.outlet[l]!]!, u < problem.across.length ? problem.across[u]! : 0);
    }
  });
  return ports;
}

/** Where each link meets its target: open frames say where, other boxes in which order. */
function portsBelow(problem: Problem, links: Links): Int32Array {
  const most = new Int32Array(links.nodes);
  inParts(problem.to.length, (first, last) => {
    for (let e = first; e < last; e++) {
      most[problem.to[e]!] = Math.max(most[problem.to[e]!]!, problem.inPort[e]!);
    }
  });
  const ports = new Int32Array(links.to.length);
  inParts(ports.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const v = links.to[l]!;
      const e = links.edge[l]!;
      if (v !== problem.to[e]!) ports[l] = MIDDLE;
      else if (!Number.isNaN(problem.toAt[e]!)) ports[l] = portAt(problem.toAt[e]!, problem.across[v]!);
      else ports[l] = Math.max(1, Math.min(PORTS - 1, Math.round(MIDDLE + problem.inPort[e]! - most[v]! / 2)));
    }
  });
  return ports;
}

/** From 1, as 0 is where the next node ends. */
function portAt(offset: number, across: number): number {
  if (across === 0) return MIDDLE;
  return Math.max(1, Math.min(PORTS - 1, Math.round(MIDDLE + (offset / across) * (PORTS - 2))));
}

/** Shift everything so that content starts behind the padding; a frame wider than its content centres it. */
function shift(problem: Problem, cells: Cells, x: Float64Array, laneAt: Float64Array | null): number {
  const range = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  coverNodes(range, problem, cells, x);
  if (laneAt) coverLanes(range, laneAt, problem.gaps.edge / 2);
  if (range.low > range.high) range.low = range.high = 0;
  const { low, high } = range;
  const [first, last] = problem.padAcross;
  const total = Math.max(problem.least.across, high - low + first + last);
  const by = (total - first - last - (high - low)) / 2 + first - low;
  move(x, by);
  if (laneAt) move(laneAt, by);
  return total;
}

interface Range {
  low: number;
  high: number;
}

function coverNodes(range: Range, { boxes, gaps }: Problem, { before, after }: Cells, x: Float64Array): void {
  const inset = gaps.node / 2;
  inParts(x.length, (first, last) => {
    let { low, high } = range;
    for (let v = first; v < last; v++) {
      const gap = v < boxes ? inset : 0;
      low = Math.min(low, x[v]! - before[v]! + gap);
      high = Math.max(high, x[v]! + after[v]! - gap);
    }
    range.low = low;
    range.high = high;
  });
}

function coverLanes(range: Range, laneAt: Float64Array, half: number): void {
  inParts(laneAt.length, (first, last) => {
    for (let l = first; l < last; l++) {
      const at = laneAt[l]!;
      if (Number.isNaN(at)) continue;
      range.low = Math.min(range.low, at - half);
      range.high = Math.max(range.high, at + half);
    }
  });
}

function move(places: Float64Array, by: number): void {
  inParts(places.length, (first, last) => {
    for (let i = first; i < last; i++) places[i]! += by;
  });
}

/** Nodes stand in the middle of their band; near ports at the frame's border. */
function startsOf(
  problem: Problem,
  { rank }: Links,
  { full }: Cells,
  band: Float64Array,
  length: Float64Array,
): Float64Array {
  const { boxes, near } = problem;
  const start = new Float64Array(full.length);
  inParts(start.length, (first, last) => {
    for (let v = first; v < last; v++) {
      if (v >= boxes && v < boxes + near) continue;
      start[v] = band[rank[v]!]! + (length[rank[v]!]! - full[v]!) / 2;
    }
  });
  return start;
}

function labelsOf(
  problem: Problem,
  cells: Cells,
  centre: Float64Array,
  start: Float64Array,
): Pick<Plan, "labelAcross" | "labelAlong"> {
  const m = problem.from.length;
  const labelAcross = new Float64Array(m).fill(Number.NaN);
  const labelAlong = new Float64Array(m).fill(Number.NaN);
  inParts(m, (first, last) => {
    for (let e = first; e < last; e++) {
      const v = problem.from[e]!;
      const o = problem.outlet[e]!;
      const at = cells.labelAt[o]!;
      if (v >= nodesOf(problem) || Number.isNaN(at)) continue;
      labelAcross[e] = centre[v]! + at;
      labelAlong[e] = start[v]! + cells.along[v]! + problem.gaps.rank + problem.labelAlong[o]! / 2;
    }
  });
  return { labelAcross, labelAlong };
}
