// A plain layered placement for graphs that are too large or too deep for dagre: barycentre sweeps, then priorities.
import { type Layers, labelRank, type Placement } from "./layers";

const SWEEPS = 4;

interface Points {
  /** Boxes first, then the bends of all edges. */
  readonly rank: Int32Array;
  readonly half: Float64Array;
  readonly isBend: Uint8Array;
  readonly up: number[][];
  readonly down: number[][];
  /** First bend of each edge. */
  readonly first: Int32Array;
}

function explode(layers: Layers): Points {
  const { rank, from, to } = layers;
  const n = rank.length;
  const first = new Int32Array(from.length + 1);
  let total = n;
  for (let e = 0; e < from.length; e++) {
    first[e] = total;
    total += Math.max(0, (rank[to[e] as number] as number) - (rank[from[e] as number] as number) - 1);
  }
  first[from.length] = total;
  const points: Points = {
    rank: new Int32Array(total),
    half: new Float64Array(total),
    isBend: new Uint8Array(total),
    up: Array.from({ length: total }, () => []),
    down: Array.from({ length: total }, () => []),
    first,
  };
  points.rank.set(rank);
  for (let v = 0; v < n; v++) points.half[v] = (layers.breadth[v] as number) / 2;
  for (let e = 0; e < from.length; e++) {
    const start = rank[from[e] as number] as number;
    const label = labelRank(start, rank[to[e] as number] as number);
    let previous = from[e] as number;
    for (let p = first[e] as number; p < (first[e + 1] as number); p++) {
      const r = start + 1 + p - (first[e] as number);
      points.rank[p] = r;
      points.isBend[p] = 1;
      points.half[p] = r === label ? (layers.labelBreadth[e] as number) / 2 : 0;
      (points.down[previous] as number[]).push(p);
      (points.up[p] as number[]).push(previous);
      previous = p;
    }
    (points.down[previous] as number[]).push(to[e] as number);
    (points.up[to[e] as number] as number[]).push(previous);
  }
  return points;
}

/** Layers of points, ordered by the mean position of their neighbours in the layer just passed, back and forth. */
function order(points: Points): number[][] {
  let count = 0;
  for (const r of points.rank) count = Math.max(count, r + 1);
  const rows: number[][] = Array.from({ length: count }, () => []);
  for (let p = 0; p < points.rank.length; p++) (rows[points.rank[p] as number] as number[]).push(p);
  const at = new Float64Array(points.rank.length);
  const number = (row: number[]): void =>
    row.forEach((p, i) => {
      at[p] = i;
    });
  rows.forEach(number);
  const key = new Float64Array(points.rank.length);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const downwards = sweep % 2 === 0;
    for (let i = 0; i < count; i++) {
      const row = rows[downwards ? i : count - 1 - i] as number[];
      for (const p of row) {
        const near = (downwards ? points.up : points.down)[p] as number[];
        let sum = 0;
        for (const q of near) sum += at[q] as number;
        key[p] = near.length ? sum / near.length : (at[p] as number);
      }
      row.sort((p, q) => (key[p] as number) - (key[q] as number) || (at[p] as number) - (at[q] as number));
      number(row);
    }
  }
  return rows;
}

/** Move each layer's points towards their neighbours as far as order and gaps allow. */
function settle(row: number[], wish: Float64Array, x: Float64Array, points: Points, layers: Layers): void {
  const gap = (p: number, q: number): number =>
    (points.half[p] as number) +
    (points.half[q] as number) +
    (points.isBend[p] && points.isBend[q] ? layers.edgeGap : layers.nodeGap);
  // Runs of points that touch share one offset: the mean of what they wish (pool adjacent violators).
  const runs: { wish: number; count: number; width: number; at: number }[] = [];
  const offset = new Float64Array(row.length);
  row.forEach((p, i) => {
    const before = row[i - 1];
    const step = before === undefined ? 0 : gap(before, p);
    let run = { wish: wish[p] as number, count: 1, width: 0, at: i };
    let link = step;
    for (let last = runs.at(-1); last && last.wish + last.width + link > run.wish; last = runs.at(-1)) {
      runs.pop();
      const shift = last.width + link;
      const sum = last.wish * last.count + (run.wish - shift) * run.count;
      run = {
        wish: sum / (last.count + run.count),
        count: last.count + run.count,
        width: shift + run.width,
        at: last.at,
      };
      const first = row[run.at] as number;
      const previous = row[run.at - 1];
      link = previous === undefined ? 0 : gap(previous, first);
    }
    runs.push(run);
  });
  for (const run of runs) {
    for (let i = run.at; i < run.at + run.count; i++) {
      const before = row[i - 1];
      offset[i] =
        i === run.at || before === undefined ? run.wish : (offset[i - 1] as number) + gap(before, row[i] as number);
      x[row[i] as number] = offset[i] as number;
    }
  }
}

export function placePlainly(layers: Layers): Placement {
  const points = explode(layers);
  const rows = order(points);
  const x = new Float64Array(points.rank.length);
  const wish = new Float64Array(points.rank.length);
  for (let sweep = 0; sweep < SWEEPS + 1; sweep++) {
    const downwards = sweep % 2 === 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[downwards ? i : rows.length - 1 - i] as number[];
      for (const p of row) {
        const near = (downwards ? points.up : points.down)[p] as number[];
        let sum = 0;
        for (const q of near) sum += x[q] as number;
        wish[p] = near.length ? sum / near.length : (x[p] as number);
      }
      settle(row, wish, x, points, layers);
    }
  }
  const n = layers.rank.length;
  return {
    centre: x.slice(0, n),
    bends: Array.from(layers.from, (_, e) => x.slice(points.first[e], points.first[e + 1])),
  };
}
