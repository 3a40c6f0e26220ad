// What a click or a key does to the selection.
import { firstCall } from "./calls";
import type { State } from "./state";
import type { Store } from "./store";

/** Select exactly this, and look at one of its calls (the first, unless told). */
export function selectOne(store: Store, path: string, call?: number): void {
  const focus = call ?? (store.payload ? firstCall(store.payload, path) : null);
  store.set({ selection: [path], focus });
}

/** Add to the selection, or take away what is selected already. */
export function selectToggle(store: Store, ...paths: readonly string[]): void {
  const { selection } = store.state;
  const selected = new Set(selection);
  const rest = selection.filter((path) => !paths.includes(path));
  if (paths.every((path) => selected.has(path))) select(store, rest);
  else select(store, [...rest, ...paths]);
}

/** Select several; the focus stays while its call is among them, and is the first call of a single one. */
export function select(store: Store, selection: State["selection"]): void {
  const { payload, state } = store;
  const kept = state.focus !== null && selection.includes(payload?.calls.path[state.focus] ?? "") ? state.focus : null;
  const only = selection.length === 1 && payload ? firstCall(payload, selection[0] ?? "") : null;
  store.set({ selection, focus: kept ?? only });
}
