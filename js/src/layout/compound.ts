// Boxes in boxes, laid out inside out. An edge that crosses a frame's border is cut there: inside each frame it runs
// to a port on the border, and between frames from port to port, so that every frame is a problem of its own.
import { FAR, type FrameEdge, type FramePlan, NEAR, planFrame } from "./frame";
import type { Layout, LayoutInput } from "./index";

interface Frame {
  readonly children: number[];
  /** Local number of each port by tensor: those behind the children. */
  readonly near: Map<number, number>;
  readonly far: Map<number, number>;
  readonly edges: Segment[];
  readonly byKey: Map<string, number>;
  plan: FramePlan | null;
}

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly tensor: number;
  labelWidth: number;
  labelHeight: number;
}

/** The pieces of one edge in the order of travel: frame and segment numbers; `label` is the piece with the label. */
interface Way {
  readonly pieces: number[];
  label: number;
}

class Compound {
  readonly frames = new Map<number, Frame>();
  readonly local: Int32Array;
  readonly depth: Int32Array;
  readonly #ports = new Map<string, number>();
  readonly #input: LayoutInput;

  constructor(input: LayoutInput) {
    this.#input = input;
    const n = input.parent.length;
    this.local = new Int32Array(n);
    this.depth = new Int32Array(n);
    this.frames.set(-1, emptyFrame());
    for (let b = 0; b < n; b++) {
      const parent = input.parent[b] as number;
      this.depth[b] = parent < 0 ? 0 : (this.depth[parent] as number) + 1;
      let frame = this.frames.get(parent);
      if (!frame) {
        frame = emptyFrame();
        this.frames.set(parent, frame);
      }
      this.local[b] = frame.children.length;
      frame.children.push(b);
    }
  }

