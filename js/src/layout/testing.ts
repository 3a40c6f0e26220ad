// Inputs for tests of the layout, and drawn geometry measured the way a reader would: from curves alone.
import fc from "fast-check";
import type { Direction, Layout, LayoutInput } from "./index";
import type { Problem } from "./problem";

export const SPACING = { header: 34, padding: 16, node: 26, edge: 18, rank: 11 };

export type Edge = readonly [source: number, target: number, sourcePort?: number, targetPort?: number];

export interface Options {
  readonly direction?: Direction;
  readonly size?: (b: number) => readonly [width: number, height: number];
  readonly label?: readonly [width: number, height: number];
}

export function graph(parent: readonly number[], edges: readonly Edge[], options: Options = {}): LayoutInput {
  const { direction = "down", size = () => [120, 60], label = [70, 17] } = options;
  return {
    parent: Int32Array.from(parent),
    width: Float64Array.from(parent, (_, b) => size(b)[0]),
    height: Float64Array.from(parent, (_, b) => size(b)[1]),
    source: Int32Array.from(edges, ([s]) => s),
    target: Int32Array.from(edges, ([, t]) => t),
    sourcePort: Int32Array.from(edges, ([, , p]) => p ?? 0),
    targetPort: Int32Array.from(edges, ([, , , p]) => p ?? 0),
    labelWidth: new Float64Array(edges.length).fill(label[0]),
    labelHeight: new Float64Array(edges.length).fill(label[1]),
    direction,
    spacing: SPACING,
  };
}

/** `n` boxes in no frame. */
export const flat = (n: number): number[] => new Array<number>(n).fill(-1);

/** One frame without ports, for tests of single passes. */
export function problem(n: number, edges: readonly (readonly [number, number])[]): Problem {
  const m = edges.length;
  const from = Int32Array.from(edges, ([u]) => u);
  return {
    boxes: n,
    near: 0,
    far: 0,
    across: new Float64Array(n).fill(100),
    along: new Float64Array(n).fill(40),
    anchor: new Float64Array(n),
    from,
    to: Int32Array.from(edges, ([, v]) => v),
    outlet: from.slice(),
    inPort: new Int32Array(m),
    fromAt: new Float64Array(m).fill(Number.NaN),
    toAt: new Float64Array(m).fill(Number.NaN),
    labelAcross: new Float64Array(n),
    labelAlong: new Float64Array(n),
    padAcross: [0, 0],
    padAlong: [0, 0],
    least: { across: 0, along: 0 },
    gaps: { node: 20, edge: 10, rank: 40 },
  };
}

/** Random acyclic edges between `n` nodes, at most one between two. */
export const dags = (largest: number): fc.Arbitrary<{ n: number; edges: [number, number][] }> =>
  fc.integer({ min: 1, max: largest }).chain((n) =>
    fc.array(fc.tuple(fc.nat({ max: n - 1 }), fc.nat({ max: n - 1 })), { maxLength: 2 * n }).map((pairs) => {
      const seen = new Map<number, [number, number]>();
      for (const [a, b] of pairs) {
        if (a !== b) seen.set(Math.min(a, b) * n + Math.max(a, b), [Math.min(a, b), Math.max(a, b)]);
      }
      return { n, edges: [...seen.values()] };
    }),
  );

/** Points along the curves of edge `e`, in the order of travel. */
export function pointsOf(layout: Layout, e: number, steps = 12): [x: number, y: number][] {
  const r = layout.routes.subarray(layout.routeOffsets[e], layout.routeOffsets[e + 1]);
  const points: [number, number][] = [[r[0]!, r[1]!]];
  for (let i = 2; i + 5 < r.length; i += 6) {
    const at = (t: number, o: number): number => {
      const s = 1 - t;
      return (
        s * s * s * r[i - 2 + o]! +
        3 * s * s * t * r[i + o]! +
        3 * s * t * t * r[i + 2 + o]! +
        t * t * t * r[i + 4 + o]!
      );
    };
    for (let k = 1; k <= steps; k++) points.push([at(k / steps, 0), at(k / steps, 1)]);
  }
  return points;
}
