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
