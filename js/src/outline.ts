// What is open in the tree, for table and graph alike.
import { ancestors, initialExpanded } from "./expansion";
import type { State, Store } from "./store";
import { rowIndex, treeOf } from "./tree";
import { list, type Payload } from "./wire";

interface Opened {
  readonly expanded: State["expanded"];
  readonly depth: State["depth"];
  readonly groups: boolean;
  readonly paths: ReadonlySet<string>;
}

const latest = new WeakMap<Payload, Opened>();

/** Paths that are open: as the state says, or to the state's depth. */
export function openPaths(payload: Payload, { expanded, depth, groups }: State): ReadonlySet<string> {
  const known = latest.get(payload);
  if (known && known.expanded === expanded && known.depth === depth && known.groups === groups) return known.paths;
  const paths = new Set(expanded ?? initialExpanded(payload, depth, groups));
  latest.set(payload, { expanded, depth, groups, paths });
  return paths;
}

/** Open or close some rows. */
export function setOpen(store: Store, paths: readonly string[], open: boolean): void {
  if (!store.payload) return;
  const now = new Set(openPaths(store.payload, store.state));
  for (const path of paths) {
    if (open) now.add(path);
    else now.delete(path);
  }
  store.set({ expanded: [...now] });
}

/** Whether a row has something to open. */
export function canOpen(payload: Payload, groups: boolean, row: number): boolean {
  const tree = treeOf(payload.rows, groups);
  return tree.parent[row] !== -1 && list(tree.children, row).length > 0;
}

/** Open what hides the selection, whenever the selection changes: a click, a search or Python may have set it. */
export function revealSelection(store: Store, signal: AbortSignal): void {
  const reveal = () => {
    const { payload, state } = store;
    if (!payload || state.selection.length === 0) return;
    const open = openPaths(payload, state);
    const needed = state.selection
      .filter((path) => rowIndex(payload.rows).has(path))
      .flatMap((path) => ancestors(payload, path, state.groups))
      .filter((path) => path !== "" && !open.has(path));
    if (needed.length > 0) setOpen(store, needed, true);
  };
  store.subscribe((changed) => {
    if (changed.has("selection") || changed.has("payload")) reveal();
  }, signal);
  reveal();
}
