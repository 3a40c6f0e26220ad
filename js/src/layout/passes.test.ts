// Each pass by itself, against what brute force says on small graphs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { breakCycles } from "./acyclic";
import { sortEdges } from "./adjacency";
import { align } from "./align";
import { cellsOf } from "./cells";
import { layer } from "./chains";
import { CrossingCounter } from "./crossings";
import { findGrids } from "./grid";
import { linksOf } from "./links";
import { firstOrder, MIDDLE, type Ordered, PORTS, type Side, sidesOf } from "./neighbours";
import { improveOrder } from "./order";
import { inParts, PART } from "./parts";
import { rankNodes } from "./rank";
import { pathsOf, Rerouter } from "./reroute";
import { dags, problem } from "./testing";

function prepared(n: number, edges: readonly (readonly [number, number])[]) {
  const own = problem(n, edges);
  const links = linksOf(own);
  const layered = layer(links);
  const ports = new Int32Array(links.from.length).fill(MIDDLE);
  const { up, down } = sidesOf(layered, ports, ports);
  return { problem: own, links, layered, up, down, order: firstOrder(layered, { up, down }) };
}

function exhausted<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** All pairs of pieces between neighbouring ranks, compared one by one. */
function crossingsByPairs({ starts, nodes, position }: Ordered, { offsets, other, weight, port, own }: Side): number {
  let sum = 0;
  for (let r = 0; r + 1 < starts.length; r++) {
    const pieces: [number, number, number][] = [];
    for (let i = starts[r]!; i < starts[r + 1]!; i++) {
      const v = nodes[i]!;
      for (let k = offsets[v]!; k < offsets[v + 1]!; k++) {
        pieces.push([position[v]! * PORTS + own[k]!, position[other[k]!]! * PORTS + port[k]!, weight[k]!]);
      }
    }
    for (const [a, b, w] of pieces) for (const [c, d, x] of pieces) if (a < c && b > d) sum += w * x;
  }
  return sum;
}

describe("parts and groups", () => {
  it("cover everything once, in order", () => {
    for (const count of [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7]) {
      const met: number[] = [];
      inParts(count, (first, last) => {
        expect(last - first).toBeLessThanOrEqual(PART);
        for (let i = first; i < last; i++) met.push(i);
      });
      expect(met).toEqual([...Array(count).keys()]);
    }
  });

  it("sort edges by their keys, equal ones by their numbers, few and many alike", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 120 }), (keys) => {
        const edges = Int32Array.from(keys.keys());
        sortEdges(edges, 0, edges.length, Int32Array.from(keys));
        expect([...edges]).toEqual([...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b));
      }),
    );
  });
});

describe("cycles", () => {
  it("turns edges so that the rest has an order, and none of a graph without cycles", () => {
    const pairs = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), { maxLength: 30 });
    fc.assert(
      fc.property(pairs, (edges) => {
        const from = Int32Array.from(edges, ([a]) => a);
        const to = Int32Array.from(edges, ([, b]) => b);
        const { reversed, topological } = breakCycles(10, from, to);
        const place = new Int32Array(10);
        topological.forEach((v, i) => {
          place[v] = i;
        });
        edges.forEach(([a, b], e) => {
          if (a === b) expect(reversed[e]).toBe(1);
          else expect(place[a]! < place[b]!).toBe(reversed[e] === 0);
        });
        if (edges.every(([a, b]) => a < b)) expect(reversed.includes(1)).toBe(false);
      }),
    );
  });
});

