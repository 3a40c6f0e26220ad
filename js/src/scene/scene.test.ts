import { expect, it, describe as suite } from "vitest";
import { contrast } from "../color";
import { edgeLabel } from "./arrange";
import type { Command } from "./commands";
import { boundsOf, boxesOf, buildGraph, type Graph } from "./graph";
import { drawScene, lookOf, NO_MARKS, PLAIN_LOOK } from "./scene";
import { sceneToSvg } from "./svg";
import { tellingSettings } from "./telling";
import { equalBlocks, payloadOf, rowOfBlocks, sharedBlock } from "./testing";
import { DARK, LIGHT } from "./theme";
import { FOLDED, OPEN, visibleGraph } from "./visible";
import { fitText, textWidth } from "./widths";

const pathsOf = (graph: Graph): string[] => boxesOf(graph).map((box) => box.path);

function edgesOf(graph: Graph): string[] {
  const { source, target, length } = graph.visible.edges;
  return Array.from({ length }, (_, e) => {
    const name = (b: number): string => graph.box(b).path ?? "";
    return `${name(source[e] as number)} > ${name(target[e] as number)}`;
  });
}

suite("visible graph", () => {
  it("folds what is not open and lifts edges to it", () => {
    const graph = buildGraph(sharedBlock(), new Set(), true, "down");
    expect(pathsOf(graph)).toEqual(["input#1", "block", "block", "~head", "output#1"]);
    expect(edgesOf(graph)).toEqual(["input#1 > block", "block > block", "block > ~head", "~head > output#1"]);
  });

  it("opens a shared block as one frame per call", () => {
    const graph = buildGraph(sharedBlock(), new Set(["block"]), true, "down");
    expect(pathsOf(graph).filter((path) => path === "block/a")).toHaveLength(2);
    expect(Array.from(graph.visible.kind).filter((kind) => kind === OPEN)).toHaveLength(2);
    expect(new Set(boxesOf(graph).map((box) => box.key)).size).toBe(graph.count);
  });

  it("leaves inferred groups out when they are off", () => {
    const graph = buildGraph(sharedBlock(), new Set(), false, "down");
    expect(pathsOf(graph)).toEqual(["input#1", "block", "block", "head_1", "head_2", "output#1"]);
  });

  it("marks tensors whose shape the producer changed, and no others", () => {
    const graph = buildGraph(sharedBlock(), new Set(["~head"]), true, "down");
    const changed = edgesOf(graph).filter((_, e) => graph.visible.edges.changed[e] === 1);
    expect(changed).toEqual(["head_1 > head_2"]);
  });

  it("keeps different tensors of equal description apart", () => {
    const shape = [[null, 8]];
    const payload = payloadOf(
      [
        { path: "a", type: "Dense" },
        { path: "b", type: "Dense" },
        { path: "c", type: "Add" },
      ],
      [
        { path: "a", outputs: shape },
        { path: "b", outputs: shape },
        { path: "c", inputs: [...shape, ...shape], outputs: shape },
      ],
      [
        [1, 3],
        [2, 3],
      ],
    );
    expect(edgesOf(buildGraph(payload, new Set(), true, "down"))).toEqual(["a > c", "b > c"]);
  });

  it("folds ten thousand calls at once", () => {
    const payload = rowOfBlocks(20, 500);
    const visible = visibleGraph(payload, new Set(), true);
    expect(visible.count).toBe(21);
    expect(Array.from(visible.kind).filter((kind) => kind === FOLDED)).toHaveLength(20);
  });
});

suite("labels of lines", () => {
  it("stand side by side where the same tensor goes on alone and with another", () => {
    const wide = [null, 8];
    const rows = ["split", "both", "one"].map((path) => ({ path, type: "Op" }));
    const calls = [
      { path: "split", outputs: [wide, wide] },
      { path: "both", inputs: [wide, wide], outputs: [wide] },
      { path: "one", inputs: [wide], outputs: [wide] },
    ];
    const payload = payloadOf(rows, calls, [
      [1, 2],
      [1, 2],
      [1, 3],
    ]);
    const edges = { ...payload.edges, source_port: Int32Array.of(0, 1, 0) };
    const graph = buildGraph({ ...payload, edges }, new Set(), true, "down");
    const { layout, visible } = graph;
    expect(Array.from(visible.edges.tensors)).toEqual([2, 1]);
    const [bundle, single] = layout.labelX as unknown as [number, number];
    expect(Math.abs(bundle - single)).toBeGreaterThan(textWidth("8 · 2 tensors", 10.5, "mono") / 2);
  });
});

