// The grid itself: sticky headings over virtual rows, with its keyboard and its pointer.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Column } from "../columns";
import { rowAround } from "../outline";
import type { Shown } from "../table-model";
import { rowIndex, treeOf } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";
import { useCursor, useRevealSelection } from "./table-cursor";
import { useRowEvents } from "./table-events";
import { TableHead } from "./table-head";
import { TableRow } from "./table-row";
import { useVirtual } from "./virtual";

export const ROW_HEIGHT = 28;
const HEAD_HEIGHT = 32;

// Not useId, which starts anew in every display: ids must differ between two displays of one page.
let grids = 0;

interface GridProps {
  readonly payload: Payload;
  readonly columns: readonly Column[];
  readonly shown: Shown;
  readonly template: string;
  /** Rows that the search leaves bright; null without a search. */
  readonly lit: Uint8Array | null;
  onSort(column: Column, add: boolean): void;
  onResize(id: string, width: number | null): void;
}

export function TableGrid(props: GridProps) {
  const { payload, columns, shown, template, lit, onSort, onResize } = props;
  const { store } = useDisplay();
  const state = useStore(store, "selection", "sort", "hover", "expanded", "depth", "groups", "operations");
  const scroller = useRef<HTMLDivElement>(null);
  const [id] = useState(() => {
    grids += 1;
    return `nbviz-row-${grids}`;
  });
  const cursor = useCursor(payload, shown);
  const virtual = useVirtual({
    count: shown.rows.length,
    scroller,
    rowHeight: ROW_HEIGHT,
    heading: HEAD_HEIGHT,
    keep: cursor.index,
  });
  // In a new order the first rows are what was asked for.
  useEffect(() => scroller.current?.scrollTo({ top: 0 }), [state.sort]);
  useRevealSelection(payload, shown, virtual.reveal);
  const rows = useRowEvents(payload, shown, cursor, virtual);
  const selected = useMemo(() => new Set(state.selection), [state.selection]);
  const holding = useMemo(() => {
    const index = rowIndex(payload.rows);
    return new Set(state.selection.map((path) => rowAround(payload, state, index.get(path) ?? -1)));
  }, [payload, shown, state.selection]);
  const failing = useMemo(() => failingPaths(payload), [payload]);
  const tree = treeOf(payload.rows, state.groups);
  const { open } = rows;
  // A view that was scrolled out of a notebook has no size, and no rows.
  const standing = virtual.items.some(({ index }) => index === cursor.index);
  return (
    <div
      class="nbviz-grid"
      ref={scroller}
      role={shown.flat ? "grid" : "treegrid"}
      tabIndex={0}
      aria-label="Layers"
      aria-rowcount={shown.rows.length + 1}
      aria-colcount={columns.length}
      aria-multiselectable="true"
      aria-activedescendant={standing ? `${id}-${cursor.row}` : undefined}
      onKeyDown={rows.onKeyDown}
    >
      <div
        class="nbviz-rows"
        role="rowgroup"
        style={{ "--nbviz-columns": template, height: `${virtual.height}px` }}
        onClick={rows.onClick}
        onDblClick={rows.onDblClick}
        onPointerOver={rows.onPointerOver}
        onPointerLeave={() => store.setHover(null)}
      >
        <TableHead columns={columns} sort={state.sort} onSort={onSort} onResize={onResize} />
        {virtual.items.map(({ index, start }) => {
          const row = shown.rows[index];
          if (row === undefined) return null;
          const path = payload.rows.path[row] ?? "";
          return (
            <TableRow
              key={row}
              id={`${id}-${row}`}
              payload={payload}
              columns={columns}
              row={row}
              index={index}
              top={start}
              depth={tree.depth[row] ?? 0}
              open={open(row)}
              flat={shown.flat}
              selected={selected.has(path)}
              holding={holding.has(row)}
              current={row === cursor.row}
              hovered={store.hover === path}
              dimmed={lit !== null && lit[row] !== 1}
              failed={failing.has(path)}
            />
          );
        })}
      </div>
      {shown.rows.length === 0 && (
        <p class="nbviz-empty" role="status">
          No row matches the filter.
          <button type="button" class="nbviz-link" onClick={() => store.set({ filter: { text: "", types: [] } })}>
            Show all rows
          </button>
        </p>
      )}
    </div>
  );
}

function failingPaths({ calls, rows }: Payload): Set<string> {
  const paths = new Set<string>();
  calls.failed.forEach((failed, call) => {
    if (failed) paths.add(rows.path[calls.row[call] ?? -1] ?? "");
  });
  return paths;
}
