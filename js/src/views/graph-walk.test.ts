import { describe, expect, it } from "vitest";
import { buildGraph, findBox } from "../scene";
import { sharedBlock } from "../scene/testing";
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

  it("finds the first and the last box, and stays where there is nowhere to go", () => {
    expect(steps(0, "last", "next", "right", "first", "previous")).toEqual(["c10", "c10", "c10", "c1", "c1"]);
  });
});
