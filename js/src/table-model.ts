// Which rows the table shows and in what order; TanStack Table filters and sorts.
import {
  type ColumnDef,
  createTable,
  type FilterFn,
  getFilteredRowModel,
  getSortedRowModel,
  memo,
  type SortingFn,
  type Table,
} from "@tanstack/table-core";
import type { Column } from "./columns";
import { leanCoreRowModel } from "./lean-rows";
import { isRow, openPaths, showsOperations } from "./outline";
import { matchingRows } from "./search";
import { sortKeys } from "./sort-keys";
import { DEFAULT_STATE, type State } from "./state";
import { allRows, treeOf, visibleRows } from "./tree";
import type { Payload } from "./wire";

export interface Shown {
  /** Rows of the payload, top to bottom. */
  readonly rows: readonly number[];
  /** A flat list stands outside the tree: it is sorted or filtered. */
  readonly flat: boolean;
  readonly filtered: boolean;
}

/** One headless table per display of a model; `shown` asks it anew. */
export class TableModel {
  readonly #payload: Payload;
  readonly #table: Table<number>;
  #columns: readonly Column[] = [];
  #state: State = DEFAULT_STATE;

  constructor(payload: Payload) {
    this.#payload = payload;
    this.#table = tableOf(payload);
  }

  /**
   * Rows as the state wants them: a tree as far as it is open, or a flat list once sorted or filtered.
   *
   * `columns` are all that there are: what is sorted or filtered by a column stays so while that is out of sight.
   */
  shown(columns: readonly Column[], state: State): Shown {
    this.#columns = columns;
    this.#state = state;
    const { rows } = this.#payload;
    const filtered = state.filter.text.trim() !== "" || state.filter.types.length > 0;
    const flat = filtered || this.#sorting().length > 0;
    if (flat) return { rows: this.#arranged(), flat, filtered };
    const open = visibleRows(rows, treeOf(rows, state.groups), openPaths(this.#payload, state));
    return { rows: open.filter((row) => this.#isShown(row)), flat, filtered };
  }

  #isShown(row: number): boolean {
    return isRow(this.#payload, this.#state, row);
  }

  #arranged(): number[] {
    this.#table.setOptions((previous) => ({
      ...previous,
      data: this.#data(),
      columns: this.#definitions(),
      state: {
        ...previous.state,
        sorting: this.#sorting(),
        columnFilters: this.#columnFilters(),
        globalFilter: this.#state.filter.text,
      },
    }));
    return this.#table.getRowModel().rows.map((row) => row.original);
  }

  // The table does again only what depends on something that is another than before: what is equal stays the same.

  readonly #data = memo(
    () => [this.#state.groups, showsOperations(this.#state)],
    (groups) => {
      const tree = treeOf(this.#payload.rows, groups);
      // The root is left out of flat lists: it would head every sorting by size, and the footer has its numbers.
      return allRows(tree).filter((row) => tree.parent[row] !== -1 && this.#isShown(row));
    },
    { key: false },
  );

  readonly #sorting = memo(
    () => [this.#columns, this.#state.sort],
    (columns, sort) => sort.filter((key) => columns.some(({ id }) => id === key.id)),
    { key: false },
  );

  readonly #definitions = memo(
    () => [this.#columns, this.#sorting(), this.#data()],
    (columns, sorting, data) => {
      const desc = new Map(sorting.map((key) => [key.id, key.desc]));
      return columns.map((column) => definition(column, data, desc.get(column.id)));
    },
    { key: false },
  );

  readonly #columnFilters = memo(
    () => [this.#state.filter.types],
    (types) => (types.length > 0 ? [{ id: "type", value: types }] : []),
    { key: false },
  );
}

function tableOf(payload: Payload): Table<number> {
  const table = createTable<number>({
    data: [],
    columns: [],
    state: {},
    onStateChange: () => {},
    autoResetAll: false,
    renderFallbackValue: null,
    getCoreRowModel: leanCoreRowModel,
    getFilteredRowModel: getFilteredRowModel(),
    getSortedRowModel: getSortedRowModel(),
    // The text is looked for in rows, so one column stands for all.
    getColumnCanGlobalFilter: ({ id }) => id === "path",
    globalFilterFn: matching(payload),
  });
  table.setOptions((previous) => ({ ...previous, state: table.initialState }));
  return table;
}

function matching(payload: Payload): FilterFn<number> {
  const passes: FilterFn<number> = (row, _id, matches: Uint8Array | null) =>
    matches === null || matches[row.original] === 1;
  return Object.assign(passes, { resolveFilterValue: (text: string) => matchingRows(payload, text) });
}

/** `desc`: undefined for columns that nothing is sorted by. */
function definition(column: Column, data: readonly number[], desc: boolean | undefined): ColumnDef<number> {
  const value = (row: number) => String(column.value(row));
  const isOneOf: FilterFn<number> = (row, _id, values: ReadonlySet<string>) => values.has(value(row.original));
  return {
    id: column.id,
    accessorFn: value,
    filterFn: Object.assign(isOneOf, { resolveFilterValue: (values: readonly string[]) => new Set(values) }),
    // What is unknown is placed below: its "last" leaves several such rows in no order at all.
    sortUndefined: false,
    sortingFn: desc === undefined ? "basic" : byKeys(sortKeys(column, data), desc),
  };
}

/** What is unknown is never the biggest or the smallest: it comes last, though `desc` will turn the order round. */
function byKeys(keys: Float64Array, desc: boolean): SortingFn<number> {
  const last = desc ? -1 : 1;
  return (a, b) => {
    const [x, y] = [keys[a.index] as number, keys[b.index] as number];
    if (x < y) return -1;
    if (x > y) return 1;
    return x === y ? 0 : last * (Number(Number.isNaN(x)) - Number(Number.isNaN(y)));
  };
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
