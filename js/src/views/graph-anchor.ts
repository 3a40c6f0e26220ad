// Which box keeps its place on screen while others come, go and move.
import { boundsOf, type Graph, keyOf } from "../scene";
import type { Viewport } from "./graph-viewport";

export function indexOf(graph: Graph, key: string): number {
  for (let b = 0; b < graph.count; b++) if (keyOf(graph, b) === key) return b;
  return -1;
}

/** The clicked box, else what opened or closed, else what is nearest to the middle of the screen. */
export function anchorOf(before: Graph, after: Graph, view: Viewport, clicked: string | null): string | null {
  const there = new Map<string, number>();
  for (let b = 0; b < after.count; b++) there.set(keyOf(after, b), b);
  if (clicked !== null && there.has(clicked) && indexOf(before, clicked) >= 0) return clicked;
  let best: string | null = null;
  let distance = Number.POSITIVE_INFINITY;
  const { k, x, y, width, height } = view;
  for (let b = 0; b < before.count; b++) {
    const key = keyOf(before, b);
    const now = there.get(key);
    if (now === undefined) continue;
    const at = boundsOf(before, b);
    const turned = before.visible.kind[b] !== after.visible.kind[now];
    const away = Math.hypot(at.x * k + x - width / 2, at.y * k + y - height / 2) - (turned ? 1e6 : 0);
    if (away < distance) {
      best = key;
      distance = away;
    }
  }
  return best;
}
