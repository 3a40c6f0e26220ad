// The problem of one frame, written down as a signature.
import type { Nest } from "./nest";
import { inParts } from "./parts";
import type { Problem } from "./problem";
import type { SignatureWriter } from "./signature";

/** One frame, while it is being written. */
interface Frame {
  readonly nest: Nest;
  readonly writer: SignatureWriter;
  /** Its boxes, from this place among all that are held by something. */
  readonly start: number;
  readonly boxes: number;
  readonly near: number;
  readonly own: Int32Array;
  /** A segment of each outlet, and by outlet of the nest its number here, -1 for those of other frames. */
  readonly outlets: number[];
  readonly outletAt: Int32Array;
}

/** `outletAt` is scratch, -1 throughout, and left that way. The result is valid until the writer begins again. */
export function writeSignature(writer: SignatureWriter, nest: Nest, frame: number, outletAt: Int32Array): Float64Array {
  const { children, segments, segmentsOf, ports } = nest;
  const start = children.offsets[frame]!;
  const boxes = children.offsets[frame + 1]! - start;
  const own = segmentsOf.edges.subarray(segmentsOf.offsets[frame], segmentsOf.offsets[frame + 1]);
  let far = 0;
  for (let k = ports.offsets[frame]!; k < ports.offsets[frame + 1]!; k++) far += segments.portLeaves[ports.edges[k]!]!;
  const near = ports.offsets[frame + 1]! - ports.offsets[frame]! - far;
  const about: Frame = { nest, writer, start, boxes, near, own, outlets: [], outletAt };
  inParts(own.length, numberOutlets, about);
  writer.begin(boxes, near, far, own.length, about.outlets.length);
  writer.frame(frameOf(nest, frame));
  inParts(boxes, writeBoxes, about);
  inParts(own.length, writeEdges, about);
  inParts(about.outlets.length, writeOutlets, about);
  return writer.row;
}

function numberOutlets(first: number, last: number, { nest, own, outlets, outletAt }: Frame): void {
  const { outlet } = nest.segments;
  for (let k = first; k < last; k++) {
    const o = outlet[own[k]!]!;
    if (outletAt[o]! >= 0) continue;
    outletAt[o] = outlets.length;
    outlets.push(own[k]!);
  }
}

function writeBoxes(first: number, last: number, { nest, writer, start }: Frame): void {
  const { children, across, along, anchor } = nest;
  for (let i = first; i < last; i++) {
    const b = children.edges[start + i]!;
    writer.box(across[b]!, along[b]!, anchor[b]!);
  }
}

function writeEdges(first: number, last: number, { nest, writer, boxes, near, own, outletAt }: Frame): void {
  const { segments, boxAt, portAt, inPort, plans } = nest;
  const { portLeaves } = segments;
  for (let k = first; k < last; k++) {
    const s = own[k]!;
    const from = segments.from[s]!;
    const to = segments.to[s]!;
    const u = from >= 0 ? boxAt[from]! : boxes + portAt[~from]! + (portLeaves[~from] ? near : 0);
    const v = to >= 0 ? boxAt[to]! : boxes + portAt[~to]! + (portLeaves[~to] ? near : 0);
    const port = to >= 0 && !plans[to] ? inPort[segments.edge[s]!]! : 0;
    writer.edge(u, v, outletAt[segments.outlet[s]!]!, port, leavesAt(nest, s, from), entersAt(nest, s, to));
  }
}

function writeOutlets(first: number, last: number, { nest, writer, outlets, outletAt }: Frame): void {
  const { segments, input } = nest;
  const across = input.direction === "down" ? input.labelWidth : input.labelHeight;
  const along = input.direction === "down" ? input.labelHeight : input.labelWidth;
  for (let k = first; k < last; k++) {
    const s = outlets[k]!;
    const e = segments.edge[s]!;
    if (segments.previous[s]! < 0) writer.outlet(across[e]!, along[e]!);
    else writer.outlet(0, 0);
    outletAt[segments.outlet[s]!] = -1;
  }
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
