// What of the picture the camera is brought to: everything, or what is selected.
import { boundsOf, type Graph, type Marks } from "../scene";
import type { Bounds } from "../scene/commands";
import { around, type Viewport } from "./graph-viewport";

/** Room around a selection that fills the window. */
const MARGIN = 40;

export function wholeOf(graph: Graph | null): Bounds {
  const placed = graph?.layout;
  return { x: 0, y: 0, width: placed?.totalWidth ?? 0, height: placed?.totalHeight ?? 0 };
}

/** The one box that a selection means: the clicked call, else the first; null without a selection. */
export function aimOf(graph: Graph | null, { selected, focused }: Marks): Bounds | null {
  if (!graph || selected.size === 0) return null;
  return boundsOf(graph, focused >= 0 ? focused : Math.min(...selected));
}

/** Everything selected, with room around it; null without a selection. */
export function selectionOf(graph: Graph | null, { selected }: Marks): Bounds | null {
  if (!graph || selected.size === 0) return null;
  const { x, y, width, height } = around([...selected].map((b) => boundsOf(graph, b)));
  return { x: x - MARGIN, y: y - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN };
}

/** Whether a selection can be seen: the clicked call, or any call of what is selected. */
export function isInView(graph: Graph, { selected, focused }: Marks, view: Viewport): boolean {
  const wanted = focused >= 0 ? [focused] : [...selected];
  return wanted.some((b) => view.shows(boundsOf(graph, b)));
}
