// What flows between the children of one frame.
import { adjacency } from "../layout/adjacency";
import type { Payload } from "../wire";
import type { Nesting } from "./nesting";
import type { Siblings } from "./siblings";

export interface Flow {
  readonly children: readonly number[];
  /** Edges as places among the children. */
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** Gives the flow of some frames; edges are sorted into frames once for all of them. */
export function flowsOf(
  payload: Payload,
  siblings: Siblings,
  { parent }: Nesting,
  frames: ReadonlySet<number>,
): (frame: number, children: readonly number[]) => Flow {
  const edges = new Map(Array.from(frames, (frame): [number, number[]] => [frame, []]));
  for (let e = 0; e < payload.edges.length; e++) {
    const source = siblings.source[e] as number;
    if (source >= 0) edges.get(parent[source] as number)?.push(e);
  }
  const place = new Int32Array(parent.length);
  return (frame, children) => {
    children.forEach((u, i) => {
      place[u] = i;
    });
    const own = Int32Array.from(edges.get(frame) ?? []);
    return {
      children,
      from: own.map((e) => place[siblings.source[e] as number] as number),
      to: own.map((e) => place[siblings.target[e] as number] as number),
    };
  };
}

/** The number of steps to each child on the longest way to it; null where something waits for itself. */
export function levelsOf({ children, from, to }: Flow): Int32Array | null {
  const own = Int32Array.from(children, (_, i) => i);
  return levels(own, from, to);
}

/** Whether nothing waits for itself when each of the groups, given as places, runs as one. */
export function isAcyclic({ children, from, to }: Flow, groups: readonly (readonly number[])[]): boolean {
  const own = Int32Array.from(children, (_, i) => i);
  for (const group of groups) for (const i of group) own[i] = group[0] as number;
  return levels(own, from, to) !== null;
}

/** Longest paths between the nodes that places stand for; edges within a node do not count. */
function levels(node: Int32Array, from: Int32Array, to: Int32Array): Int32Array | null {
  const n = node.length;
  const source = from.map((i) => node[i] as number);
  const target = to.map((i) => node[i] as number);
  const { offsets, edges } = adjacency(n, source);
  const waiting = new Int32Array(n);
  for (let e = 0; e < from.length; e++) {
    if (source[e] !== target[e]) waiting[target[e] as number] = (waiting[target[e] as number] as number) + 1;
  }
  const level = new Int32Array(n);
  const ready = new Int32Array(n);
  let known = 0;
  for (let i = 0; i < n; i++) if (waiting[i] === 0) ready[known++] = i;
  for (let k = 0; k < known; k++) {
    const a = ready[k] as number;
    for (let j = offsets[a] as number; j < (offsets[a + 1] as number); j++) {
      const b = target[edges[j] as number] as number;
      if (a === b) continue;
      level[b] = Math.max(level[b] as number, (level[a] as number) + 1);
      waiting[b] = (waiting[b] as number) - 1;
      if (waiting[b] === 0) ready[known++] = b;
    }
  }
  return known === n ? level : null;
}
