// What is around a display of the graph, and hears of it.
import type { Look } from "../scene";
import type { Store } from "../store";

/** What the component around shows beside the picture. */
export interface Shown {
  readonly look: Look | null;
  readonly boxes: number;
  /** Share of an arrangement that takes long, 0 to 1; null when nothing is under way. */
  readonly progress: number | null;
  /** What is under the pointer, where it is an edge. */
  readonly tensor: string | null;
}

export interface Surroundings {
  readonly store: Store;
  readonly surface: HTMLElement;
  readonly container: HTMLElement;
  readonly probe: HTMLElement;
  readonly signal: AbortSignal;
  shown(shown: Partial<Shown>): void;
}