suite("labels of edges", () => {
  it("leave out the batch of what comes from the inputs, and not the length of what the model counts itself", () => {
    const rows = ["input#1", "embed", "constant#1", "positions"].map((path) => ({ path, type: "Op" }));
    const calls = [
      { path: "input#1", kind: "input" as const, outputs: [[null, null]] },
      { path: "embed", inputs: [[null, null]], outputs: [[null, 64]] },
      { path: "constant#1", kind: "constant" as const, outputs: [[null]] },
      { path: "positions", inputs: [[null]], outputs: [[null, 64]] },
      { path: "add", inputs: [[null, 64]], outputs: [[null, 64]] },
    ];
    const payload = payloadOf(rows, calls, [
      [1, 2],
      [2, 5],
      [3, 4],
      [4, 5],
    ]);
    const { visible } = buildGraph(payload, new Set(), true, "down");
    const labels = Array.from(visible.edges.source, (_, e) => edgeLabel(payload, visible, e));
    expect(labels).toEqual(["None", "64", "None", "None×64"]);
  });
});

suite("boxes", () => {
  const graph = buildGraph(sharedBlock(), new Set(["block", "~head"]), true, "down");

  it("say name, type, shape and parameters", () => {
    const box = boxesOf(graph).find((b) => b.path === "head_1");
    expect(box).toMatchObject({
      name: "head_1",
      detail: "Dense",
      shape: "(None, 4)",
      count: "30 params",
      form: "layer",
    });
    expect(box?.label).toBe("head_1, Dense, output (None, 4), 30 parameters, 20.0 % of all");
  });

  it("say nothing of parameters for operations, which have none", () => {
    const rows = ["scan#1", "scan#1/mul#1"].map((path) => ({ path, type: "scan", kind: "operation" as const }));
    const calls = [
      { path: "scan#1", kind: "operation" as const },
      { path: "scan#1/mul#1", kind: "operation" as const, parent: 1 },
    ];
    const [frame] = boxesOf(buildGraph(payloadOf(rows, calls, []), new Set(), true, "down"));
    expect(frame).toMatchObject({ path: "scan#1", params: null, count: "" });
    expect(frame?.label).not.toContain("parameters");
  });

  it("say which call of a shared block they are, once", () => {
    const marks = boxesOf(graph)
      .filter((b) => b.marks.length > 0)
      .map((b) => `${b.path}: ${b.marks.join()}`);
    expect(marks).toEqual(["block: call 1 of 2", "block: call 2 of 2"]);
  });

  it("are small for small operations", () => {
    expect(boxesOf(graph).find((b) => b.path === "block/b")?.form).toBe("pill");
  });

  it("show the settings that shapes do not", () => {
    const settings = [
      ["kernel_size", [3, 3]],
      ["strides", [2, 2]],
      ["activation", "relu"],
      ["use_bias", true],
    ] as const;
    expect(tellingSettings("Conv2D", settings)).toBe("3×3 /2 relu");
    const pool = [
      ["pool_size", [2, 2]],
      ["strides", [2, 2]],
    ] as const;
    expect(tellingSettings("MaxPooling2D", pool)).toBe("2×2");
  });

  it("say nothing of halves where a stride makes larger", () => {
    const settings = [
      ["kernel_size", [4, 4]],
      ["strides", [2, 2]],
    ] as const;
    expect(tellingSettings("Conv2DTranspose", settings)).toBe("4×4 stride 2");
    expect(tellingSettings("ConvTranspose2d", settings)).toBe("4×4 stride 2");
  });

  it("count in grammar", () => {
    expect(tellingSettings("Dense", [["units", 1]])).toBe("1 unit");
    expect(tellingSettings("Dense", [["units", 2]])).toBe("2 units");
    expect(tellingSettings("MultiHeadAttention", [["num_heads", 1]])).toBe("1 head");
  });

  it("show the same of an ONNX file, which calls them otherwise", () => {
    const settings = [
      ["dilations", [1, 1]],
      ["group", 32],
      ["kernel_shape", [3, 3]],
      ["strides", [2, 2]],
    ] as const;
    expect(tellingSettings("Conv", settings)).toBe("3×3 /2 32 groups");
    const pool = [
      ["strides", [2, 2]],
      ["kernel_shape", [2, 2]],
    ] as const;
    expect(tellingSettings("MaxPool", pool)).toBe("2×2");
    const flax = [
      ["kernel_shape", [4, 4, 3, 64]],
      ["kernel_size", [4, 4]],
    ] as const;
    expect(tellingSettings("Conv", flax)).toBe("4×4");
  });

  it("have room for all of their text", () => {
    const items = drawScene(graph, lookOf(graph, PLAIN_LOOK, LIGHT), NO_MARKS);
    for (const item of items.filter((i) => i.layer === "node")) {
      const { x, width } = boundsOf(graph, item.index);
      for (const command of item.commands) {
        if (command.kind !== "text") continue;
        expect(command.text).not.toContain("…");
        const long = textWidth(command.text, command.size, command.face);
        const left = { start: command.x, middle: command.x - long / 2, end: command.x - long }[command.anchor];
        expect(left).toBeGreaterThanOrEqual(x);
        expect(left + long).toBeLessThanOrEqual(x + width + 0.01);
      }
    }
  });
});

