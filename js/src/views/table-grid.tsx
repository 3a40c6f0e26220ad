// The grid itself: sticky headings over virtual rows, with its keyboard and its pointer.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Column } from "../columns";
import { canOpen, openPaths, setOpen } from "../outline";
import { select, selectOne, selectToggle } from "../select";
import type { Shown } from "../table-model";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { commandOf } from "./grid-keys";
import { handled, useDisplay, useStore } from "./hooks";
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
  const state = useStore(store, "selection", "sort", "hover", "expanded", "depth", "groups");
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
  useRevealSelection(payload, shown, virtual.reveal);
  const rows = useRowEvents(payload, shown, cursor, virtual);
  const selected = useMemo(() => new Set(state.selection), [state.selection]);
  const failing = useMemo(() => failingPaths(payload), [payload]);
  const tree = treeOf(payload.rows, state.groups);
  const { open } = rows;
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
      aria-activedescendant={cursor.index >= 0 ? `${id}-${cursor.row}` : undefined}
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

interface Cursor {
  readonly row: number;
  /** Where that row is now, -1 when it does not show. */
  readonly index: number;
  /** Where a range began. */
  readonly anchor: number;
  to(row: number, anchor?: number): void;
}

/** The row that the keyboard is on. It follows the selection, and stays on its row when others come and go. */
function useCursor(payload: Payload, shown: Shown): Cursor {
  const { store } = useDisplay();
  const { selection } = useStore(store, "selection");
  const [at, setAt] = useState({ row: 0, anchor: 0 });
  const last = selection[selection.length - 1];
  useEffect(() => {
    const row = last === undefined ? -1 : payload.rows.path.indexOf(last);
    if (row >= 0) setAt((old) => ({ row, anchor: selection.length === 1 ? row : old.anchor }));
  }, [payload, last, selection.length]);
  const index = useMemo(() => shown.rows.indexOf(at.row), [shown, at.row]);
  return { ...at, index, to: (row, anchor) => setAt({ row, anchor: anchor ?? row }) };
}

/** Bring a selection that came from elsewhere into the window, once its row is there. */
function useRevealSelection(payload: Payload, shown: Shown, reveal: (index: number) => void): void {
  const { store } = useDisplay();
  const { selection } = useStore(store, "selection");
  const done = useRef<readonly string[]>([]);
  useEffect(() => {
    if (done.current === selection || selection.length === 0) return;
    const wanted = new Set(selection);
    const index = shown.rows.findIndex((row) => wanted.has(payload.rows.path[row] ?? ""));
    if (index < 0) return;
    done.current = selection;
    reveal(index);
  });
}

function useRowEvents(payload: Payload, shown: Shown, cursor: Cursor, virtual: ReturnType<typeof useVirtual>) {
  const { store } = useDisplay();
  const { groups } = store.state;
  const pathOf = (row: number) => payload.rows.path[row] ?? "";
  const open = (row: number): boolean | null =>
    shown.flat || !canOpen(payload, groups, row) ? null : openPaths(payload, store.state).has(pathOf(row));
  const range = (to: number) => {
    const from = Math.max(shown.rows.indexOf(cursor.anchor), 0);
    select(store, shown.rows.slice(Math.min(from, to), Math.max(from, to) + 1).map(pathOf));
  };
  const rowOf = (event: Event): number => {
    const found = (event.target as Element).closest<HTMLElement>("[data-row]");
    return found ? Number(found.dataset.row) : -1;
  };
  const moveTo = (index: number, extend: boolean) => {
    const row = shown.rows[index];
    if (row === undefined) return;
    cursor.to(row, extend ? cursor.anchor : row);
    if (extend) range(index);
    virtual.reveal(index);
  };
  const obey = (command: NonNullable<ReturnType<typeof commandOf>>) => {
    const { row, index } = cursor;
    if (command.do === "move") moveTo(command.to, command.extend);
    else if (command.do === "all") select(store, shown.rows.map(pathOf));
    else if (index < 0) return;
    else if (command.do === "select") (command.add ? selectToggle : selectOne)(store, pathOf(row));
    else if (command.do === "parent") moveTo(shown.rows.indexOf(treeOf(payload.rows, groups).parent[row] ?? -1), false);
    else setOpen(store, [pathOf(row)], command.do === "open");
  };
  return {
    open,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.target !== event.currentTarget) return;
      const { index, row } = cursor;
      const command = commandOf(event, { index, count: shown.rows.length, page: virtual.page, open: open(row) });
      if (!command) return;
      handled(event);
      obey(command);
    },
    onClick: (event: MouseEvent) => {
      const row = rowOf(event);
      if (row < 0) return;
      if ((event.target as Element).closest("[data-toggle]")) return setOpen(store, [pathOf(row)], open(row) !== true);
      if (event.shiftKey) return range(shown.rows.indexOf(row));
      cursor.to(row);
      (event.ctrlKey || event.metaKey ? selectToggle : selectOne)(store, pathOf(row));
    },
    onDblClick: (event: MouseEvent) => {
      const row = rowOf(event);
      if (row >= 0 && open(row) !== null) setOpen(store, [pathOf(row)], open(row) !== true);
    },
    onPointerOver: (event: PointerEvent) => {
      const row = rowOf(event);
      store.setHover(row < 0 ? null : pathOf(row));
    },
  };
}
