import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Direction, type Layout, LayoutCache, type LayoutInput, layout, layoutSteps } from "./index";
import { type Edge, flat, graph, pointsOf, SPACING } from "./testing";

const isFrame = (input: LayoutInput, b: number): boolean => input.parent.includes(b);

function isAround(input: LayoutInput, frame: number, b: number): boolean {
  for (let at = b; at >= 0; at = input.parent[at] as number) if (at === frame) return true;
  return false;
}

interface Area {
  x: number;
  y: number;
  w: number;
  h: number;
}

const area = (l: Layout, b: number): Area => ({
  x: l.x[b] as number,
  y: l.y[b] as number,
  w: l.width[b] as number,
  h: l.height[b] as number,
});

const meets = (a: Area, b: Area, slack = 0.01): boolean =>
  a.x + slack < b.x + b.w && b.x + slack < a.x + a.w && a.y + slack < b.y + b.h && b.y + slack < a.y + a.h;

function check(input: LayoutInput): void {
  const l = layout(input);
  const n = input.parent.length;
  for (let a = 0; a < n; a++) {
    const p = input.parent[a] as number;
    const own = area(l, a);
    expect([own.x, own.y, own.w, own.h].every(Number.isFinite)).toBe(true);
    if (p >= 0) {
      const around = area(l, p);
      expect(own.x).toBeGreaterThanOrEqual(around.x - 0.01);
      expect(own.x + own.w).toBeLessThanOrEqual(around.x + around.w + 0.01);
      expect(own.y).toBeGreaterThanOrEqual(around.y + SPACING.header - 0.01);
      expect(own.y + own.h).toBeLessThanOrEqual(around.y + around.h + 0.01);
    }
    for (let b = a + 1; b < n; b++) {
      if (input.parent[b] === p) expect(meets(own, area(l, b)), `boxes ${a} and ${b} overlap`).toBe(false);
    }
  }
  for (let e = 0; e < input.source.length; e++) checkEdge(input, l, e);
  checkLabels(input, l);
}

function checkEdge(input: LayoutInput, l: Layout, e: number): void {
  const [s, t] = [input.source[e] as number, input.target[e] as number];
  const path = pointsOf(l, e);
  const on = (b: number, [x, y]: readonly [number, number]): boolean => {
    const { x: left, y: top, w, h } = area(l, b);
    return x > left - 0.1 && x < left + w + 0.1 && y > top - 0.1 && y < top + h + 0.1;
  };
  expect(on(s, path[0] as [number, number]), `edge ${e} starts at its source`).toBe(true);
  expect(on(t, path.at(-1) as [number, number]), `edge ${e} ends at its target`).toBe(true);
  if (s === t) return;
  if (!inCycle(input, e)) checkDirection(input, path, e);
  for (let b = 0; b < input.parent.length; b++) {
    if (isAround(input, b, s) || isAround(input, b, t)) continue;
    const { x, y, w, h } = area(l, b);
    const inside = path.find(([px, py]) => px > x + 0.5 && px < x + w - 0.5 && py > y + 0.5 && py < y + h - 0.5);
    expect(inside, `edge ${e} (${s} to ${t}) runs through box ${b}`).toBeUndefined();
  }
}

/** Along the flow all the way, but for the buses of grids, which run across it. */
function checkDirection(input: LayoutInput, path: readonly [number, number][], e: number): void {
  const along = input.direction === "down" ? 1 : 0;
  for (let i = 1; i < path.length; i++) {
    expect(path[i]![along], `edge ${e} turns back`).toBeGreaterThanOrEqual(path[i - 1]![along] - 0.01);
  }
}

/** Whether boxes, or the frames around them, lead back to where an edge comes from. */
function inCycle(input: LayoutInput, e: number): boolean {
  const n = input.parent.length;
  const around = (b: number): number[] => (b < 0 ? [] : [b, ...around(input.parent[b]!)]);
  // What reaches a frame may leave it: an edge between two frames is one between all that they hold.
  const next = Array.from({ length: n }, () => new Set<number>());
  for (let i = 0; i < input.source.length; i++) {
    const [s, t] = [around(input.source[i]!), around(input.target[i]!)];
    for (const a of s) for (const b of t) if (!s.includes(b) && !t.includes(a)) next[a]!.add(b);
  }
  const reached = new Set<number>();
  const queue = around(input.target[e]!);
  for (let b = queue.pop(); b !== undefined; b = queue.pop()) {
    if (reached.has(b)) continue;
    reached.add(b);
    queue.push(...next[b]!);
  }
  const from = around(input.source[e]!);
  return (
    around(input.target[e]!).some((b) => !from.includes(b)) &&
    from.some((b) => reached.has(b) && !around(input.target[e]!).includes(b))
  );
}

