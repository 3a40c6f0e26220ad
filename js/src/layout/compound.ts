// Boxes in boxes, laid out inside out: each frame is a problem of its own, and equal frames are one problem.
import type { LayoutCache } from "./cache";
import { writeSignature } from "./describe";
import { planFrame } from "./frame";
import type { Layout, LayoutInput } from "./index";
import { framesOf, type Nest, nesting, setPlan } from "./nest";
import { inParts, PART } from "./parts";
import { readProblem, SignatureWriter } from "./signature";

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
  for (const frame of framesOf(nest)) {
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
    setPlan(nest, frame, plan);
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

function* assembling(nest: Nest): Generator<undefined, Layout> {
  const { input, boxes, plans } = nest;
  const down = input.direction === "down";
  const across = new Float64Array(boxes + 1);
  const along = new Float64Array(boxes + 1);
  const { across: breadth, along: length } = nest;
  inParts(boxes, (first, last) => {
    for (let b = first; b < last; b++) {
      const parent = input.parent[b]! < 0 ? boxes : input.parent[b]!;
      const outer = plans[parent]!;
      const i = nest.boxAt[b]!;
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

/** Curves as they are put together. */
interface Joining {
  readonly nest: Nest;
  /** Where each frame starts. */
  readonly across: Float64Array;
  readonly along: Float64Array;
  readonly routes: Float64Array;
  readonly routeOffsets: Int32Array;
}

/** Put the pieces of every edge together, in the order of travel; each starts where the one before it has ended. */
function* routesOf(
  nest: Nest,
  across: Float64Array,
  along: Float64Array,
): Generator<undefined, Pick<Layout, "routes" | "routeOffsets">> {
  const m = nest.input.source.length;
  const routeOffsets = new Int32Array(m + 1);
  inParts(m, measure, { nest, routeOffsets });
  yield;
  const routes = new Float64Array(routeOffsets[m]!);
  const joining = { nest, across, along, routes, routeOffsets };
  for (let e = 0; e < m; e += PART) {
    join(e, Math.min(m, e + PART), joining);
    if (e % EDGES === EDGES - PART) yield;
  }
  return { routes, routeOffsets };
}

function measure(first: number, last: number, { nest, routeOffsets }: Pick<Joining, "nest" | "routeOffsets">): void {
  const { segments, segmentAt, plans } = nest;
  for (let e = first; e < last; e++) {
    let length = 2;
    for (let s = segments.last[e]!; s >= 0; s = segments.previous[s]!) {
      const { offsets } = plans[segments.frame[s]!]!;
      length += offsets[segmentAt[s]! + 1]! - offsets[segmentAt[s]!]! - 2;
    }
    routeOffsets[e + 1] = routeOffsets[e]! + length;
  }
}

/** Write some routes, each from its last piece backwards; all pieces but the first leave out their starts. */
function join(first: number, last: number, { nest, across, along, routes, routeOffsets }: Joining): void {
  const { segments, segmentAt, plans } = nest;
  const down = nest.input.direction === "down" ? 0 : 1;
  for (let e = first; e < last; e++) {
    let at = routeOffsets[e + 1]!;
    for (let s = segments.last[e]!; s >= 0; s = segments.previous[s]!) {
      const frame = segments.frame[s]!;
      const plan = plans[frame]!;
      const own = plan.routes;
      const end = plan.offsets[segmentAt[s]! + 1]!;
      const start = plan.offsets[segmentAt[s]!]! + (segments.previous[s]! < 0 ? 0 : 2);
      const dx = across[frame]!;
      const dy = along[frame]!;
      at -= end - start;
      for (let i = start, o = at; i < end; i += 2, o += 2) {
        routes[o + down] = own[i]! + dx;
        routes[o + 1 - down] = own[i + 1]! + dy;
      }
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
