// Boxes in boxes, laid out inside out: each frame is a problem of its own, and equal frames are one problem.
import { type Adjacency, adjacency } from "./adjacency";
import type { LayoutCache } from "./cache";
import { planFrame } from "./frame";
import type { Layout, LayoutInput } from "./index";
import { inParts, PART } from "./parts";
import type { Plan, Problem } from "./problem";
import { cut, type Segments } from "./segments";
import { readProblem, SignatureWriter } from "./signature";

/** Everything about who holds what; the outermost frame is number `boxes`. */
interface Nest {
  readonly input: LayoutInput;
  readonly boxes: number;
  readonly outermost: number;
  readonly children: Adjacency;
  readonly segments: Segments;
  readonly segmentsOf: Adjacency;
  readonly ports: Adjacency;
  /** Number of each box, port and segment within its frame; near and far ports are numbered apart. */
  readonly boxAt: Int32Array;
  readonly portAt: Int32Array;
  readonly segmentAt: Int32Array;
  /** The order of each edge among those into its target. */
  readonly inPort: Int32Array;
  readonly plans: (Plan | undefined)[];
}

// Boxes, ports and segments laid out between two yields.
const STEP = 3000;

export function* layoutCompound(input: LayoutInput, cache: LayoutCache): Generator<number, Layout> {
  cache.begin();
  const nest = yield* at(0, nesting(input));
  yield 0.05;
  const writer = new SignatureWriter();
  const outletAt = new Int32Array(nest.segments.outlets).fill(-1);
  const work = nest.boxes + nest.segments.frame.length;
  let done = 0;
  let since = 0;
  for (const frame of insideOut(nest)) {
    const row = writeSignature(writer, nest, frame, outletAt);
    let plan = cache.find(row);
    if (!plan) {
      const signature = row.slice();
      const problem = readProblem(signature);
      const size = problem.boxes + problem.from.length;
      const steps = planFrame(problem);
      let step = steps.next();
      for (; !step.done; step = steps.next()) if (size > STEP) yield 0.05 + (0.85 * done) / work;
      plan = step.value;
      cache.add(signature, plan);
      since += size;
    }
    nest.plans[frame] = plan;
    const size = row.length / 6;
    done += size;
    since += size / 8;
    if (since > STEP) {
      since = 0;
      yield Math.min(0.9, 0.05 + (0.85 * done) / work);
    }
  }
  return yield* at(0.9, assembling(nest));
}

/** Steps that take little of the whole time, at a share of the work that is done. */
function* at<T>(share: number, steps: Generator<undefined, T>): Generator<number, T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    yield share;
  }
}

/** A frame comes before what it holds: backwards is inside out. */
function* insideOut({ outermost, children }: Nest): Generator<number> {
  for (let b = outermost - 1; b >= 0; b--) if (children.offsets[b + 1]! > children.offsets[b]!) yield b;
  yield outermost;
}

function* nesting(input: LayoutInput): Generator<undefined, Nest> {
  const boxes = input.parent.length;
  const holder = input.parent.slice();
  inParts(boxes, (first, last) => {
    for (let b = first; b < last; b++) if (holder[b]! < 0) holder[b] = boxes;
  });
  const children = adjacency(boxes + 1, holder);
  yield;
  const segments = yield* cut(input);
  yield;
  const segmentsOf = adjacency(boxes + 1, segments.frame);
  const ports = adjacency(boxes + 1, segments.portFrame);
  const portAt = new Int32Array(segments.portFrame.length);
  inParts(boxes + 1, (first, last) => {
    for (let f = first; f < last; f++) {
      const next = [0, 0];
      for (let k = ports.offsets[f]!; k < ports.offsets[f + 1]!; k++) {
        const side = segments.portLeaves[ports.edges[k]!]!;
        portAt[ports.edges[k]!] = next[side]!++;
      }
    }
  });
  yield;
  const inPort = inPortsOf(input);
  yield;
  return {
    input,
    boxes,
    outermost: boxes,
    children,
    segments,
    segmentsOf,
    ports,
    boxAt: placesIn(children, boxes),
    portAt,
    segmentAt: placesIn(segmentsOf, segments.frame.length),
    inPort,
    plans: new Array(boxes + 1),
  };
}

/** The place of each member within its group. */
function placesIn({ offsets, edges }: Adjacency, count: number): Int32Array {
  const places = new Int32Array(count);
  inParts(offsets.length - 1, (first, last) => {
    for (let f = first; f < last; f++) {
      for (let k = offsets[f]!; k < offsets[f + 1]!; k++) places[edges[k]!] = k - offsets[f]!;
    }
  });
  return places;
}

