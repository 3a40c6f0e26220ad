// What is open in the tree, for table and graph alike.
import { ancestors, initialExpanded, stackMembers, stacksAround } from "./expansion";
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
  // The table opens members of stacks one by one, and so may Python.
  if (expanded) for (const stack of stacksAround(payload, paths, groups)) paths.add(stack);
  latest.set(payload, { expanded, depth, groups, paths });
  return paths;
}

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
    const selected = new Set(state.selection);
    /** All of a stack's members are selected where the stack is, and it shows. */
    const isStack = (path: string): boolean => {
      const members = stackMembers(payload, path, state.groups);
      return members.length > 0 && members.every((member) => selected.has(member));
    };
    const around = state.selection
      .filter((path) => rowIndex(payload.rows).has(path))
      .flatMap((path) => ancestors(payload, path, state.groups));
    // Each once: what is around a thousand members of a stack is the same stack.
    const needed = [...new Set(around)].filter((path) => path !== "" && !open.has(path) && !isStack(path));
    if (needed.length > 0) setOpen(store, needed, true);
  };
  store.subscribe((changed) => {
    if (changed.has("selection") || changed.has("payload")) reveal();
  }, signal);
  reveal();
}
