import { describe, expect, it } from "vitest";
import { boxesOf, buildGraph } from "../scene";
import { NO_MARKS } from "../scene/scene";
import { SpatialIndex } from "../scene/spatial";
import { payloadOf, rowOfBlocks } from "../scene/testing";
import { GraphItems } from "./graph-items";
import { Viewport } from "./graph-viewport";

const LAYERS = Array.from({ length: 1000 }, (_, i) => `layer${i}`);
const payload = payloadOf(
  LAYERS.map((path, i) => ({ path, type: "Dense", params: i })),
  LAYERS.map((path) => ({ path, outputs: [[null, 8]] })),
  LAYERS.slice(1).map((_, i) => [i + 1, i + 2] as const),
);
const graph = buildGraph(payload, new Set(), true, "down");

function itemsAt(y: number, k = 1, active = 0): GraphItems {
  const items = new GraphItems();
  const view = new Viewport(() => {});
  [view.width, view.height] = [800, 600];
  [view.k, view.y] = [k, -y * k];
  items.show(graph, NO_MARKS, active);
  items.showFound(new SpatialIndex(graph.layout, "down").find(view.area), NO_MARKS, active, view);
  return items;
}

const paths = (items: GraphItems): (string | null)[] =>
  [...items.element.children].map((element) => element.getAttribute("data-path"));

describe("elements over the picture", () => {
  it("are there for what is in the window and for the one that the keyboard is on", () => {
    const middle = graph.layout.y[500] as number;
    const found = paths(itemsAt(middle));
    expect(found[0]).toBe("layer0");
    expect(found).toContain("layer500");
    expect(found).not.toContain("layer400");
    expect(found.length).toBeLessThan(20);
  });

  it("say where they stand among all, in the order of reading", () => {
    const items = itemsAt(graph.layout.y[500] as number);
    const element = items.get(500);
    expect(element?.getAttribute("aria-posinset")).toBe("501");
    expect(element?.getAttribute("aria-setsize")).toBe("1000");
    const order = [...items.element.children].map((child) => Number(child.getAttribute("data-box")));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it("go where boxes are too small to be told apart, but for the one that the keyboard is on", () => {
    expect(paths(itemsAt(0, 0.01, 7))).toEqual(["layer7"]);
  });

  it("stay the same elements for boxes that stay, whatever opens", () => {
    const blocks = rowOfBlocks(3, 4);
    const items = new GraphItems();
    const folded = buildGraph(blocks, new Set(), true, "down");
    items.show(folded, NO_MARKS, 0);
    const last = items.get(folded.count - 1);
    const first = boxesOf(folded).findIndex((box) => box.form === "folded");
    const frame = items.get(first);
    const open = buildGraph(blocks, new Set([folded.box(first).path]), true, "down");
    items.show(open, NO_MARKS, 0);
    expect(items.get(first)).toBe(frame);
    expect(frame?.getAttribute("aria-expanded")).toBe("true");
    expect(items.get(open.count - 1)).toBe(last);
    expect(frame?.hasAttribute("aria-setsize")).toBe(false);
  });
});
