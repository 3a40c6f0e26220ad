// What pointer and keyboard do to the rows of the table.

import { setOpen } from "../opening";
import { canOpen, openPaths } from "../outline";
import { select, selectOne, selectToggle } from "../select";
import type { Shown } from "../table-model";
import { treeOf } from "../tree";
import type { Payload } from "../wire";
import { commandOf } from "./grid-keys";
import { handled, useDisplay } from "./hooks";
import type { Cursor } from "./table-cursor";
import type { Virtual } from "./virtual";

export function useRowEvents(payload: Payload, shown: Shown, cursor: Cursor, virtual: Virtual) {
  const { store } = useDisplay();
  const pathOf = (row: number) => payload.rows.path[row] ?? "";
  const open = (row: number): boolean | null =>
    shown.flat || !canOpen(payload, store.state, row) ? null : openPaths(payload, store.state).has(pathOf(row));
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
    else if (command.do === "clear") select(store, []);
    else if (index < 0) return;
    else if (command.do === "select") (command.add ? selectToggle : selectOne)(store, pathOf(row));
    else if (command.do === "parent")
      moveTo(shown.rows.indexOf(treeOf(payload.rows, store.state.groups).parent[row] ?? -1), false);
    else setOpen(store, [pathOf(row)], command.do === "open");
  };
  return {
    open,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.target !== event.currentTarget) return;
      const { index, row } = cursor;
      const command = commandOf(event, { index, count: shown.rows.length, page: virtual.page, open: open(row) });
      // Where nothing is selected, Escape is for what is around.
      if (!command || (command.do === "clear" && store.state.selection.length === 0)) return;
      handled(event);
      obey(command);
    },
    onClick: (event: MouseEvent) => {
      const row = rowOf(event);
      if (row < 0) return;
      if ((event.target as Element).closest("[data-toggle]")) return setOpen(store, [pathOf(row)], open(row) !== true);
      if (event.shiftKey) return range(shown.rows.indexOf(row));
      cursor.to(row);
      // The row under the pointer took the focus; the keyboard is the grid's.
      (event.currentTarget as Element).closest<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
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
