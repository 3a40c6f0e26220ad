// The state that table, graph, inspector and Python share; one store per widget model, however many displays.
import type { Payload } from "./wire";

export interface Sort {
  readonly id: string;
  readonly desc: boolean;
}

export interface Filter {
  readonly text: string;
  readonly types: readonly string[];
}

/** A user's own numbers (`view.add_column`), one value per row of the payload; null is unknown. */
export interface ExtraColumn {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly values: readonly (number | string | null)[];
}

/** Named as the traits of `ModelView` in Python: every field here is synced under the same name. */
export interface State {
  /** Paths. */
  readonly selection: readonly string[];
  /** Id of the call that was clicked; a shared layer has several. */
  readonly focus: number | null;
  /**
   * Paths of layers and ids of groups that are open in table and graph, and what `STACK_MARK` makes of stacks in the
   * graph; null: opened to `depth`.
   */
  readonly expanded: readonly string[] | null;
  readonly depth: number | "auto";
  readonly direction: "down" | "right";
  /** A key of the colour menu: "params", "type", "dtype", "trainable", "macs", "bytes", "none" or an extra column's id. */
  readonly color_by: string;
  /** What the width of a line means: "bytes" of its tensor, or "none". */
  readonly edge_width: "none" | "bytes";
  /** Whether inferred groups are shown. */
  readonly groups: boolean;
  /** Whether bare operations are table rows. */
  readonly operations: boolean;
  /** Dims what does not match, in table and graph. */
  readonly search: string;
  /** Hides table rows that do not match. */
  readonly filter: Filter;
  readonly sort: readonly Sort[];
  /** Ids of the visible table columns in order; null: the default ones. */
  readonly columns: readonly string[] | null;
  readonly extra_columns: readonly ExtraColumn[];
  readonly title: string;
  /** Pixels; null: chosen by the content. */
  readonly height: number | null;
  /** Share of the width that the table takes, 0 (graph alone) to 1 (table alone). */
  readonly split: number;
}

export const DEFAULT_STATE: State = {
  selection: [],
  focus: null,
  expanded: null,
  depth: "auto",
  direction: "down",
  color_by: "params",
  edge_width: "none",
  groups: true,
  operations: true,
  search: "",
  filter: { text: "", types: [] },
  sort: [],
  columns: null,
  extra_columns: [],
  title: "",
  height: null,
  split: 0.48,
};

/** Statistics of one parameter, computed by a live kernel. */
export interface WeightStatistics {
  readonly parameter: number;
  readonly count: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  readonly zeros: number;
  /** NaN or infinite. */
  readonly non_finite: number;
  readonly histogram: { readonly counts: readonly number[]; readonly edges: readonly number[] } | null;
}

/** What only a live kernel can do; absent in a saved page. */
export interface Kernel {
  /** Rejects with a readable message, also when the kernel is gone. `progress` is 0 to 1. */
  weightStatistics(parameter: number, progress: (done: number) => void, signal: AbortSignal): Promise<WeightStatistics>;
}

/** What listeners hear of: a field of the state, or what is not part of it. */
export type Change = keyof State | "payload" | "error" | "hover";

type Listener = (changed: ReadonlySet<Change>) => void;

/** Holds the state and the payload, and tells listeners what changed. */
export class Store {
  #state: State;
  #payload: Payload | null = null;
  #error: string | null = null;
  #hover: string | null = null;
  readonly #listeners = new Set<Listener>();
  readonly kernel: Kernel | null;

  constructor(state: State, kernel: Kernel | null = null) {
    this.#state = state;
    this.kernel = kernel;
  }

  get state(): State {
    return this.#state;
  }

  /** null while it is being decoded. */
  get payload(): Payload | null {
    return this.#payload;
  }

  /** Why there is no payload, in plain text. */
  get error(): string | null {
    return this.#error;
  }

  setPayload(payload: Payload): void {
    this.#payload = payload;
    this.#error = null;
    this.#tell(new Set(["payload", "error"]));
  }

  fail(message: string): void {
    this.#error = message;
    this.#tell(new Set(["error"]));
  }

  /** Path under the pointer in any pane; links table and graph, and is nobody's state. */
  get hover(): string | null {
    return this.#hover;
  }

  setHover(path: string | null): void {
    if (path === this.#hover) return;
    this.#hover = path;
    this.#tell(new Set(["hover"]));
  }

  /** Change some fields; fields that keep an equal value are not announced. */
  set(patch: Partial<State>): void {
    const changed = new Set<keyof State>();
    for (const key of Object.keys(patch) as (keyof State)[]) {
      if (!equal(this.#state[key], patch[key])) changed.add(key);
    }
    if (changed.size === 0) return;
    this.#state = { ...this.#state, ...patch };
    this.#tell(changed);
  }

  subscribe(listener: Listener, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  #tell(changed: ReadonlySet<Change>): void {
    for (const listener of [...this.#listeners]) listener(changed);
  }
}

// States are small plain values: comparing their text is exact and short.
function equal(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
