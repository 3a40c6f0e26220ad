// Who holds what, and which pieces of which edges run where: everything that frames are cut out of.
import { type Adjacency, adjacency, sortEdges } from "./adjacency";
import type { LayoutInput } from "./index";
import { inParts } from "./parts";
import type { Plan } from "./problem";
import { cut, type Segments } from "./segments";

/** Everything about who holds what; the outermost frame is number `boxes`. */
export interface Nest {
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
  /** Extents of boxes; of frames, once they are planned. */
  readonly across: Float64Array;
  readonly along: Float64Array;
  /** Where the main line runs through each box, from its centre. */
  readonly anchor: Float64Array;
}

/** A frame is planned: what is around it sees it as a box. */
export function setPlan(nest: Nest, frame: number, plan: Plan): void {
  nest.plans[frame] = plan;
  if (frame === nest.outermost) return;
  nest.across[frame] = plan.across;
  nest.along[frame] = plan.along;
  nest.anchor[frame] = anchorOf(plan);
}

/** The way through a frame, from its centre: between where its first tensor enters and where its first one leaves. */
function anchorOf(plan: Plan): number {
  const near = plan.nearAt[0];
  const far = plan.farAt[0];
  const offset = near === undefined ? (far ?? 0) : far === undefined ? near : (near + far) / 2;
  // Room is kept on both sides: past some imbalance a bend costs less than the room.
  return Math.abs(offset) < plan.across * 0.3 ? offset : 0;
}

/** All frames, inside out: a frame comes before what it holds, so that is backwards. */
export function framesOf({ outermost, children }: Nest): number[] {
  const frames: number[] = [];
  inParts(outermost, (first, last) => {
    for (let b = outermost - 1 - first; b >= outermost - last; b--) {
      if (children.offsets[b + 1]! > children.offsets[b]!) frames.push(b);
    }
  });
  frames.push(outermost);
  return frames;
}

export function* nesting(input: LayoutInput): Generator<undefined, Nest> {
  const boxes = input.parent.length;
  const down = input.direction === "down";
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
    plans: new Array<Plan | undefined>(boxes + 1).fill(undefined),
    across: down ? input.width.slice() : input.height.slice(),
    along: down ? input.height.slice() : input.width.slice(),
    anchor: new Float64Array(boxes),
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
      sortEdges(edges, from, to, targetPort);
      for (let k = from + 1; k < to; k++) {
        const before = edges[k - 1]!;
        const e = edges[k]!;
        result[e] = result[before]! + (targetPort[e] === targetPort[before] ? 0 : 1);
      }
    }
  });
  return result;
}
