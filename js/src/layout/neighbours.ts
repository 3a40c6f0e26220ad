// The layered graph as each pass reads it: nodes by rank in order, and for each node its neighbours one rank up and down.
import { adjacency } from "./adjacency";
import type { Layered } from "./chains";

/** Positions are compared as `position * PORTS + port`, so that the places on a box's side count too. */
export const PORTS = 64;
export const MIDDLE = PORTS / 2;

/** Pieces on one side of each node: those of `v` are at `offsets[v]` to `offsets[v + 1] - 1`. */
export interface Side {
  readonly offsets: Int32Array;
  readonly other: Int32Array;
  readonly weight: Int32Array;
  /** The port where the piece meets the other node, and where it meets this one. */
  readonly port: Int32Array;
  readonly own: Int32Array;
  readonly piece: Int32Array;
}

export interface Ordered {
  /** Nodes of rank `r` in order: `nodes[starts[r]]` to `nodes[starts[r + 1] - 1]`. */
  readonly starts: Int32Array;
  readonly nodes: Int32Array;
  /** Place of each node within its rank. */
  readonly position: Int32Array;
}

export function sidesOf(layered: Layered, portFrom: Int32Array, portTo: Int32Array): { up: Side; down: Side } {
  const { total, upper, lower, starts, arrives } = layered;
  const below = starts.map((l) => (l < 0 ? MIDDLE : portFrom[l]!));
  const above = arrives.map((l) => (l < 0 ? MIDDLE : portTo[l]!));
  return {
    up: side(total, lower, upper, layered.weight, below, above),
    down: side(total, upper, lower, layered.weight, above, below),
  };
}

function side(
  total: number,
  here: Int32Array,
  there: Int32Array,
  weights: Int32Array,
  portThere: Int32Array,
  portHere: Int32Array,
): Side {
  const { offsets, edges } = adjacency(total, here);
  const count = edges.length;
  const other = new Int32Array(count);
  const weight = new Int32Array(count);
  const port = new Int32Array(count);
  const own = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    const p = edges[k]!;
    other[k] = there[p]!;
    weight[k] = weights[p]!;
    port[k] = portThere[p]!;
    own[k] = portHere[p]!;
  }
  return { offsets, other, weight, port, own, piece: edges };
}

/** First order: depth first along the flow, so that what belongs together stands together. */
export function firstOrder(layered: Layered, { up, down }: { up: Side; down: Side }): Ordered {
  const { total, ranks, rank } = layered;
  const starts = new Int32Array(ranks + 1);
  for (let v = 0; v < total; v++) starts[rank[v]! + 1]!++;
  for (let r = 0; r < ranks; r++) starts[r + 1]! += starts[r]!;
  const next = starts.slice(0, ranks);
  const nodes = new Int32Array(total);
  const position = new Int32Array(total).fill(-1);
  const stack: number[] = [];
  const visit = (root: number): void => {
    stack.push(root);
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (position[v]! >= 0) continue;
      const r = rank[v]!;
      position[v] = next[r]! - starts[r]!;
      nodes[next[r]!++] = v;
      for (let k = down.offsets[v + 1]! - 1; k >= down.offsets[v]!; k--) {
        if (position[down.other[k]!]! < 0) stack.push(down.other[k]!);
      }
    }
  };
  const roots: number[] = [];
  for (let v = 0; v < layered.nodes; v++) if (up.offsets[v] === up.offsets[v + 1]) roots.push(v);
  roots.sort((a, b) => rank[a]! - rank[b]! || a - b);
  for (const root of roots) visit(root);
  return { starts, nodes, position };
}
