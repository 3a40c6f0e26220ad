// The table's columns: what each shows, sorts by and exports. A new column is one entry here.
import { connectedTo } from "./calls";
import { formatBytes, formatCount, formatNumber, formatShape, percent, shortCount } from "./format";
import type { ExtraColumn } from "./state";
import { treeOf } from "./tree";
import { type Dim, type Lists, list, type Payload } from "./wire";

/** What a cell sorts by and exports as; undefined is unknown and comes last. */
export type Value = number | string | undefined;

export interface Column {
  /** As in the DataFrame. */
  readonly id: string;
  readonly label: string;
  readonly title: string;
  readonly align: "left" | "right";
  readonly mono: boolean;
  /** Pixels to begin with. */
  readonly width: number;
  value(row: number): Value;
  /** As shown. */
  text(row: number): string;
  /** In full, for the tooltip. */
  exact(row: number): string;
  /** Share of the whole, 0 to 1, drawn behind the number. */
  bar?(row: number): number;
  /** Sorting of values that are neither plain text nor numbers. */
  compare?(a: number, b: number): number;
}

type Options = Partial<Omit<Column, "id" | "label">> & Pick<Column, "value">;

function define(id: string, label: string, options: Options): Column {
  const text = options.text ?? ((row: number) => String(options.value(row) ?? "–"));
  return { id, label, title: label, align: "left", mono: false, width: 120, text, exact: text, ...options };
}

const known = (n: number | undefined): number | undefined => (n === undefined || Number.isNaN(n) ? undefined : n);

interface Numeric {
  readonly title: string;
  readonly values: ArrayLike<number>;
  readonly total?: number | null;
  readonly short?: (n: number | undefined) => string;
  readonly exact?: (n: number | undefined) => string;
  readonly width?: number;
}

function numeric(id: string, label: string, { title, values, total, short, exact, width }: Numeric): Column {
  const value = (row: number) => known(values[row]);
  const show = short ?? formatCount;
  const full = exact ?? formatCount;
  const base = define(id, label, {
    value,
    title,
    align: "right",
    width: width ?? 110,
    text: (row) => show(value(row)),
    exact: (row) => full(value(row)),
  });
  return total ? { ...base, bar: (row) => Math.min((value(row) ?? 0) / total, 1) } : base;
}

function dimKey(dim: Dim): readonly [number, number, string] {
  if (dim === null) return [0, 0, ""];
  return typeof dim === "string" ? [1, 0, dim] : [2, dim, ""];
}

