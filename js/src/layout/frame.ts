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
  const across = shift(problem, cells, x, laneAt);
  const centre = new Float64Array(links.nodes);
  for (let v = 0; v < centre.length; v++) centre[v] = x[v]! - (problem.anchor[v] ?? 0);
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
  return links.outlet.map((o, l) => portAt(cells.outletAt[o]!, problem.across[links.from[l]!] ?? 0));
}

/** Where each link meets its target: open frames say where, other boxes in which order. */
function portsBelow(problem: Problem, links: Links): Int32Array {
  const last = new Int32Array(links.nodes);
  for (let e = 0; e < problem.to.length; e++) {
    last[problem.to[e]!] = Math.max(last[problem.to[e]!]!, problem.inPort[e]!);
  }
  return links.to.map((v, l) => {
    const e = links.edge[l]!;
    if (v !== problem.to[e]!) return MIDDLE;
    const at = problem.toAt[e]!;
    if (!Number.isNaN(at)) return portAt(at, problem.across[v]!);
    return Math.max(1, Math.min(PORTS - 1, Math.round(MIDDLE + problem.inPort[e]! - last[v]! / 2)));
  });
}

/** From 1, as 0 is where the next node ends. */
function portAt(offset: number, across: number): number {
  if (across === 0) return MIDDLE;
  return Math.max(1, Math.min(PORTS - 1, Math.round(MIDDLE + (offset / across) * (PORTS - 2))));
}

/** Shift everything so that content starts behind the padding; a frame wider than its content centres it. */
function shift(problem: Problem, { before, after }: Cells, x: Float64Array, laneAt: Float64Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const half = problem.gaps.edge / 2;
  const inset = problem.gaps.node / 2;
  for (let v = 0; v < x.length; v++) {
    const gap = v < problem.boxes ? inset : 0;
    low = Math.min(low, x[v]! - before[v]! + gap);
    high = Math.max(high, x[v]! + after[v]! - gap);
  }
  for (let l = 0; l < laneAt.length; l++) {
    const at = laneAt[l]!;
    if (Number.isNaN(at)) continue;
    low = Math.min(low, at - half);
    high = Math.max(high, at + half);
  }
  if (low > high) low = high = 0;
  const [first, last] = problem.padAcross;
  const total = Math.max(problem.least.across, high - low + first + last);
  const by = (total - first - last - (high - low)) / 2 + first - low;
  for (let v = 0; v < x.length; v++) x[v]! += by;
  for (let l = 0; l < laneAt.length; l++) laneAt[l]! += by;
  return total;
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
  return full.map((own, v) => {
    if (v >= boxes && v < boxes + near) return 0;
    return band[rank[v]!]! + (length[rank[v]!]! - own) / 2;
  });
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
  for (let e = 0; e < m; e++) {
    const v = problem.from[e]!;
    const o = problem.outlet[e]!;
    const at = cells.labelAt[o]!;
    if (v >= nodesOf(problem) || Number.isNaN(at)) continue;
    labelAcross[e] = centre[v]! + at;
    labelAlong[e] = start[v]! + cells.along[v]! + problem.gaps.rank + problem.labelAlong[o]! / 2;
  }
  return { labelAcross, labelAlong };
}
