// Which boxes show: leaf calls, folded and open frames, and the edges between them, lifted to what is visible.
import type { Dim, Payload } from "../wire";
import { list } from "../wire";
import { holderOf, type Stubbed, stubFarReaders } from "./stubs";
import { type Units, unitsOf } from "./units";

export const LEAF = 0;
export const FOLDED = 1;
export const OPEN = 2;
/**
 * A folded stack: equal siblings as one box, "× 12". Drawn as a folded box with the edges of two more behind it (its size
 * has room for them), and `repeat` beside its name. Opens as any folded box does, into a frame of kind OPEN, and closes
 * with all its members. A click selects `paths`, which are its members'.
 */
export const STACK = 3;
/**
 * A tensor that many read far away is not drawn as lines across the picture: a small pill above each distant reader names
 * it, and one below its source says how many read it. Drawn as a pill without weight, its edge as any other. While the
 * stub, its source or its target is hovered or selected, the true connection is drawn (see `Stubs`); a click selects the
 * source and goes there.
 */
export const STUB = 4;

export interface Visible {
  readonly count: number;
  readonly kind: Uint8Array;
  /** The unit behind each box, in pre-order; behind a stub, the unit of the box that makes its tensor. */
  readonly unit: Int32Array;
  readonly parent: Int32Array;
  /** The innermost box that holds each unit, -1 for the root. */
  readonly boxOf: Int32Array;
  readonly edges: VisibleEdges;
  readonly stubs: Stubs;
}

/** What stubs stand for: stub `i` is box `first + i`. They come after all other boxes, marks below sources last. */
export interface Stubs {
  readonly first: number;
  readonly count: number;
  /** The box that makes the tensor. */
  readonly source: Int32Array;
  /** The box that reads it; -1 for the mark below the source. */
  readonly target: Int32Array;
  /** As of `VisibleEdges`. */
  readonly tensor: Int32Array;
  readonly port: Int32Array;
  /** How many far readers the tensor has. */
  readonly readers: Int32Array;
}

export interface VisibleEdges {
  readonly length: number;
  readonly source: Int32Array;
  readonly target: Int32Array;
  /** Index into the payload's tensors, which tells what it looks like; the first of several equal ones. */
  readonly tensor: Int32Array;
  /** One number per tensor: edges with the same one carry the same values. */
  readonly port: Int32Array;
  /** Tensors of one shape between the same two boxes are one line. */
  readonly tensors: Int32Array;
  /** 1 where the producer gives a rank or size that none of its own inputs has. */
  readonly changed: Uint8Array;
}

export function visibleGraph(payload: Payload, expanded: ReadonlySet<string>, groups: boolean): Visible {
  const units = unitsOf(payload, groups);
  const n = units.order.length;
  const boxOf = new Int32Array(units.length).fill(-1);
  const kind: number[] = [];
  const unit: number[] = [];
  const parent: number[] = [];
  // Pre-order: what holds a unit is decided before the unit.
  for (let i = 1; i < n; i++) {
    const u = units.order[i] as number;
    const holder = units.parent[u] as number;
    const around = boxOf[holder] as number;
    const shows = holder === 0 || (unit[around] === holder && kind[around] === OPEN);
    if (!shows) {
      boxOf[u] = around;
      continue;
    }
    boxOf[u] = unit.length;
    unit.push(u);
    parent.push(holder === 0 ? -1 : around);
    kind.push(kindOf(units, u, expanded));
  }
  const boxes = {
    count: unit.length,
    kind: Uint8Array.from(kind),
    unit: Int32Array.from(unit),
    parent: Int32Array.from(parent),
    boxOf,
  };
  return addStubs(boxes, stubFarReaders(boxes, lift(payload, boxes)));
}

/** Stubs as boxes behind all others. */
function addStubs(boxes: Boxes, { stubs, edges }: Stubbed): Visible {
  if (stubs.count === 0) return { ...boxes, edges, stubs };
  const every = Array.from({ length: stubs.count }, (_, i) => i);
  return {
    count: boxes.count + stubs.count,
    kind: Uint8Array.from([...boxes.kind, ...every.map(() => STUB)]),
    unit: Int32Array.from([...boxes.unit, ...every.map((i) => boxes.unit[stubs.source[i] as number] as number)]),
    parent: Int32Array.from([...boxes.parent, ...every.map((i) => holderOf(stubs, boxes.parent, i))]),
    boxOf: boxes.boxOf,
    edges,
    stubs,
  };
}

