// Payloads for tests, written as short lists; everything that a test does not care about is filled in.
import type { Dim, Lists, Payload, Settings } from "../wire";

export interface RowSpec {
  readonly path: string;
  readonly type: string;
  readonly params?: number;
  readonly kind?: "layer" | "operation" | "group";
  /** Path of the group's row. */
  readonly group?: string;
  readonly parent?: string;
  readonly settings?: Settings;
}

export interface CallSpec {
  readonly path: string;
  readonly kind?: "layer" | "operation" | "input" | "output" | "constant";
  readonly parent?: number;
  readonly inputs?: readonly (readonly Dim[])[];
  readonly outputs?: readonly (readonly Dim[])[];
  readonly failed?: boolean;
}

function lists(values: readonly (readonly number[])[]): Lists {
  const offsets = new Int32Array(values.length + 1);
  values.forEach((some, i) => {
    offsets[i + 1] = (offsets[i] as number) + some.length;
  });
  return { offsets, values: Int32Array.from(values.flat()) };
}

/** A payload of the given rows (the root is added), calls (so is its call) and edges between calls, by id. */
export function payloadOf(
  rowSpecs: readonly RowSpec[],
  callSpecs: readonly CallSpec[],
  edges: readonly (readonly [source: number, target: number])[],
): Payload {
  const rows: readonly RowSpec[] = [{ path: "", type: "Functional" }, ...rowSpecs];
  const calls: readonly CallSpec[] = [{ path: "", parent: -1 }, ...callSpecs];
  const rowAt = new Map(rows.map((row, i) => [row.path, i]));
  const shapes: (readonly Dim[])[] = [];
  const shape = (dims: readonly Dim[]): number => {
    const at = shapes.findIndex((known) => JSON.stringify(known) === JSON.stringify(dims));
    return at >= 0 ? at : shapes.push(dims) - 1;
  };
  const tensors = (of: CallSpec, side: "inputs" | "outputs"): number[] => (of[side] ?? []).map(shape);
  const inputs = calls.map((c) => tensors(c, "inputs"));
  const outputs = calls.map((c) => tensors(c, "outputs"));
  // A row's number covers what it holds.
  const outermost = rows.filter((row) => row.kind !== "group" && !row.parent);
  const total = outermost.reduce((sum, row) => sum + (row.params ?? 0), 0);
  const params = Float64Array.from(rows, (row, i) => (i === 0 ? total : (row.params ?? 0)));
  const callsAt = new Map<string, number[]>();
  calls.forEach((call, c) => {
    callsAt.set(call.path, [...(callsAt.get(call.path) ?? []), c]);
  });
  const first = rows.map((row) => callsAt.get(row.path)?.[0] ?? -1);
  const none = (n: number): Lists => lists(Array.from({ length: n }, () => []));
  const words = (n: number, text = ""): string[] => Array.from({ length: n }, () => text);
  const label = (path: string): string => path.slice(path.lastIndexOf("/") + 1).replace("~", "");
  return {
    meta: {
      name: "model",
      framework: "Keras",
      type: "Functional",
      totals: {
        params: total,
        trainable_params: total,
        non_trainable_params: 0,
        buffers: 0,
        bytes: 4 * total,
        macs: null,
      },
      macs_basis: "per example",
      optimizer: null,
      diagnostics: [],
      version: "test",
    },
    shapes,
    settings: rows.map((row) => row.settings ?? []),
    rows: {
      length: rows.length,
      path: rows.map((row) => row.path),
      label: rows.map((row) => label(row.path)),
      name: rows.map((row) => label(row.path)),
      kind: rows.map((row) => row.kind ?? "layer"),
      type: rows.map((row) => row.type),
      parent: Int32Array.from(rows, (row, i) => (i === 0 ? -1 : (rowAt.get(row.parent ?? "") ?? 0))),
      group: Int32Array.from(rows, (row) => (row.group === undefined ? -1 : (rowAt.get(row.group) ?? -1))),
      input_shape: lists(first.map((c) => inputs[c] ?? [])),
      output_shape: lists(first.map((c) => outputs[c] ?? [])),
      dtype: words(rows.length, "float32"),
      params,
      trainable_params: params,
      own_params: params,
      share: params.map((n) => n / Math.max(1, total)),
      bytes: params.map((n) => 4 * n),
      macs: new Float64Array(rows.length).fill(Number.NaN),
      output_bytes: new Float64Array(rows.length).fill(Number.NaN),
      calls: Int32Array.from(rows, (row) => callsAt.get(row.path)?.length ?? 0),
      order: Int32Array.from(first),
      connected_to: none(rows.length),
      settings: Int32Array.from(rows, (_, i) => i),
      parameters: none(rows.length),
      accessor: words(rows.length),
      source: words(rows.length),
      trainable: new Int32Array(rows.length).fill(1),
    },
    calls: {
      length: calls.length,
      kind: calls.map((call) => call.kind ?? "layer"),
      path: calls.map((call) => call.path),
      row: Int32Array.from(calls, (call) => rowAt.get(call.path) ?? -1),
      parent: Int32Array.from(calls, (call) => call.parent ?? 0),
      op: calls.map((call) => rows[rowAt.get(call.path) ?? -1]?.type ?? call.kind ?? ""),
      inputs: lists(inputs),
      outputs: lists(outputs),
      parameters: none(calls.length),
      macs: new Float64Array(calls.length).fill(Number.NaN),
      settings: new Int32Array(calls.length).fill(-1),
      failed: Int32Array.from(calls, (call) => (call.failed ? 1 : 0)),
      source: words(calls.length),
    },
    tensors: {
      length: shapes.length,
      shape: Int32Array.from(shapes, (_, i) => i),
      dtype: words(shapes.length, "float32"),
      name: words(shapes.length),
      bytes: new Float64Array(shapes.length).fill(Number.NaN),
    },
    edges: {
      length: edges.length,
      source: Int32Array.from(edges, ([s]) => s),
      source_port: new Int32Array(edges.length),
      target: Int32Array.from(edges, ([, t]) => t),
      target_port: new Int32Array(edges.length),
    },
    parameters: {
      length: 0,
      name: [],
      kind: [],
      shape: new Int32Array(),
      dtype: [],
      trainable: new Int32Array(),
      bytes: new Float64Array(),
      size: new Float64Array(),
      owners: lists([]),
    },
  };
}

