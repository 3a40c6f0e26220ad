// Positions across the flow, after Brandes and Koepf, "Fast and simple horizontal coordinate assignment" (2001): nodes are
// aligned with their median neighbours in four ways, each packed as tightly as it goes, and the four are balanced.
import type { Layered } from "./chains";
import type { Ordered, Side } from "./neighbours";
import { inParts, PART } from "./parts";

export interface Extents {
  /** Room that each node needs on either side of its line, gaps included. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

// A packing that drifts sideways over many equal blocks is this much wider than the best, and is left out.
const DRIFT = 1.3;

export function* align(
  layered: Layered,
  order: Ordered,
  up: Side,
  down: Side,
  extents: Extents,
): Generator<undefined, Float64Array> {
  const upwards = medians(layered, order, up);
  const downwards = medians(layered, order, down);
  const barred = conflicts(layered, order, up, upwards);
  const packer = new Packer(layered.total, order, extents);
  const found: Range[] = [];
  for (let way = 0; way < 4; way++) {
    const fromLeft = way % 2 === 0;
    const fromTop = way < 2;
    const { block, next } = join({
      order,
      side: fromTop ? up : down,
      sorted: fromTop ? upwards : downwards,
      barred,
      fromTop,
      fromLeft,
      block: new Int32Array(layered.total),
      next: new Int32Array(layered.total).fill(-1),
    });
    const x = packer.pack(block, next, fromLeft);
    found.push(rangeOf(x, extents));
    yield;
  }
  return balance(found);
}

/** The pieces of each side sorted by where they lead, as slots of the side. */
function medians({ total }: Layered, { position }: Ordered, side: Side): Int32Array {
  const slots = new Int32Array(side.other.length);
  inParts(slots.length, number, slots);
  inParts(total, sortSlots, { position, side, slots });
  return slots;
}

interface Sorting {
  readonly position: Int32Array;
  readonly side: Side;
  readonly slots: Int32Array;
}

function sortSlots(first: number, last: number, { position, side, slots }: Sorting): void {
  const { offsets, other, port } = side;
  for (let v = first; v < last; v++) {
    const start = offsets[v]!;
    for (let i = start + 1; i < offsets[v + 1]!; i++) {
      const slot = slots[i]!;
      const p = position[other[slot]!]!;
      let j = i - 1;
      while (j >= start) {
        const q = position[other[slots[j]!]!]!;
        if (q < p || (q === p && port[slots[j]!]! <= port[slot]!)) break;
        slots[j + 1] = slots[j]!;
        j--;
      }
      slots[j + 1] = slot;
    }
  }
}

/** Pieces that cross one between two virtual nodes: long lines stay straight, what crosses them gives way. */
function conflicts(layered: Layered, order: Ordered, up: Side, sorted: Int32Array): Uint8Array {
  const barred = new Uint8Array(layered.upper.length);
  inParts(order.starts.length - 2, (first, last) => {
    for (let r = first; r < last; r++) conflictsAbove(r + 1, layered.nodes, order, up, sorted, barred);
  });
  return barred;
}

function conflictsAbove(
  r: number,
  real: number,
  { starts, nodes, position }: Ordered,
  up: Side,
  sorted: Int32Array,
  barred: Uint8Array,
): void {
  const first = starts[r]!;
  const last = starts[r + 1]!;
  const above = first - starts[r - 1]!;
  if (above < 2 || last - first < 2) return;
  let left = 0;
  let scanned = first;
  for (let i = first; i < last; i++) {
    const v = nodes[i]!;
    let inner = -1;
    if (v >= real) {
      const u = up.other[sorted[up.offsets[v]!]!]!;
      if (u >= real) inner = position[u]!;
    }
    if (inner < 0 && i < last - 1) continue;
    const right = inner < 0 ? above - 1 : inner;
    for (; scanned <= i; scanned++) {
      const x = nodes[scanned]!;
      for (let k = up.offsets[x]!; k < up.offsets[x + 1]!; k++) {
        const u = up.other[k]!;
        const p = position[u]!;
        if ((p < left || p > right) && !(x >= real && u >= real)) barred[up.piece[k]!] = 1;
      }
    }
    left = right;
  }
}

interface Joining {
  readonly order: Ordered;
  readonly side: Side;
  readonly sorted: Int32Array;
  readonly barred: Uint8Array;
  readonly fromTop: boolean;
  readonly fromLeft: boolean;
  /** The first member of each node's block, and its next member, -1 for none. */
  readonly block: Int32Array;
  readonly next: Int32Array;
}

function join(joining: Joining): Joining {
  inParts(joining.block.length, number, joining.block);
  inParts(joining.order.starts.length - 2, joinRanks, joining);
  return joining;
}

function number(first: number, last: number, numbers: Int32Array): void {
  for (let i = first; i < last; i++) numbers[i] = i;
}

/** Join the nodes of some ranks to those of the ranks before. */
function joinRanks(first: number, last: number, joining: Joining): void {
  const ranks = joining.order.starts.length - 1;
  for (let q = first + 1; q <= last; q++) {
    if (joining.fromTop) joinRank(joining, q, q - 1);
    else joinRank(joining, ranks - 1 - q, ranks - q);
  }
}

function joinRank({ order, side, sorted, barred, fromLeft, block, next }: Joining, r: number, near: number): void {
  const { starts, nodes, position } = order;
  const { offsets, other, piece } = side;
  const span = starts[near + 1]! - starts[near]!;
  const first = starts[r]!;
  const last = starts[r + 1]!;
  let taken = -1;
  for (let i = 0; i < last - first; i++) {
    const v = nodes[fromLeft ? first + i : last - 1 - i]!;
    const degree = offsets[v + 1]! - offsets[v]!;
    if (degree === 0) continue;
    const low = (degree - 1) >> 1;
    const high = degree >> 1;
    for (let half = 0; half < 2; half++) {
      if (half === 1 && high === low) break;
      const slot = sorted[offsets[v]! + ((half === 0) === fromLeft ? low : high)]!;
      const u = other[slot]!;
      const p = fromLeft ? position[u]! : span - 1 - position[u]!;
      if (barred[piece[slot]!] || p <= taken) continue;
      block[v] = block[u]!;
      next[u] = v;
      taken = p;
      break;
    }
  }
}

/** Packs blocks towards one side, then lets each move back towards the blocks that follow it. */
class Packer {
  /** Neighbours within the rank on the left and on the right, -1 for none. */
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #extents: Extents;
  readonly #pending: Int32Array;
  readonly #queue: Int32Array;

