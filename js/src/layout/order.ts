// The order of nodes within their ranks: sweeps that sort by the mean place of neighbours (Sugiyama, Tagawa and Toda,
// 1981), then exchanges of neighbours that save crossings (Gansner et al., 1993). Stops early, within bounded work.
import type { Layered } from "./chains";
import { CrossingCounter } from "./crossings";
import { type Ordered, PORTS, type Side } from "./neighbours";
import { inParts } from "./parts";
import { type Path, pathsOf, Rerouter } from "./reroute";

const SWEEPS = 10;
/** Up to so many nodes are sorted by insertion: they nearly are in order. */
const FEW = 96;
/** When so many of the longest paths stay where they are, or those that take such a share of the work, others will too. */
const HOPELESS = 48;
const HOPELESS_SHARE = 0.25;
/** Sweeps without a gain of one in a hundred before giving up: one of either kind. */
const STALE = 2;
// Pieces looked at, in proportion to how many there are: it is hostile graphs that need a bound.
const WORK_PER_PIECE = 400;
const WORK_LEAST = 4_000_000;

interface Ordering {
  readonly order: Ordered;
  readonly up: Side;
  readonly down: Side;
  readonly counter: CrossingCounter;
  /** Scratch. */
  readonly key: Float64Array;
  readonly moving: Int32Array;
  readonly dirty: Uint8Array;
  /** When each rank was last sorted by each side, plain and mirrored: as long as nothing changes, that gives the same. */
  readonly sorted: Int32Array;
  readonly budget: number;
  /** Whether sorting puts equal ones the other way round. */
  mirrored: boolean;
  /** Whether anything has been exchanged. */
  exchanged: boolean;
}

/** Improve `order` in place; yields after every sweep. Returns the crossings that are left. */
export function* improveOrder(layered: Layered, order: Ordered, up: Side, down: Side): Generator<undefined, number> {
  const counter = new CrossingCounter(order, down);
  const first = counter.total();
  if (first === 0) return 0;
  const state = orderingOf(order, up, down, counter);
  const kept = order.nodes.slice();
  const swept = yield* sweepAll(state, first, kept);
  restore(state, kept);
  if (swept === 0) return 0;
  const paths = pathsOf(layered, up, down);
  const rerouter = new Rerouter(order, up, down, counter);
  const crossed = crossedRanks(counter);
  // Once: a second time has not moved any path of the graphs that are measured.
  rerouteAll(
    paths.filter((path) => touches(path, crossed)),
    rerouter,
    state.budget,
  );
  exchange(state, 12);
  if (counter.total() < swept) kept.set(order.nodes);
  yield;
  restore(state, kept);
  return counter.total();
}

/** Sweep as long as that helps, and leave the best order in `kept`. Returns its crossings. */
function* sweepAll(state: Ordering, first: number, kept: Int32Array): Generator<undefined, number> {
  const { counter, order, budget } = state;
  let best = first;
  let stale = 0;
  for (let sweep = 0; sweep < SWEEPS && best > 0 && stale < STALE && counter.work < budget; sweep++) {
    sortAll(state, sweep % 2 === 1);
    exchange(state, 4);
    const now = counter.total();
    stale = now < best * 0.99 ? 0 : stale + 1;
    if (now < best) {
      best = now;
      kept.set(order.nodes);
    }
    yield;
  }
  return best;
}

function orderingOf(order: Ordered, up: Side, down: Side, counter: CrossingCounter): Ordering {
  const ranks = order.starts.length - 1;
  let widest = 0;
  inParts(ranks, (first, last) => {
    for (let r = first; r < last; r++) widest = Math.max(widest, order.starts[r + 1]! - order.starts[r]!);
  });
  return {
    order,
    up,
    down,
    counter,
    key: new Float64Array(order.position.length),
    moving: new Int32Array(widest),
    dirty: new Uint8Array(ranks),
    sorted: new Int32Array(4 * ranks),
    budget: Math.max(WORK_LEAST, WORK_PER_PIECE * down.other.length),
    mirrored: false,
    exchanged: false,
  };
}

