// The payload: what crosses from Python once, as columns. The same field names as `nbviz/wire.py`; no DOM, no store.

/** The major version this code reads; `SCHEMA_VERSION` in `wire.py`. */
export const SCHEMA_MAJOR = 1;

/** Several integers per row: row `i` is `values[offsets[i] .. offsets[i + 1]]`. */
export interface Lists {
  readonly offsets: Int32Array;
  readonly values: Int32Array;
}

export type Dim = number | string | null;
export type Setting = string | number | boolean | null | readonly Setting[];
/** Settings of one layer or operation, in the framework's order. */
export type Settings = readonly (readonly [string, Setting])[];

export interface Diagnostic {
  readonly level: "note" | "warning" | "error";
  readonly message: string;
  readonly path: string;
  readonly call: number | null;
}

export interface Totals {
  readonly params: number | null;
  readonly trainable_params: number | null;
  readonly non_trainable_params: number | null;
  readonly buffers: number | null;
  readonly bytes: number | null;
  readonly macs: number | null;
}

export interface Meta {
  readonly name: string;
  readonly framework: string;
  readonly type: string;
  readonly totals: Totals;
  /** "per example" when a free batch dimension counts as 1, "" otherwise. */
  readonly macs_basis: string;
  readonly optimizer: { readonly name: string; readonly size: number; readonly bytes: number } | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly version: string;
}

/** One table row per layer, operation and group, in tree order; the first is the root. NaN is unknown. */
export interface Rows {
  readonly length: number;
  readonly path: readonly string[];
  /** The last segment of the path, as a person reads it. */
  readonly label: readonly string[];
  /** The framework's own name. */
  readonly name: readonly string[];
  readonly kind: readonly ("layer" | "operation" | "group")[];
  readonly type: readonly string[];
  /** The row that holds it in the real tree (groups left out of account), -1 for the root. */
  readonly parent: Int32Array;
  /** The innermost inferred group's row, -1 for none; for a group, the group around it. */
  readonly group: Int32Array;
  /** Indices into `shapes` of the first call's tensors. */
  readonly input_shape: Lists;
  readonly output_shape: Lists;
  readonly dtype: readonly string[];
  readonly params: Float64Array;
  readonly trainable_params: Float64Array;
  readonly own_params: Float64Array;
  readonly share: Float64Array;
  readonly bytes: Float64Array;
  readonly macs: Float64Array;
  readonly output_bytes: Float64Array;
  readonly calls: Int32Array;
  /** Id of the first call, -1 when never called. */
  readonly order: Int32Array;
  /** Nearest upstream rows. */
  readonly connected_to: Lists;
  /** Index into `settings`. */
  readonly settings: Int32Array;
  /** Ids of the parameters that it holds itself. */
  readonly parameters: Lists;
  /** Python expression behind the model object, "" for none. */
  readonly accessor: readonly string[];
  readonly source: readonly string[];
  /** 1, 0, or -1 where the framework has no such switch. */
  readonly trainable: Int32Array;
}

/** Executions in order; call 0 is the root, every other one has a parent. */
export interface Calls {
  readonly length: number;
  readonly kind: readonly ("layer" | "operation" | "input" | "output" | "constant")[];
  readonly path: readonly string[];
  /** The table row, -1 for inputs, outputs and constants without one. */
  readonly row: Int32Array;
  readonly parent: Int32Array;
  readonly op: readonly string[];
  /** Indices into `tensors`. */
  readonly inputs: Lists;
  readonly outputs: Lists;
  /** Ids of the parameters that this call reads itself. */
  readonly parameters: Lists;
  /** Its own multiply-accumulates and those of everything in it; NaN is unknown. */
  readonly macs: Float64Array;
  readonly settings: Int32Array;
  /** 1 where the forward pass stopped. */
  readonly failed: Int32Array;
  readonly source: readonly string[];
}

export interface Tensors {
  readonly length: number;
  readonly shape: Int32Array;
  readonly dtype: readonly string[];
  readonly name: readonly string[];
  readonly bytes: Float64Array;
}

/** Between calls that contain no call, sorted by target, target port, source, source port. */
export interface Edges {
  readonly length: number;
  readonly source: Int32Array;
  readonly source_port: Int32Array;
  readonly target: Int32Array;
  readonly target_port: Int32Array;
}

