// The order of a column's cells, as one number for each row: found once, so that sorting a long table takes a moment.
import type { Column, Value } from "./columns";
import { naturalKey } from "./natural";

const cache = new WeakMap<Column, Float64Array>();

/** Rows with smaller numbers come first, equal cells have equal ones, and what is unknown is NaN. */
export function ranksOf(column: Column, rows: number): Float64Array {
  let ranks = cache.get(column);
  if (!ranks) {
    ranks = rank(column, rows);
    cache.set(column, ranks);
  }
  return ranks;
}

interface Cell {
  readonly value: Value;
  /** The first row that has it. */
  readonly row: number;
  readonly key: string;
}

function rank(column: Column, rows: number): Float64Array {
  const values = Array.from({ length: rows }, (_, row) => column.value(row));
  if (!values.some((value) => typeof value === "string")) return Float64Array.from(values, (value) => Number(value));
  const order = orderOf(column);
  const ranks = new Map<Value, number>();
  let last: Cell | undefined;
  let place = 0;
  for (const cell of distinct(values).sort(order)) {
    if (last && order(last, cell) !== 0) place += 1;
    ranks.set(cell.value, place);
    last = cell;
  }
  return Float64Array.from(values, (value) => ranks.get(value) ?? Number.NaN);
}

/** Cells repeat: each is looked at once. */
function distinct(values: readonly Value[]): Cell[] {
  const rows = new Map<Value, number>();
  values.forEach((value, row) => {
    if (value !== undefined && !rows.has(value)) rows.set(value, row);
  });
  return Array.from(rows, ([value, row]) => ({ value, row, key: naturalKey(String(value)) }));
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
