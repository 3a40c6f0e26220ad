// Where the arrow keys lead: along edges, to siblings, into frames and out of them. Pure.
import { boundsOf, type Graph, OPEN } from "../scene";

export type Step = "next" | "previous" | "left" | "right" | "first" | "last" | "out";

/** The box that `step` leads to from `box`, or `box` itself. */
export function walk(graph: Graph, box: number, step: Step): number {
  const { visible } = graph;
  switch (step) {
    case "first":
      return 0;
    case "last":
      return visible.stubs.first - 1;
    case "out":
      return (visible.parent[box] as number) >= 0 ? (visible.parent[box] as number) : box;
    case "next":
      // The title of an open frame leads to what is first in it.
      if (visible.kind[box] === OPEN) return firstInside(graph, box);
      return nearest(graph, box, ends(graph, box, true)) ?? box;
    case "previous": {
      const parent = visible.parent[box] as number;
      if (parent >= 0 && firstInside(graph, parent) === box) return parent;
      if (visible.kind[box] === OPEN) return nearest(graph, box, entering(graph, box)) ?? parentOr(graph, box);
      return nearest(graph, box, ends(graph, box, false)) ?? parentOr(graph, box);
    }
    case "left":
    case "right":
      return sibling(graph, box, step === "left" ? -1 : 1);
  }
}

function parentOr(graph: Graph, box: number): number {
  const parent = graph.visible.parent[box] as number;
  return parent >= 0 ? parent : box;
}

function firstInside(graph: Graph, frame: number): number {
  return graph.visible.parent[frame + 1] === frame ? frame + 1 : frame;
}

/** Boxes at the other ends of the edges that leave `box`, or that arrive. */
export function ends(graph: Graph, box: number, leaving: boolean): number[] {
  const { visible } = graph;
  const { edges, stubs } = visible;
  // From a stub one comes to what it stands for.
  if (box >= stubs.first) {
    const end = (leaving ? stubs.target : stubs.source)[box - stubs.first] as number;
    return end >= 0 ? [end] : [];
  }
  const [here, there] = leaving ? [edges.source, edges.target] : [edges.target, edges.source];
  const found = new Set<number>();
  for (let e = 0; e < edges.length; e++) if (here[e] === box) found.add(there[e] as number);
  return [...found];
}

function isInside(graph: Graph, box: number, frame: number): boolean {
  for (let at = box; at >= 0; at = graph.visible.parent[at] as number) if (at === frame) return true;
  return false;
}

/** Sources outside of edges that end inside an open frame. */
function entering(graph: Graph, frame: number): number[] {
  const { edges } = graph.visible;
  const found = new Set<number>();
  for (let e = 0; e < edges.length; e++) {
    const [s, t] = [edges.source[e] as number, edges.target[e] as number];
    if (isInside(graph, t, frame) && !isInside(graph, s, frame)) found.add(s);
  }
  return [...found];
}

function across(graph: Graph, box: number): number {
  const { x, y, width, height } = boundsOf(graph, box);
  return graph.direction === "down" ? x + width / 2 : y + height / 2;
}

/** Where a box begins and ends along the flow. */
function along(graph: Graph, box: number): readonly [start: number, end: number] {
  const { x, y, width, height } = boundsOf(graph, box);
  return graph.direction === "down" ? [y, y + height] : [x, x + width];
}

function nearest(graph: Graph, box: number, found: readonly number[]): number | undefined {
  const here = across(graph, box);
  const [start, end] = along(graph, box);
  // Also along the flow: a skip comes from far off, however straight above its source stands.
  const distance = (b: number): number => {
    const [from, to] = along(graph, b);
    return Math.hypot(across(graph, b) - here, Math.max(from - end, start - to, 0));
  };
  // A line is nearer than a stub.
  const isStub = (b: number): number => Number(b >= graph.visible.stubs.first);
  return found.toSorted((a, b) => isStub(a) - isStub(b) || distance(a) - distance(b) || a - b)[0];
}

/** The neighbour across the flow among the boxes of the same frame that stand at the same height. */
function sibling(graph: Graph, box: number, side: -1 | 1): number {
  const { visible } = graph;
  const [start, end] = along(graph, box);
  const here = across(graph, box);
  let best = box;
  let distance = Number.POSITIVE_INFINITY;
  for (let b = 0; b < visible.count; b++) {
    if (b === box || visible.parent[b] !== visible.parent[box]) continue;
    const [from, to] = along(graph, b);
    const away = (across(graph, b) - here) * side;
    if (to > start && from < end && away > 0 && away < distance) {
      best = b;
      distance = away;
    }
  }
  return best;
}
