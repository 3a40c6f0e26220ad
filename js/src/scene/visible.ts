// Which boxes show: leaf calls, folded and open frames, and the edges between them, lifted to what is visible.
import { atOnce } from "../steps";
import type { Payload } from "../wire";
import { lift, shapeChanges } from "./lift";
import type { Plot } from "./plot";
import { holderOf, type Stubbed, stubFarReaders } from "./stubs";
import { type Units, unitsSteps } from "./units";

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
  return atOnce(visibleSteps(payload, expanded, groups, null));
}

/** The same in steps of a few milliseconds, for those who have to stay responsive. */
export function* visibleSteps(
  payload: Payload,
  expanded: ReadonlySet<string>,
  groups: boolean,
  plot: Plot | null,
): Generator<undefined, Visible> {
  const boxes = boxesOf(yield* unitsSteps(payload, groups), expanded, plot);
  yield;
  const lifted = lift(payload, boxes);
  yield;
  // A plot has no color for changes.
  const changed = plot ? new Uint8Array(lifted.length) : shapeChanges(payload, boxes, lifted);
  const edges = { ...lifted, changed };
  yield;
  return addStubs(boxes, stubFarReaders(boxes, edges));
}

function boxesOf(units: Units, expanded: ReadonlySet<string>, plot: Plot | null): Boxes {
  const hidden = new Set(plot?.hidden);
  const stacks = plot?.stacks ?? true;
  const boxOf = new Int32Array(units.length).fill(-1);
  const kind: number[] = [];
  const unit: number[] = [];
  const parent: number[] = [];
  // Pre-order: what holds a unit is decided before the unit.
  for (let i = 1; i < units.order.length; i++) {
    const u = units.order[i] as number;
    let holder = units.parent[u] as number;
    while (!stacks && holder >= units.stacks) holder = units.parent[holder] as number;
    const around = boxOf[holder] as number;
    const left = hidden.has(u) || (!stacks && u >= units.stacks);
    if (left && holder === 0) continue;
    const shows = !left && (holder === 0 || (unit[around] === holder && kind[around] === OPEN));
    if (!shows) {
      boxOf[u] = around;
      continue;
    }
    boxOf[u] = unit.length;
    unit.push(u);
    parent.push(holder === 0 ? -1 : around);
    kind.push(kindOf(units, u, expanded));
  }
  return {
    count: unit.length,
    kind: Uint8Array.from(kind),
    unit: Int32Array.from(unit),
    parent: Int32Array.from(parent),
    boxOf,
  };
}

/** Stubs as boxes behind all others. */
function addStubs(boxes: Boxes, { stubs, edges }: Stubbed): Visible {
  if (stubs.count === 0) return { ...boxes, edges, stubs };
  const count = boxes.count + stubs.count;
  const all = { kind: new Uint8Array(count).fill(STUB), unit: new Int32Array(count), parent: new Int32Array(count) };
  all.kind.set(boxes.kind);
  all.unit.set(boxes.unit);
  all.parent.set(boxes.parent);
  for (let i = 0; i < stubs.count; i++) {
    all.unit[stubs.first + i] = boxes.unit[stubs.source[i] as number] as number;
    all.parent[stubs.first + i] = holderOf(stubs, boxes.parent, i);
  }
  return { count, ...all, boxOf: boxes.boxOf, edges, stubs };
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
