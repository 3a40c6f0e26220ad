// The order of a column's cells, as one number for each row: found once, so that sorting a long table takes a moment.
import type { Column, Value } from "./columns";
import { naturalKey } from "./natural";
import { atOnce } from "./steps";

const cache = new WeakMap<Column, Float64Array>();

/** Rows with smaller numbers come first, equal cells have equal ones, and what is unknown is NaN. */
export function ranksOf(column: Column, rows: number): Float64Array {
  return atOnce(ranking(column, rows));
}

/** The same in steps of a few milliseconds, for those who see to it beforehand. */
export function* ranking(column: Column, rows: number): Generator<undefined, Float64Array> {
  const ranks = cache.get(column) ?? (yield* rank(column, rows));
  cache.set(column, ranks);
  return ranks;
}

interface Cell {
  readonly value: Value;
  /** The first row that has it. */
  readonly row: number;
  readonly key: string;
}

// Cells between two yields.
const STEP = 2000;

function* rank(column: Column, rows: number): Generator<undefined, Float64Array> {
  const values: Value[] = [];
  for (let row = 0; row < rows; row++) {
    values.push(column.value(row));
    if (row % STEP === STEP - 1) yield;
  }
  if (!values.some((value) => typeof value === "string")) return Float64Array.from(values, (value) => Number(value));
  const cells = yield* distinct(values);
  const order = orderOf(column);
  cells.sort(order);
  yield;
  const ranks = new Map<Value, number>();
  let place = 0;
  cells.forEach((cell, i) => {
    if (i > 0 && order(cells[i - 1] as Cell, cell) !== 0) place += 1;
    ranks.set(cell.value, place);
  });
  yield;
  return Float64Array.from(values, (value) => ranks.get(value) ?? Number.NaN);
}

/** Cells repeat: each is looked at once. */
function* distinct(values: readonly Value[]): Generator<undefined, Cell[]> {
  const seen = new Set<Value>();
  const cells: Cell[] = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === undefined || seen.has(value)) continue;
    seen.add(value);
    cells.push({ value, row, key: naturalKey(String(value)) });
    if (cells.length % STEP === 0) yield;
  }
  return cells;
}

/** Numbers before texts, as in `present` of `nbviz/views/export.py`. */
function orderOf({ compare }: Column): (a: Cell, b: Cell) => number {
  if (compare) return (a, b) => compare(a.row, b.row);
  return (a, b) => {
    const [x, y] = [typeof a.value === "number", typeof b.value === "number"];
    if (x && y) return Number(a.value) - Number(b.value);
    if (x !== y) return x ? -1 : 1;
    return a.key < b.key ? -1 : Number(a.key > b.key);
  };
}
