// Paths, one at a time, each taken out and put back where it crosses least: with all else fixed that is a shortest way
// through the slots between nodes, from rank to rank. Exchanges of neighbours do not find it, as every single step of a
// line over another one costs before the whole move pays.
import type { Layered } from "./chains";
import type { CrossingCounter } from "./crossings";
import type { Ordered, Side } from "./neighbours";

/** Ranks wider than this are left alone: the table of ways between two ranks grows with the square. */
const WIDEST = 96;
/** Staying counts as this much less than a crossing. */
const STAY = 1 / 1024;

/** Nodes of neighbouring ranks, real or virtual, that hang on each other alone: they move as one. */
export interface Path {
  readonly nodes: readonly number[];
  /** Of the first node. */
  readonly rank: number;
}

/** All nodes as paths, those that carry most links over most ranks first. */
export function pathsOf({ nodes, total, rank }: Layered, up: Side, down: Side): Path[] {
  const taken = new Uint8Array(total);
  const paths: (Path & { weight: number })[] = [];
  for (let head = 0; head < total; head++) {
    // Virtual nodes are numbered along their chains: what a node hangs from comes before it, or is real.
    if (taken[head] || follows(head) >= 0) continue;
    const path: number[] = [];
    for (let v = head; v >= 0; v = next(v)) {
      taken[v] = 1;
      path.push(v);
    }
    const first = up.offsets[head]!;
    const weight = first < up.offsets[head + 1]! ? up.weight[first]! : 1;
    paths.push({ nodes: path, rank: rank[head]!, weight: weight * path.length });
  }
  return paths.sort((a, b) => b.weight - a.weight || a.nodes[0]! - b.nodes[0]!);

  /** The node that `v` continues, -1 where a path begins. */
  function follows(v: number): number {
    if (up.offsets[v + 1]! - up.offsets[v]! !== 1) return -1;
    const u = up.other[up.offsets[v]!]!;
    const single = down.offsets[u + 1]! - down.offsets[u]! === 1;
    return single || (u >= nodes && v === u + 1) ? u : -1;
  }

  function next(u: number): number {
    for (let k = down.offsets[u]!; k < down.offsets[u + 1]!; k++) {
      if (follows(down.other[k]!) === u) return down.other[k]!;
    }
    return -1;
  }
}

export class Rerouter {
  /** Cells of tables filled so far: what bounds the work. */
  work = 0;
  readonly #order: Ordered;
  readonly #up: Side;
  readonly #down: Side;
  /** Least crossings up to each slot of each rank of the path, and the slot above that they come from. */
  #cost = new Float64Array(4096);
  #from = new Uint8Array(4096);
  readonly #table: BetweenRanks;
  readonly #counter: CrossingCounter | undefined;

  /** `counter` gets to know which ranks change. */
  constructor(order: Ordered, up: Side, down: Side, counter?: CrossingCounter) {
    this.#counter = counter;
    this.#order = order;
    this.#up = up;
    this.#down = down;
    this.#table = new BetweenRanks(order, down);
  }

