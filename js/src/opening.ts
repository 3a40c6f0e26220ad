// Opening and closing, in the state that table and graph share.
import { stackMembers } from "./expansion";
import { hiding, openPaths } from "./outline";
import type { Store } from "./store";

/** Open or close some rows, or stacks of the graph. */
export function setOpen(store: Store, paths: readonly string[], open: boolean): void {
  const { payload, state } = store;
  if (!payload) return;
  const now = new Set(openPaths(payload, state));
  for (const path of paths) {
    if (open) now.add(path);
    // An open member would open its stack again.
    else for (const closed of [path, ...stackMembers(payload, path, state.groups)]) now.delete(closed);
  }
  store.set({ expanded: [...now] });
}

/** Open what hides the selection, whenever the selection changes: a click, a search or Python may have set it. */
export function revealSelection(store: Store, signal: AbortSignal): void {
  const reveal = () => {
    const needed = store.payload ? hiding(store.payload, store.state) : [];
    if (needed.length > 0) setOpen(store, needed, true);
  };
  store.subscribe((changed) => {
    if (changed.has("selection") || changed.has("payload")) reveal();
  }, signal);
  reveal();
}
