// A small model for tests: two inputs through one shared encoder, a group, a tied weight, an uncalled layer.

import { DEFAULT_STATE, type State } from "./state";
import { Store } from "./store";
import type { Lists, Payload } from "./wire";

function lists(...values: readonly (readonly number[])[]): Lists {
  const offsets = new Int32Array(values.length + 1);
  values.forEach((some, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + some.length;
  });
  return { offsets, values: Int32Array.from(values.flat()) };
}

const ints = (...values: number[]) => Int32Array.from(values);
const nums = (...values: number[]) => Float64Array.from(values);
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

// Rows: 0 root, 1 encoder, 2 encoder/conv, 3 encoder/norm, 4 ~head, 5 head_1, 6 head_10 (tied to head_1), 7 spare.
const PATHS = ["", "encoder", "encoder/conv", "encoder/norm", "~head", "head_1", "head_10", "spare"];
const N = PATHS.length;

const rows: Payload["rows"] = {
  length: N,
  path: PATHS,
  label: ["", "encoder", "conv", "norm", "head", "head_1", "head_10", "<img src=x onerror=alert(1)>"],
  name: ["model", "encoder", "conv", "norm", "", "head_1", "head_10", "spare"],
  kind: ["layer", "layer", "layer", "layer", "group", "layer", "layer", "layer"],
  type: ["Functional", "Sequential", "Conv2D", "Norm", "", "Dense", "Dense", "Dense"],
  parent: ints(-1, 0, 1, 1, 0, 0, 0, 0),
  group: ints(-1, -1, -1, -1, -1, 4, 4, -1),
  input_shape: lists([0, 0], [0], [0], [1], [2], [2], [2], []),
  output_shape: lists([2], [2], [1], [2], [2], [2], [2], []),
  dtype: ["float32", "float32", "float32", "float32", "float32", "float32", "float32", ""],
  params: nums(130, 100, 90, 10, 20, 20, 20, 10),
  trainable_params: nums(130, 100, 90, 10, 20, 20, 20, 10),
  own_params: nums(0, 0, 90, 10, 0, 20, 0, 10),
  share: nums(1, 100 / 130, 90 / 130, 10 / 130, 20 / 130, 20 / 130, 20 / 130, 10 / 130),
  bytes: nums(520, 400, 360, 40, 80, 80, 80, 40),
  macs: nums(Number.NaN, 900, 900, 0, Number.NaN, 40, Number.NaN, 0),
  output_bytes: nums(...times(N, 64)),
  calls: ints(1, 2, 2, 2, 0, 1, 1, 0),
  order: ints(0, 3, 4, 5, -1, 9, 10, -1),
  connected_to: lists([], [], [], [2], [1], [1], [5], []),
  settings: ints(0, 0, 1, 0, 0, 0, 0, 0),
  parameters: lists([], [], [0], [1], [], [2], [2], [3]),
  accessor: ["", ".get_layer('encoder')", ...times(N - 2, "")],
  source: times(N, ""),
  trainable: ints(1, 1, 0, 1, -1, 1, 1, 1),
};

// Calls: root, two inputs, encoder twice (each with conv and norm), head_1, head_10.
const CALLS = [
  "",
  "left",
  "right",
  "encoder",
  "encoder/conv",
  "encoder/norm",
  "encoder",
  "encoder/conv",
  "encoder/norm",
  "head_1",
  "head_10",
];

const calls: Payload["calls"] = {
  length: CALLS.length,
  kind: ["layer", "input", "input", ...times(8, "layer" as const)],
  path: CALLS,
  row: ints(0, -1, -1, 1, 2, 3, 1, 2, 3, 5, 6),
  parent: ints(-1, 0, 0, 0, 3, 3, 0, 6, 6, 0, 0),
  op: CALLS.map(() => "op"),
  inputs: lists([0, 0], [], [], [0], [0], [1], [0], [0], [1], [2], [2]),
  outputs: lists([2], [0], [0], [2], [1], [2], [2], [1], [2], [2], [2]),
  parameters: lists(...times(CALLS.length, [])),
  macs: nums(...times(CALLS.length, 0)),
  settings: ints(...times(CALLS.length, 0)),
  failed: ints(...times(CALLS.length, 0)),
  source: CALLS.map(() => ""),
};

/** The model as a payload; `meta` changes what a test is about. */
export function testPayload(meta: Partial<Payload["meta"]> = {}): Payload {
  const totals = { params: 130, trainable_params: 130, non_trainable_params: 0, buffers: 0, bytes: 520, macs: 940 };
  return {
    meta: {
      name: "siamese",
      framework: "Keras",
      type: "Functional",
      totals,
      macs_basis: "per example",
      optimizer: null,
      diagnostics: [],
      version: "0",
      ...meta,
    },
    shapes: [
      [null, 8, 8, 3],
      [null, 8, 8, 4],
      [null, 16],
    ],
    settings: [
      [],
      [
        ["kernel_size", [3, 3]],
        ["bias", true],
        ["activation", null],
      ],
    ],
    rows,
    calls,
    tensors: {
      length: 3,
      shape: ints(0, 1, 2),
      dtype: times(3, "float32"),
      name: times(3, ""),
      bytes: nums(64, 64, 64),
    },
    edges: {
      length: 7,
      source: ints(1, 4, 2, 7, 5, 8, 9),
      source_port: ints(...times(7, 0)),
      target: ints(4, 5, 7, 8, 9, 9, 10),
      target_port: ints(0, 0, 0, 0, 0, 1, 0),
    },
    parameters: {
      length: 4,
      name: ["kernel", "gamma", "kernel", "kernel"],
      kind: times(4, "weight" as const),
      shape: ints(2, 2, 2, 2),
      dtype: times(4, "float32"),
      trainable: ints(0, 1, 1, 1),
      bytes: nums(360, 40, 80, 40),
      size: nums(90, 10, 20, 10),
      owners: lists([2], [3], [5, 6], [7]),
    },
  };
}

/** The model with bare operations in place of what its encoder holds. */
export function operationsPayload(): Payload {
  const payload = testPayload();
  const kind = payload.rows.kind.map((kind, row) => (row === 2 || row === 3 ? "operation" : kind));
  return { ...payload, rows: { ...payload.rows, kind } };
}

/** A store with that model. */
export function testStore(state: Partial<State> = {}, kernel: Store["kernel"] = null): Store {
  const store = new Store({ ...DEFAULT_STATE, ...state }, kernel);
  store.setPayload(testPayload());
  return store;
}