/** The box that makes what edge `e` carries, also where a stub stands for it. */
export function sourceOf({ edges, stubs }: Visible, e: number): number {
  const s = edges.source[e] as number;
  return s < stubs.first ? s : (stubs.source[s - stubs.first] as number);
}

function kindOf(units: Units, u: number, expanded: ReadonlySet<string>): number {
  if (!units.hasChildren[u]) return LEAF;
  if (expanded.has(units.path(u))) return OPEN;
  return u < units.stacks ? FOLDED : STACK;
}

type Boxes = Omit<Visible, "edges" | "stubs">;

function lift(payload: Payload, boxes: Boxes): VisibleEdges {
  const { edges, calls, tensors } = payload;
  const source: number[] = [];
  const target: number[] = [];
  const tensor: number[] = [];
  const port: number[] = [];
  const count: number[] = [];
  const ports = new Map<string, number>();
  const seen = new Map<string, number>();
  const parallel = new Map<string, number>();
  for (let e = 0; e < edges.length; e++) {
    const s = boxes.boxOf[edges.source[e] as number] ?? -1;
    const t = boxes.boxOf[edges.target[e] as number] ?? -1;
    if (s < 0 || t < 0 || s === t) continue;
    const carried = list(calls.outputs, edges.source[e] as number)[edges.source_port[e] as number] ?? -1;
    // Payloads keep equal descriptions once: who made it and where tells tensors apart.
    const origin = `${edges.source[e]} ${edges.source_port[e]}`;
    const key = `${s} ${t} ${origin}`;
    if (seen.has(key)) continue;
    const shape = `${s} ${t} ${shapeKey(payload, tensors.shape[carried] ?? -1)}`;
    const first = parallel.get(shape);
    seen.set(key, first ?? source.length);
    if (first !== undefined) {
      count[first] = (count[first] as number) + 1;
      continue;
    }
    parallel.set(shape, source.length);
    source.push(s);
    target.push(t);
    tensor.push(carried);
    const known = ports.get(origin) ?? ports.size;
    ports.set(origin, known);
    port.push(known);
    count.push(1);
  }
  const lifted = {
    length: source.length,
    source: Int32Array.from(source),
    target: Int32Array.from(target),
    tensor: Int32Array.from(tensor),
    port: Int32Array.from(port),
    tensors: Int32Array.from(count),
  };
  return { ...lifted, changed: shapeChanges(payload, boxes, lifted) };
}

function shapeKey(payload: Payload, shape: number): string {
  const dims = payload.shapes[shape];
  return dims ? dims.map((d: Dim) => (d === null ? "" : d)).join(",") : "?";
}

/** A box changes the shape when a tensor that leaves it has a shape that none of those that enter has. */
function shapeChanges(payload: Payload, boxes: Boxes, edges: Omit<VisibleEdges, "changed">): Uint8Array {
  const key = (tensor: number): string => shapeKey(payload, payload.tensors.shape[tensor] ?? -1);
  const entering: (Set<string> | undefined)[] = new Array(boxes.count);
  for (let b = 0; b < boxes.count; b++) {
    const u = boxes.unit[b] as number;
    if (u < payload.calls.length) entering[b] = new Set(Array.from(list(payload.calls.inputs, u), key));
  }
  for (let e = 0; e < edges.length; e++) {
    const t = edges.target[e] as number;
    entering[t] ??= new Set();
    // A group has no call of its own: what its edges bring is what it takes.
    if ((boxes.unit[t] as number) >= payload.calls.length) entering[t].add(key(edges.tensor[e] as number));
  }
  return Uint8Array.from(edges.source, (s, e) => {
    const shape = key(edges.tensor[e] as number);
    const own = entering[s];
    return shape !== "?" && own && own.size > 0 && !own.has("?") && !own.has(shape) ? 1 : 0;
  });
}
