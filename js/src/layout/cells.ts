// The room that each node takes: its box, the labels below it, and its share of the gaps around.
import type { Extents } from "./align";
import type { Layered } from "./chains";
import type { Links } from "./links";
import { inParts } from "./parts";
import { nodesOf, type Problem } from "./problem";

export interface Cells extends Extents {
  /** Extent along the flow of each of the links' nodes without and with the labels below. */
  readonly along: Float64Array;
  readonly full: Float64Array;
  /** Where each outlet leaves its node, and where its label's centre is, from the node's centre. */
  readonly outletAt: Float64Array;
  readonly labelAt: Float64Array;
}

/** Room for a line that turns. */
const TURN = 24;
/** Between outlets without labels, between labels, and from an outlet to its box's corner. */
const APART = 12;
const LABEL_GAP = 8;
const CORNER = 8;
/** A box that hands out more tensors than this labels none of them: they would be wider than the box many times. */
const LABELS = 6;

export function cellsOf(problem: Problem, links: Links, layered: Layered): Cells {
  const { gaps } = problem;
  const n = nodesOf(problem);
  const ports = problem.near + problem.far;
  const before = new Float64Array(layered.total).fill(gaps.edge / 2);
  const after = new Float64Array(layered.total).fill(gaps.edge / 2);
  const along = new Float64Array(links.nodes);
  const full = new Float64Array(links.nodes);
  const labels = outletsOf(problem, links.outlets);
  inParts(n - ports, (first, last) => {
    for (let v = first; v < last; v++) {
      const half = Math.max(problem.across[v]!, labels.breadth[v]!) / 2 + gaps.node / 2;
      before[v] = half + problem.anchor[v]!;
      after[v] = half - problem.anchor[v]!;
      along[v] = problem.along[v]!;
      full[v] = along[v]! + (labels.length[v]! > 0 ? gaps.rank + labels.length[v]! : 0);
    }
  });
  for (let v = n; v < links.nodes; v++) {
    before[v] = TURN / 2;
    after[v] = TURN / 2;
  }
  return { before, after, along, full, outletAt: labels.outletAt, labelAt: labels.labelAt };
}

export interface Outlets {
  readonly outletAt: Float64Array;
  readonly labelAt: Float64Array;
  /** Room that the labels of each box take across the flow and along it. */
  readonly breadth: Float64Array;
  readonly length: Float64Array;
}

interface Owners {
  /** The box of each outlet, -1 for none, and how many each box has. */
  readonly owner: Int32Array;
  readonly own: Int32Array;
  /** 1 for tensors of open frames: they leave where they leave. */
  readonly fixed: Uint8Array;
}

/** Writes where fixed outlets are. */
function ownersOf({ boxes, from, fromAt, outlet, labelAcross }: Problem, outletAt: Float64Array): Owners {
  const owner = new Int32Array(labelAcross.length).fill(-1);
  const own = new Int32Array(boxes);
  const fixed = new Uint8Array(owner.length);
  inParts(from.length, (first, last) => {
    for (let e = first; e < last; e++) {
      const o = outlet[e]!;
      const v = from[e]!;
      if (owner[o]! >= 0 || v >= boxes) continue;
      owner[o] = v;
      own[v]!++;
      if (Number.isNaN(fromAt[e]!)) continue;
      fixed[o] = 1;
      outletAt[o] = fromAt[e]!;
    }
  });
  return { owner, own, fixed };
}

/** Outlets and labels side by side in their order, about the middle of their box; `count` outlets in all. */
export function outletsOf(problem: Problem, count = problem.labelAcross.length): Outlets {
  const { labelAcross, labelAlong } = problem;
  const outletAt = new Float64Array(count);
  const labelAt = new Float64Array(count).fill(Number.NaN);
  const breadth = new Float64Array(problem.boxes);
  const length = new Float64Array(problem.boxes);
  const { owner, own, fixed } = ownersOf(problem, outletAt);
  /** Where the next outlet of each box goes; outlets are numbered in their ports' order. */
  const next = new Float64Array(problem.boxes);
  const slot = (o: number, v: number): number =>
    labelAcross[o]! > 0 && own[v]! <= LABELS ? labelAcross[o]! + LABEL_GAP : APART;
  inParts(owner.length, (first, last) => {
    for (let o = first; o < last; o++) if (owner[o]! >= 0) breadth[owner[o]!]! += slot(o, owner[o]!);
  });
  inParts(problem.boxes, (first, last) => {
    for (let v = first; v < last; v++) next[v] = -breadth[v]! / 2;
  });
  inParts(owner.length, (first, last) => {
    for (let o = first; o < last; o++) {
      const v = owner[o]!;
      if (v < 0) continue;
      const at = next[v]! + slot(o, v) / 2;
      next[v]! += slot(o, v);
      if (fixed[o]) continue;
      const reach = Math.max(0, problem.across[v]! / 2 - CORNER);
      outletAt[o] = Math.max(-reach, Math.min(reach, at));
      if (labelAcross[o]! <= 0 || own[v]! > LABELS) continue;
      labelAt[o] = at;
      length[v] = Math.max(length[v]!, labelAlong[o]!);
    }
  });
  inParts(problem.boxes, (first, last) => {
    for (let v = first; v < last; v++) if (length[v] === 0) breadth[v] = 0;
  });
  return { outletAt, labelAt, breadth, length };
}
