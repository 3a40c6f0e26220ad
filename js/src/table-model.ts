// Which rows the table shows and in what order; TanStack Table filters and sorts.
import {
  type ColumnDef,
  createTable,
  getCoreRowModel,
  getFilteredRowModel,
  getSortedRowModel,
  type RowData,
  type SortingState,
  type Table,
} from "@tanstack/table-core";
import type { Column } from "./columns";
import { openPaths } from "./outline";
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

/** Names with numbers in them sort as people count: conv2 before conv10. */
const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function definition(column: Column): ColumnDef<number> {
  return {
    id: column.id,
    accessorFn: (row) => column.value(row),
    // "first" and "last" hold in both directions: what is unknown is never the biggest or the smallest.
    sortUndefined: "last",
    enableColumnFilter: column.id === "type",
    filterFn: (row, _id, types: readonly string[]) =>
      types.length === 0 || types.includes(String(column.value(row.original))),
    sortingFn: (a, b, id) => {
      if (column.compare) return column.compare(a.original, b.original);
      const [x, y] = [a.getValue<string | number>(id), b.getValue<string | number>(id)];
      return typeof x === "number" && typeof y === "number" ? x - y : natural.compare(String(x), String(y));
    },
  };
}

/** One headless table per display; `shown` asks it anew. */
export class TableModel {
  readonly #table: Table<number>;

  constructor() {
    this.#table = createTable<RowData>({
      data: [],
      columns: [],
      state: { columnPinning: { left: [], right: [] } },
      onStateChange: () => {},
      renderFallbackValue: null,
      getRowId: String,
      getCoreRowModel: getCoreRowModel(),
      getFilteredRowModel: getFilteredRowModel(),
      getSortedRowModel: getSortedRowModel(),
      globalFilterFn: "auto",
    }) as Table<number>;
    this.#table.setOptions((previous) => ({ ...previous, state: { ...this.#table.initialState, ...previous.state } }));
  }

  /** Rows as the state wants them: a tree as far as it is open, or a flat list once sorted or filtered. */
  shown(payload: Payload, columns: readonly Column[], state: State): Shown {
    const tree = treeOf(payload.rows, state.groups);
    const filtered = state.filter.text.trim() !== "" || state.filter.types.length > 0;
    const sorting = state.sort.filter((key) => columns.some((column) => column.id === key.id));
    const visible = (row: number) => state.operations || payload.rows.kind[row] !== "operation";
    if (!filtered && sorting.length === 0) {
      const rows = visibleRows(payload.rows, tree, openPaths(payload, state)).filter(visible);
      return { rows, flat: false, filtered };
    }
    // The root is left out of flat lists: it would head every sorting by size, and the footer has its numbers.
    const data = allRows(tree).filter((row) => tree.parent[row] !== -1 && visible(row));
    return { rows: this.#arranged(payload, columns, data, state, [...sorting]), flat: true, filtered };
  }

  #arranged(
    payload: Payload,
    columns: readonly Column[],
    data: number[],
    { filter }: State,
    sorting: SortingState,
  ): number[] {
    const matches = matchingRows(payload, filter.text);
    this.#table.setOptions((previous) => ({
      ...previous,
      data,
      columns: columns.map(definition),
      globalFilterFn: (row) => matches === null || matches[row.original] === 1,
      getColumnCanGlobalFilter: (column) => column.id === "path",
      state: {
        ...previous.state,
        sorting,
        globalFilter: matches === null ? undefined : filter.text,
        columnFilters: filter.types.length > 0 ? [{ id: "type", value: filter.types }] : [],
      },
    }));
    return this.#table.getRowModel().rows.map((row) => row.original);
  }
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
