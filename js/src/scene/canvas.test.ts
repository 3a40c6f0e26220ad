import { describe, expect, it } from "vitest";
import { drawCommands } from "./canvas";
import type { Command } from "./commands";
import { buildGraph } from "./graph";
import { Items } from "./items";
import { drawFound } from "./levels";
import { drawScene, lookOf, NO_MARKS, PLAIN_LOOK } from "./scene";
import { SpatialIndex } from "./spatial";
import { rowOfBlocks, sharedBlock } from "./testing";
import { RecordingContext } from "./testing-canvas";
import { LIGHT } from "./theme";
import { OPEN } from "./visible";

const payload = sharedBlock();
const graph = buildGraph(payload, new Set(["block", "~head"]), true, "down");
const look = lookOf(graph, PLAIN_LOOK, LIGHT);

function drawAt(k: number, shown = graph, marks = NO_MARKS): RecordingContext {
  const context = new RecordingContext();
  const drawing = {
    graph: shown,
    look: lookOf(shown, PLAIN_LOOK, LIGHT),
    marks,
    items: new Items(shown, look),
    opacity: 1,
  };
  const { totalWidth, totalHeight } = shown.layout;
  const found = new SpatialIndex(shown.layout, "down").find({ x: 0, y: 0, width: totalWidth, height: totalHeight });
  for (const _ of drawFound(context, drawing, found, k));
  return context;
}

describe("canvas backend", () => {
  it("draws every kind of command", () => {
    const commands: Command[] = [
      {
        kind: "rect",
        x: 1,
        y: 2,
        width: 30,
        height: 40,
        radius: 99,
        fill: "red",
        stroke: "blue",
        strokeWidth: 2,
        dash: "5 3",
      },
      { kind: "path", curve: [0, 0, 1, 1, 2, 2, 3, 3], fill: "none", stroke: "green", strokeWidth: 1 },
      { kind: "path", curve: [0, 0, 5, 5, 9, 0], closed: true, fill: "black", stroke: "none", strokeWidth: 0 },
      { kind: "text", x: 7, y: 8, text: "conv", size: 10, face: "bold", anchor: "end", fill: "grey", halo: "white" },
    ];
    const context = new RecordingContext();
    drawCommands(context, commands, { ...LIGHT, font: "Sans", boldScale: 0.5 });
    expect(context.calls).toEqual([
      "beginPath",
      "roundRect 1 2 30 40 15",
      "fill red",
      "setLineDash 5,3",
      "stroke blue 2",
      "setLineDash ",
      "beginPath",
      "moveTo 0 0",
      "bezierCurveTo 1 1 2 2 3 3",
      "stroke green 1",
      "beginPath",
      "moveTo 0 0",
      "lineTo 5 5",
      "lineTo 9 0",
      "closePath",
      "fill black",
      "strokeText conv 7 8 white",
      "fillText conv 7 8 600 5px Sans right grey",
    ]);
    expect(context.textRendering).toBe("geometricPrecision"); // as wide as sized for, whatever the size
  });

  it("writes close up what the file has", () => {
    const drawn = drawAt(1).texts();
    const saved = drawScene(graph, look, NO_MARKS).flatMap((item) =>
      item.commands.flatMap((command) => (command.kind === "text" ? [command.text] : [])),
    );
    expect(drawn.toSorted()).toEqual(saved.toSorted());
  });
});

describe("levels of detail", () => {
  it("leaves out further away what could not be read, and keeps the size of names", () => {
    const far = drawAt(0.3);
    expect(far.texts().length).toBeGreaterThan(0);
    expect(far.texts().length).toBeLessThan(drawAt(1).texts().length);
    expect(far.sizesOnScreen(0.3)).toEqual(new Set([11]));
    expect(far.texts().some((text) => text.includes("×"))).toBe(false);
  });

  it("draws every box at every scale", () => {
    for (const k of [0.3, 0.05, 0.001]) {
      const rects = drawAt(k).calls.filter((call) => call.startsWith("fillRect"));
      expect(rects).toHaveLength(graph.count);
    }
  });

  it("draws no box thinner than a pixel", () => {
    const k = 0.001;
    const frames = graph.visible.kind.filter((kind) => kind === OPEN).length;
    for (const call of drawAt(k)
      .calls.filter((c) => c.startsWith("fillRect"))
      .slice(frames)) {
      const [, , width, height] = call.split(" ").slice(1).map(Number);
      expect((width as number) * k).toBeGreaterThanOrEqual(0.999);
      expect((height as number) * k).toBeGreaterThanOrEqual(0.999);
    }
  });

  it("puts nothing into words that is too small for words", () => {
    const large = buildGraph(
      rowOfBlocks(20, 50),
      new Set(Array.from({ length: 20 }, (_, i) => `block${i}`)),
      true,
      "down",
    );
    const described = new Set<number>();
    const box = (b: number) => {
      described.add(b);
      return large.box(b);
    };
    drawAt(0.01, { ...large, box });
    expect(described.size).toBeLessThan(large.count / 10);
  });

  it("names outer frames beside a picture that is too thin, once for each line", () => {
    const written = drawAt(0.1).written.map(({ text }) => text.split("  ")[0]);
    expect(written).toEqual(["block", "block", "head"]);
  });

  it("marks what is selected, from far away too", () => {
    const b = Array.from({ length: graph.count }, (_, i) => i).find((i) => graph.box(i).path === "head_1") as number;
    const marks = { ...NO_MARKS, selected: new Set([b]) };
    expect(drawAt(0.2, graph, marks).fills).toContain(LIGHT.accent);
    expect(drawAt(0.2).fills).not.toContain(LIGHT.accent);
  });
});
