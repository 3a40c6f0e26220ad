// The interface of the layout engine: boxes in boxes and edges between them, as typed arrays, in and out. A leaf: it
// knows neither models nor pages, so that a worker, a page, node and an embedded V8 run the same code.
import { LayoutCache } from "./cache";
import { layoutCompound } from "./compound";

export { LayoutCache };

export type Direction = "down" | "right";

export interface LayoutInput {
  /** The frame around each box, -1 for outermost ones; a frame comes before what it holds. */
  readonly parent: Int32Array;
  /** Sizes of boxes; for a box that holds others, the least size that its header needs. */
  readonly width: Float64Array;
  readonly height: Float64Array;
  /** Ends of edges: boxes that hold no other. */
  readonly source: Int32Array;
  readonly target: Int32Array;
  /** Edges with the same source and source port carry the same tensor: they leave a box, and any frame, as one. */
  readonly sourcePort: Int32Array;
  /** Edges meet their target in the order of its ports; equal numbers leave the order open. */
  readonly targetPort: Int32Array;
  /** Sizes of the labels below the boxes that make the tensors, 0 for none; the same for all edges of one tensor. */
  readonly labelWidth: Float64Array;
  readonly labelHeight: Float64Array;
  readonly direction: Direction;
  readonly spacing: Spacing;
}

export interface Spacing {
  /** Height of the title line at the top of a frame. */
  readonly header: number;
  /** Between a frame's border and its content. */
  readonly padding: number;
  /** Least distance of neighbours across the flow. */
  readonly node: number;
  /** Least distance of an edge that passes by. */
  readonly edge: number;
  /** Least distance along the flow, between a box and the label of its edge. */
  readonly rank: number;
}

export interface Layout {
  /** Top left corners and sizes, from (0, 0). */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: Float64Array;
  readonly height: Float64Array;
  /**
   * Curves of edge `i` are `routes[routeOffsets[i] .. routeOffsets[i + 1]]`: a start point and then cubic Bézier pieces
   * of three points each, as x, y pairs. Empty for an edge that cannot be drawn.
   */
  readonly routes: Float64Array;
  readonly routeOffsets: Int32Array;
  /** Centres of the labels, the same for all edges of one tensor; NaN where there is no room for one. */
  readonly labelX: Float64Array;
  readonly labelY: Float64Array;
  readonly totalWidth: number;
  readonly totalHeight: number;
}

/** Place boxes and route edges. Same input, same output. Yields the share of the work that is done, from 0 to 1. */
export function layoutSteps(input: LayoutInput, cache = new LayoutCache()): Generator<number, Layout> {
  return layoutCompound(input, cache);
}

/** All steps at once. */
export function layout(input: LayoutInput, cache?: LayoutCache): Layout {
  const steps = layoutSteps(input, cache);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
