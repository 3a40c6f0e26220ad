import { expect, it, describe as suite } from "vitest";
import { boxesOf, buildGraph } from "./graph";
import { withoutNumbers } from "./stacks";
import { type CallSpec, equalBlocks, payloadOf, type RowSpec, rowOfBlocks } from "./testing";
import { membersOf, STACK_MARK, unitsOf } from "./units";
import { OPEN, STACK } from "./visible";

const WIDE = [[null, 8]];

/** Layers of the given names and types, each reading those whose places are listed; all keep the shape. */
function network(layers: readonly (readonly [name: string, type: string, reads: readonly number[]])[]) {
  const rows: RowSpec[] = layers.map(([path, type]) => ({ path, type, params: 1 }));
  const calls: CallSpec[] = layers.map(([path]) => ({ path, inputs: WIDE, outputs: WIDE }));
  const edges = layers.flatMap(([, , reads], i) => reads.map((from) => [from + 1, i + 1] as const));
  return payloadOf(rows, calls, edges);
}

function stacksOf(payload: ReturnType<typeof payloadOf>): string[][] {
  const units = unitsOf(payload, true);
  return Array.from({ length: units.length - units.stacks }, (_, i) =>
    membersOf(units, units.stacks + i).map((u) => units.path(u)),
  );
}

/** `n` experts side by side between a router and a sum. */
function experts(n: number, type: (i: number) => string = () => "Expert") {
  const names = Array.from({ length: n }, (_, i) => i);
  return network([
    ["router", "Dense", []],
    ...names.map((i) => [`expert_${i}`, type(i), [0]] as const),
    ["sum", "Add", names.map((i) => i + 1)],
  ]);
}

suite("stacks", () => {
  it("hold equal blocks in a row, from three on", () => {
    expect(stacksOf(equalBlocks(2))).toEqual([]);
    expect(stacksOf(equalBlocks(3))).toEqual([["block_0", "block_1", "block_2"]]);
  });

  it("do not hold blocks that differ in anything but their names", () => {
    expect(stacksOf(rowOfBlocks(6, 3))).toEqual([]);
    expect(stacksOf(experts(10, (i) => (i < 5 ? "Expert" : "Other")))).toEqual([]);
  });

  it("hold equals side by side, when there are many", () => {
    expect(stacksOf(experts(6))).toEqual([]);
    expect(stacksOf(experts(9))).toEqual([Array.from({ length: 9 }, (_, i) => `expert_${i}`)]);
  });

  it("end where another layer stands between", () => {
    const layers = Array.from({ length: 13 }, (_, i) => {
      return [`layer_${i}`, i === 6 ? "Norm" : "Dense", i > 0 ? [i - 1] : []] as const;
    });
    expect(stacksOf(network(layers)).map((members) => members.length)).toEqual([6, 6]);
  });

  it("hold blocks whose numbers end in a letter, and whose dropout grows", () => {
    expect(["block2b", "conv2d", "h_0", "expert_12_up"].map(withoutNumbers)).toEqual([
      "block",
      "conv",
      "h",
      "expert_up",
    ]);
    const layers = Array.from(
      { length: 6 },
      (_, i) => [`drop2${"abcdef"[i]}`, "Dropout", i > 0 ? [i - 1] : []] as const,
    );
    const payload = network(layers);
    const rate = payload.rows.path.map((_, i) => [["rate", i / 10]] as const);
    expect(stacksOf({ ...payload, settings: rate })).toHaveLength(1);
  });

  it("never make anything wait for itself", () => {
    // Each of the equals reads what the one before it makes, and a layer reads the second and feeds the last.
    const layers = Array.from({ length: 8 }, (_, i) => {
      return [`layer_${i}`, "Dense", i === 0 ? [] : i === 7 ? [6, 8] : [i - 1]] as const;
    });
    expect(stacksOf(network([...layers, ["detour", "Norm", [1]]]))).toEqual([]);
  });

  it("are one box that says how many there are and what they weigh together", () => {
    const graph = buildGraph(equalBlocks(12), new Set(), true, "down");
    expect(Array.from(graph.visible.kind)).toEqual([0, STACK]);
    expect(graph.box(1)).toMatchObject({
      form: "stack",
      name: "block_0 … 11",
      repeat: "× 12",
      detail: "Block · 2 layers each",
      count: "240 params",
      share: "100 %",
      path: `${STACK_MARK}block_0`,
    });
    expect(graph.box(1).paths).toEqual(Array.from({ length: 12 }, (_, i) => `block_${i}`));
    expect(graph.box(1).label).toContain("12 equal ones");
  });

  it("name members of a list as Python does", () => {
    const payload = network(
      Array.from({ length: 8 }, (_, i) => [`blocks[${i}]`, "Block", i > 0 ? [i - 1] : []] as const),
    );
    expect(buildGraph(payload, new Set(), true, "down").box(0).name).toBe("blocks[0] … [7]");
  });

  it("of one layer that is called again and again say so, and not which call they are", () => {
    const rows = [{ path: "block", type: "Block" }];
    const calls = Array.from({ length: 8 }, () => ({ path: "block", inputs: WIDE, outputs: WIDE }));
    const edges = Array.from({ length: 7 }, (_, i) => [i + 1, i + 2] as const);
    const graph = buildGraph(payloadOf(rows, calls, edges), new Set(), true, "down");
    expect(graph.box(0)).toMatchObject({ form: "stack", repeat: "× 8", marks: ["same layer"] });
  });

  it("open into their members, which open on their own", () => {
    const open = new Set([`${STACK_MARK}block_0`, "block_2"]);
    const graph = buildGraph(equalBlocks(4), open, true, "down");
    expect(boxesOf(graph).map((box) => box.path)).toEqual([
      "input#1",
      `${STACK_MARK}block_0`,
      "block_0",
      "block_1",
      "block_2",
      "block_2/dense",
      "block_2/norm",
      "block_3",
    ]);
    expect(graph.visible.kind[1]).toBe(OPEN);
    expect(graph.box(1)).toMatchObject({ form: "frame", name: "block_0 … 3", repeat: "× 4" });
  });

  it("count a parameter that members share once", () => {
    const payload = equalBlocks(3);
    const { rows } = payload;
    const tied = { offsets: rows.path.map((path) => path).reduce((at) => [...at, 0], [0]), values: [] as number[] };
    rows.path.forEach((path, row) => {
      if (path.endsWith("/dense")) tied.values.push(0);
      tied.offsets[row + 1] = tied.values.length;
    });
    const shared = {
      ...payload,
      rows: { ...rows, parameters: { offsets: Int32Array.from(tied.offsets), values: Int32Array.from(tied.values) } },
      parameters: {
        ...payload.parameters,
        length: 1,
        kind: ["weight"] as const,
        size: Float64Array.of(10),
        owners: { offsets: Int32Array.of(0, 3), values: Int32Array.of(2, 5, 8) },
      },
    };
    // Three blocks of 20, of which 10 are the same in each.
    expect(buildGraph(shared, new Set(), true, "down").box(1).params).toBe(40);
  });
});
