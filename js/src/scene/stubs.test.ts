import { expect, it, describe as suite } from "vitest";
import { buildGraph, type Graph } from "./graph";
import { depthOf, keyOf } from "./identity";
import { drawScene, lookOf, NO_MARKS, PLAIN_LOOK } from "./scene";
import { payloadOf } from "./testing";
import { LIGHT } from "./theme";
import { OPEN, STUB, sourceOf } from "./visible";

const WIDE = [[null, 8]];

/** A chain of `n` different layers, each of which also reads the mask. */
function masked(n: number, open = false): Graph {
  const names = Array.from({ length: n }, (_, i) => `layer_${i}`);
  const around = open ? "block" : "";
  const payload = payloadOf(
    [
      { path: "mask", type: "InputLayer" },
      ...(open ? [{ path: around, type: "Block" }] : []),
      ...names.map((path, i) => ({ path, type: "Dense", params: i, parent: around })),
    ],
    [
      { path: "mask", outputs: WIDE },
      ...(open ? [{ path: around }] : []),
      ...names.map((path) => ({ path, parent: open ? 2 : 0, inputs: WIDE, outputs: WIDE })),
    ],
    names.flatMap((_, i) => {
      const call = i + (open ? 3 : 2);
      return i > 0 ? [[call - 1, call] as const, [1, call] as const] : [[1, call] as const];
    }),
  );
  return buildGraph(payload, new Set([around]), true, "down");
}

const stubsOf = (graph: Graph): string[] =>
  Array.from({ length: graph.count }, (_, b) => b)
    .filter((b) => graph.visible.kind[b] === STUB)
    .map((b) => graph.box(b).name);

suite("stubs", () => {
  it("stand for lines to far readers, when there are many of them", () => {
    expect(stubsOf(masked(6))).toEqual([]);
    const graph = masked(12);
    expect(stubsOf(graph)).toEqual([...new Array(10).fill("↗ mask"), "↘ 10 far readers"]);
    const { source, length } = graph.visible.edges;
    const lines = Array.from({ length }, (_, e) => source[e]).filter((s) => s === 0);
    // Two near readers, and the mark.
    expect(lines).toHaveLength(3);
  });

  it("know the source, the reader and the frame around it", () => {
    const graph = masked(12, true);
    const { stubs, edges, parent, kind } = graph.visible;
    const block = Array.from(kind).indexOf(OPEN);
    expect(parent[stubs.first]).toBe(block);
    expect(depthOf(graph, stubs.first)).toBe(2);
    expect(parent[graph.count - 1]).toBe(-1);
    const through = Array.from({ length: edges.length }, (_, e) => e).filter((e) => edges.source[e] === stubs.first);
    expect(through).toHaveLength(1);
    expect(sourceOf(graph.visible, through[0] as number)).toBe(0);
    expect(edges.target[through[0] as number]).toBe(stubs.target[0]);
    expect(graph.box(stubs.first)).toMatchObject({ path: "mask", call: 1, form: "stub", params: null });
    expect(graph.box(stubs.first).label).toBe("↗ mask, from mask, read by layer_2");
  });

  it("are told apart", () => {
    const graph = masked(12);
    const keys = Array.from({ length: graph.count }, (_, b) => keyOf(graph, b));
    expect(new Set(keys).size).toBe(graph.count);
  });

  it("give way to the true lines of what is selected", () => {
    const graph = masked(12);
    const look = lookOf(graph, PLAIN_LOOK, LIGHT);
    const links = (selected: number[]): number =>
      drawScene(graph, look, { ...NO_MARKS, selected: new Set(selected) }).filter((item) => item.layer === "link")
        .length;
    expect(links([])).toBe(0);
    expect(links([0])).toBe(10);
    expect(links([graph.visible.stubs.target[3] as number])).toBe(1);
  });
});
