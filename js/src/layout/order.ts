// The order of nodes within their ranks: sweeps that sort by the mean place of neighbours (Sugiyama, Tagawa and Toda,
// 1981), then exchanges of neighbours that save crossings (Gansner et al., 1993). Stops early, within bounded work.
import type { Layered } from "./chains";
import { CrossingCounter } from "./crossings";
import { type Ordered, PORTS, type Side } from "./neighbours";
import { type Path, pathsOf, Rerouter } from "./reroute";

const SWEEPS = 10;
const REROUTES = 4;
/** When so many of the longest paths stay where they are, the others will too. */
const HOPELESS = 100;
/** Sweeps without a gain of one in a hundred before giving up. */
const STALE = 3;
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
  budget: number;
}

/** Improve `order` in place; yields after every sweep. Returns the crossings that are left. */
export function* improveOrder(layered: Layered, order: Ordered, up: Side, down: Side): Generator<undefined, number> {
  const ranks = order.starts.length - 1;
  let widest = 0;
  for (let r = 0; r < ranks; r++) widest = Math.max(widest, order.starts[r + 1]! - order.starts[r]!);
  const counter = new CrossingCounter(order, down);
  let best = counter.total();
  if (best === 0) return 0;
  const state: Ordering = {
    order,
    up,
    down,
    counter,
    key: new Float64Array(order.position.length),
    moving: new Int32Array(widest),
    dirty: new Uint8Array(ranks),
    budget: Math.max(WORK_LEAST, WORK_PER_PIECE * down.other.length),
  };
  const kept = order.nodes.slice();
  let stale = 0;
  for (let sweep = 0; sweep < SWEEPS && best > 0 && stale < STALE && counter.work < state.budget; sweep++) {
    const mirrored = sweep % 2 === 1;
    for (let r = 1; r < ranks; r++) sortRank(state, r, up, mirrored);
    for (let r = ranks - 2; r >= 0; r--) sortRank(state, r, down, mirrored);
    exchange(state, 4);
    const now = counter.total();
    stale = now < best * 0.99 ? 0 : stale + 1;
    if (now < best) {
      best = now;
      kept.set(order.nodes);
    }
    yield;
  }
  restore(order, kept);
  const paths = best > 0 ? pathsOf(layered, up, down) : [];
  const rerouter = new Rerouter(order, up, down);
  for (let round = 0; round < REROUTES && best > 0; round++) {
    const crossed = crossedRanks(counter, ranks);
    rerouteAll(
      paths.filter((path) => touches(path, crossed)),
      rerouter,
      state.budget,
    );
    exchange(state, 12);
    const now = counter.total();
    if (now < best) kept.set(order.nodes);
    yield;
    if (now >= best * 0.99) break;
    best = now;
  }
  restore(order, kept);
  return counter.total();
}

function rerouteAll(paths: readonly Path[], rerouter: Rerouter, budget: number): void {
  let moved = 0;
  for (let i = 0; i < paths.length && rerouter.work < budget; i++) {
    if (rerouter.reroute(paths[i]!)) moved++;
    if (moved === 0 && i > HOPELESS) return;
  }
}

/** How many of the ranks before each have crossings below them. */
function crossedRanks(counter: CrossingCounter, ranks: number): Int32Array {
  const before = new Int32Array(ranks + 1);
  for (let r = 0; r < ranks; r++) before[r + 1] = before[r]! + (r + 1 < ranks && counter.below(r) > 0 ? 1 : 0);
  return before;
}

/** Whether there are crossings between the ranks that a path runs through. */
function touches({ nodes, rank }: Path, crossed: Int32Array): boolean {
  return crossed[Math.min(rank + nodes.length, crossed.length - 1)]! > crossed[Math.max(0, rank - 1)]!;
}

function restore({ starts, nodes, position }: Ordered, kept: Int32Array): void {
  nodes.set(kept);
  for (let r = 0; r + 1 < starts.length; r++) {
    for (let i = starts[r]!; i < starts[r + 1]!; i++) position[nodes[i]!] = i - starts[r]!;
  }
}

/** Sort the nodes of a rank by the mean place of their neighbours on one side; those without any keep their places. */
function sortRank({ order, key, moving, counter }: Ordering, r: number, side: Side, mirrored: boolean): void {
  const { starts, nodes, position } = order;
  const { offsets, other, weight, port } = side;
  const first = starts[r]!;
  const last = starts[r + 1]!;
  if (last - first < 2) return;
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
  for (let i = first; i < last; i++) if (key[nodes[i]!]! >= 0) nodes[i] = moving[next++]!;
  for (let i = first; i < last; i++) position[nodes[i]!] = i - first;
}

/** `mirrored` puts equal ones the other way round, which is what gets a sweep out of where it is stuck. */
function sortByKey(
  moving: Int32Array,
  count: number,
  key: Float64Array,
  position: Int32Array,
  mirrored: boolean,
): void {
  if (count > 48) {
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

/** Exchange neighbours as long as that saves crossings, in those ranks where something has changed. */
function exchange(state: Ordering, passes: number): void {
  const { order, up, down, dirty, counter } = state;
  const { starts, nodes, position } = order;
  const ranks = starts.length - 1;
  dirty.fill(1);
  for (let pass = 0; pass < passes && counter.work < state.budget; pass++) {
    let any = false;
    for (let r = 0; r < ranks; r++) {
      if (!dirty[r]) continue;
      let changed = false;
      for (let i = starts[r]!; i + 1 < starts[r + 1]!; i++) {
        const a = nodes[i]!;
        const b = nodes[i + 1]!;
        if (saved(state, a, b, up) + saved(state, a, b, down) <= 0) continue;
        nodes[i] = b;
        nodes[i + 1] = a;
        position[b] = i - starts[r]!;
        position[a] = i + 1 - starts[r]!;
        changed = true;
      }
      dirty[r] = changed ? 1 : 0;
      if (!changed) continue;
      any = true;
      if (r > 0) dirty[r - 1] = 1;
      if (r + 1 < ranks) dirty[r + 1] = 1;
    }
    if (!any) break;
  }
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
