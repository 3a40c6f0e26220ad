// What a click or a key does to the selection.
import { firstCall } from "./calls";
import type { State, Store } from "./store";

/** Select exactly this, and look at one of its calls (the first, unless told). */
export function selectOne(store: Store, path: string, call?: number): void {
  const focus = call ?? (store.payload ? firstCall(store.payload, path) : null);
  store.set({ selection: [path], focus });
}

/** Add to the selection, or take away. */
export function selectToggle(store: Store, path: string): void {
  const { selection } = store.state;
  if (selection.includes(path))
    select(
      store,
      selection.filter((other) => other !== path),
    );
  else select(store, [...selection, path]);
}

/** Select several; the focus stays while its call is among them, and is the first call of a single one. */
export function select(store: Store, selection: State["selection"]): void {
  const { payload, state } = store;
  const kept = state.focus !== null && selection.includes(payload?.calls.path[state.focus] ?? "") ? state.focus : null;
  const only = selection.length === 1 && payload ? firstCall(payload, selection[0] ?? "") : null;
  store.set({ selection, focus: kept ?? only });
}
