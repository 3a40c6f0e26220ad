import { describe, expect, it } from "vitest";
import { boundsOf, buildGraph, type Graph, LIGHT, lookOf, PLAIN_LOOK } from "../scene";
import { Items } from "../scene/items";
import type { Drawing } from "../scene/levels";
import { NO_MARKS } from "../scene/scene";
import { rowOfBlocks } from "../scene/testing";
import { RecordingContext } from "../scene/testing-canvas";
import { indexOf } from "./graph-anchor";
import { Transition } from "./graph-transition";

const payload = rowOfBlocks(3, 4);

function drawingOf(open: readonly string[]): Drawing {
  const graph = buildGraph(payload, new Set(open), true, "down");
  const look = lookOf(graph, PLAIN_LOOK, LIGHT);
  return { graph, look, marks: NO_MARKS, items: new Items(graph, look), opacity: 1 };
}

const folded = drawingOf([]);
const first = Array.from({ length: folded.graph.count }, (_, b) => folded.graph.box(b)).find(
  (b) => b.form === "folded",
);
const open = drawingOf([first?.path ?? ""]);
const EVERYTHING = { x: -1e4, y: -1e4, width: 1e5, height: 1e5 };
const SHIFT = { x: 30, y: -20 };

function drawnAt(t: number, from = folded, to = open): RecordingContext {
  const context = new RecordingContext();
  Transition.between(from, to, SHIFT)?.draw(context, t, EVERYTHING, 1);
  return context;
}

const last = (graph: Graph) => boundsOf(graph, graph.count - 1);

describe("transition", () => {
  it("takes what stays from its old place to its new one", () => {
    const [old, now] = [last(folded.graph), last(open.graph)];
    expect(drawnAt(0).rects).toContainEqual({ x: old.x + SHIFT.x, y: old.y + SHIFT.y, width: old.width, alpha: 1 });
    expect(drawnAt(1).rects).toContainEqual({ x: now.x, y: now.y, width: now.width, alpha: 1 });
  });

  it("lets what opens grow from what it was", () => {
    const before = boundsOf(folded.graph, indexOf(folded.graph, first?.key ?? ""));
    const after = boundsOf(open.graph, indexOf(open.graph, first?.key ?? ""));
    const widths = drawnAt(0.5).rects.map(({ width }) => width);
    expect(widths).toContain((before.width + after.width) / 2);
  });

  it("fades in what is new, and out what goes", () => {
    const inside = boundsOf(open.graph, indexOf(open.graph, first?.key ?? "") + 1);
    const alphas = (context: RecordingContext, dx: number, dy: number): number[] =>
      context.rects.filter(({ x, y }) => x === inside.x + dx && y === inside.y + dy).map(({ alpha }) => alpha);
    expect(alphas(drawnAt(0), 0, 0)).toEqual([0]);
    expect(alphas(drawnAt(0.5), 0, 0)).toEqual([0.5]);
    expect(alphas(drawnAt(1), 0, 0)).toEqual([1]);
    expect(alphas(drawnAt(0.5, open, folded), SHIFT.x, SHIFT.y)).toEqual([0.5]);
    expect(alphas(drawnAt(1, open, folded), SHIFT.x, SHIFT.y)).toEqual([0]);
  });

  it("is left out where there is too much to move", () => {
    const many = { ...open, graph: { ...open.graph, count: 10_000 } };
    expect(Transition.between(folded, many, SHIFT)).toBeNull();
  });
});
