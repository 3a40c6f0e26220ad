// The payload: what crosses from Python once, as columns. The same field names as `nbviz/wire.py`; no DOM, no store.
import { type Coded, type CodedTexts, fill, owners, pick, Reader, shares } from "./codings";
import { atOnce, partOf } from "./steps";

/** The major version this code reads; `PAYLOAD_VERSION` in `wire.py`. */
export const SCHEMA_MAJOR = 2;

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

/** How many integers a row has. */
export function countOf({ offsets }: Lists, row: number): number {
  return (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
}

/** A text that others may hold: that of a column of a table, in row `by` (a column; the row itself when ""). */
type Hole = readonly [table: string, column: string, by: string];

type Spec =
  | (Coded & { readonly type: "int" | "num" })
  | { readonly type: "share"; readonly of: string }
  | (Coded & { readonly type: "str"; readonly holes?: readonly Hole[] })
  | (Coded & { readonly type: "ints"; readonly lengths: string });

interface Header {
  readonly schema: readonly [number, number];
  readonly meta: Meta;
  readonly strings: CodedTexts;
  readonly settings: CodedTexts;
  readonly numbers: readonly (number | null)[];
  readonly shapes: Payload["shapes"];
  readonly tables: Readonly<
    Record<string, { readonly length: number; readonly columns: Readonly<Record<string, Spec>> }>
  >;
}

const MAGIC = 0x5a56424e; // "NBVZ", little endian

/** JSON in ASCII (Python escapes the rest), so that no TextDecoder is needed: an embedded V8 has none. */
function ascii(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Says what to do; anything else that goes wrong means damaged bytes. */
class Refusal extends Error {}

/** The error about bytes that cannot be read because of `cause`. */
export function damaged(cause: unknown): Error {
  return new Error(`nbviz: this view is damaged (${(cause as Error).message}). Run the cell again.`, { cause });
}

function readHeader(bytes: Uint8Array): readonly [header: Header, end: number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 8 || view.getUint32(0, true) !== MAGIC) {
    throw new Refusal("nbviz: this is not a model payload.");
  }
  const end = 8 + view.getUint32(4, true);
  const header = JSON.parse(ascii(bytes.subarray(8, end))) as Header;
  const [major, minor] = header.schema;
  if (major === SCHEMA_MAJOR) return [header, end];
  throw new Refusal(
    `nbviz: this view was made by ${major > SCHEMA_MAJOR ? "a newer" : "an older"} nbviz (format ${major}.${minor}, this one reads ${SCHEMA_MAJOR}.x). Upgrade nbviz, or run the cell again.`,
  );
}

/** Rebuilds one column after the other; a column is known as `table.name`. */
class Columns {
  readonly #columns = new Map<string, unknown>();
  readonly #ints = new Map<string, Int32Array>();
  readonly #reader: Reader;
  readonly #strings: readonly string[];
  readonly #numbers: Float64Array;

  constructor(reader: Reader, strings: readonly string[], numbers: Header["numbers"]) {
    this.#reader = reader;
    this.#strings = strings;
    this.#numbers = Float64Array.from(numbers, (value) => value ?? Number.NaN);
  }

  get(table: string, name: string): unknown {
    const found = this.#columns.get(`${table}.${name}`);
    if (found === undefined) throw new Error(`there is no column ${table}.${name}`);
    return found;
  }

  /** The next column. Yields the rows that are done. */
  *read(table: string, name: string, length: number, spec: Spec): Generator<number, void> {
    const keep = (column: unknown): unknown => this.#columns.set(`${table}.${name}`, column);
    if (spec.type === "ints") {
      keep(this.#lists(length, spec));
      return;
    }
    if (spec.type === "share") {
      keep(shares(this.get(table, spec.of) as Float64Array));
      return;
    }
    const ints = this.#reader.ints(length, spec, this.#near(table, length, spec));
    this.#ints.set(`${table}.${name}`, ints);
    switch (spec.type) {
      case "int":
        keep(ints);
        return;
      case "num":
        keep(pick(this.#numbers, ints));
        return;
      case "str": {
        const texts = new Array<string>(length);
        keep(texts);
        yield* fill(texts, ints, this.#strings, this.#holes(table, spec.holes ?? []));
      }
    }
  }

  #near(table: string, length: number, { to }: Coded): Int32Array | null {
    if (to === undefined) return null;
    return to ? this.#integers(table, to) : Int32Array.from({ length }, (_, row) => row);
  }

  #integers(table: string, name: string): Int32Array {
    const found = this.#ints.get(`${table}.${name}`);
    if (found === undefined) throw new Error(`there are no integers ${table}.${name}`);
    return found;
  }

  #holes(table: string, holes: readonly Hole[]) {
    return holes.map(([other, column, by]) => ({
      texts: this.get(other, column) as readonly string[],
      rows: by ? this.#integers(table, by) : null,
    }));
  }

  #lists(length: number, { lengths: coding, ...spec }: Spec & { type: "ints" }): Lists {
    const lengths = this.#reader.ints(length, { coding });
    const offsets = new Int32Array(length + 1);
    for (let row = 0; row < length; row++) {
      if ((lengths[row] as number) < 0) throw new Error("a list has a negative length");
      offsets[row + 1] = (offsets[row] as number) + (lengths[row] as number);
    }
    const rows = spec.to === undefined ? null : owners(offsets);
    return { offsets, values: this.#reader.ints(offsets[length] as number, spec, rows) };
  }
}

/** Columns that hold positions in a table or list, or -1; what nests stands behind what holds it. */
const POSITIONS: readonly (readonly [table: string, column: string, into: string])[] = [
  ["rows", "parent", "above"],
  ["rows", "group", "above"],
  ["rows", "connected_to", "rows"],
  ["rows", "order", "calls"],
  ["rows", "input_shape", "shapes"],
  ["rows", "output_shape", "shapes"],
  ["rows", "settings", "settings"],
  ["rows", "parameters", "parameters"],
  ["calls", "parent", "above"],
  ["calls", "row", "rows"],
  ["calls", "inputs", "tensors"],
  ["calls", "outputs", "tensors"],
  ["calls", "settings", "settings"],
  ["calls", "parameters", "parameters"],
  ["tensors", "shape", "shapes"],
  ["edges", "source", "calls"],
  ["edges", "target", "calls"],
  ["parameters", "shape", "shapes"],
  ["parameters", "owners", "rows"],
];

/** Refuse positions outside of what they point into, so that nobody walks there, or in circles. */
function checkPositions(column: Int32Array | Lists, name: string, length: number | undefined): void {
  const values = column instanceof Int32Array ? column : column.values;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < -1 || value >= (length ?? i)) throw new Error(`${name} ${i} points to ${value}`);
  }
}

