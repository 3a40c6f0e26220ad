// The state that table, graph, inspector and Python share; one store per widget model, however many displays.
import type { State } from "./state";
import type { Theme } from "./theme";
import type { Payload } from "./wire";

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
  /** The graph as shown; rejects as above, and where Python lacks what makes pictures. */
  pdf(theme: Theme): Promise<Uint8Array<ArrayBuffer>>;
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
