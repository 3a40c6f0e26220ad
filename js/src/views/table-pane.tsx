// The table of layers: a tree while unsorted, a flat list once sorted or filtered.
import { useMemo, useRef, useState } from "preact/hooks";
import { type Column, columnsOf, defaultColumns, shownColumns } from "../columns";
import { canOpen, openPaths } from "../outline";
import { matchingRows } from "../search";
import { nextSort, type Shown, TableModel } from "../table-model";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useSize, useStore } from "./hooks";
import { TableGrid } from "./table-grid";
import { TableTools } from "./table-tools";
import { contentWidth, fitting, nameWidth, template } from "./widths";

export function TablePane({ payload }: { payload: Payload }) {
  const { store } = useDisplay();
  const state = useStore(store, ...TABLE_KEYS);
  const pane = useRef<HTMLDivElement>(null);
  const size = useSize(pane);
  const { all, columns, ids } = useColumns(payload, size?.width ?? 1000);
  const shown = useShown(payload, columns);
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map());
  const natural = useMemo(() => {
    const wanted = new Map(all.map((column) => [column.id, contentWidth(column, payload.rows.length)]));
    return wanted.set("path", nameWidth(payload.rows, treeOf(payload.rows, state.groups).depth));
  }, [all, payload, state.groups]);
  const resize = (id: string, width: number | null) => {
    const next = new Map(widths);
    if (width === null) next.delete(id);
    else next.set(id, width);
    setWidths(next);
  };
  return (
    <div class="nbviz-table" ref={pane}>
      <TableTools payload={payload} all={all} shown={ids} />
      <TableGrid
        payload={payload}
        columns={columns}
        shown={shown}
        template={template(columns, { dragged: widths, natural, width: size?.width ?? 1000 })}
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

/** Every column, those that show, and the ids of those that were chosen. */
function useColumns(payload: Payload, width: number): { all: Column[]; columns: Column[]; ids: readonly string[] } {
  const { store } = useDisplay();
  const { columns, extra_columns } = useStore(store, "columns", "extra_columns");
  const all = useMemo(() => columnsOf(payload, extra_columns), [payload, extra_columns]);
  const ids = columns ?? defaultColumns(payload, extra_columns);
  const room = columns === null ? fitting(ids, width) : ids;
  const key = room.join("\n");
  return { all, columns: useMemo(() => shownColumns(all, room), [all, key]), ids };
}

function useShown(payload: Payload, columns: readonly Column[]): Shown {
  const { store } = useDisplay();
  const state = useStore(store, ...TABLE_KEYS);
  const model = useRef<TableModel | null>(null);
  model.current ??= new TableModel();
  const { sort, filter, groups, operations, expanded, depth } = state;
  return useMemo(
    () => (model.current ?? new TableModel()).shown(payload, columns, state),
    [payload, columns, sort, filter, groups, operations, expanded, depth],
  );
}

/** 1 for rows that match the search, and in the tree for closed rows with a match inside; null without a search. */
function useLit(payload: Payload, flat: boolean): Uint8Array | null {
  const { store } = useDisplay();
  const state = useStore(store, "search", "groups", "expanded", "depth");
  return useMemo(() => {
    const matches = matchingRows(payload, state.search);
    if (!matches || flat) return matches;
    const lit = matches.slice();
    const { parent } = treeOf(payload.rows, state.groups);
    const open = openPaths(payload, state);
    matches.forEach((match, row) => {
      if (!match) return;
      for (let at = parent[row] ?? -1; at >= 0; at = parent[at] ?? -1) {
        if (canOpen(payload, state.groups, at) && !open.has(payload.rows.path[at] ?? "")) lit[at] = 1;
      }
    });
    return lit;
  }, [payload, flat, state]);
}