/** Ports as small numbers, so that equal blocks look equal whatever theirs are. */
function inPortsOf({ parent, target, targetPort }: LayoutInput): Int32Array {
  const result = new Int32Array(target.length);
  const { offsets, edges } = adjacency(parent.length, target);
  inParts(parent.length, (first, last) => {
    for (let v = first; v < last; v++) {
      const from = offsets[v]!;
      const to = offsets[v + 1]!;
      if (to - from < 2) continue;
      const sorted = edges.slice(from, to).sort((a, b) => targetPort[a]! - targetPort[b]! || a - b);
      for (let k = 1; k < sorted.length; k++) {
        const before = sorted[k - 1]!;
        const e = sorted[k]!;
        result[e] = result[before]! + (targetPort[e] === targetPort[before] ? 0 : 1);
      }
    }
  });
  return result;
}

/** Extents of a box: what its plan says, or what the input says. */
function acrossOf({ input, plans }: Nest, b: number): number {
  return plans[b]?.across ?? (input.direction === "down" ? input.width : input.height)[b]!;
}

function alongOf({ input, plans }: Nest, b: number): number {
  return plans[b]?.along ?? (input.direction === "down" ? input.height : input.width)[b]!;
}

function writeSignature(writer: SignatureWriter, nest: Nest, frame: number, outletAt: Int32Array): Float64Array {
  const { children, segments, segmentsOf, ports, input } = nest;
  const boxes = children.offsets[frame + 1]! - children.offsets[frame]!;
  const own = segmentsOf.edges.subarray(segmentsOf.offsets[frame], segmentsOf.offsets[frame + 1]);
  let far = 0;
  for (let k = ports.offsets[frame]!; k < ports.offsets[frame + 1]!; k++) far += segments.portLeaves[ports.edges[k]!]!;
  const near = ports.offsets[frame + 1]! - ports.offsets[frame]! - far;
  const outlets: number[] = [];
  inParts(own.length, (first, last) => {
    for (let k = first; k < last; k++) {
      const s = own[k]!;
      const o = segments.outlet[s]!;
      if (outletAt[o]! >= 0) continue;
      outletAt[o] = outlets.length;
      outlets.push(s);
    }
  });
  writer.begin(boxes, near, far, own.length, outlets.length);
  writer.frame(frameOf(nest, frame));
  const start = children.offsets[frame]!;
  inParts(boxes, (first, last) => {
    for (let i = first; i < last; i++) {
      const b = children.edges[start + i]!;
      writer.box(acrossOf(nest, b), alongOf(nest, b), anchorOf(nest.plans[b]));
    }
  });
  const nodeOf = (end: number): number => {
    if (end >= 0) return nest.boxAt[end]!;
    return boxes + nest.portAt[-1 - end]! + (segments.portLeaves[-1 - end] ? near : 0);
  };
  inParts(own.length, (first, last) => {
    for (let k = first; k < last; k++) {
      const s = own[k]!;
      const from = segments.from[s]!;
      const to = segments.to[s]!;
      const inPort = to >= 0 && !nest.plans[to] ? nest.inPort[segments.edge[s]!]! : 0;
      const outlet = outletAt[segments.outlet[s]!]!;
      writer.edge(nodeOf(from), nodeOf(to), outlet, inPort, leavesAt(nest, s, from), entersAt(nest, s, to));
    }
  });
  inParts(outlets.length, (first, last) => {
    for (let k = first; k < last; k++) {
      const s = outlets[k]!;
      const e = segments.edge[s]!;
      const [w, h] = segments.previous[s]! < 0 ? [input.labelWidth[e]!, input.labelHeight[e]!] : [0, 0];
      if (input.direction === "down") writer.outlet(w, h);
      else writer.outlet(h, w);
      outletAt[segments.outlet[s]!] = -1;
    }
  });
  return writer.row;
}

function frameOf(
  { input, outermost }: Nest,
  frame: number,
): Pick<Problem, "padAcross" | "padAlong" | "least" | "gaps"> {
  const { spacing, direction } = input;
  if (frame === outermost)
    return { padAcross: [0, 0], padAlong: [0, 0], least: { across: 0, along: 0 }, gaps: spacing };
  const w = input.width[frame]!;
  const h = input.height[frame]!;
  const side = [spacing.padding, spacing.padding] as const;
  const top = [spacing.header, spacing.padding] as const;
  return direction === "down"
    ? { padAcross: side, padAlong: top, least: { across: w, along: h }, gaps: spacing }
    : { padAcross: top, padAlong: side, least: { across: h, along: w }, gaps: spacing };
}

/** Where a segment leaves its box, from the box's centre: open for plain boxes. */
function leavesAt({ plans, portAt, segments }: Nest, s: number, from: number): number {
  if (from < 0) return 0;
  const plan = plans[from];
  if (!plan) return Number.NaN;
  const port = -1 - segments.to[segments.previous[s]!]!;
  return plan.farAt[portAt[port]!]!;
}

function entersAt({ plans, portAt, segments }: Nest, s: number, to: number): number {
  if (to < 0) return 0;
  const plan = plans[to];
  if (!plan) return Number.NaN;
  return plan.nearAt[portAt[segments.enters[s]!]!]!;
}

