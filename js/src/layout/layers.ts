// What placing the boxes of one frame across the flow takes and gives; `place.ts` chooses who does it.

export interface Layers {
  readonly rank: Int32Array;
  /** Extent of each box across the flow. */
  readonly breadth: Float64Array;
  /** Every edge points from a smaller rank to a greater one. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly labelBreadth: Float64Array;
  readonly nodeGap: number;
  readonly edgeGap: number;
}

export interface Placement {
  /** Centre of each box across the flow. */
  readonly centre: Float64Array;
  /** Where each edge passes the ranks between its ends, in order. */
  readonly bends: readonly Float64Array[];
}

/** The rank in which an edge's label sits. */
export function labelRank(from: number, to: number): number {
  return from + (to - from) / 2;
}
