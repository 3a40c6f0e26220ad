// Which box is which: known without putting the box into words, so that a hundred thousand can be asked.
import type { Graph } from "./graph";
import { selecting } from "./units";

/** The same text for the same thing, however much else is open. */
export function keyOf({ units, visible }: Pick<Graph, "units" | "visible">, b: number): string {
  const { stubs, unit } = visible;
  const key = units.key(unit[b] as number);
  if (b < stubs.first) return key;
  const i = b - stubs.first;
  const target = stubs.target[i] as number;
  return `${key}:${stubs.tensor[i]}>${target < 0 ? "" : units.key(unit[target] as number)}`;
}

/** Nesting depth of a box, 1 outermost. */
export function depthOf({ units, visible }: Graph, b: number): number {
  const { stubs, parent, unit } = visible;
  const around = parent[b] as number;
  if (b < stubs.first) return units.depth[unit[b] as number] as number;
  return around < 0 ? 1 : (units.depth[unit[around] as number] as number) + 1;
}

/** The path that selects it, and that opens it; calls of one layer share it. A stack's only opens it. */
export function pathOf({ units, visible }: Graph, b: number): string {
  return units.path(visible.unit[b] as number);
}

/** What has to be selected for it to be selected: its path, or those of a stack's members. */
export function pathsOf({ units, visible }: Graph, b: number): readonly string[] {
  return selecting(units, visible.unit[b] as number);
}

/** Finds the box of `to` that is the same thing as a box of `from`, another arrangement; -1 for none. */
export function boxIn(from: Graph, to: Graph): (b: number) => number {
  if (from.units === to.units) {
    // Boxes of one model are told apart by their units; only stubs, which come last, share theirs with another box.
    const { boxOf, unit } = to.visible;
    return (b) => {
      const u = from.visible.unit[b] as number;
      const box = boxOf[u] as number;
      return b < from.visible.stubs.first && box >= 0 && unit[box] === u ? box : -1;
    };
  }
  const there = new Map<string, number>();
  for (let b = to.count - 1; b >= 0; b--) there.set(keyOf(to, b), b);
  return (b) => there.get(keyOf(from, b)) ?? -1;
}
