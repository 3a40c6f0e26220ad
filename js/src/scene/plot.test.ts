import { describe, expect, test } from "vitest";
import { buildGraph } from "./graph";
import { inPieces } from "./pieces";
import type { Plate, Plot } from "./plot";
import { lookOf, NO_MARKS, PLAIN_LOOK } from "./scene";
import { sceneToSvg } from "./svg";
import { equalBlocks, rowOfBlocks, sharedBlock } from "./testing";
import { LIGHT } from "./theme";
import { STACK } from "./visible";

const SAID: Plate = {
  layer: true,
  name: "told",
  type: "Dense",
  activation: "relu",
  cells: [["Input shape", "(None, 2)"]],
  trainable: true,
};

/** A plot in which all boxes say the same. */
function plotOf(changes: Partial<Plot> = {}): Plot {
  const plates = new Proxy({}, { get: () => SAID }) as Plot["plates"];
  return { plates, hidden: [], stacks: false, mirrored: false, ...changes };
}

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((found) => found[1] as string);
}

const plain = (payload: ReturnType<typeof sharedBlock>, plot: Plot, open: string[] = []) =>
  buildGraph(payload, new Set(open), false, "down", plot);
const look = (graph: ReturnType<typeof plain>) => lookOf(graph, { ...PLAIN_LOOK, color_by: "none" }, LIGHT);
const drawn = (graph: ReturnType<typeof plain>) => sceneToSvg(graph, look(graph), NO_MARKS, "net");

describe("plates", () => {
  test("say what they are given, in every closed box, and edges say nothing", () => {
    const graph = plain(sharedBlock(), plotOf());
    const said = textsOf(drawn(graph));
    expect(said.filter((text) => text === "told")).toHaveLength(graph.count);
    expect(new Set(said)).toEqual(
      new Set(["told", "Dense", "Trainable", "Activation", "relu", "Input shape", "(None, 2)"]),
    );
  });

  test("frames keep their names and lose what would open and close them", () => {
    const graph = plain(sharedBlock(), plotOf(), ["block"]);
    const said = textsOf(drawn(graph));
    expect(said).toContain("block");
    expect(said).not.toContain("▾");
  });

  test("hold their texts", () => {
    const long: Plate = { ...SAID, name: "a".repeat(30), cells: [["Output shape", "(None, 123, 456)"]] };
    const plates = new Proxy({}, { get: () => long }) as Plot["plates"];
    const graph = plain(sharedBlock(), plotOf({ plates }));
    const { width } = graph.layout;
    const said = textsOf(drawn(graph));
    expect(said).toContain("a".repeat(30));
    expect(said).toContain("(None, 123, 456)");
    expect(Math.min(...width)).toBeGreaterThan(200);
  });
});

describe("what is shown", () => {
  test("hidden calls have neither box nor lines", () => {
    const payload = sharedBlock();
    const all = plain(payload, plotOf());
    const outputs = Array.from(payload.calls.kind.keys()).filter((c) => payload.calls.kind[c] === "output");
    const some = plain(payload, plotOf({ hidden: outputs }));
    expect(outputs.length).toBeGreaterThan(0);
    expect(some.count).toBe(all.count - outputs.length);
    expect(some.visible.edges.length).toBeLessThan(all.visible.edges.length);
  });

  test("equal siblings are one box where they are folded, and one by one where not", () => {
    const payload = equalBlocks(12);
    const folded = plain(payload, plotOf({ stacks: true }));
    const flat = plain(payload, plotOf());
    expect([...folded.visible.kind]).toContain(STACK);
    expect([...flat.visible.kind]).not.toContain(STACK);
    expect(flat.count).toBe(folded.count + 11);
    expect(textsOf(drawn(folded))).toContain("× 12");
  });

  test("a mirrored plot is the same one upside down", () => {
    const payload = sharedBlock();
    const down = plain(payload, plotOf(), ["block"]);
    const up = plain(payload, plotOf({ mirrored: true }), ["block"]);
    const bottom = (graph: typeof up, b: number) =>
      graph.layout.totalHeight - (graph.layout.y[b] as number) - (graph.layout.height[b] as number);
    for (let b = 0; b < up.count; b++) expect(bottom(up, b)).toBeCloseTo(down.layout.y[b] as number);
    for (let i = 0; i < up.layout.routes.length; i += 2) {
      expect(up.layout.routes[i]).toBeCloseTo(down.layout.routes[i] as number);
      expect(up.layout.totalHeight - (up.layout.routes[i + 1] as number)).toBeCloseTo(
        down.layout.routes[i + 1] as number,
      );
    }
  });
});

describe("columns", () => {
  const graph = plain(rowOfBlocks(40, 1), plotOf());
  const page = inPieces(graph, look(graph), NO_MARKS, 4);

  test("stand side by side, about equally long, with every box whole in one of them", () => {
    const pieces = [...page.body.matchAll(/<svg x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)];
    expect(pieces).toHaveLength(4);
    const heights = pieces.map((piece) => Number(piece[4]));
    expect(Math.max(...heights)).toBeLessThan(1.3 * Math.min(...heights));
    const xs = pieces.map((piece) => Number(piece[1]));
    expect([...xs].sort((a, b) => a - b)).toEqual(xs);
    expect(page.height).toBeLessThan(graph.layout.totalHeight / 3);
    expect(textsOf(page.body).filter((text) => text === "told")).toHaveLength(graph.count);
  });

  test("number where a line leaves one and enters the next", () => {
    const numbers = textsOf(page.body).filter((text) => /^\d$/.test(text));
    expect(numbers).toEqual(["1", "1", "2", "2", "3", "3"]);
  });

  test("are fewer where there is nothing to cut", () => {
    const tiny = plain(sharedBlock(), plotOf());
    const most = tiny.count;
    const few = inPieces(tiny, look(tiny), NO_MARKS, 50);
    expect(few.body.split("<svg ").length - 1).toBeLessThanOrEqual(most);
  });
});
