// Which box keeps its place on screen while others come, go and move.
import { boundsOf, boxIn, type Graph, keyOf } from "../scene";
import type { Viewport } from "./graph-viewport";

export function indexOf(graph: Graph, key: string): number {
  for (let b = 0; b < graph.count; b++) if (keyOf(graph, b) === key) return b;
  return -1;
}

/** What somebody opened or closed, and whether by its triangle: that is where the pointer is then. */
export interface Toggled {
  readonly key: string;
  readonly byTriangle: boolean;
}

interface Pair {
  readonly before: number;
  readonly after: number;
}

/**
 * How far, in the graph's coordinates, things have moved that ought to stay: what was opened or closed, else what is nearest
 * to the middle of the screen. Boxes stay about their middles, as what flows through them does; null: nothing stays.
 */
export function shiftOf(
  before: Graph,
  after: Graph,
  view: Viewport,
  toggled: Toggled | null,
): { x: number; y: number } | null {
  const pair = pairOf(before, after, view, toggled?.key ?? null);
  if (!pair) return null;
  const [old, now] = [boundsOf(before, pair.before), boundsOf(after, pair.after)];
  const shift = { x: now.x - old.x, y: now.y - old.y };
  if (toggled?.byTriangle) return shift;
  if (after.direction === "down") return { ...shift, x: shift.x + (now.width - old.width) / 2 };
  return { ...shift, y: shift.y + (now.height - old.height) / 2 };
}

function pairOf(before: Graph, after: Graph, view: Viewport, toggled: string | null): Pair | null {
  const find = boxIn(before, after);
  const there = toggled === null ? -1 : indexOf(before, toggled);
  if (there >= 0 && find(there) >= 0) return { before: there, after: find(there) };
  let best: Pair | null = null;
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
