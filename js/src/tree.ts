// The tree that table and graph show: real parents, or inferred groups between them.
import { type Lists, list, type Rows } from "./wire";

/** The display parent of a group's row while groups are switched off. */
export const HIDDEN = -2;

export interface Tree {
  /** Display parent by row: -1 for the root, `HIDDEN` for what is not in this tree. */
  readonly parent: Int32Array;
  readonly children: Lists;
  /** 0 for the root. */
  readonly depth: Int32Array;
}

/** The row that holds each row on screen: its innermost group when groups are on, else its real parent. */
export function displayParent(rows: Rows, groups: boolean): Int32Array {
  const parent = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const group = rows.group[i] ?? -1;
    const real = rows.parent[i] ?? -1;
    if (rows.kind[i] === "group" && !groups) parent[i] = HIDDEN;
    else parent[i] = groups && group >= 0 ? group : real;
  }
  return parent;
}

const cache = new WeakMap<Rows, [on: Tree | undefined, off: Tree | undefined]>();

/** The display tree of `rows`, computed once. */
export function treeOf(rows: Rows, groups: boolean): Tree {
  const known = cache.get(rows) ?? [undefined, undefined];
  cache.set(rows, known);
  const at = groups ? 0 : 1;
  known[at] ??= build(displayParent(rows, groups));
  return known[at];
}

function build(parent: Int32Array): Tree {
  const n = parent.length;
  const offsets = new Int32Array(n + 1);
  for (const p of parent) if (p >= 0) offsets[p + 1] = (offsets[p + 1] ?? 0) + 1;
  for (let i = 0; i < n; i++) offsets[i + 1] = (offsets[i + 1] ?? 0) + (offsets[i] ?? 0);
  const next = offsets.slice();
  const values = new Int32Array(offsets[n] ?? 0);
  for (let i = 0; i < n; i++) {
    const p = parent[i] ?? -1;
    if (p < 0) continue;
    const at = next[p] ?? 0;
    values[at] = i;
    next[p] = at + 1;
  }
  const children = { offsets, values };
  const depth = new Int32Array(n);
  for (const row of preOrder(parent, children, () => true)) {
    const p = parent[row] ?? -1;
    depth[row] = p < 0 ? 0 : (depth[p] ?? 0) + 1;
  }
  return { parent, children, depth };
}

// An explicit stack: a model may nest deeper than the call stack likes.
function preOrder(parent: Int32Array, children: Lists, isOpen: (row: number) => boolean): number[] {
  const found: number[] = [];
  const stack: number[] = [];
  for (let i = parent.length - 1; i >= 0; i--) if (parent[i] === -1) stack.push(i);
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    found.push(row);
    if (!isOpen(row)) continue;
    const inside = list(children, row);
    for (let i = inside.length - 1; i >= 0; i--) stack.push(inside[i] ?? 0);
  }
  return found;
}

/** Rows on screen in pre-order; the root is always open. */
export function visibleRows(rows: Rows, tree: Tree, expanded: ReadonlySet<string>): number[] {
  return preOrder(tree.parent, tree.children, (row) => tree.parent[row] === -1 || expanded.has(rows.path[row] ?? ""));
}

/** All rows of the tree in pre-order. */
export function allRows(tree: Tree): number[] {
  return preOrder(tree.parent, tree.children, () => true);
}

/** Whether `row` lies in `container`, or is it. */
export function isInside(tree: Tree, row: number, container: number): boolean {
  for (let at = row; at >= 0; at = tree.parent[at] ?? -1) if (at === container) return true;
  return false;
}

const indices = new WeakMap<Rows, ReadonlyMap<string, number>>();

/** Row by path. */
export function rowIndex(rows: Rows): ReadonlyMap<string, number> {
  const known = indices.get(rows);
  if (known) return known;
  const index = new Map<string, number>();
  rows.path.forEach((path, i) => {
    index.set(path, i);
  });
  indices.set(rows, index);
  return index;
}
