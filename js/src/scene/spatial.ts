// What is where: boxes and edges by slices along the flow. Drawn networks are long and thin, so one direction is enough.
import type { Layout } from "../layout";
import type { Bounds } from "./commands";

export interface Found {
  readonly boxes: Int32Array;
  readonly edges: Int32Array;
}

/** Things with an extent along one direction, found by range. */
class Slices {
  readonly #size: number;
  readonly #offsets: Int32Array;
  readonly #members: Int32Array;
  /** Things over so many slices that they would be in nearly all: looked at every time. */
  readonly #long: Int32Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;

  constructor(low: Float64Array, high: Float64Array, total: number) {
    const count = low.length;
    const slices = Math.max(1, Math.min(4096, Math.ceil(count / 8)));
    this.#low = low;
    this.#high = high;
    this.#size = Math.max(1, total / slices);
    const offsets = new Int32Array(slices + 1);
    const long: number[] = [];
    const each = (visit: (slice: number, i: number) => void, far: (i: number) => void): void => {
      for (let i = 0; i < count; i++) {
        const first = this.#slice(low[i] as number, slices);
        const last = this.#slice(high[i] as number, slices);
        if (last - first > LONG) far(i);
        else for (let s = first; s <= last; s++) visit(s, i);
      }
    };
    each(
      (s) => {
        offsets[s + 1] = (offsets[s + 1] as number) + 1;
      },
      (i) => long.push(i),
    );
    for (let s = 0; s < slices; s++) offsets[s + 1] = (offsets[s + 1] as number) + (offsets[s] as number);
    const members = new Int32Array(offsets[slices] as number);
    const next = offsets.slice();
    each(
      (s, i) => {
        members[next[s] as number] = i;
        next[s] = (next[s] as number) + 1;
      },
      () => {},
    );
    this.#offsets = offsets;
    this.#members = members;
    this.#long = Int32Array.from(long);
  }

