// The table of layers: a tree while unsorted, a flat list once sorted or filtered.
import { useMemo, useRef, useState } from "preact/hooks";
import { type Column, columnsOf, defaultColumns, shownColumns } from "../columns";
import { isRow, openPaths, rowAround, showsOperations } from "../outline";
import { matchingRows } from "../search";
import type { State } from "../state";
import { nextSort, type Shown, TableModel } from "../table-model";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useSize, useStore } from "./hooks";
import { TableGrid } from "./table-grid";
import { TableTools } from "./table-tools";
import { contentWidth, fitting, nameWidth, sampleOf, template } from "./widths";

/** A table narrower than this has icons alone on its menus. */
const ROOM_FOR_WORDS = 350;

interface TablePaneProps {
  readonly payload: Payload;
  /** Pixels that it will have, as far as that is known before it stands. */
  readonly room: number;
}

export function TablePane({ payload, room }: TablePaneProps) {
  const { store } = useDisplay();
  const state = useStore(store, ...TABLE_KEYS);
  const pane = useRef<HTMLDivElement>(null);
  const size = useSize(pane);
  const width = size?.width ?? room;
  const { all, columns, natural } = useColumns(payload, width);
  const shown = useShown(payload, all);
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map());
  const resize = (id: string, width: number | null) => {
    const next = new Map(widths);
    if (width === null) next.delete(id);
    else next.set(id, width);
    setWidths(next);
  };
  return (
    <div class="nbviz-table" ref={pane}>
      <TableTools payload={payload} all={all} shown={columns.map(({ id }) => id)} tight={width < ROOM_FOR_WORDS} />
      <TableGrid
        payload={payload}
        columns={columns}
        shown={shown}
        template={template(columns, { dragged: widths, natural, width })}
        lit={useLit(payload, shown.flat)}
        onSort={(column, add) => store.set({ sort: nextSort(state.sort, column, add) })}
        onResize={resize}
      />
    </div>
  );
}

const TABLE_KEYS = [
  "sort",
  "filter",
  "columns",
  "extra_columns",
  "groups",
  "operations",
  "expanded",
  "depth",
  "search",
] as const;

interface Columns {
  readonly all: readonly Column[];
  /** Those that show. */
  readonly columns: readonly Column[];
  /** Widths that the content wants. */
  readonly natural: ReadonlyMap<string, number>;
}

function useColumns(payload: Payload, width: number): Columns {
  const { store } = useDisplay();
  const state = useStore(store, "columns", "extra_columns", "groups", "operations", "filter");
  const { columns, extra_columns, groups } = state;
  const all = useMemo(() => columnsOf(payload, extra_columns), [payload, extra_columns]);
  const wanted = useMemo(
    () => shownColumns(all, columns ?? defaultColumns(payload, extra_columns)),
    [all, columns, payload, extra_columns],
  );
  const operations = showsOperations(state);
  const natural = useMemo(() => {
    const { rows } = payload;
    const some = sampleOf(rows.length, (row) => isRow(payload, state, row));
    const wants = (column: Column) =>
      column.id === "path" ? nameWidth(payload, treeOf(rows, groups).depth, some) : contentWidth(column, some);
    return new Map(wanted.map((column) => [column.id, wants(column)]));
  }, [wanted, payload, groups, operations]);
  const room = columns === null ? fitting(wanted, natural, width) : wanted;
  const key = room.map(({ id }) => id).join("\n");
  return { all, columns: useMemo(() => room, [all, key]), natural };
}

function useShown(payload: Payload, columns: readonly Column[]): Shown {
  const { store } = useDisplay();
  const state = useStore(store, ...TABLE_KEYS);
  const model = useMemo(() => new TableModel(payload), [payload]);
  const { sort, filter, groups, operations, expanded, depth } = state;
  return useMemo(
    () => model.shown(columns, state),
    [model, columns, sort, filter, groups, operations, expanded, depth],
  );
}

/** 1 for rows that match the search, and in the tree for rows that hide a match inside; null without a search. */
function useLit(payload: Payload, flat: boolean): Uint8Array | null {
  const { store } = useDisplay();
  const state = useStore(store, "search", "groups", "operations", "expanded", "depth");
  return useMemo(() => {
    const matches = matchingRows(payload, state.search);
    if (!matches || flat) return matches;
    return litRows(payload, state, matches);
  }, [payload, flat, state]);
}

function litRows(payload: Payload, state: State, matches: Uint8Array): Uint8Array {
  const lit = matches.slice();
  const { parent } = treeOf(payload.rows, state.groups);
  const open = openPaths(payload, state);
  const seen = new Uint8Array(lit.length);
  for (let row = 0; row < lit.length; row++) {
    if (!matches[row]) continue;
    lit[rowAround(payload, state, row)] = 1;
    // What is around a row that has been seen has been seen too.
    for (let at = parent[row] ?? -1; at >= 0 && !seen[at]; at = parent[at] ?? -1) {
      seen[at] = 1;
      if (parent[at] !== -1 && !open.has(payload.rows.path[at] ?? "")) lit[at] = 1;
    }
  }
  return lit;
}