function rerouteAll(paths: readonly Path[], rerouter: Rerouter, budget: number): void {
  const patience = rerouter.work + budget * HOPELESS_SHARE;
  let moved = 0;
  let tried = 0;
  for (let i = 0; i < paths.length && rerouter.work < budget; i++) {
    if (!rerouter.crosses(paths[i]!)) continue;
    if (rerouter.reroute(paths[i]!)) moved++;
    tried++;
    if (moved === 0 && (tried > HOPELESS || rerouter.work > patience)) return;
  }
}

/** How many of the ranks before each have crossings below them. */
function crossedRanks(counter: CrossingCounter): Int32Array {
  const { crossings } = counter;
  const before = new Int32Array(crossings.length + 1);
  inParts(crossings.length, (first, last) => {
    for (let r = first; r < last; r++) before[r + 1] = before[r]! + (crossings[r]! > 0 ? 1 : 0);
  });
  return before;
}

/** Whether there are crossings between the ranks that a path runs through. */
function touches({ nodes, rank }: Path, crossed: Int32Array): boolean {
  return crossed[Math.min(rank + nodes.length, crossed.length - 1)]! > crossed[Math.max(0, rank - 1)]!;
}

function restore(state: Ordering, kept: Int32Array): void {
  state.order.nodes.set(kept);
  inParts(state.order.starts.length - 1, renumber, state);
}

function renumber(first: number, last: number, { order, counter }: Ordering): void {
  const { starts, nodes, position } = order;
  for (let r = first; r < last; r++) {
    for (let i = starts[r]!; i < starts[r + 1]!; i++) {
      const p = i - starts[r]!;
      if (position[nodes[i]!] === p) continue;
      position[nodes[i]!] = p;
      counter.changed(r);
    }
  }
}

/** Down and up again. */
function sortAll(state: Ordering, mirrored: boolean): void {
  const ranks = state.order.starts.length - 1;
  state.mirrored = mirrored;
  inParts(ranks - 1, sortDown, state);
  inParts(ranks - 1, sortUp, state);
}

function sortDown(first: number, last: number, state: Ordering): void {
  for (let r = first; r < last; r++) sortRank(state, r + 1, state.up, state.mirrored);
}

function sortUp(first: number, last: number, state: Ordering): void {
  const ranks = state.order.starts.length - 1;
  for (let r = first; r < last; r++) sortRank(state, ranks - 2 - r, state.down, state.mirrored);
}

/** Sort the nodes of a rank by the mean place of their neighbours on one side; those without any keep their places. */
function sortRank(state: Ordering, r: number, side: Side, mirrored: boolean): void {
  const { order, up, key, moving, counter, sorted } = state;
  const { changedAt } = counter;
  const { starts, nodes, position } = order;
  const { offsets, other, weight, port } = side;
  const first = starts[r]!;
  const last = starts[r + 1]!;
  if (last - first < 2) return;
  const slot = 4 * r + (side === up ? 0 : 1) + (mirrored ? 2 : 0);
  const since = sorted[slot]!;
  if (since > changedAt[r]! && since > changedAt[side === up ? r - 1 : r + 1]!) return;
  sorted[slot] = ++counter.clock;
  let count = 0;
  for (let i = first; i < last; i++) {
    const v = nodes[i]!;
    let sum = 0;
    let all = 0;
    for (let k = offsets[v]!; k < offsets[v + 1]!; k++) {
      sum += (position[other[k]!]! * PORTS + port[k]!) * weight[k]!;
      all += weight[k]!;
    }
    counter.work += offsets[v + 1]! - offsets[v]!;
    key[v] = all > 0 ? sum / all : -1;
    if (all > 0) moving[count++] = v;
  }
  sortByKey(moving, count, key, position, mirrored);
  let next = 0;
  let moved = false;
  for (let i = first; i < last; i++) {
    if (key[nodes[i]!]! < 0) continue;
    const v = moving[next++]!;
    if (nodes[i] !== v) moved = true;
    nodes[i] = v;
    position[v] = i - first;
  }
  if (moved) counter.changed(r);
}