  #slice(at: number, slices = this.#offsets.length - 1): number {
    return Math.max(0, Math.min(slices - 1, Math.floor(at / this.#size)));
  }

  /** Everything that touches `from` to `to`, in the order of numbers. */
  find(from: number, to: number): Int32Array {
    const found: number[] = [];
    const first = this.#slice(from);
    const last = this.#slice(to);
    const touches = (i: number): boolean => (this.#low[i] as number) <= to && (this.#high[i] as number) >= from;
    for (let s = first; s <= last; s++) {
      for (let k = this.#offsets[s] as number; k < (this.#offsets[s + 1] as number); k++) {
        const i = this.#members[k] as number;
        // Over several slices it is found in the first of them that is asked for.
        if (touches(i) && Math.max(first, this.#slice(this.#low[i] as number)) === s) found.push(i);
      }
    }
    for (const i of this.#long) if (touches(i)) found.push(i);
    return Int32Array.from(found).sort();
  }

  /** How many things there are about, without looking at each. */
  estimate(from: number, to: number): number {
    const first = this.#offsets[this.#slice(from)] as number;
    const last = this.#offsets[this.#slice(to) + 1] as number;
    return last - first + this.#long.length;
  }
}

const LONG = 16;

interface Parts {
  readonly boxes: Slices;
  readonly edges: Slices;
  readonly across: Extents;
}

interface Extents {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The index in steps of a few milliseconds, for those who have to stay responsive. */
export function* indexing(layout: Layout, direction: "down" | "right"): Generator<undefined, SpatialIndex> {
  return new SpatialIndex(layout, direction, yield* partsOf(layout, direction));
}

function* partsOf(layout: Layout, direction: "down" | "right"): Generator<undefined, Parts> {
  const down = direction === "down";
  const start = down ? layout.y : layout.x;
  const size = down ? layout.height : layout.width;
  const total = down ? layout.totalHeight : layout.totalWidth;
  const end = new Float64Array(start.length);
  for (let b = 0; b < end.length; b++) end[b] = (start[b] as number) + (size[b] as number);
  const boxes = new Slices(start, end, total);
  yield;
  const along = extents(layout, down ? 1 : 0);
  yield;
  const across = extents(layout, down ? 0 : 1);
  yield;
  return { boxes, edges: new Slices(along.low, along.high, total), across };
}

function finished<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export class SpatialIndex {
  readonly #layout: Layout;
  readonly #down: boolean;
  readonly #boxes: Slices;
  readonly #edges: Slices;
  /** Extents of edges across the flow. */
  readonly #low: Float64Array;
  readonly #high: Float64Array;

  constructor(layout: Layout, direction: "down" | "right", parts = finished(partsOf(layout, direction))) {
    this.#layout = layout;
    this.#down = direction === "down";
    this.#boxes = parts.boxes;
    this.#edges = parts.edges;
    this.#low = parts.across.low;
    this.#high = parts.across.high;
  }

  #range({ x, y, width, height }: Bounds): [from: number, to: number, low: number, high: number] {
    return this.#down ? [y, y + height, x, x + width] : [x, x + width, y, y + height];
  }

  /** Boxes and edges that touch `area`; edges by the area that they span. */
  find(area: Bounds): Found {
    const [from, to, low, high] = this.#range(area);
    const { x, y, width, height } = this.#layout;
    const start = this.#down ? x : y;
    const size = this.#down ? width : height;
    const boxes = this.#boxes.find(from, to).filter((b) => {
      return (start[b] as number) <= high && (start[b] as number) + (size[b] as number) >= low;
    });
    const edges = this.#edges.find(from, to).filter((e) => {
      return (this.#low[e] as number) <= high && (this.#high[e] as number) >= low;
    });
    return { boxes, edges };
  }

  /** About how many boxes and edges touch `area`. */
  estimate(area: Bounds): number {
    const [from, to] = this.#range(area);
    return this.#boxes.estimate(from, to) + this.#edges.estimate(from, to);
  }

  /** The innermost box at a point, -1 for none. Frames come before what they hold: the last one is innermost. */
  boxAt(px: number, py: number): number {
    return this.find({ x: px, y: py, width: 0, height: 0 }).boxes.at(-1) ?? -1;
  }

  /** The edge that runs nearest to a point, within `reach`; -1 for none. */
  edgeAt(px: number, py: number, reach: number): number {
    const area = { x: px - reach, y: py - reach, width: 2 * reach, height: 2 * reach };
    let best = -1;
    let distance = reach;
    for (const e of this.find(area).edges) {
      const away = distanceTo(this.#layout, e, px, py);
      if (away >= distance) continue;
      best = e;
      distance = away;
    }
    return best;
  }
}

function extents({ routes, routeOffsets }: Layout, axis: 0 | 1): Extents {
  const count = routeOffsets.length - 1;
  const low = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let e = 0; e < count; e++) {
    for (let i = (routeOffsets[e] as number) + axis; i < (routeOffsets[e + 1] as number); i += 2) {
      const at = routes[i] as number;
      if (at < (low[e] as number)) low[e] = at;
      if (at > (high[e] as number)) high[e] = at;
    }
  }
  return { low, high };
}

const STEPS = 8;

function distanceTo({ routes, routeOffsets }: Layout, e: number, px: number, py: number): number {
  const end = routeOffsets[e + 1] as number;
  let least = Number.POSITIVE_INFINITY;
  let x0 = routes[routeOffsets[e] as number] as number;
  let y0 = routes[(routeOffsets[e] as number) + 1] as number;
  for (let i = (routeOffsets[e] as number) + 2; i + 5 < end; i += 6) {
    const [ax, ay] = [x0, y0];
    for (let k = 1; k <= STEPS; k++) {
      const t = k / STEPS;
      const s = 1 - t;
      const at = (o: number, from: number): number =>
        s * s * s * from +
        3 * s * s * t * (routes[i + o] as number) +
        3 * s * t * t * (routes[i + 2 + o] as number) +
        t * t * t * (routes[i + 4 + o] as number);
      const x = at(0, ax);
      const y = at(1, ay);
      least = Math.min(least, toSegment(px, py, x0, y0, x, y));
      x0 = x;
      y0 = y;
    }
  }
  return least;
}

function toSegment(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / length));
  return Math.hypot(px - x0 - t * dx, py - y0 - t * dy);
}
