// Which box is which: known without putting the box into words, so that a hundred thousand can be asked.
import type { Graph } from "./graph";

/** The same text for the same thing, however much else is open. */
export function keyOf({ units, visible }: Graph, b: number): string {
  return units.key(visible.unit[b] as number);
}

/** The path that selects it; calls of one layer share it. */
export function pathOf({ units, visible }: Graph, b: number): string {
  return units.path(visible.unit[b] as number);
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
