// The layered graph as each pass reads it: nodes by rank in order, and for each node its neighbours one rank up and down.
import { adjacency } from "./adjacency";
import type { Layered } from "./chains";
import { inParts, PART } from "./parts";

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
  const below = portsOf(starts, portFrom);
  const above = portsOf(arrives, portTo);
  return {
    up: side(total, lower, upper, layered.weight, below, above),
    down: side(total, upper, lower, layered.weight, above, below),
  };
}

function portsOf(link: Int32Array, port: Int32Array): Int32Array {
  const ports = new Int32Array(link.length);
  inParts(ports.length, fillPorts, { link, port, ports });
  return ports;
}

function fillPorts(
  first: number,
  last: number,
  { link, port, ports }: Record<"link" | "port" | "ports", Int32Array>,
): void {
  for (let p = first; p < last; p++) ports[p] = link[p]! < 0 ? MIDDLE : port[link[p]!]!;
}

interface Filling {
  readonly side: Side;
  readonly there: Int32Array;
  readonly weights: Int32Array;
  readonly portThere: Int32Array;
  readonly portHere: Int32Array;
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
  const side = {
    offsets,
    other: new Int32Array(count),
    weight: new Int32Array(count),
    port: new Int32Array(count),
    own: new Int32Array(count),
    piece: edges,
  };
  inParts(count, fillSide, { side, there, weights, portThere, portHere });
  return side;
}

function fillSide(first: number, last: number, { side, there, weights, portThere, portHere }: Filling): void {
  const { piece, other, weight, port, own } = side;
  for (let k = first; k < last; k++) {
    const p = piece[k]!;
    other[k] = there[p]!;
    weight[k] = weights[p]!;
    port[k] = portThere[p]!;
    own[k] = portHere[p]!;
  }
}

/** First order: depth first along the flow, so that what belongs together stands together. */
export function firstOrder(layered: Layered, { up, down }: { up: Side; down: Side }): Ordered {
  const { total, ranks, rank } = layered;
  const starts = new Int32Array(ranks + 1);
  inParts(total, (first, last) => {
    for (let v = first; v < last; v++) starts[rank[v]! + 1]!++;
  });
  inParts(ranks, (first, last) => {
    for (let r = first; r < last; r++) starts[r + 1]! += starts[r]!;
  });
  const next = starts.slice(0, ranks);
  const nodes = new Int32Array(total);
  const position = new Int32Array(total).fill(-1);
  const stack: number[] = [];
  const visit = (): void => {
    for (let step = 0; step < PART && stack.length > 0; step++) {
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
  inParts(layered.nodes, (first, last) => {
    for (let v = first; v < last; v++) if (up.offsets[v] === up.offsets[v + 1]) roots.push(v);
  });
  roots.sort((a, b) => rank[a]! - rank[b]! || a - b);
  for (const root of roots) {
    stack.push(root);
    while (stack.length > 0) visit();
  }
  return { starts, nodes, position };
}
