// Which box is which: known without putting the box into words, so that a hundred thousand can be asked.
import type { Graph } from "./graph";
import { selecting } from "./units";

/** The same text for the same thing, however much else is open. */
export function keyOf({ units, visible }: Graph, b: number): string {
  return units.key(visible.unit[b] as number);
}

/** The path that selects it, and that opens it; calls of one layer share it. A stack's only opens it. */
export function pathOf({ units, visible }: Graph, b: number): string {
  return units.path(visible.unit[b] as number);
}

/** What has to be selected for it to be selected: its path, or those of a stack's members. */
export function pathsOf({ units, visible }: Graph, b: number): readonly string[] {
  return selecting(units, visible.unit[b] as number);
}
