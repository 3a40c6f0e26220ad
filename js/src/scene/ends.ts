// What comes before a unit and what comes after it: the same for units that stand side by side.
import type { Payload } from "../wire";
import type { Nesting } from "./nesting";
import type { Siblings } from "./siblings";
import { mix } from "./structure";

interface Found {
  readonly nesting: Nesting;
  readonly siblings: Siblings;
  readonly structure: Int32Array;
}

export class Ends {
  readonly #before: Int32Array;
  readonly #after: Int32Array;

  /** Sums over edges, which have no order. Beyond the frame the very tensor counts; among siblings, what they are. */
  constructor({ edges }: Payload, { nesting: { parent }, siblings, structure }: Found) {
    this.#before = new Int32Array(parent.length);
    this.#after = new Int32Array(parent.length);
    for (let e = 0; e < edges.length; e++) {
      const a = siblings.source[e] as number;
      const b = siblings.target[e] as number;
      if (a < 0) continue;
      const tensor = mix(edges.source[e] as number, edges.source_port[e] as number);
      for (let u = edges.target[e] as number; u !== b; u = parent[u] as number) add(this.#before, u, tensor);
      add(this.#before, b, mix(structure[a] as number, 1));
      for (let u = edges.source[e] as number; u !== a; u = parent[u] as number) add(this.#after, u, mix(b, 2));
      add(this.#after, a, mix(structure[b] as number, 3));
    }
  }

  key(unit: number): string {
    return `${this.#before[unit]} ${this.#after[unit]}`;
  }
}

function add(sums: Int32Array, at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}
