// Which rows the table shows and in what order.
import type { Column } from "./columns";
import { openPaths } from "./outline";
import { ranksOf } from "./ranks";
import { matchingRows } from "./search";
import type { State } from "./store";
import { allRows, treeOf, visibleRows } from "./tree";
import type { Payload } from "./wire";

export interface Shown {
  /** Rows of the payload, top to bottom. */
  readonly rows: readonly number[];
  /** A flat list stands outside the tree: it is sorted or filtered. */
  readonly flat: boolean;
  readonly filtered: boolean;
}

/** Rows as the state wants them: a tree as far as it is open, or a flat list once sorted or filtered. */
export function shownRows(payload: Payload, columns: readonly Column[], state: State): Shown {
  const { rows } = payload;
  const tree = treeOf(rows, state.groups);
  const filtered = state.filter.text.trim() !== "" || state.filter.types.length > 0;
  const keys = state.sort.flatMap(({ id, desc }) => {
    const column = columns.find((other) => other.id === id);
    return column ? [{ ranks: ranksOf(column, rows.length), desc }] : [];
  });
  const visible = (row: number) => state.operations || rows.kind[row] !== "operation";
  if (!filtered && keys.length === 0) {
    const open = visibleRows(rows, tree, openPaths(payload, state));
    return { rows: open.filter(visible), flat: false, filtered };
  }
  const passes = filterOf(payload, columns, state);
  // The root is left out of flat lists: it would head every sorting by size, and the footer has its numbers.
  const flat = allRows(tree).filter((row) => tree.parent[row] !== -1 && visible(row) && passes(row));
  if (keys.length > 0) flat.sort((a, b) => compare(keys, a, b));
  return { rows: flat, flat: true, filtered };
}

function filterOf(payload: Payload, columns: readonly Column[], { filter }: State): (row: number) => boolean {
  const matches = matchingRows(payload, filter.text);
  const types = new Set(filter.types);
  const type = columns.find(({ id }) => id === "type");
  return (row) =>
    (matches === null || matches[row] === 1) && (types.size === 0 || types.has(String(type?.value(row) ?? "")));
}

interface Key {
  readonly ranks: Float64Array;
  readonly desc: boolean;
}

/** Equal rows keep their order. */
function compare(keys: readonly Key[], a: number, b: number): number {
  for (const { ranks, desc } of keys) {
    const x = ranks[a] as number;
    const y = ranks[b] as number;
    if (x === y) continue;
    // Last in both directions: what is unknown is never the biggest or the smallest.
    const unknown = Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    if (unknown !== 0) return unknown;
    if (x !== y && !Number.isNaN(x)) return desc ? y - x : x - y;
  }
  return 0;
}

/**
 * The sorting after a click on a heading: none, then the useful direction first (big numbers, A to Z), then the other,
 * then none again. With `add`, other keys stay.
 */
export function nextSort(sort: State["sort"], column: Column, add: boolean): State["sort"] {
  const now = sort.find((key) => key.id === column.id);
  const descFirst = column.align === "right" && column.id !== "order";
  const others = add ? sort.filter((key) => key.id !== column.id) : [];
  if (!now) return [...others, { id: column.id, desc: descFirst }];
  if (now.desc !== descFirst) return others;
  const turned = { id: column.id, desc: !descFirst };
  return add ? sort.map((key) => (key.id === column.id ? turned : key)) : [turned];
}
