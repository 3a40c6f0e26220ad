// Plans of frames that have been laid out, found by everything that their problem says. In a network of equal blocks
// nearly all frames are found here; and when one box opens, all but the frames around it.
import type { Plan } from "./problem";
import { equalRows, hashOf } from "./signature";

interface Entry {
  readonly signature: Float64Array;
  readonly plan: Plan;
  /** The run in which it was last used. */
  used: number;
}

/** Runs that an unused plan is kept for: closing what was just opened finds everything. */
const KEPT = 4;

export class LayoutCache {
  readonly #entries = new Map<number, Entry[]>();
  #run = 0;

  /** A new layout begins: forget what the last few had no use for. */
  begin(): void {
    this.#run++;
    for (const [hash, entries] of this.#entries) {
      const fresh = entries.filter((entry) => this.#run - entry.used <= KEPT);
      if (fresh.length === 0) this.#entries.delete(hash);
      else if (fresh.length < entries.length) this.#entries.set(hash, fresh);
    }
  }

  find(signature: Float64Array): Plan | undefined {
    const entry = this.#entries.get(hashOf(signature))?.find((known) => equalRows(known.signature, signature));
    if (entry) entry.used = this.#run;
    return entry?.plan;
  }

  add(signature: Float64Array, plan: Plan): void {
    const hash = hashOf(signature);
    const entries = this.#entries.get(hash) ?? [];
    entries.push({ signature, plan, used: this.#run });
    this.#entries.set(hash, entries);
  }
}
