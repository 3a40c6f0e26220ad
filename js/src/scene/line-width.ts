// How wide lines are: all alike, or by the size of their tensors.
import { formatBytes } from "../format";
import type { Graph } from "./graph";

/** As in the state, which knows more than runs without a page. */
export type EdgeWidth = "none" | "bytes";

export interface LineWidths {
  of(edge: number): number;
  /** What the thinnest and the widest line stand for; null where width says nothing. */
  readonly ends: { readonly low: string; readonly high: string } | null;
}

export const PLAIN = 1.4;
export const THIN = 1;
export const THICK = 7;

export function lineWidths(graph: Graph, by: EdgeWidth): LineWidths {
  const { tensors } = graph.payload;
  const [low, high] = by === "bytes" ? extent(tensors.bytes) : [0, 0];
  // Over the whole model and not what shows, so that opening a block changes no line outside.
  if (!(low < high)) return { of: () => PLAIN, ends: null };
  const { tensor } = graph.visible.edges;
  const span = Math.log(high / low);
  return {
    // Sizes differ by powers of ten. What is unknown is as thin as what is smallest.
    of: (e) => {
      const share = Math.log((tensors.bytes[tensor[e] as number] as number) / low) / span;
      return THIN + (THICK - THIN) * (share > 0 ? share : 0);
    },
    ends: { low: formatBytes(low), high: formatBytes(high) },
  };
}

function extent(bytes: Float64Array): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const b of bytes) {
    if (!(b > 0)) continue;
    low = Math.min(low, b);
    high = Math.max(high, b);
  }
  return [low, high];
}
