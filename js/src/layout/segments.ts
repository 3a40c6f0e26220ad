// An edge that crosses the border of a frame is cut there: inside each frame it runs to a port on the border, and between
// frames from port to port, so that every frame is a problem of its own. All edges of one tensor share their segments.
import { type Adjacency, adjacency, sortEdges } from "./adjacency";
import type { LayoutInput } from "./index";
import { Numbers } from "./numbers";
import { inParts, PART } from "./parts";

/** Frames are numbered by their boxes; the outermost one is number `parent.length`. */
export interface Segments {
  /** The frame that each segment runs in. */
  readonly frame: Int32Array;
  /** Ends: a box, or `-1 - port`. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Segments of one outlet carry one tensor out of one box or port. */
  readonly outlet: Int32Array;
  readonly outlets: number;
  /** The segment that comes before on the way from the source, -1 for none. */
  readonly previous: Int32Array;
  /** The near port behind each segment that enters a frame, -1 for others. */
  readonly enters: Int32Array;
  /** The first edge that runs through each segment. */
  readonly edge: Int32Array;
  /** The last segment of each edge. */
  readonly last: Int32Array;
  /** The frame of each port, and 1 where tensors leave through it. */
  readonly portFrame: Int32Array;
  readonly portLeaves: Int32Array;
}

// Sources between two yields.
const STEP = 32 * PART;

/** Cut all edges, tensor by tensor: sources in the order of their numbers, tensors in the order of their ports. */
export function* cut(input: LayoutInput): Generator<undefined, Segments> {
  const cutter = new Cutter(input);
  const n = input.parent.length;
  const bySource = adjacency(n, input.source);
  for (let s = 0; s < n; s += PART) {
    cutPart(cutter, input.sourcePort, bySource, s, Math.min(n, s + PART));
    if (s % STEP === STEP - PART) yield;
  }
  return cutter.result();
}

function cutPart(cutter: Cutter, port: Int32Array, { offsets, edges }: Adjacency, first: number, last: number): void {
  for (let s = first; s < last; s++) {
    const from = offsets[s]!;
    const to = offsets[s + 1]!;
    sortEdges(edges, from, to, port);
    for (let k = from; k < to; k++) {
      if (k === from || port[edges[k]!] !== port[edges[k - 1]!]) cutter.begin(s);
      cutter.add(edges[k]!);
    }
  }
}

/** What is known of a segment, side by side in one list: a list for each would be as many calls for every segment. */
const COLUMNS = ["frame", "from", "to", "outlet", "previous", "enters", "edge"] as const;

class Cutter {
  readonly #parent: Int32Array;
  readonly #target: Int32Array;
  readonly #outermost: number;
  #rows: Int32Array;
  #segments = 0;
  readonly #portFrame = new Numbers();
  readonly #portLeaves = new Numbers();
  readonly #last: Int32Array;
  #outlets = 0;
  #source = 0;
  /** Whether the frames around the source know that they are. */
  #climbed = false;
  /** Number of the tensor at hand: what the arrays below say holds where their stamp is this. */
  #tensor = 0;
  /** By box: the segment into it; for a frame, the near port behind that and the outlet that leads on from there. */
  readonly #entered: Int32Array;
  readonly #into: Int32Array;
  readonly #nearPort: Int32Array;
  readonly #portOutlet: Int32Array;
  /** By frame around the source: the box in it that is or holds the source, and the segment out of the frame. */
  readonly #around: Int32Array;
  readonly #holder: Int32Array;
  readonly #left: Int32Array;
  readonly #out: Int32Array;
  /** By box: the outlet that carries the tensor. */
  readonly #handed: Int32Array;
  readonly #boxOutlet: Int32Array;

  constructor(input: LayoutInput) {
    const n = input.parent.length + 1;
    this.#parent = input.parent;
    this.#target = input.target;
    this.#outermost = input.parent.length;
    this.#rows = new Int32Array(COLUMNS.length * (input.source.length + 64));
    this.#last = new Int32Array(input.source.length);
    this.#entered = new Int32Array(n);
    this.#into = new Int32Array(n);
    this.#nearPort = new Int32Array(n);
    this.#portOutlet = new Int32Array(n);
    this.#around = new Int32Array(n);
    this.#holder = new Int32Array(n);
    this.#left = new Int32Array(n);
    this.#out = new Int32Array(n);
    this.#handed = new Int32Array(n);
    this.#boxOutlet = new Int32Array(n);
  }