  #tensor(e: number): number {
    const key = `${this.#input.source[e]} ${this.#input.sourcePort[e]}`;
    const known = this.#ports.get(key) ?? this.#ports.size;
    this.#ports.set(key, known);
    return known;
  }

  #port(frame: number, side: "near" | "far", tensor: number): number {
    const ports = (this.frames.get(frame) as Frame)[side];
    const known = ports.get(tensor) ?? ports.size;
    ports.set(tensor, known);
    // Near ports are numbered from -1 down, far ones from far below, until the number of boxes is known.
    return side === "near" ? -1 - known : -1 - known - FAR_BASE;
  }

  #segment(frame: number, from: number, to: number, tensor: number): number {
    const { edges, byKey } = this.frames.get(frame) as Frame;
    const key = `${from} ${to} ${tensor}`;
    const known = byKey.get(key) ?? edges.length;
    if (known === edges.length) {
      edges.push({ from, to, tensor, labelWidth: 0, labelHeight: 0 });
      byKey.set(key, known);
    }
    return known;
  }

  cut(e: number): Way {
    const { parent, source, target } = this.#input;
    const tensor = this.#tensor(e);
    let u = source[e] as number;
    let v = target[e] as number;
    const before: number[] = [];
    const after: number[] = [];
    const leave = (): void => {
      const frame = parent[u] as number;
      before.push(frame, this.#segment(frame, this.local[u] as number, this.#port(frame, "far", tensor), tensor));
      u = frame;
    };
    const enter = (): void => {
      const frame = parent[v] as number;
      after.push(this.#segment(frame, this.#port(frame, "near", tensor), this.local[v] as number, tensor), frame);
      v = frame;
    };
    while ((this.depth[u] as number) > (this.depth[v] as number)) leave();
    while ((this.depth[v] as number) > (this.depth[u] as number)) enter();
    while (parent[u] !== parent[v]) {
      leave();
      enter();
    }
    const frame = parent[u] as number;
    const middle = this.#segment(frame, this.local[u] as number, this.local[v] as number, tensor);
    const segment = (this.frames.get(frame) as Frame).edges[middle] as Segment;
    segment.labelWidth = Math.max(segment.labelWidth, this.#input.labelWidth[e] as number);
    segment.labelHeight = Math.max(segment.labelHeight, this.#input.labelHeight[e] as number);
    return { pieces: [...before, frame, middle, ...after.reverse()], label: before.length };
  }
}

const FAR_BASE = 1 << 28;

function emptyFrame(): Frame {
  return { children: [], near: new Map(), far: new Map(), edges: [], byKey: new Map(), plan: null };
}

/** The number of a segment's end within the frame's list: boxes, near ports, far ports. */
function numberOf(end: number, frame: Frame): number {
  if (end >= 0) return end;
  const port = -1 - end;
  return port < FAR_BASE ? frame.children.length + port : frame.children.length + frame.near.size + port - FAR_BASE;
}

function plan(input: LayoutInput, id: number, frame: Frame, frames: Map<number, Frame>): FramePlan {
  const down = input.direction === "down";
  const { children, near, far } = frame;
  const count = children.length + near.size + far.size;
  const across = new Float64Array(count);
  const along = new Float64Array(count);
  const pinned = new Uint8Array(count);
  pinned.fill(NEAR, children.length, children.length + near.size);
  pinned.fill(FAR, children.length + near.size);
  children.forEach((b, i) => {
    const inner = frames.get(b)?.plan;
    across[i] = inner ? inner.across : ((down ? input.width : input.height)[b] as number);
    along[i] = inner ? inner.along : ((down ? input.height : input.width)[b] as number);
  });
  /** A frame's ports are where its own plan has put them. */
  const portAt = (end: number, tensor: number, side: "near" | "far"): number | null => {
    const inner = frames.get(children[end] ?? -2);
    if (!inner?.plan) return null;
    const port = inner[side].get(tensor) ?? 0;
    const at = inner.children.length + (side === "far" ? inner.near.size : 0) + port;
    return (inner.plan.centre[at] as number) - inner.plan.across / 2;
  };
  const anchor = Float64Array.from({ length: count }, (_, i) => anchorOf(frames.get(children[i] ?? -2)));
  const edges = frame.edges.map(
    (s): FrameEdge => ({
      from: numberOf(s.from, frame),
      to: numberOf(s.to, frame),
      tensor: s.tensor,
      fromAt: s.from < 0 ? 0 : portAt(s.from, s.tensor, "far"),
      toAt: s.to < 0 ? 0 : portAt(s.to, s.tensor, "near"),
      labelAcross: down ? s.labelWidth : s.labelHeight,
      labelAlong: down ? s.labelHeight : s.labelWidth,
    }),
  );
  const { header, padding } = input.spacing;
  const side: [number, number] = id < 0 ? [0, 0] : [padding, padding];
  const top: [number, number] = id < 0 ? [0, 0] : [header, padding];
  const least = { width: id < 0 ? 0 : (input.width[id] as number), height: id < 0 ? 0 : (input.height[id] as number) };
  return planFrame({
    across,
    along,
    anchor,
    pinned,
    edges,
    padAcross: down ? side : top,
    padAlong: down ? top : side,
    least: { across: down ? least.width : least.height, along: down ? least.height : least.width },
    gaps: input.spacing,
  });
}

/** The way through a frame, from its centre: between where its first tensor enters and where its first one leaves. */
function anchorOf(frame: Frame | undefined): number {
  if (!frame?.plan) return 0;
  const { centre, across } = frame.plan;
  const first = frame.children.length;
  const ports: number[] = [];
  if (frame.near.size > 0) ports.push(centre[first] as number);
  if (frame.far.size > 0) ports.push(centre[first + frame.near.size] as number);
  if (ports.length === 0) return 0;
  const offset = ports.reduce((sum, at) => sum + at, 0) / ports.length - across / 2;
  // Room is kept on both sides: past some imbalance a bend costs less than the room.
  return Math.abs(offset) < across * 0.3 ? offset : 0;
}

export function layoutCompound(input: LayoutInput): Layout {
  const compound = new Compound(input);
  const ways = Array.from(input.source, (_, e) => compound.cut(e));
  // A frame comes before what it holds: backwards is inside out.
  const ids = [...compound.frames.keys()].sort((a, b) => b - a);
  for (const id of ids) {
    const frame = compound.frames.get(id) as Frame;
    frame.plan = plan(input, id, frame, compound.frames);
  }
  return assemble(input, compound, ways);
}

function assemble(input: LayoutInput, compound: Compound, ways: readonly Way[]): Layout {
  const n = input.parent.length;
  const down = input.direction === "down";
  const across = new Float64Array(n);
  const along = new Float64Array(n);
  const breadth = new Float64Array(n);
  const length = new Float64Array(n);
  for (let b = 0; b < n; b++) {
    const parent = input.parent[b] as number;
    const outer = (compound.frames.get(parent) as Frame).plan as FramePlan;
    const inner = compound.frames.get(b)?.plan;
    breadth[b] = inner ? inner.across : ((down ? input.width : input.height)[b] as number);
    length[b] = inner ? inner.along : ((down ? input.height : input.width)[b] as number);
    const i = compound.local[b] as number;
    across[b] =
      (parent < 0 ? 0 : (across[parent] as number)) + (outer.centre[i] as number) - (breadth[b] as number) / 2;
    along[b] = (parent < 0 ? 0 : (along[parent] as number)) + (outer.start[i] as number);
  }
  const root = (compound.frames.get(-1) as Frame).plan as FramePlan;
  const routes: number[] = [];
  const routeOffsets = new Int32Array(ways.length + 1);
  const labelAcross = new Float64Array(ways.length);
  const labelAlong = new Float64Array(ways.length);
  ways.forEach((way, e) => {
    for (let i = 0; i < way.pieces.length; i += 2) {
      const id = way.pieces[i] as number;
      const { routes: pieces, labels } = (compound.frames.get(id) as Frame).plan as FramePlan;
      const dx = id < 0 ? 0 : (across[id] as number);
      const dy = id < 0 ? 0 : (along[id] as number);
      const piece = pieces[way.pieces[i + 1] as number] as number[];
      // The next piece starts where this one ended.
      for (let k = i === 0 ? 0 : 2; k < piece.length; k += 2) {
        const x = (piece[k] as number) + dx;
        const y = (piece[k + 1] as number) + dy;
        routes.push(down ? x : y, down ? y : x);
      }
      if (i !== way.label) continue;
      const label = labels[way.pieces[i + 1] as number] as readonly [number, number];
      labelAcross[e] = label[0] + dx;
      labelAlong[e] = label[1] + dy;
    }
    routeOffsets[e + 1] = routes.length;
  });
  return {
    x: down ? across : along,
    y: down ? along : across,
    width: down ? breadth : length,
    height: down ? length : breadth,
    routes: Float64Array.from(routes),
    routeOffsets,
    labelX: down ? labelAcross : labelAlong,
    labelY: down ? labelAlong : labelAcross,
    totalWidth: down ? root.across : root.along,
    totalHeight: down ? root.along : root.across,
  };
}