/** Labels neither cover boxes nor each other. */
function checkLabels(input: LayoutInput, l: Layout): void {
  const seen: Area[] = [];
  for (let e = 0; e < input.source.length; e++) {
    if (input.source[e] === input.target[e] || Number.isNaN(l.labelX[e])) continue;
    const own = { x: (l.labelX[e] as number) - 35, y: (l.labelY[e] as number) - 8.5, w: 70, h: 17 };
    for (let b = 0; b < input.parent.length; b++) {
      if (!isFrame(input, b)) expect(meets(own, area(l, b)), `label ${e} covers box ${b}`).toBe(false);
    }
    for (const other of seen) {
      const same = Math.abs(other.x - own.x) < 0.01 && Math.abs(other.y - own.y) < 0.01;
      if (!same) expect(meets(own, other), `label ${e} covers another`).toBe(false);
    }
    seen.push(own);
  }
}

/** Nested boxes, a frame before what it holds, and edges between those that hold nothing. */
const compound = fc
  .record({
    parents: fc.array(fc.nat(), { minLength: 1, maxLength: 24 }),
    pairs: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 2 })), { maxLength: 30 }),
    forward: fc.boolean(),
    direction: fc.constantFrom<Direction>("down", "right"),
    sizes: fc.array(fc.tuple(fc.integer({ min: 20, max: 260 }), fc.integer({ min: 20, max: 90 })), { minLength: 1 }),
  })
  .map(({ parents, pairs, forward, direction, sizes }) => {
    // Half of all boxes stand outermost, so that frames stay of moderate depth.
    const parent = parents.map((p, b) => (b === 0 || p % 2 === 0 ? -1 : (p >> 1) % b));
    const leaves = parent.flatMap((_, b) => (parent.includes(b) ? [] : [b]));
    const seen = new Set<string>();
    const edges = pairs.flatMap(([a, b, port]): [number, number, number][] => {
      let s = leaves[a % leaves.length] as number;
      let t = leaves[b % leaves.length] as number;
      if (forward && s > t) [s, t] = [t, s];
      const key = `${s} ${t} ${port}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return [[s, t, port]];
    });
    return graph(parent, edges, { direction, size: (b) => sizes[b % sizes.length]! });
  });

describe("layout", () => {
  it("keeps boxes apart, children inside and edges out of foreign boxes, whatever the graph", () => {
    fc.assert(fc.property(compound, check), { numRuns: 300 });
  }, 60_000);

  it("gives the same output for the same input", () => {
    fc.assert(
      fc.property(compound, (input) => {
        expect(layout(input)).toEqual(layout(input));
      }),
      { numRuns: 30 },
    );
  });

  it("runs a chain straight down the middle", () => {
    const l = layout(
      graph(
        [-1, -1, -1],
        [
          [0, 1],
          [1, 2],
        ],
      ),
    );
    const middles = [0, 1, 2].map((b) => (l.x[b] as number) + (l.width[b] as number) / 2);
    expect(new Set(middles).size).toBe(1);
    expect(l.y[0]).toBeLessThan(l.y[1] as number);
    expect(l.y[1]).toBeLessThan(l.y[2] as number);
  });

  it("runs to the right when asked to", () => {
    const l = layout(graph([-1, -1], [[0, 1]], { direction: "right" }));
    expect(l.y[0]).toBe(l.y[1]);
    expect(l.x[1]).toBeGreaterThan((l.x[0] as number) + (l.width[0] as number));
  });

  it("keeps siblings in the order they were given", () => {
    const l = layout(
      graph(
        [-1, -1, -1],
        [
          [0, 2],
          [1, 2],
        ],
      ),
    );
    expect(l.x[0]).toBeLessThan(l.x[1] as number);
  });

  it("draws a residual block whose skip passes an open frame", () => {
    check(
      graph(
        [-1, -1, 1, 1, 1, -1, -1],
        [
          [0, 2],
          [2, 3],
          [3, 4],
          [4, 5],
          [0, 5],
          [5, 6],
        ],
      ),
    );
  });

  it("lets one tensor enter a frame through one place", () => {
    const input = graph(
      [-1, -1, 1, 1],
      [
        [0, 2],
        [0, 3],
      ],
    );
    const l = layout(input);
    expect(l.labelX[0]).toBe(l.labelX[1]);
    expect(l.labelY[0]).toBe(l.labelY[1]);
  });

  it("survives cycles between groups and self loops", () => {
    check(
      graph(
        [-1, -1, -1],
        [
          [0, 1],
          [1, 0],
          [1, 2],
          [2, 2],
        ],
      ),
    );
  });

  it("handles no boxes, one box and boxes without edges", () => {
    expect(layout(graph([], [])).totalWidth).toBe(0);
    check(graph([-1], []));
    check(graph([-1, -1, 1, -1], []));
  });

  it("meets a box in the order of its ports", () => {
    const l = layout(
      graph(flat(4), [
        [0, 3, 0, 2],
        [1, 3, 0, 1],
        [2, 3, 0, 0],
      ]),
    );
    const ends = [0, 1, 2].map((e) => pointsOf(l, e).at(-1)![0]);
    expect(ends[2]).toBeLessThan(ends[1]!);
    expect(ends[1]).toBeLessThan(ends[0]!);
  });

  it("gives the same with a cache as without", () => {
    const folded = [-1, -1, -1, 0, 0, 1, 1];
    const edges: Edge[] = [
      [3, 4],
      [4, 5],
      [5, 6],
      [6, 2],
    ];
    const cache = new LayoutCache();
    const first = layout(graph(folded, edges), cache);
    const again = layout(graph(folded, edges), cache);
    expect(again).toEqual(first);
    expect(layout(graph(folded, edges))).toEqual(first);
  });

  it("wraps many experts into a grid without a line through any", () => {
    const experts = Array.from({ length: 40 }, (_, i) => 2 + i);
    const nested = [-1, -1, ...experts.map(() => -1), -1];
    const edges = experts.flatMap((e): Edge[] => [
      [0, e],
      [1, e, 0, 1],
      [e, 42],
    ]);
    check(graph(nested, edges));
    check(graph(nested, edges, { direction: "right" }));
    const l = layout(graph(nested, edges));
    expect(l.totalWidth).toBeLessThan(40 * 100);
    // In a frame of their own, each leaves through a port of its own.
    const framed = [-1, -1, ...experts.map(() => 43), -1, -1].map((p, b) => (b === 43 ? -1 : p));
    const order = [0, 1, 43, ...experts, 42];
    const number = new Map(order.map((b, i) => [b, i]));
    const parent = order.map((b) => (framed[b]! < 0 ? -1 : number.get(framed[b]!)!));
    check(
      graph(
        parent,
        edges.map(([s, t, p, q]): Edge => [number.get(s)!, number.get(t)!, p, q]),
      ),
    );
  });

  it("wraps boxes into a grid that have two ports each of their own", () => {
    // Two frames of makers and one whose members each read one of either, and feed a sum.
    const n = 30;
    const each = Array.from({ length: n }, (_, i) => i);
    const parent = [...[-1, -1, -1, -1], ...each.map(() => 0), ...each.map(() => 1), ...each.map(() => 2)];
    const edges = each.flatMap((i): Edge[] => [
      [4 + i, 4 + 2 * n + i, 0, 0],
      [4 + n + i, 4 + 2 * n + i, 0, 1],
      [4 + 2 * n + i, 3],
    ]);
    check(graph(parent, edges));
    check(graph(parent, edges, { direction: "right" }));
    const l = layout(graph(parent, edges));
    expect(l.width[2]).toBeLessThan((n * 120) / 2);
    const ends = [0, 1].map((e) => pointsOf(l, e).at(-1)![0]);
    expect(ends[0]).toBeLessThan(ends[1]!);
  });

  it("yields often, and gives in steps what it gives at once", () => {
    const chain = Array.from({ length: 8000 }, (_, b): Edge => [b, b + 1]);
    const input = graph(flat(8001), chain);
    const steps = layoutSteps(input);
    const shares: number[] = [];
    let step = steps.next();
    for (; !step.done; step = steps.next()) shares.push(step.value);
    expect(shares.length).toBeGreaterThan(8);
    expect(shares.every((share, i) => share >= (shares[i - 1] ?? 0) && share <= 1)).toBe(true);
    expect(step.value).toEqual(layout(input));
  });
});

describe("hostile graphs", () => {
  const finite = (l: Layout): boolean => [l.x, l.y, l.routes].every((numbers) => numbers.every(Number.isFinite));

  it("chains deeper than the call stack", () => {
    const chain = Array.from({ length: 20_000 }, (_, b): Edge => [b, b + 1]);
    expect(finite(layout(graph(flat(20_001), chain)))).toBe(true);
  });

  it("5,000 levels of nesting, with edges through all of them", () => {
    const nested = Array.from({ length: 5000 }, (_, b) => b - 1);
    const l = layout(
      graph(
        [...nested, -1, -1],
        [
          [5000, 4999],
          [4999, 5001],
        ],
      ),
    );
    expect(finite(l)).toBe(true);
    expect(l.totalHeight).toBeGreaterThan(5000 * SPACING.header);
  });

  it("a complete bipartite graph", () => {
    const edges = Array.from({ length: 120 * 120 }, (_, i): Edge => [i % 120, 120 + Math.floor(i / 120)]);
    // A bypass each keeps them from being grids.
    const apart = Array.from({ length: 120 }, (_, i): Edge => [240 + i, i]);
    expect(finite(layout(graph(flat(360), [...edges, ...apart])))).toBe(true);
  });

  it("10,000 parallel edges, drawn as one", () => {
    const edges = Array.from({ length: 10_000 }, (_, i): Edge => [0, 1, i, i]);
    const l = layout(graph(flat(2), edges));
    expect(finite(l)).toBe(true);
    expect(l.totalWidth).toBeLessThan(500);
  });

  it("self loops and one large cycle", () => {
    const edges = Array.from({ length: 500 }, (_, b): Edge => [b, (b + 1) % 500]);
    check(graph(flat(12), [...Array.from({ length: 12 }, (_, b): Edge => [b, (b + 1) % 12]), [3, 3], [5, 5]]));
    expect(finite(layout(graph(flat(500), [...edges, [7, 7]])))).toBe(true);
  });

  it("10,000 boxes without edges", () => {
    const l = layout(graph(flat(10_000), []));
    expect(l.totalWidth / l.totalHeight).toBeLessThan(6);
  });
}, 60_000);