/** The way through a frame, from its centre: between where its first tensor enters and where its first one leaves. */
function anchorOf(plan: Plan | undefined): number {
  if (!plan) return 0;
  const near = plan.nearAt[0];
  const far = plan.farAt[0];
  const offset = near === undefined ? (far ?? 0) : far === undefined ? near : (near + far) / 2;
  // Room is kept on both sides: past some imbalance a bend costs less than the room.
  return Math.abs(offset) < plan.across * 0.3 ? offset : 0;
}

function* assembling(nest: Nest): Generator<undefined, Layout> {
  const { input, boxes, plans } = nest;
  const down = input.direction === "down";
  const across = new Float64Array(boxes + 1);
  const along = new Float64Array(boxes + 1);
  const breadth = new Float64Array(boxes);
  const length = new Float64Array(boxes);
  inParts(boxes, (first, last) => {
    for (let b = first; b < last; b++) {
      const parent = input.parent[b]! < 0 ? boxes : input.parent[b]!;
      const outer = plans[parent]!;
      const i = nest.boxAt[b]!;
      breadth[b] = acrossOf(nest, b);
      length[b] = alongOf(nest, b);
      across[b] = across[parent]! + outer.centre[i]! - breadth[b]! / 2;
      along[b] = along[parent]! + outer.start[i]!;
    }
  });
  yield;
  const root = plans[boxes]!;
  const routes = yield* routesOf(nest, across, along);
  yield;
  const labels = labelsOf(nest, across, along);
  return {
    x: (down ? across : along).subarray(0, boxes),
    y: (down ? along : across).subarray(0, boxes),
    width: down ? breadth : length,
    height: down ? length : breadth,
    ...routes,
    labelX: down ? labels.across : labels.along,
    labelY: down ? labels.along : labels.across,
    totalWidth: down ? root.across : root.along,
    totalHeight: down ? root.along : root.across,
  };
}

// Edges put together between two yields.
const EDGES = 64 * PART;

/** Put the pieces of every edge together, in the order of travel; each starts where the one before it has ended. */
function* routesOf(
  nest: Nest,
  across: Float64Array,
  along: Float64Array,
): Generator<undefined, Pick<Layout, "routes" | "routeOffsets">> {
  const { input, segments, segmentAt, plans } = nest;
  const m = input.source.length;
  const routeOffsets = new Int32Array(m + 1);
  const lengthOf = (s: number): number => {
    const { offsets } = plans[segments.frame[s]!]!;
    return offsets[segmentAt[s]! + 1]! - offsets[segmentAt[s]!]!;
  };
  inParts(m, (first, last) => {
    for (let e = first; e < last; e++) {
      let length = 2;
      for (let s = segments.last[e]!; s >= 0; s = segments.previous[s]!) length += lengthOf(s) - 2;
      routeOffsets[e + 1] = routeOffsets[e]! + length;
    }
  });
  yield;
  const routes = new Float64Array(routeOffsets[m]!);
  for (let e = 0; e < m; e += PART) {
    for (let k = e; k < m && k < e + PART; k++) join(nest, across, along, k, routes, routeOffsets[k + 1]!);
    if (e % EDGES === EDGES - PART) yield;
  }
  return { routes, routeOffsets };
}

/** Write the route of an edge before place `end`: from its last piece backwards; each but the first leaves out its start. */
function join(
  { input, segments, segmentAt, plans }: Nest,
  across: Float64Array,
  along: Float64Array,
  e: number,
  routes: Float64Array,
  end: number,
): void {
  const down = input.direction === "down";
  let at = end;
  for (let s = segments.last[e]!; s >= 0; s = segments.previous[s]!) {
    const frame = segments.frame[s]!;
    const plan = plans[frame]!;
    const first = plan.offsets[segmentAt[s]!]!;
    const last = plan.offsets[segmentAt[s]! + 1]!;
    const dx = across[frame]!;
    const dy = along[frame]!;
    const from = segments.previous[s]! < 0 ? first : first + 2;
    at -= last - from;
    for (let i = from, o = at; i < last; i += 2, o += 2) {
      const x = plan.routes[i]! + dx;
      const y = plan.routes[i + 1]! + dy;
      routes[o] = down ? x : y;
      routes[o + 1] = down ? y : x;
    }
  }
}

/** Labels stand below the box that makes the tensor, innermost. */
function labelsOf(
  { input, segments, segmentAt, plans }: Nest,
  across: Float64Array,
  along: Float64Array,
): { across: Float64Array; along: Float64Array } {
  const m = input.source.length;
  const found = { across: new Float64Array(m), along: new Float64Array(m) };
  inParts(m, (first, last) => {
    for (let e = first; e < last; e++) {
      let s = segments.last[e]!;
      while (segments.previous[s]! >= 0) s = segments.previous[s]!;
      const frame = segments.frame[s]!;
      const plan = plans[frame]!;
      found.across[e] = plan.labelAcross[segmentAt[s]!]! + across[frame]!;
      found.along[e] = plan.labelAlong[segmentAt[s]!]! + along[frame]!;
    }
  });
  return found;
}
