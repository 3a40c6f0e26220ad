// A frame with grids is laid out with one box for each grid, and then the grids are filled in.
import { outletsOf } from "./cells";
import { busAt, findGrids, type Grid, readsOf } from "./grid";
import { Paths } from "./path";
import { nodesOf, type Plan, type Problem } from "./problem";

export interface Wrapped {
  readonly problem: Problem;
  readonly grids: readonly Grid[];
  /** By edge of the frame, see `readsOf`. */
  readonly readOf: Int32Array;
  /** By node of the frame: its number in the wrapped problem; of ports for the members of one grid, one. */
  readonly node: Int32Array;
  /** The grid of each box, -1 for none, and its place there. */
  readonly gridOf: Int32Array;
  readonly placeIn: Int32Array;
  /** By edge of the frame: its number in the wrapped problem. */
  readonly edge: Int32Array;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly outlet: number;
  readonly inPort: number;
  readonly fromAt: number;
  readonly toAt: number;
}

/** null where nothing is wide enough to wrap. */
export function wrapGrids(problem: Problem): Wrapped | null {
  const readOf = readsOf(problem);
  const grids = findGrids(problem, readOf);
  if (grids.length === 0) return null;
  const gridOf = new Int32Array(problem.boxes).fill(-1);
  const placeIn = new Int32Array(problem.boxes);
  grids.forEach((grid, g) => {
    grid.members.forEach((v, i) => {
      gridOf[v] = g;
      placeIn[v] = i;
    });
  });
  const numbered = number(problem, grids, gridOf, readOf);
  const edges: Edge[] = [];
  const edge = new Int32Array(problem.from.length);
  const known = new Map<string, number>();
  let outlets = problem.labelAcross.length;
  for (let e = 0; e < edge.length; e++) {
    const wrapped = wrapEdge(problem, grids, gridOf, numbered.node, readOf, e);
    const key = wrapped.key;
    const same = key === null ? undefined : known.get(key);
    edge[e] = same ?? edges.length;
    if (same !== undefined) continue;
    if (key !== null) known.set(key, edges.length);
    edges.push(wrapped.leaves ? { ...wrapped.edge, outlet: outlets++ } : wrapped.edge);
  }
  return {
    problem: wrappedProblem(problem, grids, gridOf, { ...numbered, edges, outlets }),
    grids,
    readOf,
    node: numbered.node,
    gridOf,
    placeIn,
    edge,
  };
}

interface Numbered {
  readonly node: Int32Array;
  readonly boxes: number;
  readonly near: number;
  readonly far: number;
}

/** Grids take the place of their first member, and ports of their members become one for each thing that they do. */
function number(problem: Problem, grids: readonly Grid[], gridOf: Int32Array, readOf: Int32Array): Numbered {
  const { from, to } = problem;
  const node = new Int32Array(nodesOf(problem));
  let boxes = 0;
  for (let v = 0; v < problem.boxes; v++) {
    const grid = grids[gridOf[v]!];
    node[v] = grid && grid.members[0] !== v ? node[grid.members[0]!]! : boxes++;
  }
  /** The grid that each port is for, and what it brings there. */
  const grid = new Int32Array(nodesOf(problem)).fill(-1);
  const brings = new Int32Array(nodesOf(problem));
  for (let e = 0; e < from.length; e++) {
    if (from[e]! < problem.boxes) grid[to[e]!] = gridOf[from[e]!]!;
    else if (readOf[e]! >= problem.labelAcross.length) {
      grid[from[e]!] = gridOf[to[e]!]!;
      brings[from[e]!] = readOf[e]!;
    }
  }
  const shared = new Map<string, number>();
  let next = boxes;
  const place = (first: number, count: number): number => {
    const before = next;
    for (let p = first; p < first + count; p++) {
      const key = `${first} ${grid[p]} ${brings[p]}`;
      const known = grid[p]! >= 0 ? shared.get(key) : undefined;
      node[p] = known ?? next++;
      shared.set(key, node[p]!);
    }
    return next - before;
  };
  const near = place(problem.boxes, problem.near);
  const far = place(problem.boxes + problem.near, problem.far);
  return { node, boxes, near, far };
}

/** An edge into or out of a grid meets it at a trunk; those that share the trunk have one key. */
function wrapEdge(
  problem: Problem,
  grids: readonly Grid[],
  gridOf: Int32Array,
  node: Int32Array,
  readOf: Int32Array,
  e: number,
): { edge: Edge; key: string | null; leaves: boolean } {
  const from = problem.from[e]!;
  const to = problem.to[e]!;
  const source = from < problem.boxes ? grids[gridOf[from]!] : undefined;
  const target = to < problem.boxes ? grids[gridOf[to]!] : undefined;
  const feed = source ? feedOf(problem, source, to) : -1;
  const read = target ? target.reads.indexOf(readOf[e]!) : -1;
  const edge = {
    from: node[from]!,
    to: node[to]!,
    outlet: problem.outlet[e]!,
    inPort: target ? read : problem.inPort[e]!,
    fromAt: source ? source.feedTrunk[feed]! - source.across / 2 : problem.fromAt[e]!,
    toAt: target ? target.readTrunk[read]! - target.across / 2 : problem.toAt[e]!,
  };
  if (source) return { edge, key: `${edge.from} ${edge.to} ${feed} ${target ? read : ""}`, leaves: true };
  // What enters for each member alone comes by one port, and so as one.
  return { edge, key: target ? `${edge.from} ${edge.to} ${read}` : null, leaves: false };
}

