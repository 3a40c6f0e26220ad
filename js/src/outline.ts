// What is open in the tree, for table and graph alike.
import { ancestors, initialExpanded, stackMembers, stacksAround } from "./expansion";
import type { State } from "./state";
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

/** Whether bare operations are rows: switched on, or asked for, as a filter for types alone decides what shows. */
export function showsOperations({ operations, filter }: Pick<State, "operations" | "filter">): boolean {
  return operations || filter.types.length > 0;
}

/** Whether the table has this row of the payload, once what is around it is open. */
export function isRow(payload: Payload, state: State, row: number): boolean {
  return showsOperations(state) || payload.rows.kind[row] !== "operation";
}

/** Whether a row has something to open. */
export function canOpen(payload: Payload, state: State, row: number): boolean {
  const tree = treeOf(payload.rows, state.groups);
  return tree.parent[row] !== -1 && list(tree.children, row).some((inside) => isRow(payload, state, inside));
}

/** `row` where the table has it, else the nearest around it that it has: an operation is found where it belongs. */
export function rowAround(payload: Payload, state: State, row: number): number {
  const { parent } = treeOf(payload.rows, state.groups);
  let at = row;
  while (at >= 0 && !isRow(payload, state, at)) at = parent[at] ?? -1;
  return at;
}

/** What has to open so that the selection shows; of a stack that is selected as a whole, nothing. */
export function hiding(payload: Payload, state: State): string[] {
  if (state.selection.length === 0) return [];
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
  return [...new Set(around)].filter((path) => path !== "" && !open.has(path) && !isStack(path));
}