describe("ranks", () => {
  const length = (rank: ArrayLike<number>, edges: readonly (readonly [number, number])[]): number =>
    edges.reduce((sum, [a, b]) => sum + rank[b]! - rank[a]!, 0);

  function rank(n: number, edges: readonly (readonly [number, number])[]): Int32Array {
    const from = Int32Array.from(edges, ([a]) => a);
    const to = Int32Array.from(edges, ([, b]) => b);
    return rankNodes(n, from, to, breakCycles(n, from, to).topological);
  }

  /** The least total length, by trying all ranks up to `n - 1`. */
  function leastLength(n: number, edges: readonly (readonly [number, number])[]): number {
    let least = Number.POSITIVE_INFINITY;
    const ranks = new Array<number>(n).fill(0);
    const place = (v: number): void => {
      if (v === n) {
        least = Math.min(least, length(ranks, edges));
        return;
      }
      for (let r = 0; r < n; r++) {
        ranks[v] = r;
        if (edges.every(([a, b]) => b !== v || ranks[a]! < r)) place(v + 1);
      }
    };
    place(0);
    return least;
  }

  it("point every link down, starting at 0", () => {
    fc.assert(
      fc.property(dags(40), ({ n, edges }) => {
        const ranks = rank(n, edges);
        for (const [a, b] of edges) expect(ranks[a]).toBeLessThan(ranks[b]!);
        expect(Math.min(...ranks)).toBe(0);
      }),
    );
  });

  it("are as short as can be on nearly all small graphs, and never much longer", () => {
    let optimal = 0;
    let total = 0;
    fc.assert(
      fc.property(dags(6), ({ n, edges }) => {
        const own = length(rank(n, edges), edges);
        const least = edges.length === 0 ? 0 : leastLength(n, edges);
        total++;
        if (own === least) optimal++;
        expect(own).toBeLessThanOrEqual(least + 2);
      }),
      { numRuns: 150, seed: 7 },
    );
    expect(optimal / total).toBeGreaterThan(0.95);
  });

  it("pull chains of constants next to what reads them", () => {
    // 0 to 5 is the trunk; 6 and 7 make a constant for 5.
    const ranks = rank(8, [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
      [6, 7],
      [7, 5],
    ]);
    expect([ranks[6], ranks[7]]).toEqual([3, 4]);
  });
});

describe("chains", () => {
  it("give long links of one tensor one trunk, and short ones their own", () => {
    const trunk = Array.from({ length: 30 }, (_, v): [number, number] => [v, v + 1]);
    const readers = [20, 22, 24, 26].map((v): [number, number] => [0, v]);
    const { layered, links } = prepared(31, [...trunk, ...readers, [3, 6]]);
    const chainOf = (a: number, b: number): number =>
      layered.chain[links.from.findIndex((u, l) => u === a && links.to[l] === b)]!;
    expect(new Set([20, 22, 24, 26].map((v) => chainOf(0, v))).size).toBe(1);
    expect(chainOf(3, 6)).not.toBe(chainOf(0, 20));
    expect(layered.total - layered.nodes).toBe(25 + 2);
  });

  it("put what would need too many virtual nodes into lanes", () => {
    const n = 3000;
    const trunk = Array.from({ length: n - 1 }, (_, v): [number, number] => [v, v + 1]);
    const skips = Array.from({ length: 60 }, (_, i): [number, number] => [i * 5, n - 1 - i * 5]);
    const { layered } = prepared(n, [...trunk, ...skips]);
    expect(layered.total - layered.nodes).toBeLessThanOrEqual(50_000);
    expect(layered.inLane.reduce((sum, lane) => sum + lane, 0)).toBeGreaterThan(20);
  });
});

