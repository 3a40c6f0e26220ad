// What rows sort by in a column, one number each: a collator is asked about each text once, not for each row and sorting.
import type { Column, Value } from "./columns";

let collator: Intl.Collator | undefined;

/** Names with numbers in them sort as people count: conv2 before conv10. Made when first asked: it takes milliseconds. */
function natural(): Intl.Collator {
  collator ??= new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  return collator;
}

const cache = new WeakMap<readonly number[], Map<Column, Float64Array>>();

/** In the order of `rows`: smaller numbers come first, equal cells have equal ones, and what is unknown is NaN. */
export function sortKeys(column: Column, rows: readonly number[]): Float64Array {
  const known = cache.get(rows) ?? new Map<Column, Float64Array>();
  cache.set(rows, known);
  const keys = known.get(column) ?? keysOf(column, rows);
  known.set(column, keys);
  return keys;
}

function keysOf(column: Column, rows: readonly number[]): Float64Array {
  const values = rows.map((row) => column.value(row));
  if (!values.some((value) => typeof value === "string")) return Float64Array.from(values, Number);
  const places = placesOf(column, rows, values);
  return Float64Array.from(values, (value) => places.get(value) ?? Number.NaN);
}

interface Cell {
  readonly value: Value;
  /** The first row that has it. */
  readonly row: number;
}

/** The place of each value among those of its column. */
function placesOf(column: Column, rows: readonly number[], values: readonly Value[]): Map<Value, number> {
  const first = new Map<Value, number>();
  values.forEach((value, i) => {
    if (value !== undefined && !first.has(value)) first.set(value, rows[i] as number);
  });
  const order = orderOf(column);
  const cells = Array.from(first, ([value, row]) => ({ value, row })).sort(order);
  const places = new Map<Value, number>();
  let place = 0;
  cells.forEach((cell, i) => {
    const before = cells[i - 1];
    if (before && order(before, cell) !== 0) place += 1;
    places.set(cell.value, place);
  });
  return places;
}

/** Numbers before texts, as in `present` of `nbviz/views/export.py`. */
function orderOf({ compare }: Column): (a: Cell, b: Cell) => number {
  if (compare) return (a, b) => compare(a.row, b.row);
  const names = natural();
  return ({ value: a }, { value: b }) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return names.compare(String(a), String(b));
  };
}
