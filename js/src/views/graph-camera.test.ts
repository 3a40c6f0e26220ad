import { expect, it } from "vitest";
import { boundsOf, buildGraph, markedBoxes } from "../scene";
import { payloadOf } from "../scene/testing";
import { Camera } from "./graph-camera";
import { Viewport } from "./graph-viewport";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];
const graph = buildGraph(
  payloadOf(
    NAMES.map((path) => ({ path, type: "Dense", params: 1 })),
    NAMES.map((path) => ({ path, inputs: [[8]], outputs: [[8]] })),
    NAMES.slice(1).map((_, i) => [i + 1, i + 2] as const),
  ),
  new Set(),
  true,
  "down",
);

const window = (width: number, height: number) => ({ clientWidth: width, clientHeight: height }) as Element;

it("shows all of what is selected, also where a pane opens under the picture", () => {
  for (let height = 120; height < 700; height += 10) {
    const marks = markedBoxes(graph, ["d"], null, null);
    const view = new Viewport(() => {});
    const camera = new Camera(view, () => ({ graph, marks }));
    camera.resize(window(300, 700), () => {});
    camera.start();
    camera.resize(window(300, height), () => {});
    const box = boundsOf(graph, Math.min(...marks.selected));
    expect(box.y * view.k + view.y).toBeGreaterThanOrEqual(0);
    expect((box.y + box.height) * view.k + view.y).toBeLessThanOrEqual(height);
  }
});