  /** Whether a path crosses anything where it is: if not, there is nothing to gain. */
  crosses({ nodes, rank }: Path): boolean {
    const { offsets, other } = this.#down;
    const first = nodes[0]!;
    for (let k = this.#up.offsets[first]!; k < this.#up.offsets[first + 1]!; k++) {
      if (this.#crossed(rank - 1, this.#up.other[k]!, first)) return true;
    }
    for (let i = 0; i < nodes.length; i++) {
      const v = nodes[i]!;
      for (let k = offsets[v]!; k < offsets[v + 1]!; k++) if (this.#crossed(rank + i, v, other[k]!)) return true;
    }
    return false;
  }

  /** Whether any line crosses the one from `u` in rank `r` to `v` in the next. */
  #crossed(r: number, u: number, v: number): boolean {
    const { starts, nodes, position } = this.#order;
    const { offsets, other } = this.#down;
    const from = starts[r]!;
    const at = from + position[u]!;
    const to = position[v]!;
    const end = starts[r + 1]!;
    this.work += end - from;
    for (let i = from; i < end; i++) {
      if (i === at) continue;
      const w = nodes[i]!;
      for (let k = offsets[w]!; k < offsets[w + 1]!; k++) {
        const p = position[other[k]!]!;
        if (i < at ? p > to : p < to) return true;
      }
    }
    return false;
  }

  /** Move one path to where it crosses least. Returns whether it has moved. */
  reroute({ nodes, rank }: Path): boolean {
    const length = nodes.length;
    const stride = this.#widest(rank, length) + 1;
    if (stride > WIDEST) return false;
    this.#reserve(length * stride);
    const table = this.#table;
    this.work += (length + 1) * stride * stride;
    for (let i = 0; i <= length; i++) {
      const above = i > 0 ? nodes[i - 1]! : -1;
      const v = i < length ? nodes[i]! : -1;
      table.fill(rank + i - 1, above, v);
      if (i > 0) this.#addBranches(above, (i - 1) * stride, v);
      if (v < 0) break;
      if (i === 0) this.#begin(v);
      else this.#advance(v, i, stride);
      this.#cost[i * stride + this.#order.position[v]!]! -= STAY;
    }
    return this.#apply(nodes, rank, stride);
  }

  #widest(rank: number, length: number): number {
    const { starts } = this.#order;
    let widest = 0;
    for (let r = Math.max(0, rank - 1); r <= rank + length && r + 1 < starts.length; r++) {
      widest = Math.max(widest, starts[r + 1]! - starts[r]!);
    }
    return widest;
  }

  #reserve(size: number): void {
    if (this.#cost.length >= size) return;
    this.#cost = new Float64Array(size * 2);
    this.#from = new Uint8Array(size * 2);
  }

  /** Lines from path node `v`, in each slot, to nodes of the next rank that are not on the path. */
  #addBranches(v: number, at: number, next: number): void {
    const { offsets, other, weight } = this.#down;
    for (let k = offsets[v]!; k < offsets[v + 1]!; k++) {
      if (other[k] === next) continue;
      const q = this.#table.lowerPlace(other[k]!);
      for (let a = 0; a <= this.#table.above; a++) this.#cost[at + a]! += weight[k]! * this.#table.slotToNode(a, q);
    }
  }

  /** From the nodes above the path to the slots of its first node. */
  #begin(v: number): void {
    const { offsets, other, weight } = this.#up;
    this.#cost.fill(0, 0, this.#table.below + 1);
    for (let k = offsets[v]!; k < offsets[v + 1]!; k++) {
      const p = this.#table.upperPlace(other[k]!);
      for (let b = 0; b <= this.#table.below; b++) this.#cost[b]! += weight[k]! * this.#table.nodeToSlot(p, b);
    }
  }

  /** From the slots of the rank above to the slots of path node `v`. */
  #advance(v: number, i: number, stride: number): void {
    const table = this.#table;
    const cost = this.#cost;
    const weight = this.#up.weight[this.#up.offsets[v]!]!;
    const at = i * stride;
    const before = at - stride;
    const { sums, above, below } = table;
    const columns = below + 1;
    const all = above * columns;
    // From slot `a` to slot `b` a line crosses what starts before the one and ends behind the other, or the other way
    // round: `sums[a][end] + sums[end][b] - 2 sums[a][b]`, here in parts, as this is the innermost loop.
    for (let a = 0; a <= above; a++) cost[before + a]! += weight * sums[a * columns + below]!;
    for (let b = 0; b <= below; b++) {
      let least = Number.POSITIVE_INFINITY;
      let from = 0;
      for (let a = 0; a <= above; a++) {
        const way = cost[before + a]! - 2 * weight * sums[a * columns + b]!;
        if (way >= least) continue;
        least = way;
        from = a;
      }
      cost[at + b] = least + weight * sums[all + b]!;
      this.#from[at + b] = from;
    }
  }

  #apply(path: readonly number[], rank: number, stride: number): boolean {
    const { starts } = this.#order;
    const end = path.length - 1;
    let slot = 0;
    for (let a = 1; a < starts[rank + end + 1]! - starts[rank + end]!; a++) {
      if (this.#cost[end * stride + a]! < this.#cost[end * stride + slot]!) slot = a;
    }
    let moved = false;
    for (let i = end; i >= 0; i--) {
      moved = this.#move(path[i]!, rank + i, slot) || moved;
      slot = this.#from[i * stride + slot]!;
    }
    return moved;
  }

  #move(v: number, r: number, to: number): boolean {
    const { starts, nodes, position } = this.#order;
    const start = starts[r]!;
    const from = position[v]!;
    if (from === to) return false;
    const step = to > from ? 1 : -1;
    for (let p = from; p !== to; p += step) {
      const w = nodes[start + p + step]!;
      nodes[start + p] = w;
      position[w] = p;
    }
    nodes[start + to] = v;
    position[v] = to;
    this.#counter?.changed(r);
    return true;
  }
}

