// One frame to lay out: the boxes directly in it, the ports on its border, and the edges between them. Coordinates run
// `along` the flow and `across` it, so that "down" and "right" are the same work.
import type { Spacing } from "./index";

export interface Problem {
  /** Nodes are numbered boxes first, then near ports (where tensors enter), then far ports (where they leave). */
  readonly boxes: number;
  readonly near: number;
  readonly far: number;
  /** Extents of nodes; 0 for ports. */
  readonly across: Float64Array;
  readonly along: Float64Array;
  /** Where the main line runs through each box, from its centre: open frames have their ports where they have them. */
  readonly anchor: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Edges that carry one tensor out of one node have one outlet; a node's outlets are numbered in its ports' order. */
  readonly outlet: Int32Array;
  /** Order in which edges meet their target; equal numbers leave it open. */
  readonly inPort: Int32Array;
  /** Where an edge meets its ends, from their centres; NaN: open. */
  readonly fromAt: Float64Array;
  readonly toAt: Float64Array;
  /** Extents of the label below each outlet, 0 for none. */
  readonly labelAcross: Float64Array;
  readonly labelAlong: Float64Array;
  readonly padAcross: readonly [before: number, after: number];
  readonly padAlong: readonly [before: number, after: number];
  readonly least: { readonly across: number; readonly along: number };
  readonly gaps: Pick<Spacing, "node" | "edge" | "rank">;
}

/** What planning one frame gives; shared by all frames that are equal. */
export interface Plan {
  readonly across: number;
  readonly along: number;
  /** Centre across the flow, and start along it, of every node. */
  readonly centre: Float64Array;
  readonly start: Float64Array;
  /** Where tensors enter and leave, from the frame's centre. */
  readonly nearAt: Float64Array;
  readonly farAt: Float64Array;
  /** Curves of edge `e`: `routes[offsets[e] .. offsets[e + 1]]`, pairs of across and along. */
  readonly routes: Float64Array;
  readonly offsets: Int32Array;
  /** Centre of the label of each edge's outlet; NaN for none. */
  readonly labelAcross: Float64Array;
  readonly labelAlong: Float64Array;
}

export const nodesOf = (problem: Problem): number => problem.boxes + problem.near + problem.far;
