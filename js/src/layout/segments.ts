// An edge that crosses the border of a frame is cut there: inside each frame it runs to a port on the border, and between
// frames from port to port, so that every frame is a problem of its own. All edges of one tensor share their segments.
import { type Adjacency, adjacency } from "./adjacency";
import type { LayoutInput } from "./index";
import { Numbers } from "./numbers";
import { PART } from "./parts";

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
    if (to - from > 1) edges.subarray(from, to).sort((a, b) => port[a]! - port[b]! || a - b);
    for (let k = from; k < to; k++) {
      if (k === from || port[edges[k]!] !== port[edges[k - 1]!]) cutter.begin(s);
      cutter.add(edges[k]!);
    }
  }
}

class Cutter {
  readonly #input: LayoutInput;
  readonly #frame = new Numbers();
  readonly #from = new Numbers();
  readonly #to = new Numbers();
  readonly #outlet = new Numbers();
  readonly #previous = new Numbers();
  readonly #enters = new Numbers();
  readonly #edge = new Numbers();
  readonly #portFrame = new Numbers();
  readonly #portLeaves = new Numbers();
  readonly #last: Int32Array;
  #outlets = 0;
  #source = 0;
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
    this.#input = input;
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
    return {
      frame: this.#frame.take(),
      from: this.#from.take(),
      to: this.#to.take(),
      outlet: this.#outlet.take(),
      outlets: this.#outlets,
      previous: this.#previous.take(),
      enters: this.#enters.take(),
      edge: this.#edge.take(),
      last: this.#last,
      portFrame: this.#portFrame.take(),
      portLeaves: this.#portLeaves.take(),
    };
  }

  #parent(box: number): number {
    const parent = this.#input.parent[box]!;
    return parent < 0 ? this.#input.parent.length : parent;
  }

  /** The edges to come carry one tensor out of box `source`. */
  begin(source: number): void {
    this.#tensor++;
    this.#source = source;
    const outermost = this.#input.parent.length;
    for (let at = source; at !== outermost; at = this.#parent(at)) {
      const frame = this.#parent(at);
      this.#around[frame] = this.#tensor;
      this.#holder[frame] = at;
    }
  }

  /** Bring the tensor to the target of edge `e`, through frames that are not entered yet. */
  add(e: number): void {
    const target = this.#input.target[e]!;
    if (this.#entered[target] !== this.#tensor) {
      const frame = this.#parent(target);
      if (this.#around[frame] === this.#tensor) this.#fromSibling(target, -1, e);
      else this.#throughFrames(target, frame, e);
    }
    this.#last[e] = this.#into[target]!;
  }

  /** Enter every frame between the tensor and `target`, outermost first; without recursion, as nesting may be deep. */
  #throughFrames(target: number, innermost: number, e: number): void {
    const way = [target];
    let at = innermost;
    while (this.#entered[at] !== this.#tensor && this.#around[at] !== this.#tensor) {
      way.push(at);
      at = this.#parent(at);
    }
    for (let i = way.length - 1; i >= 0; i--) {
      const into = way[i]!;
      const frame = this.#parent(into);
      // All but the innermost are frames, and lead on from a port.
      const enters = i > 0 ? this.#port(into, 0) : -1;
      if (this.#around[frame] === this.#tensor) this.#fromSibling(into, enters, e);
      else this.#fromPort(frame, into, enters, e);
    }
  }

  #fromSibling(into: number, enters: number, e: number): void {
    const frame = this.#parent(into);
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
    for (let at = this.#source; at !== box; at = this.#parent(at)) {
      const frame = this.#parent(at);
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
    this.#enters.push(enters);
    this.#frame.push(frame);
    this.#from.push(from);
    this.#to.push(to);
    this.#outlet.push(outlet);
    this.#edge.push(e);
    return this.#previous.push(previous);
  }
}