function feedOf({ boxes, near }: Problem, grid: Grid, to: number): number {
  return grid.feeds.indexOf(to >= boxes + near ? -1 : to);
}

function wrappedProblem(
  problem: Problem,
  grids: readonly Grid[],
  gridOf: Int32Array,
  { node, boxes, near, far, edges, outlets }: Numbered & { edges: Edge[]; outlets: number },
): Problem {
  const n = boxes + near + far;
  const extent = { across: new Float64Array(n), along: new Float64Array(n), anchor: new Float64Array(n) };
  for (let v = 0; v < problem.boxes; v++) {
    const box = grids[gridOf[v]!] ?? { across: problem.across[v]!, along: problem.along[v]! };
    extent.across[node[v]!] = box.across;
    extent.along[node[v]!] = box.along;
    extent.anchor[node[v]!] = gridOf[v]! < 0 ? problem.anchor[v]! : 0;
  }
  const labelAcross = new Float64Array(outlets);
  const labelAlong = new Float64Array(outlets);
  for (const e of edges) {
    if (e.outlet >= problem.labelAcross.length) continue;
    labelAcross[e.outlet] = problem.labelAcross[e.outlet]!;
    labelAlong[e.outlet] = problem.labelAlong[e.outlet]!;
  }
  return {
    ...problem,
    ...extent,
    boxes,
    near,
    far,
    from: Int32Array.from(edges, (e) => e.from),
    to: Int32Array.from(edges, (e) => e.to),
    outlet: Int32Array.from(edges, (e) => e.outlet),
    inPort: Int32Array.from(edges, (e) => e.inPort),
    fromAt: Float64Array.from(edges, (e) => e.fromAt),
    toAt: Float64Array.from(edges, (e) => e.toAt),
    labelAcross,
    labelAlong,
  };
}

/** The plan of the frame itself, from the plan with its grids wrapped. */
export function unwrapGrids(problem: Problem, wrapped: Wrapped, plan: Plan): Plan {
  const { node, grids, gridOf, placeIn } = wrapped;
  const n = nodesOf(problem);
  const centre = new Float64Array(n);
  const start = new Float64Array(n);
  for (let v = 0; v < n; v++) {
    const grid = v < problem.boxes ? grids[gridOf[v]!] : undefined;
    const at = node[v]!;
    centre[v] = plan.centre[at]! + (grid ? grid.centre[placeIn[v]!]! - grid.across / 2 : 0);
    start[v] = plan.start[at]! + (grid ? grid.start[placeIn[v]!]! : 0);
  }
  const ports = centre.subarray(problem.boxes).map((at) => at - plan.across / 2);
  return {
    across: plan.across,
    along: plan.along,
    centre,
    start,
    nearAt: ports.subarray(0, problem.near),
    farAt: ports.subarray(problem.near),
    ...unwrapEdges(problem, wrapped, plan, centre, start),
  };
}

const CORNER = 6;
const APART = 12;

function unwrapEdges(
  problem: Problem,
  { grids, gridOf, placeIn, edge, node, readOf }: Wrapped,
  plan: Plan,
  centre: Float64Array,
  start: Float64Array,
): Pick<Plan, "routes" | "offsets" | "labelAcross" | "labelAlong"> {
  const m = problem.from.length;
  const { outletAt, labelAt } = outletsOf(problem);
  const offsets = new Int32Array(m + 1);
  const labelAcross = new Float64Array(m).fill(Number.NaN);
  const labelAlong = new Float64Array(m).fill(Number.NaN);
  const paths = new Paths();
  for (let e = 0; e < m; e++) {
    const w = edge[e]!;
    const outer = plan.routes.subarray(plan.offsets[w], plan.offsets[w + 1]);
    const from = problem.from[e]!;
    const to = problem.to[e]!;
    const source = from < problem.boxes ? grids[gridOf[from]!] : undefined;
    const target = to < problem.boxes ? grids[gridOf[to]!] : undefined;
    labelAcross[e] = plan.labelAcross[w]!;
    labelAlong[e] = plan.labelAlong[w]!;
    if (source) {
      const label = labelAt[problem.outlet[e]!]!;
      const bottom = start[from]! + problem.along[from]!;
      paths.start(centre[from]! + outletAt[problem.outlet[e]!]!, bottom);
      if (!Number.isNaN(label)) paths.swerve(centre[from]! + label, bottom + problem.gaps.rank);
      const top = plan.start[node[from]!]!;
      const bus = top + busAt(source.busBelow[placeIn[from]!]!, feedOf(problem, source, to));
      paths.detour(outer[0]!, bus, outer[1]!, CORNER);
      paths.append(outer);
      labelAcross[e] = centre[from]! + label;
      labelAlong[e] = bottom + problem.gaps.rank + problem.labelAlong[problem.outlet[e]!]! / 2;
    } else {
      paths.start(outer[0]!, outer[1]!);
      paths.append(outer);
    }
    if (target) {
      const read = target.reads.indexOf(readOf[e]!);
      const open = (read - (target.reads.length - 1) / 2) * APART;
      const fixed = problem.toAt[e]!;
      const bus = plan.start[node[to]!]! + busAt(target.busAbove[placeIn[to]!]!, read);
      paths.detour(centre[to]! + (Number.isNaN(fixed) ? open : fixed), bus, start[to]!, CORNER);
    }
    offsets[e + 1] = paths.length;
  }
  return { routes: paths.take(), offsets, labelAcross, labelAlong };
}
