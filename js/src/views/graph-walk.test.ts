import { describe, expect, it } from "vitest";
import { buildGraph, findBox } from "../scene";
import { payloadOf, sharedBlock } from "../scene/testing";
import { type Step, walk } from "./graph-walk";

const graph = buildGraph(sharedBlock(), new Set(["block"]), true, "down");

function steps(from: number, ...path: Step[]): string[] {
  let at = from;
  return path.map((step) => {
    at = walk(graph, at, step);
    return graph.box(at).key;
  });
}

describe("walking by keys", () => {
  it("follows edges down, across the borders of frames", () => {
    expect(steps(0, "next", "next", "next", "next")).toEqual(["c3", "c4", "c6", "c7"]);
  });

  it("goes up through the title of a frame", () => {
    const second = findBox(graph, (box) => box.key === "c4");
    expect(steps(second, "previous", "previous", "previous")).toEqual(["c3", "c2", "c1"]);
  });

  it("goes back the way it came, and not along a skip from far above", () => {
    const shape = [[null, 8]];
    const paths = ["in", "one", "two", "three", "add"];
    const rows = paths.map((path) => ({ path, type: "Dense", params: 1 }));
    const calls = paths.map((path) => ({ path, inputs: shape, outputs: shape }));
    const edges = [...paths.slice(1).map((_, i) => [i + 1, i + 2] as const), [1, 5] as const];
    for (const direction of ["down", "right"] as const) {
      const unet = buildGraph(payloadOf(rows, calls, edges), new Set(), true, direction);
      const at = (path: string) => findBox(unet, (box) => box.path === path);
      expect(walk(unet, at("three"), "next")).toBe(at("add"));
      expect(walk(unet, at("add"), "previous")).toBe(at("three"));
      expect(walk(unet, at("in"), "next")).toBe(at("one"));
    }
  });

  it("finds the first and the last box, and stays where there is nowhere to go", () => {
    expect(steps(0, "last", "next", "right", "first", "previous")).toEqual(["c10", "c10", "c10", "c1", "c1"]);
  });
});