  result(): Segments {
    const columns = COLUMNS.map((name, c) => [name, columnOf(this.#rows, c, this.#segments)]);
    return {
      ...(Object.fromEntries(columns) as Record<(typeof COLUMNS)[number], Int32Array>),
      outlets: this.#outlets,
      last: this.#last,
      portFrame: this.#portFrame.take(),
      portLeaves: this.#portLeaves.take(),
    };
  }

  #frameOf(box: number): number {
    const parent = this.#parent[box]!;
    return parent < 0 ? this.#outermost : parent;
  }

  /** The edges to come carry one tensor out of box `source`. */
  begin(source: number): void {
    this.#tensor++;
    this.#source = source;
    this.#climbed = false;
  }

  #climb(): void {
    this.#climbed = true;
    for (let at = this.#source; at !== this.#outermost; at = this.#frameOf(at)) {
      const frame = this.#frameOf(at);
      this.#around[frame] = this.#tensor;
      this.#holder[frame] = at;
    }
  }

  /** Bring the tensor to the target of edge `e`, through frames that are not entered yet. */
  add(e: number): void {
    const target = this.#target[e]!;
    if (this.#entered[target] !== this.#tensor) {
      if (this.#parent[target] === this.#parent[this.#source]) this.#toSibling(target, e);
      else this.#toOthers(target, e);
    }
    this.#last[e] = this.#into[target]!;
  }

  #toSibling(target: number, e: number): void {
    const frame = this.#frameOf(target);
    this.#entered[target] = this.#tensor;
    this.#into[target] = this.#segment(frame, this.#source, target, this.#outletOf(this.#source), -1, -1, e);
  }

  #toOthers(target: number, e: number): void {
    if (!this.#climbed) this.#climb();
    const frame = this.#frameOf(target);
    if (this.#around[frame] === this.#tensor) this.#fromSibling(target, -1, e);
    else this.#throughFrames(target, frame, e);
  }

  /** Enter every frame between the tensor and `target`, outermost first; without recursion, as nesting may be deep. */
  #throughFrames(target: number, innermost: number, e: number): void {
    const way = [target];
    let at = innermost;
    while (this.#entered[at] !== this.#tensor && this.#around[at] !== this.#tensor) {
      way.push(at);
      at = this.#frameOf(at);
    }
    for (let i = way.length - 1; i >= 0; i--) {
      const into = way[i]!;
      const frame = this.#frameOf(into);
      // All but the innermost are frames, and lead on from a port.
      const enters = i > 0 ? this.#port(into, 0) : -1;
      if (this.#around[frame] === this.#tensor) this.#fromSibling(into, enters, e);
      else this.#fromPort(frame, into, enters, e);
    }
  }

  #fromSibling(into: number, enters: number, e: number): void {
    const frame = this.#frameOf(into);
    const from = this.#holder[frame]!;
    const previous = this.#leave(from, e);
    this.#enter(into, enters, this.#segment(frame, from, into, this.#outletOf(from), previous, enters, e));
  }

  #fromPort(frame: number, into: number, enters: number, e: number): void {
    const from = -1 - this.#nearPort[frame]!;
    const outlet = this.#portOutlet[frame]!;
    this.#enter(into, enters, this.#segment(frame, from, into, outlet, this.#into[frame]!, enters, e));
  }

  #enter(box: number, port: number, segment: number): void {
    this.#entered[box] = this.#tensor;
    this.#into[box] = segment;
    this.#nearPort[box] = port;
    if (port >= 0) this.#portOutlet[box] = this.#outlets++;
  }

  /** The last segment of the tensor's way out of `box`, which is or holds the source; -1 for the source itself. */
  #leave(box: number, e: number): number {
    let previous = -1;
    for (let at = this.#source; at !== box; at = this.#frameOf(at)) {
      const frame = this.#frameOf(at);
      if (this.#left[frame] !== this.#tensor) {
        this.#left[frame] = this.#tensor;
        const port = this.#port(frame, 1);
        this.#out[frame] = this.#segment(frame, at, -1 - port, this.#outletOf(at), previous, -1, e);
      }
      previous = this.#out[frame]!;
    }
    return previous;
  }

  #outletOf(box: number): number {
    if (this.#handed[box] !== this.#tensor) {
      this.#handed[box] = this.#tensor;
      this.#boxOutlet[box] = this.#outlets++;
    }
    return this.#boxOutlet[box]!;
  }

  #port(frame: number, leaves: 0 | 1): number {
    this.#portFrame.push(frame);
    return this.#portLeaves.push(leaves);
  }

  #segment(
    frame: number,
    from: number,
    to: number,
    outlet: number,
    previous: number,
    enters: number,
    e: number,
  ): number {
    const width = COLUMNS.length;
    const at = this.#segments * width;
    if (at === this.#rows.length) this.#grow();
    const rows = this.#rows;
    rows[at] = frame;
    rows[at + 1] = from;
    rows[at + 2] = to;
    rows[at + 3] = outlet;
    rows[at + 4] = previous;
    rows[at + 5] = enters;
    rows[at + 6] = e;
    return this.#segments++;
  }

  #grow(): void {
    const grown = new Int32Array(this.#rows.length * 2);
    grown.set(this.#rows);
    this.#rows = grown;
  }
}

function columnOf(rows: Int32Array, column: number, count: number): Int32Array {
  const values = new Int32Array(count);
  inParts(count, (first, last) => {
    for (let s = first; s < last; s++) values[s] = rows[s * COLUMNS.length + column]!;
  });
  return values;
}