function isUnder(other: Command, { x, y }: { x: number; y: number }): boolean {
  return (
    other.kind === "rect" && other.x <= x && x <= other.x + other.width && other.y <= y && y <= other.y + other.height
  );
}

suite("drawing", () => {
  const expanded = new Set(["block", "~head"]);

  it.each([
    ["light", LIGHT, sharedBlock()],
    ["dark", DARK, sharedBlock()],
    ["light, in a stack", LIGHT, equalBlocks(5)],
    ["dark, in a stack", DARK, equalBlocks(5)],
  ])("keeps texts readable on their ground in %s", (_, theme, payload) => {
    const graph = buildGraph(payload, expanded, true, "down");
    for (const colorBy of ["params", "type", "trainable", "none"]) {
      const items = drawScene(graph, lookOf(graph, { ...PLAIN_LOOK, color_by: colorBy }, theme), NO_MARKS);
      for (const item of items.filter((i) => i.layer === "node" || i.layer === "label")) {
        for (const command of item.commands) {
          if (command.kind !== "text") continue;
          const ground = item.commands.findLast((other) => isUnder(other, command));
          if (ground?.kind === "rect") expect(contrast(command.fill, ground.fill)).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });

  it("marks the failed call in the color of errors", () => {
    const payload = payloadOf([{ path: "a", type: "DepthwiseConv2D", params: 4 }], [{ path: "a", failed: true }], []);
    const graph = buildGraph(payload, new Set(), true, "down");
    expect(graph.box(0).marks).toEqual(["failed"]);
    const [item] = drawScene(graph, lookOf(graph, PLAIN_LOOK, LIGHT), NO_MARKS);
    expect(item?.commands[0]).toMatchObject({ stroke: LIGHT.error });
    const texts = item?.commands.flatMap((command) => (command.kind === "text" ? [command.text] : []));
    expect(texts).toEqual(expect.arrayContaining(["⚠ failed", graph.box(0).detail]));
  });

  it.each([
    ["light", LIGHT],
    ["dark", DARK],
  ])("keeps a failure readable on a box of any weight, selected or not, in %s", (_, theme) => {
    for (const params of [1, 20, 40, 60, 80, 100]) {
      const rows = [
        { path: "a", type: "Linear", params },
        { path: "b", type: "Linear", params: 100 },
      ];
      const graph = buildGraph(payloadOf(rows, [{ path: "a", failed: true }], []), new Set(), true, "down");
      for (const selected of [new Set<number>(), new Set([0])]) {
        const [item] = drawScene(graph, lookOf(graph, PLAIN_LOOK, theme), { ...NO_MARKS, selected });
        const ground = item?.commands[0] as { fill: string };
        for (const command of item?.commands ?? []) {
          if (command.kind === "text") expect(contrast(command.fill, ground.fill)).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });

  it("writes names of layers as text, never as markup", () => {
    const path = `<script>alert("1")</script>&\u0000`;
    const payload = payloadOf([{ path, type: "Dense" }], [{ path, outputs: [[null, 1]] }], []);
    const graph = buildGraph(payload, new Set(), true, "down");
    const svg = sceneToSvg(graph, lookOf(graph, { ...PLAIN_LOOK, color_by: "type" }, LIGHT), NO_MARKS, path);
    expect(svg).not.toContain("<script");
    expect(svg).not.toContain("\u0000");
    expect(svg).toContain("&lt;");
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml");
    expect(parsed.querySelectorAll("script")).toHaveLength(0);
  });

  it("draws the same picture for the same input", () => {
    const draw = (): string => {
      const payload = sharedBlock();
      const graph = buildGraph(payload, expanded, true, "right");
      return sceneToSvg(graph, lookOf(graph, PLAIN_LOOK, DARK), NO_MARKS, "model");
    };
    expect(draw()).toBe(draw());
  });
});

suite("character widths", () => {
  it("keeps the number that tells equal layers apart, however little fits", () => {
    expect(fitText("expert_117", 40, 11, "bold")).toMatch(/^e?x?…117$/);
    expect(fitText("expert_117", 12, 11, "bold")).not.toContain("x");
  });

  it("fits text by cutting its middle", () => {
    const fitted = fitText("a_very_long_name_of_a_layer_17", 100, 13, "bold");
    expect(textWidth(fitted, 13, "bold")).toBeLessThanOrEqual(100);
    expect(fitted).toMatch(/^a_very.*….*17$/);
    expect(fitText("short", 100, 13, "bold")).toBe("short");
  });
});