export interface Parameters {
  readonly length: number;
  readonly name: readonly string[];
  readonly kind: readonly ("weight" | "buffer")[];
  readonly shape: Int32Array;
  readonly dtype: readonly string[];
  readonly trainable: Int32Array;
  readonly bytes: Float64Array;
  readonly size: Float64Array;
  /** Rows of the layers that hold it; more than one means tied. */
  readonly owners: Lists;
}

export interface Payload {
  readonly meta: Meta;
  /** null is a tensor of unknown rank. */
  readonly shapes: readonly (readonly Dim[] | null)[];
  readonly settings: readonly Settings[];
  readonly rows: Rows;
  readonly calls: Calls;
  readonly tensors: Tensors;
  readonly edges: Edges;
  readonly parameters: Parameters;
}

/** The integers of one row of a list column. */
export function list(lists: Lists, row: number): Int32Array {
  return lists.values.subarray(lists.offsets[row] ?? 0, lists.offsets[row + 1] ?? 0);
}

type Column =
  | { readonly type: "str" | "int" | "num"; readonly at: number; readonly length: number }
  | { readonly type: "ints"; readonly at: number; readonly length: number; readonly values: number };

interface Header {
  readonly schema: readonly [number, number];
  readonly meta: Meta;
  readonly strings: readonly string[];
  readonly shapes: Payload["shapes"];
  readonly settings: Payload["settings"];
  readonly tables: Readonly<
    Record<
      "rows" | "calls" | "tensors" | "edges" | "parameters",
      { readonly length: number; readonly columns: Readonly<Record<string, Column>> }
    >
  >;
}

const MAGIC = 0x5a56424e; // "NBVZ", little endian

/** JSON in ASCII (Python escapes the rest), so that no TextDecoder is needed: an embedded V8 has none. */
function ascii(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

function column(body: ArrayBuffer, strings: readonly string[], spec: Column): unknown {
  switch (spec.type) {
    case "num":
      return new Float64Array(body, spec.at, spec.length);
    case "int":
      return new Int32Array(body, spec.at, spec.length);
    case "str":
      return Array.from(new Int32Array(body, spec.at, spec.length), (i) => strings[i] ?? "");
    case "ints":
      return {
        offsets: new Int32Array(body, spec.at, spec.length + 1),
        values: new Int32Array(body, spec.at + 4 * (spec.length + 1), spec.values),
      } satisfies Lists;
  }
}

/**
 * Read the uncompressed payload that `wire.encode` wrote, in pieces: yields the share that is done, from 0 to 1, so
 * that a page stays alive between them.
 *
 * Throws when the bytes are not a payload, or when a newer major version wrote them.
 */
export function* decodeSteps(bytes: Uint8Array): Generator<number, Payload> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw new Error("nbviz: this is not a model payload.");
  const headerLength = view.getUint32(4, true);
  const header = JSON.parse(ascii(bytes.subarray(8, 8 + headerLength))) as Header;
  if (header.schema[0] > SCHEMA_MAJOR) {
    throw new Error(
      `nbviz: this view was made by a newer nbviz (format ${header.schema.join(".")}, this one reads ${SCHEMA_MAJOR}.x). Upgrade nbviz, or run the cell again.`,
    );
  }
  // Typed arrays need aligned offsets, which a view into somebody else's buffer does not give: copy the body once.
  const body = bytes.slice(8 + headerLength).buffer;
  const tables: Record<string, unknown> = {};
  const names = Object.keys(header.tables) as (keyof Header["tables"])[];
  for (const [done, name] of names.entries()) {
    yield done / names.length;
    const { length, columns } = header.tables[name];
    const read = Object.entries(columns).map(([key, spec]) => [key, column(body, header.strings, spec)]);
    tables[name] = { length, ...Object.fromEntries(read) };
  }
  return {
    meta: header.meta,
    shapes: header.shapes,
    settings: header.settings,
    rows: tables.rows as Rows,
    calls: tables.calls as Calls,
    tensors: tables.tensors as Tensors,
    edges: tables.edges as Edges,
    parameters: tables.parameters as Parameters,
  };
}

/** All steps at once. */
export function decode(bytes: Uint8Array): Payload {
  const steps = decodeSteps(bytes);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