  constructor(total: number, { starts, nodes }: Ordered, extents: Extents) {
    this.#extents = extents;
    const left = new Int32Array(total).fill(-1);
    const right = new Int32Array(total).fill(-1);
    this.#left = left;
    this.#right = right;
    this.#pending = new Int32Array(total);
    this.#queue = new Int32Array(total);
    inParts(starts.length - 1, (first, last) => {
      for (let r = first; r < last; r++) {
        for (let i = starts[r]!; i + 1 < starts[r + 1]!; i++) {
          right[nodes[i]!] = nodes[i + 1]!;
          left[nodes[i + 1]!] = nodes[i]!;
        }
      }
    });
  }

  /** `block` names the first member of each node's block, `next` its next member, -1 for none. */
  pack(block: Int32Array, next: Int32Array, fromLeft: boolean): Float64Array {
    const { before, after } = this.#extents;
    const side: PackSide = {
      block,
      next,
      ahead: fromLeft ? this.#left : this.#right,
      behind: fromLeft ? this.#right : this.#left,
      near: fromLeft ? after : before,
      far: fromLeft ? before : after,
      queue: this.#queue,
      queued: 0,
      pending: this.#pending.fill(0),
      x: new Float64Array(block.length),
    };
    let count = queueFirst(side);
    for (let i = 0; i < count; i += PART) count = push(side, i, count);
    side.queued = count;
    inParts(count, pull, side);
    return membersAt(side.x, block, fromLeft ? 1 : -1);
  }
}

interface PackSide {
  readonly block: Int32Array;
  readonly next: Int32Array;
  /** Neighbours on the side that is packed towards, and on the other. */
  readonly ahead: Int32Array;
  readonly behind: Int32Array;
  /** Room that nodes need behind and ahead of them. */
  readonly near: Float64Array;
  readonly far: Float64Array;
  /** Blocks in the order in which they are placed, and how many stand ahead of those that are not in it yet. */
  readonly queue: Int32Array;
  queued: number;
  readonly pending: Int32Array;
  /** Of blocks. */
  readonly x: Float64Array;
}

/** Count the blocks that stand ahead of each, and queue those with none. Returns how many there are. */
function queueFirst(side: PackSide): number {
  inParts(side.block.length, countAhead, side);
  inParts(side.block.length, queueFree, side);
  return side.queued;
}

function countAhead(first: number, last: number, { block, ahead, pending }: PackSide): void {
  for (let v = first; v < last; v++) if (ahead[v]! >= 0) pending[block[v]!]!++;
}

function queueFree(first: number, last: number, side: PackSide): void {
  const { block, pending, queue } = side;
  for (let v = first; v < last; v++) if (block[v] === v && pending[v] === 0) queue[side.queued++] = v;
}

/** Some blocks from the queue, as near to the border as those ahead of them let them. Returns how many it has then. */
function push(side: PackSide, from: number, queued: number): number {
  const { block, next, behind, near, far, queue, pending, x } = side;
  let count = queued;
  for (let i = from; i < count && i < from + PART; i++) {
    const at = x[queue[i]!]!;
    for (let v = queue[i]!; v >= 0; v = next[v]!) {
      const w = behind[v]!;
      if (w < 0) continue;
      const b = block[w]!;
      const least = at + near[v]! + far[w]!;
      if (x[b]! < least) x[b] = least;
      pending[b]!--;
      if (pending[b] === 0) queue[count++] = b;
    }
  }
  return count;
}

/** Every block as near to those behind it as they let it, last ones first. */
function pull(first: number, last: number, { block, next, behind, near, far, queue, queued, x }: PackSide): void {
  for (let i = queued - 1 - first; i >= queued - last; i--) {
    let most = Number.POSITIVE_INFINITY;
    for (let v = queue[i]!; v >= 0; v = next[v]!) {
      const w = behind[v]!;
      if (w < 0) continue;
      const room = x[block[w]!]! - near[v]! - far[w]!;
      if (room < most) most = room;
    }
    if (most !== Number.POSITIVE_INFINITY && most > x[queue[i]!]!) x[queue[i]!] = most;
  }
}

interface Members {
  readonly x: Float64Array;
  readonly block: Int32Array;
  readonly placed: Float64Array;
  readonly sign: number;
}

function membersAt(x: Float64Array, block: Int32Array, sign: number): Float64Array {
  const placed = new Float64Array(block.length);
  inParts(placed.length, placeMembers, { x, block, placed, sign });
  return placed;
}

function placeMembers(first: number, last: number, { x, block, placed, sign }: Members): void {
  for (let v = first; v < last; v++) placed[v] = sign * x[block[v]!]!;
}

interface Range {
  readonly x: Float64Array;
  readonly extents: Extents;
  low: number;
  high: number;
}

function rangeOf(x: Float64Array, extents: Extents): Range {
  const range = { x, extents, low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  inParts(x.length, cover, range);
  return range;
}

function cover(first: number, last: number, range: Range): void {
  const { x, extents } = range;
  const { before, after } = extents;
  let { low, high } = range;
  for (let v = first; v < last; v++) {
    low = Math.min(low, x[v]! - before[v]!);
    high = Math.max(high, x[v]! + after[v]!);
  }
  range.low = low;
  range.high = high;
}

/** Shift all packings to the narrowest one's borders; each node gets the mean of its middle two positions. */
function balance(found: readonly { x: Float64Array; low: number; high: number }[]): Float64Array {
  const width = (f: { low: number; high: number }): number => f.high - f.low;
  const narrowest = found.reduce((a, b) => (width(b) < width(a) ? b : a));
  const shift = found.map((f, way) => (way % 2 === 0 ? narrowest.low - f.low : narrowest.high - f.high));
  const total = narrowest.x.length;
  const fit = [0, 1, 2, 3].filter((way) => width(found[way]!) <= width(narrowest) * DRIFT);
  if (fit.length === 4) return middle(found, shift);
  const result = new Float64Array(total);
  for (const way of fit) addTo(result, found[way]!.x, shift[way]!, 1 / fit.length);
  return result;
}

function addTo(result: Float64Array, x: Float64Array, shift: number, share: number): void {
  inParts(result.length, (first, last) => {
    for (let v = first; v < last; v++) result[v]! += (x[v]! + shift) * share;
  });
}

function middle(found: readonly { x: Float64Array }[], shift: readonly number[]): Float64Array {
  const [a, b, c, d] = found.map((f) => f.x) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const [sa, sb, sc, sd] = shift as [number, number, number, number];
  const result = new Float64Array(a.length);
  inParts(result.length, (first, last) => {
    for (let v = first; v < last; v++) {
      const p = a[v]! + sa;
      const q = b[v]! + sb;
      const s = c[v]! + sc;
      const t = d[v]! + sd;
      const least = Math.min(Math.min(p, q), Math.min(s, t));
      const most = Math.max(Math.max(p, q), Math.max(s, t));
      result[v] = (p + q + s + t - least - most) / 2;
    }
  });
  return result;
}
