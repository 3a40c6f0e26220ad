// How large boxes are. Putting a box into words takes a while, and what is open changes by one box at a time: each size is
// found once, and for the many operations and layers that are alike only once for all of them.
import type { Payload } from "../wire";
import { describe } from "./describe";
import type { Plot } from "./plot";
import { isTied, type Units } from "./units";
import { OPEN, type Visible } from "./visible";

export interface Size {
  readonly width: number;
  readonly height: number;
}

const cache = new WeakMap<Units, Sizes>();

export function sizesOf(payload: Payload, units: Units, plot: Plot | null): Sizes {
  if (plot) return new Sizes(payload, units, plot);
  const sizes = cache.get(units) ?? new Sizes(payload, units, null);
  cache.set(units, sizes);
  return sizes;
}

export class Sizes {
  readonly #payload: Payload;
  readonly #units: Units;
  readonly #plot: Plot | null;
  /** By unit, closed and open. */
  readonly #known: (Size | undefined)[];
  /** Of what has the same name, closed or open, by what it is made of. */
  readonly #alike = new Map<string, Map<number, Size>>();

  constructor(payload: Payload, units: Units, plot: Plot | null) {
    this.#payload = payload;
    this.#units = units;
    this.#plot = plot;
    this.#known = new Array(2 * units.length);
  }

  of(visible: Visible, b: number): Size {
    if (b >= visible.stubs.first) return this.#measure(visible, b);
    const at = 2 * (visible.unit[b] as number) + (visible.kind[b] === OPEN ? 1 : 0);
    this.#known[at] ??= this.#alikeTo(visible, b);
    return this.#known[at];
  }

  #alikeTo(visible: Visible, b: number): Size {
    const { rows, calls } = this.#payload;
    const units = this.#units;
    const u = visible.unit[b] as number;
    const row = units.row[u] as number;
    // What its structure does not say: which of several calls it is, and that others hold its parameters too.
    const single = u < calls.length && (units.repeats[u] as number) <= 1 && !isTied(this.#payload, row);
    if (this.#plot || !single || row < 0) return this.#measure(visible, b);
    const name = `${visible.kind[b]} ${rows.label[row]}`;
    const alike = this.#alike.get(name) ?? new Map<number, Size>();
    this.#alike.set(name, alike);
    const structure = units.structure[u] as number;
    const size = alike.get(structure) ?? this.#measure(visible, b);
    alike.set(structure, size);
    return size;
  }

  #measure(visible: Visible, b: number): Size {
    const { width, height } = describe(this.#payload, this.#units, visible, b, this.#plot);
    return { width, height };
  }
}
