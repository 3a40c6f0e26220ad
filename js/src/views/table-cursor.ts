// Where the keyboard stands in the table, and the window that follows the selection.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { rowAround } from "../outline";
import type { Shown } from "../table-model";
import { rowIndex } from "../tree";
import type { Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";

export interface Cursor {
  readonly row: number;
  /** Where that row is now, -1 when it does not show. */
  readonly index: number;
  /** Where a range began. */
  readonly anchor: number;
  to(row: number, anchor?: number): void;
}

/** The row that the keyboard is on. It follows the selection, and stays on its row when others come and go. */
export function useCursor(payload: Payload, shown: Shown): Cursor {
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
export function useRevealSelection(payload: Payload, shown: Shown, reveal: (index: number) => void): void {
  const { store } = useDisplay();
  const { selection } = useStore(store, "selection");
  const done = useRef<readonly string[]>([]);
  useEffect(() => {
    if (done.current === selection || selection.length === 0) return;
    const rows = rowIndex(payload.rows);
    const wanted = new Set(selection.map((path) => rowAround(payload, store.state, rows.get(path) ?? -1)));
    const index = shown.rows.findIndex((row) => wanted.has(row));
    if (index < 0) return;
    done.current = selection;
    reveal(index);
  });
}