const WIDE = [null, 8];
const NARROW = [null, 4];

/** Input, a block called twice (two layers inside), an inferred group of two layers, output. */
export function sharedBlock(): Payload {
  return payloadOf(
    [
      { path: "block", type: "Block", params: 100 },
      { path: "block/a", type: "Dense", params: 60, parent: "block" },
      { path: "block/b", type: "ReLU", parent: "block" },
      { path: "~head", type: "", kind: "group", params: 50 },
      { path: "head_1", type: "Dense", params: 30, group: "~head" },
      { path: "head_2", type: "Dense", params: 20, group: "~head" },
    ],
    [
      { path: "input#1", kind: "input", outputs: [WIDE] },
      { path: "block", inputs: [WIDE], outputs: [WIDE] },
      { path: "block/a", parent: 2, inputs: [WIDE], outputs: [WIDE] },
      { path: "block/b", parent: 2, inputs: [WIDE], outputs: [WIDE] },
      { path: "block", inputs: [WIDE], outputs: [WIDE] },
      { path: "block/a", parent: 5, inputs: [WIDE], outputs: [WIDE] },
      { path: "block/b", parent: 5, inputs: [WIDE], outputs: [WIDE] },
      { path: "head_1", inputs: [WIDE], outputs: [NARROW] },
      { path: "head_2", inputs: [NARROW], outputs: [NARROW] },
      { path: "output#1", kind: "output", inputs: [NARROW] },
    ],
    [
      [1, 3],
      [3, 4],
      [4, 6],
      [6, 7],
      [7, 8],
      [8, 9],
      [9, 10],
    ],
  );
}

/** `blocks` blocks of `layers` layers each, in a row, none like another. */
export function rowOfBlocks(blocks: number, layers: number): Payload {
  return blocksOf(
    blocks,
    Array.from({ length: layers }, (_, i) => `dense_${i}`),
    (b, i) => 1 + b * layers + i,
  );
}

/** The same with blocks that are all alike: two layers each. */
export function equalBlocks(blocks: number): Payload {
  return blocksOf(blocks, ["dense", "norm"], () => 10);
}

function blocksOf(
  blocks: number,
  layers: readonly string[],
  params: (block: number, layer: number) => number,
): Payload {
  const rows: RowSpec[] = [];
  const calls: CallSpec[] = [{ path: "input#1", kind: "input", outputs: [WIDE] }];
  const edges: [number, number][] = [];
  let last = 1;
  for (let b = 0; b < blocks; b++) {
    const path = `block_${b}`;
    const inside = layers.map((_, i) => params(b, i));
    rows.push({ path, type: "Block", params: inside.reduce((sum, n) => sum + n, 0) });
    calls.push({ path, inputs: [WIDE], outputs: [WIDE] });
    const parent = calls.length;
    layers.forEach((layer, i) => {
      rows.push({ path: `${path}/${layer}`, type: layer.split("_")[0] ?? "", params: inside[i] ?? 0, parent: path });
      calls.push({ path: `${path}/${layer}`, parent, inputs: [WIDE], outputs: [WIDE] });
      edges.push([last, calls.length]);
      last = calls.length;
    });
  }
  return payloadOf(rows, calls, edges);
}
