// Which box keeps its place on screen while others come, go and move.
import { boxIn, type Graph, keyOf } from "../scene";
import type { Viewport } from "./graph-viewport";

export function indexOf(graph: Graph, key: string): number {
  for (let b = 0; b < graph.count; b++) if (keyOf(graph, b) === key) return b;
  return -1;
}

/** One box in two arrangements. */
export interface Anchor {
  readonly before: number;
  readonly after: number;
}

/** The clicked box, else what opened or closed, else what is nearest to the middle of the screen. */
export function anchorOf(before: Graph, after: Graph, view: Viewport, clicked: string | null): Anchor | null {
  const find = boxIn(before, after);
  const there = clicked === null ? -1 : indexOf(before, clicked);
  if (there >= 0 && find(there) >= 0) return { before: there, after: find(there) };
  let best: Anchor | null = null;
  let distance = Number.POSITIVE_INFINITY;
  const { k, x, y, width, height } = view;
  const { layout, visible, count } = before;
  for (let b = 0; b < count; b++) {
    const now = find(b);
    if (now < 0) continue;
    const turned = visible.kind[b] !== after.visible.kind[now];
    const [left, top] = [(layout.x[b] as number) * k + x, (layout.y[b] as number) * k + y];
    const away = Math.hypot(left - width / 2, top - height / 2) - (turned ? 1e6 : 0);
    if (away >= distance) continue;
    best = { before: b, after: now };
    distance = away;
  }
  return best;
}
