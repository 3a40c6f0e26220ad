import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Direction, type Layout, type LayoutInput, layout } from "./index";

const SPACING = { header: 34, padding: 16, node: 26, edge: 18, rank: 11 };

function graph(
  parent: readonly number[],
  edges: readonly (readonly [source: number, target: number, port?: number])[],
  direction: Direction = "down",
  size: (b: number) => readonly [number, number] = () => [120, 60],
): LayoutInput {
  return {
    parent: Int32Array.from(parent),
    width: Float64Array.from(parent, (_, b) => size(b)[0]),
    height: Float64Array.from(parent, (_, b) => size(b)[1]),
    source: Int32Array.from(edges, ([s]) => s),
    target: Int32Array.from(edges, ([, t]) => t),
    sourcePort: Int32Array.from(edges, ([, , p]) => p ?? 0),
    targetPort: Int32Array.from(edges, (_, e) => e),
    labelWidth: new Float64Array(edges.length).fill(70),
    labelHeight: new Float64Array(edges.length).fill(17),
    direction,
    spacing: SPACING,
  };
}

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

/** Points along an edge's curves. */
function* points(l: Layout, e: number): Generator<readonly [number, number]> {
  const r = l.routes.subarray(l.routeOffsets[e], l.routeOffsets[e + 1]);
  for (let i = 0; i + 7 < r.length; i += 6) {
    for (let k = 0; k <= 12; k++) {
      const t = k / 12;
      const s = 1 - t;
      const w = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
      const at = (o: number): number =>
        [0, 1, 2, 3].reduce((sum, j) => sum + (w[j] as number) * (r[i + 2 * j + o] as number), 0);
      yield [at(0), at(1)];
    }
  }
}

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
  const path = [...points(l, e)];
  const on = (b: number, [x, y]: readonly [number, number]): boolean => {
    const { x: left, y: top, w, h } = area(l, b);
    return x > left - 0.1 && x < left + w + 0.1 && y > top - 0.1 && y < top + h + 0.1;
  };
  expect(on(s, path[0] as [number, number]), `edge ${e} starts at its source`).toBe(true);
  expect(on(t, path.at(-1) as [number, number]), `edge ${e} ends at its target`).toBe(true);
  if (s === t) return;
  for (let b = 0; b < input.parent.length; b++) {
    if (isAround(input, b, s) || isAround(input, b, t)) continue;
    const { x, y, w, h } = area(l, b);
    const inside = path.find(([px, py]) => px > x + 0.5 && px < x + w - 0.5 && py > y + 0.5 && py < y + h - 0.5);
    expect(inside, `edge ${e} (${s} to ${t}) runs through box ${b}`).toBeUndefined();
  }
}

/** Labels neither cover boxes nor each other. */
function checkLabels(input: LayoutInput, l: Layout): void {
  const seen: Area[] = [];
  for (let e = 0; e < input.source.length; e++) {
    if (input.source[e] === input.target[e]) continue;
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
    return graph(parent, edges, direction, (b) => sizes[b % sizes.length] as [number, number]);
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
    const l = layout(graph([-1, -1], [[0, 1]], "right"));
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

  it("lays out what dagre could not: chains deeper than the call stack and deep nesting", () => {
    const deep = Array.from({ length: 20_000 }, () => -1);
    const chain = layout(
      graph(
        deep,
        deep.slice(1).map((_, b): [number, number] => [b, b + 1]),
      ),
    );
    expect(chain.y.every(Number.isFinite)).toBe(true);
    const nested = Array.from({ length: 800 }, (_, b) => b - 1);
    expect(layout(graph(nested, [])).totalHeight).toBeGreaterThan(800 * SPACING.header);
  }, 60_000);
});