/** The tables are nearly all of the work: before them, nothing counts as done. */
const BEGINNING = (): number => 0;

function* read(bytes: Uint8Array, heard: (calls: number) => void): Generator<number, Payload> {
  const [header, end] = readHeader(bytes);
  heard(header.tables.calls?.length ?? 0);
  const reader = new Reader(bytes, end);
  const strings = yield* partOf(reader.texts(header.strings), BEGINNING);
  const settings = JSON.parse(`[${yield* partOf(reader.texts(header.settings), BEGINNING)}]`) as Settings[];
  const { shapes, meta } = header;
  const columns = new Columns(reader, strings, header.numbers);
  const tables = Object.entries(header.tables);
  const lengths = new Map(tables.map(([name, { length }]) => [name, length]))
    .set("shapes", shapes.length)
    .set("settings", settings.length);
  const cells = tables.reduce((sum, [, { length, columns }]) => sum + length * Object.keys(columns).length, 0);
  let done = 0;
  for (const [table, { length, columns: specs }] of tables) {
    for (const [name, spec] of Object.entries(specs)) {
      for (const rows of columns.read(table, name, length, spec)) yield (done + rows) / cells;
      done += length;
      yield done / cells;
    }
  }
  for (const [table, name, into] of POSITIONS) {
    checkPositions(columns.get(table, name) as Int32Array | Lists, `${table}.${name}`, lengths.get(into));
    yield 1;
  }
  const table = (name: string): unknown => {
    const { length, columns: specs } = header.tables[name] as Header["tables"][string];
    return { length, ...Object.fromEntries(Object.keys(specs).map((key) => [key, columns.get(name, key)])) };
  };
  return {
    meta,
    shapes,
    settings,
    rows: table("rows") as Rows,
    calls: table("calls") as Calls,
    tensors: table("tensors") as Tensors,
    edges: table("edges") as Edges,
    parameters: table("parameters") as Parameters,
  };
}

/**
 * Read the uncompressed payload that `wire.encode` wrote, in pieces: yields the share that is done, from 0 to 1, so
 * that a page stays alive between them. `heard` is told at once how many calls there are.
 *
 * Throws when the bytes are not a payload, or damaged, or when another major version wrote them.
 */
export function* decodeSteps(bytes: Uint8Array, heard: (calls: number) => void = () => {}): Generator<number, Payload> {
  try {
    return yield* read(bytes, heard);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw damaged(error);
  }
}

/** All steps at once. */
export function decode(bytes: Uint8Array): Payload {
  return atOnce(decodeSteps(bytes));
}
