// Counting the crossings of pieces between two neighbouring ranks: inversions, after Barth, Mutzel and Juenger, "Simple
// and efficient bilayer cross counting" (2004), weighted by how many links each piece carries.
import { type Ordered, PORTS, type Side } from "./neighbours";
import { inParts } from "./parts";

// Up to this many pieces comparing all pairs is faster than a tree.
const FEW = 32;

function countStale(first: number, last: number, counter: CrossingCounter): void {
  counter.count(first, last);
}

export class CrossingCounter {
  #place: Int32Array = new Int32Array(256);
  #weight: Int32Array = new Int32Array(256);
  #port: Int32Array = new Int32Array(256);
  #tree = new Int32Array(256);
  readonly #order: Ordered;
  readonly #down: Side;
  /** Crossings below each rank, as of the last `total`; and 1 where they have to be counted again. */
  readonly crossings: Float64Array;
  readonly #stale: Uint8Array;
  /** When the order of each rank was last changed, by a clock that others set. */
  readonly changedAt: Int32Array;
  clock = 0;
  #sum = 0;
  /** Pieces looked at so far: what bounds the work. */
  work = 0;

  constructor(order: Ordered, down: Side) {
    this.#order = order;
    this.#down = down;
    const ranks = order.starts.length - 1;
    this.crossings = new Float64Array(ranks);
    this.changedAt = new Int32Array(ranks);
    this.#stale = new Uint8Array(ranks).fill(1, 0, ranks - 1);
  }

  /** The order of rank `r` is another one. */
  changed(r: number): void {
    this.changedAt[r] = this.clock;
    if (r > 0) this.#stale[r - 1] = 1;
    if (r + 1 < this.#stale.length) this.#stale[r] = 1;
  }

  total(): number {
    inParts(this.#stale.length, countStale, this);
    return this.#sum;
  }

  /** Count between some ranks again, where that is due. */
  count(first: number, last: number): void {
    const stale = this.#stale;
    for (let r = first; r < last; r++) {
      if (!stale[r]) continue;
      const now = this.below(r);
      this.#sum += now - this.crossings[r]!;
      this.crossings[r] = now;
      stale[r] = 0;
    }
  }

  /** Crossings between rank `r` and the next. */
  below(r: number): number {
    const { starts } = this.#order;
    const here = starts[r + 1]! - starts[r]!;
    const there = starts[r + 2]! - starts[r + 1]!;
    if (there === 0 || here === 0 || (here === 1 && there === 1)) return 0;
    const count = this.#collect(starts[r]!, starts[r + 1]!);
    this.work += count;
    if (count < 2) return 0;
    return count <= FEW ? this.#byPairs(count) : this.#byTree(count, there * PORTS);
  }

  /** Lower ends of all pieces, sorted by their upper ends; at one port of one node by themselves. */
  #collect(first: number, last: number): number {
    const { nodes, position } = this.#order;
    const { offsets, other, weight, port, own } = this.#down;
    let count = 0;
    for (let i = first; i < last; i++) {
      const v = nodes[i]!;
      const start = count;
      const end = offsets[v + 1]!;
      this.#reserve(count + end - offsets[v]!);
      const places = this.#place;
      const weights = this.#weight;
      const ports = this.#port;
      for (let k = offsets[v]!; k < end; k++) {
        const place = position[other[k]!]! * PORTS + port[k]!;
        const at = own[k]!;
        let j = count - 1;
        while (j >= start && (ports[j]! > at || (ports[j] === at && places[j]! > place))) {
          places[j + 1] = places[j]!;
          weights[j + 1] = weights[j]!;
          ports[j + 1] = ports[j]!;
          j--;
        }
        places[j + 1] = place;
        weights[j + 1] = weight[k]!;
        ports[j + 1] = at;
        count++;
      }
    }
    return count;
  }

  #reserve(size: number): void {
    if (size <= this.#place.length) return;
    const grown = (old: Int32Array): Int32Array => {
      const array = new Int32Array(size * 2);
      array.set(old);
      return array;
    };
    this.#place = grown(this.#place);
    this.#weight = grown(this.#weight);
    this.#port = grown(this.#port);
  }

  #byPairs(count: number): number {
    const places = this.#place;
    const weights = this.#weight;
    let sum = 0;
    for (let i = 1; i < count; i++) {
      const place = places[i]!;
      let crossed = 0;
      for (let j = 0; j < i; j++) if (places[j]! > place) crossed += weights[j]!;
      sum += crossed * weights[i]!;
    }
    return sum;
  }

  #byTree(count: number, size: number): number {
    if (this.#tree.length < size + 1) this.#tree = new Int32Array(size * 2 + 1);
    const tree = this.#tree.fill(0, 0, size + 1);
    let sum = 0;
    let all = 0;
    for (let i = 0; i < count; i++) {
      const place = this.#place[i]! + 1;
      const weight = this.#weight[i]!;
      let before = 0;
      for (let x = place; x > 0; x &= x - 1) before += tree[x]!;
      sum += (all - before) * weight;
      all += weight;
      for (let x = place; x <= size; x += x & -x) tree[x]! += weight;
    }
    return sum;
  }
}
