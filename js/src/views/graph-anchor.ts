// Which box keeps its place on screen while others come, go and move.
import { boundsOf, boxesOf, findBox, type Graph } from "../scene";
import type { Viewport } from "./graph-viewport";

export function indexOf(graph: Graph, key: string): number {
  return findBox(graph, (box) => box.key === key);
}

/** The clicked box, else what opened or closed, else what is nearest to the middle of the screen. */
export function anchorOf(before: Graph, after: Graph, view: Viewport, clicked: string | null): string | null {
  const there = new Map(boxesOf(after).map((box, b) => [box.key, b]));
  if (clicked !== null && there.has(clicked) && indexOf(before, clicked) >= 0) return clicked;
  let best: string | null = null;
  let distance = Number.POSITIVE_INFINITY;
  const { k, x, y, width, height } = view;
  boxesOf(before).forEach((box, b) => {
    const now = there.get(box.key);
    if (now === undefined) return;
    const at = boundsOf(before, b);
    const turned = before.visible.kind[b] !== after.visible.kind[now];
    const away = Math.hypot(at.x * k + x - width / 2, at.y * k + y - height / 2) - (turned ? 1e6 : 0);
    if (away < distance) {
      best = box.key;
      distance = away;
    }
  });
  return best;
}