/**
 * How many lines one would cross between two neighbouring ranks, without the chain that is being moved.
 *
 * `sums[p][q]` is the weight of all lines that start before place `p` and end before place `q`; everything else follows.
 */
class BetweenRanks {
  /** Nodes in the rank above and below, without the chain's. */
  above = 0;
  below = 0;
  readonly #order: Ordered;
  readonly #down: Side;
  // Integers: before it is compiled, code allocates memory for each fraction that it reads.
  sums: Int32Array = new Int32Array(4096);
  #upperGap = 0;
  #lowerGap = 0;

  constructor(order: Ordered, down: Side) {
    this.#order = order;
    this.#down = down;
  }

  /** `upper` and `lower` are the chain's nodes in rank `r` and the next, -1 for none. */
  fill(r: number, upper: number, lower: number): void {
    const { starts, nodes, position } = this.#order;
    const { offsets, other, weight } = this.#down;
    const ranks = starts.length - 1;
    this.above = (r < 0 ? 0 : starts[r + 1]! - starts[r]!) - (upper < 0 ? 0 : 1);
    this.below = (r + 1 < ranks ? starts[r + 2]! - starts[r + 1]! : 0) - (lower < 0 ? 0 : 1);
    this.#upperGap = upper < 0 ? 0x7fffffff : position[upper]!;
    this.#lowerGap = lower < 0 ? 0x7fffffff : position[lower]!;
    if (r < 0) return;
    const columns = this.below + 1;
    const size = (this.above + 1) * columns;
    if (this.sums.length < size) this.sums = new Int32Array(size * 2);
    const sums = this.sums.fill(0, 0, size);
    for (let i = starts[r]!; i < starts[r + 1]!; i++) {
      const u = nodes[i]!;
      if (u === upper) continue;
      const row = (this.upperPlace(u) + 1) * columns;
      for (let k = offsets[u]!; k < offsets[u + 1]!; k++) {
        if (other[k] !== lower) sums[row + this.lowerPlace(other[k]!) + 1]! += weight[k]!;
      }
    }
    for (let row = columns; row < size; row += columns) {
      let sum = 0;
      for (let q = 1; q < columns; q++) {
        sum += sums[row + q]!;
        sums[row + q] = sum + sums[row + q - columns]!;
      }
    }
  }

  // One less behind the gap: by the sign of a difference, as a branch that is first taken late means compiling again.

  upperPlace(v: number): number {
    const p = this.#order.position[v]!;
    return p + ((this.#upperGap - p) >> 31);
  }

  lowerPlace(v: number): number {
    const p = this.#order.position[v]!;
    return p + ((this.#lowerGap - p) >> 31);
  }

  /** Lines crossed by one that has `a1` nodes to its left above and `a2` to its left or on it, and so on below. */
  #crossed(a1: number, a2: number, b1: number, b2: number): number {
    const sums = this.sums;
    const columns = this.below + 1;
    const all = this.above * columns;
    return sums[a1 * columns + this.below]! - sums[a1 * columns + b2]! + sums[all + b1]! - sums[a2 * columns + b1]!;
  }

  slotToNode(a: number, q: number): number {
    return this.#crossed(a, a, q, q + 1);
  }

  nodeToSlot(p: number, b: number): number {
    return this.#crossed(p, p + 1, b, b);
  }
}
