import { describe, expect, it } from "vitest";
import { buildGraph, type Graph, LIGHT } from "../scene";
import { payloadOf } from "../scene/testing";
import { RecordingContext } from "../scene/testing-canvas";
import { drawPaths, Neighbours } from "./graph-paths";

const SHAPE = [[null, 8]];

function graphOf(names: readonly string[], edges: readonly (readonly [number, number])[]): Graph {
  const payload = payloadOf(
    names.map((path, i) => ({ path, type: "Dense", params: i })),
    names.map((path) => ({ path, inputs: SHAPE, outputs: SHAPE })),
    edges.map(([from, to]) => [from + 1, to + 1] as const),
  );
  return buildGraph(payload, new Set(), true, "down");
}

function named(graph: Graph, edges: readonly number[]): string[] {
  const { source, target } = graph.visible.edges;
  return edges.map((e) => graph.box(source[e] as number).name + graph.box(target[e] as number).name);
}

//  a > b > c > d > e, b > d
const graph = graphOf(
  ["a", "b", "c", "d", "e"],
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [1, 3],
    [3, 4],
  ],
);

describe("paths", () => {
  it("tell what is beside a box from what is further up and down", () => {
    const { near, far, boxes } = new Neighbours(graph).around(2);
    expect(named(graph, near)).toEqual(["bc", "cd"]);
    expect(named(graph, far).toSorted()).toEqual(["ab", "de"]);
    expect([...boxes].toSorted()).toEqual([1, 2, 3]);
  });

  it("follow one tensor to all who read it", () => {
    const bd = named(graph, [0, 1, 2, 3, 4]).indexOf("bd");
    expect(named(graph, new Neighbours(graph).tensor(bd).near).toSorted()).toEqual(["bc", "bd"]);
  });

  it("end somewhere in a network without end", () => {
    const names = Array.from({ length: 5000 }, (_, i) => `l${i}`);
    const long = graphOf(
      names,
      names.slice(1).map((_, i) => [i, i + 1] as const),
    );
    const { far } = new Neighbours(long).around(2500);
    expect(far.length).toBeGreaterThan(100);
    expect(far.length).toBeLessThan(1000);
  });

  it("go through stubs to what they stand for", () => {
    const names = ["mask", ...Array.from({ length: 12 }, (_, i) => `l${i}`)];
    const chain = names.slice(2).map((_, i) => [i + 1, i + 2] as const);
    const masked = graphOf(names, [...chain, ...names.slice(1).map((_, i) => [0, i + 1] as const)]);
    const paths = new Neighbours(masked);
    const { stubs } = masked.visible;
    const reader = stubs.target[0] as number;
    expect(paths.around(reader).stubs).toEqual([0]);
    expect(paths.around(reader).boxes.has(0)).toBe(true);
    expect(paths.around(stubs.first).boxes).toEqual(new Set([0, reader]));
    expect(paths.around(stubs.first + stubs.count - 1).stubs).toHaveLength(stubs.count - 1);
  });

  it("are drawn in one stroke for each strength", () => {
    const context = new RecordingContext();
    drawPaths(context, graph, new Neighbours(graph).around(2), LIGHT, 1);
    const strokes = context.calls.filter((call) => call.startsWith("stroke"));
    // Far, near, what stubs stand for, and a ring around each of three boxes.
    expect(strokes).toHaveLength(6);
    expect(strokes[1]).toBe(`stroke ${LIGHT.accent} 2.4`);
  });
});