/** `mirrored` puts equal ones the other way round, which is what gets a sweep out of where it is stuck. */
function sortByKey(
  moving: Int32Array,
  count: number,
  key: Float64Array,
  position: Int32Array,
  mirrored: boolean,
): void {
  if (count > FEW) {
    const sign = mirrored ? -1 : 1;
    moving.subarray(0, count).sort((a, b) => key[a]! - key[b]! || sign * (position[a]! - position[b]!));
    return;
  }
  for (let i = 1; i < count; i++) {
    const v = moving[i]!;
    const at = key[v]!;
    let j = i - 1;
    while (j >= 0 && (key[moving[j]!]! > at || (mirrored && key[moving[j]!] === at))) {
      moving[j + 1] = moving[j]!;
      j--;
    }
    moving[j + 1] = v;
  }
}

/** Exchange neighbours as long as that saves crossings, in those ranks that have some or where something has changed. */
function exchange(state: Ordering, passes: number): void {
  const { order, counter } = state;
  const ranks = order.starts.length - 1;
  if (counter.total() === 0) return;
  inParts(ranks, markCrossed, state);
  state.exchanged = true;
  for (let pass = 0; state.exchanged && pass < passes && counter.work < state.budget; pass++) {
    state.exchanged = false;
    inParts(ranks, exchangeRanks, state);
  }
}

function markCrossed(first: number, last: number, { dirty, counter }: Ordering): void {
  const { crossings } = counter;
  for (let r = first; r < last; r++) dirty[r] = crossings[r]! > 0 || (r > 0 && crossings[r - 1]! > 0) ? 1 : 0;
}

function exchangeRanks(first: number, last: number, state: Ordering): void {
  const { dirty } = state;
  for (let r = first; r < last; r++) if (dirty[r] && exchangeIn(state, r)) state.exchanged = true;
}

/** One rank from left to right. Returns whether anything was exchanged. */
function exchangeIn(state: Ordering, r: number): boolean {
  const { order, up, down, dirty, counter } = state;
  const { starts, nodes, position } = order;
  const first = starts[r]!;
  const last = starts[r + 1]!;
  let changed = false;
  for (let i = first; i + 1 < last; i++) {
    const a = nodes[i]!;
    const b = nodes[i + 1]!;
    if (saved(state, a, b, up) + saved(state, a, b, down) <= 0) continue;
    nodes[i] = b;
    nodes[i + 1] = a;
    position[b] = i - first;
    position[a] = i + 1 - first;
    changed = true;
  }
  dirty[r] = changed ? 1 : 0;
  if (!changed) return false;
  counter.changed(r);
  if (r > 0) dirty[r - 1] = 1;
  if (r + 1 < dirty.length) dirty[r + 1] = 1;
  return true;
}

/** Crossings on one side that putting `b` before `a` would save. */
function saved({ order, counter }: Ordering, a: number, b: number, side: Side): number {
  const { position } = order;
  const { offsets, other, weight, port } = side;
  const b0 = offsets[b]!;
  const b1 = offsets[b + 1]!;
  let sum = 0;
  for (let i = offsets[a]!; i < offsets[a + 1]!; i++) {
    const p = position[other[i]!]! * PORTS + port[i]!;
    let balance = 0;
    for (let j = b0; j < b1; j++) {
      const q = position[other[j]!]! * PORTS + port[j]!;
      if (p > q) balance += weight[j]!;
      else if (p < q) balance -= weight[j]!;
    }
    sum += balance * weight[i]!;
  }
  counter.work += (offsets[a + 1]! - offsets[a]!) * (b1 - b0);
  return sum;
}