// The order of nbviz.Shape: free dimensions before named ones before sizes; shorter first when one begins the other.
function compareDims(a: readonly Dim[], b: readonly Dim[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [kindA, sizeA, nameA] = dimKey(a[i] ?? null);
    const [kindB, sizeB, nameB] = dimKey(b[i] ?? null);
    const order = kindA - kindB || sizeA - sizeB || (nameA < nameB ? -1 : Number(nameA > nameB));
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function shapes(id: string, label: string, title: string, payload: Payload, column: Lists): Column {
  // Shapes repeat: each is put into words once.
  const words: string[] = [];
  const inWords = (shape: number) => (words[shape] ??= formatShape(payload.shapes[shape] ?? null));
  const all = (row: number) => Array.from(list(column, row), inWords);
  const text = (row: number) => {
    const [one, ...others] = all(row);
    return others.length > 0 ? `${one} +${others.length}` : one;
  };
  const first = (row: number) => payload.shapes[list(column, row)[0] ?? -1] ?? [];
  return define(id, label, {
    title,
    mono: true,
    width: 168,
    value: (row) => all(row).join(", ") || undefined,
    text: (row) => text(row) || "–",
    exact: (row) => all(row).join(", ") || "–",
    compare: (a, b) => compareDims(first(a), first(b)),
  });
}

function groupSizes(payload: Payload): (row: number) => number {
  const { children } = treeOf(payload.rows, true);
  const count = (row: number): number => {
    const inner = list(children, row);
    return payload.rows.kind[row] === "group" ? inner.reduce((sum, child) => sum + count(child), 0) : 1;
  };
  return count;
}

function describe(payload: Payload): Column[] {
  const { rows, parameters } = payload;
  const held: Lists = { ...rows.parameters, values: rows.parameters.values.map((id) => parameters.shape[id] ?? 0) };
  const dtypes = (row: number) => [...new Set(Array.from(list(rows.parameters, row), (id) => parameters.dtype[id]))];
  const size = groupSizes(payload);
  const type = (row: number) => (rows.kind[row] === "group" ? `${size(row)} layers` : (rows.type[row] ?? ""));
  return [
    define("path", "Layer", { width: 200, value: (row) => rows.path[row] || payload.meta.name }),
    define("kind", "Kind", { width: 90, value: (row) => rows.kind[row] }),
    define("type", "Type", { width: 140, value: (row) => rows.type[row] || rows.kind[row], text: type, exact: type }),
    shapes("input_shape", "Input shape", "Shapes of the first call's inputs", payload, rows.input_shape),
    shapes("output_shape", "Output shape", "Shapes of the first call's outputs", payload, rows.output_shape),
    define("dtype", "Dtype", { title: "Dtype of the output", width: 84, value: (row) => rows.dtype[row] || undefined }),
    shapes("param_shape", "Param shape", "Shapes of the parameters that the layer holds itself", payload, held),
    define("param_dtype", "Param dtype", {
      title: "Dtypes of the parameters that the layer holds itself",
      width: 108,
      value: (row) => dtypes(row).join(", ") || undefined,
    }),
  ];
}

function measure(payload: Payload): Column[] {
  const { rows } = payload;
  const { totals, macs_basis } = payload.meta;
  const basis = macs_basis ? ` (${macs_basis})` : "";
  const largest = (values: Float64Array) => values.reduce((most, n) => (n > most ? n : most), 0);
  return [
    numeric("params", "Params", {
      title: "Parameters of the layer and everything in it",
      values: rows.params,
      total: totals.params,
    }),
    numeric("trainable_params", "Trainable", {
      title: "Trainable parameters of the layer and everything in it",
      values: rows.trainable_params,
      total: totals.params,
    }),
    numeric("own_params", "Own params", {
      title: "Parameters that the layer holds itself",
      values: rows.own_params,
      total: totals.params,
    }),
    numeric("share", "Share", {
      title: "Share of all parameters",
      values: rows.share,
      total: 1,
      short: percent,
      exact: percent,
      width: 84,
    }),
    numeric("bytes", "Size", {
      title: "Stored size of the parameters",
      values: rows.bytes,
      total: totals.bytes,
      short: formatBytes,
      exact: (n) => (n === undefined ? "–" : `${formatCount(n)} bytes`),
    }),
    numeric("macs", "MACs", {
      title: `Multiply-accumulates${basis}`,
      values: rows.macs,
      total: totals.macs,
      short: shortCount,
      width: 92,
    }),
    numeric("output_bytes", "Output size", {
      title: `Bytes of the first call's outputs${basis}`,
      values: rows.output_bytes,
      total: largest(rows.output_bytes),
      short: formatBytes,
      exact: (n) => (n === undefined ? "–" : `${formatCount(n)} bytes`),
    }),
  ];
}

function place(payload: Payload): Column[] {
  const { rows } = payload;
  const order = (row: number) => ((rows.order[row] ?? -1) < 0 ? undefined : rows.order[row]);
  return [
    numeric("calls", "Calls", { title: "How often the layer is called", values: rows.calls, width: 64 }),
    define("order", "Order", { title: "When it is first called", align: "right", width: 68, value: order }),
    define("connected_to", "Connected to", {
      title: "Nearest rows upstream",
      width: 180,
      value: (row) => connectedTo(payload, row).join(", ") || undefined,
    }),
  ];
}

/** A user's own numbers as a column. */
export function extraColumn(column: ExtraColumn): Column {
  const value = (row: number): Value => column.values[row] ?? undefined;
  const unit = column.unit ? ` ${column.unit}` : "";
  const numbers = column.values.filter((v): v is number => typeof v === "number" && Number.isFinite(v));
  const text = (row: number) => {
    const cell = value(row);
    return typeof cell === "number" ? `${formatNumber(cell)}${unit}` : (cell ?? "–");
  };
  const isNumeric = numbers.length > 0 && !column.values.some((v) => typeof v === "string");
  const base = define(column.id, column.label, { value, text, exact: text, align: isNumeric ? "right" : "left" });
  const most = Math.max(...numbers.map(Math.abs), 0);
  // A bar says "part of"; numbers of both signs are not parts of anything.
  const parts = isNumeric && most > 0 && numbers.every((n) => n >= 0);
  return parts ? { ...base, bar: (row) => Number(value(row) ?? 0) / most } : base;
}

/** Every column that there is, in the DataFrame's order. */
export function columnsOf(payload: Payload, extras: readonly ExtraColumn[]): Column[] {
  return [...describe(payload), ...measure(payload), ...place(payload), ...extras.map(extraColumn)];
}

/** Ids of the columns that show when nobody has chosen any. */
export function defaultColumns(payload: Payload, extras: readonly ExtraColumn[]): string[] {
  const macs = payload.meta.totals.macs === null ? [] : ["macs"];
  const own = extras.map((column) => column.id);
  if (payload.calls.length > 0) return ["path", "type", "output_shape", "params", ...macs, ...own];
  // Nothing is known of any output; where all rows but the root have one type, neither does that say anything.
  const types = new Set(payload.rows.type.slice(1)).size > 1 ? ["type"] : [];
  return ["path", ...types, "param_shape", "param_dtype", "params", "bytes", ...own];
}

/** The shown columns in order; the layer's name is always the first. */
export function shownColumns(all: readonly Column[], ids: readonly string[]): Column[] {
  const byId = new Map(all.map((column) => [column.id, column]));
  const wanted = ["path", ...ids.filter((id) => id !== "path")];
  return wanted.flatMap((id) => byId.get(id) ?? []);
}