describe("order", () => {
  it("counts crossings as comparing all pairs does", () => {
    fc.assert(
      fc.property(dags(30), ({ n, edges }) => {
        const { order, down } = prepared(n, edges);
        expect(new CrossingCounter(order, down).total()).toBe(crossingsByPairs(order, down));
      }),
    );
  });

  it("counts crowded ranks, too", () => {
    const edges = Array.from({ length: 400 }, (_, i): [number, number] => [i % 20, 20 + ((i * 7) % 20)]);
    const { order, down } = prepared(40, [...new Map(edges.map((e) => [e.join(), e])).values()]);
    expect(new CrossingCounter(order, down).total()).toBe(crossingsByPairs(order, down));
  });

  it("never ends with more crossings than it began with, and every node where it says", () => {
    fc.assert(
      fc.property(dags(40), ({ n, edges }) => {
        const { layered, order, up, down } = prepared(n, edges);
        const before = crossingsByPairs(order, down);
        const left = exhausted(improveOrder(layered, order, up, down));
        expect(left).toBe(crossingsByPairs(order, down));
        expect(left).toBeLessThanOrEqual(before);
        for (let r = 0; r + 1 < order.starts.length; r++) {
          for (let i = order.starts[r]!; i < order.starts[r + 1]!; i++) {
            expect(order.position[order.nodes[i]!]).toBe(i - order.starts[r]!);
            expect(layered.rank[order.nodes[i]!]).toBe(r);
          }
        }
      }),
    );
  });

  it("counts again only what has changed, and comes to the same", () => {
    fc.assert(
      fc.property(dags(24), fc.array(fc.nat(), { maxLength: 20 }), ({ n, edges }, picks) => {
        const { order, down } = prepared(n, edges);
        const counter = new CrossingCounter(order, down);
        counter.total();
        for (const pick of picks) {
          const r = pick % (order.starts.length - 1);
          const [first, last] = [order.starts[r]!, order.starts[r + 1]!];
          order.nodes.subarray(first, last).reverse();
          for (let i = first; i < last; i++) order.position[order.nodes[i]!] = i - first;
          counter.changed(r);
          if (pick % 3 === 0) expect(counter.total()).toBe(crossingsByPairs(order, down));
        }
        expect(counter.total()).toBe(crossingsByPairs(order, down));
      }),
    );
  });

  it("leaves a path alone only where it crosses nothing", () => {
    fc.assert(
      fc.property(dags(24), ({ n, edges }) => {
        const { layered, order, up, down } = prepared(n, edges);
        const rerouter = new Rerouter(order, up, down);
        for (const path of pathsOf(layered, up, down)) {
          const [nodes, position] = [order.nodes.slice(), order.position.slice()];
          if (!rerouter.crosses(path)) expect(rerouter.reroute(path)).toBe(false);
          order.nodes.set(nodes);
          order.position.set(position);
        }
      }),
    );
  });

  it("reroutes a path to where it crosses least: no single path can then be better placed", () => {
    fc.assert(
      fc.property(dags(24), fc.nat(), ({ n, edges }, pick) => {
        const { layered, order, up, down } = prepared(n, edges);
        const paths = pathsOf(layered, up, down);
        expect(paths.flatMap((p) => p.nodes).toSorted((a, b) => a - b)).toEqual([...Array(layered.total).keys()]);
        const path = paths[pick % paths.length]!;
        const before = crossingsByPairs(order, down);
        new Rerouter(order, up, down).reroute(path);
        const after = crossingsByPairs(order, down);
        expect(after).toBeLessThanOrEqual(before);
        if (path.nodes.length > 1) return;
        // One node: try every place in its rank.
        const v = path.nodes[0]!;
        const start = order.starts[path.rank]!;
        const rank = [...order.nodes.subarray(start, order.starts[path.rank + 1])].filter((w) => w !== v);
        for (let at = 0; at <= rank.length; at++) {
          rank.toSpliced(at, 0, v).forEach((w, i) => {
            order.nodes[start + i] = w;
            order.position[w] = i;
          });
          expect(crossingsByPairs(order, down)).toBeGreaterThanOrEqual(after);
        }
      }),
    );
  });
});

describe("alignment", () => {
  it("keeps neighbours their room apart and a chain straight", () => {
    fc.assert(
      fc.property(dags(40), ({ n, edges }) => {
        const { problem: own, links, layered, order, up, down } = prepared(n, edges);
        const cells = cellsOf(own, links, layered);
        const x = exhausted(align(layered, order, up, down, cells));
        for (let r = 0; r + 1 < order.starts.length; r++) {
          for (let i = order.starts[r]!; i + 1 < order.starts[r + 1]!; i++) {
            const [a, b] = [order.nodes[i]!, order.nodes[i + 1]!];
            expect(x[b]! - x[a]!).toBeGreaterThanOrEqual(cells.after[a]! + cells.before[b]! - 1e-6);
          }
        }
        const chain = edges.length === n - 1 && edges.every(([a, b]) => b === a + 1);
        if (chain) expect(new Set(x).size).toBe(1);
      }),
    );
  });
});

describe("grids", () => {
  const experts = (count: number): [number, number][] =>
    Array.from({ length: count }, (_, i): [number, number][] => [
      [0, 2 + i],
      [2 + i, 1],
    ]).flat();

  it("are made of many boxes that read and feed the same", () => {
    const [grid, ...others] = findGrids(problem(130, experts(128)));
    expect(others).toEqual([]);
    expect(grid?.members.length).toBe(128);
    expect(grid!.across / grid!.along).toBeGreaterThan(0.8);
    expect(grid!.across).toBeLessThan(128 * 100 * 0.5);
  });

  it("are not made of few, nor of those that differ", () => {
    expect(findGrids(problem(10, experts(8)))).toEqual([]);
    const differing = Array.from({ length: 40 }, (_, i): [number, number] => [i, i + 40]);
    expect(findGrids(problem(80, differing))).toEqual([]);
  });

  it("hold boxes without any edges", () => {
    expect(findGrids(problem(50, []))[0]?.members.length).toBe(50);
  });
});
