// Tensors that many read far away, as stubs: without them a mask is a hundred lines along the whole picture.
import { adjacency } from "../layout/adjacency";
import type { Stubs, VisibleEdges } from "./visible";

/** So many readers have to be far away, in ranks, before a tensor gets stubs; then all beyond the near ones have one. */
const LEAST = 6;
const FAR = 6;
const NEAR = 2;

interface Boxes {
  readonly count: number;
  readonly parent: Int32Array;
}

export interface Stubbed {
  readonly stubs: Stubs;
  /** Edges to far readers come from their stubs instead; those to the marks are the last ones. */
  readonly edges: VisibleEdges;
}

export function stubFarReaders(boxes: Boxes, edges: VisibleEdges): Stubbed {
  const far = farEdges(boxes.count, edges);
  const marks = marksOf(edges, far);
  if (marks.length === 0) return { stubs: noStubs(boxes.count), edges };
  const pills: number[] = [];
  for (let e = 0; e < edges.length; e++) if (far.readers[edges.port[e] as number] && far.is[e]) pills.push(e);
  // One for each far reader, then one for each tensor.
  const of = [...pills, ...marks];
  const pick = (column: Int32Array): Int32Array => Int32Array.from(of, (e) => column[e] as number);
  const stubs = {
    first: boxes.count,
    count: of.length,
    source: pick(edges.source),
    target: Int32Array.from(of, (e, i) => (i < pills.length ? (edges.target[e] as number) : -1)),
    tensor: pick(edges.tensor),
    port: pick(edges.port),
    readers: Int32Array.from(of, (e) => far.readers[edges.port[e] as number] as number),
  };
  return { stubs, edges: throughStubs(edges, stubs, pills, marks) };
}

function noStubs(first: number): Stubs {
  const none = new Int32Array();
  return { first, count: 0, source: none, target: none, tensor: none, port: none, readers: none };
}

/** The box around a stub: a pill stands beside its reader, a mark beside its source. */
export function holderOf({ source, target }: Stubs, parent: Int32Array, i: number): number {
  const beside = (target[i] as number) < 0 ? source[i] : target[i];
  return parent[beside as number] as number;
}

interface Far {
  readonly is: Uint8Array;
  /** By port: how many far readers its tensor has, 0 where they get no stubs. */
  readonly readers: Int32Array;
}

function farEdges(count: number, edges: VisibleEdges): Far {
  const { source, target, port, length } = edges;
  const level = levelsOf(count, edges);
  const ports = port.reduce((most, p) => Math.max(most, p + 1), 0);
  const distant = new Int32Array(ports);
  const beyond = new Int32Array(ports);
  const is = new Uint8Array(length);
  for (let e = 0; e < length; e++) {
    const ranks = (level[target[e] as number] as number) - (level[source[e] as number] as number);
    const p = port[e] as number;
    if (ranks > NEAR) {
      is[e] = 1;
      beyond[p] = (beyond[p] as number) + 1;
    }
    if (ranks > FAR) distant[p] = (distant[p] as number) + 1;
  }
  return { is, readers: beyond.map((n, p) => ((distant[p] as number) >= LEAST ? n : 0)) };
}

/** The rank of each box: edges against the order of calls, as folding makes them, do not count. */
function levelsOf(count: number, { source, target }: VisibleEdges): Int32Array {
  const { offsets, edges } = adjacency(count, source);
  const level = new Int32Array(count);
  for (let b = 0; b < count; b++) {
    for (let k = offsets[b] as number; k < (offsets[b + 1] as number); k++) {
      const t = target[edges[k] as number] as number;
      if (t > b) level[t] = Math.max(level[t] as number, (level[b] as number) + 1);
    }
  }
  return level;
}

/** The first edge of each tensor that gets stubs. */
function marksOf({ port, length }: VisibleEdges, { readers }: Far): number[] {
  const seen = new Set<number>();
  const marks: number[] = [];
  for (let e = 0; e < length; e++) {
    const p = port[e] as number;
    if (readers[p] === 0 || seen.has(p)) continue;
    seen.add(p);
    marks.push(e);
  }
  return marks;
}

function throughStubs(
  edges: VisibleEdges,
  stubs: Stubs,
  pills: readonly number[],
  marks: readonly number[],
): VisibleEdges {
  const source = edges.source.slice();
  const changed = edges.changed.slice();
  pills.forEach((e, i) => {
    source[e] = stubs.first + i;
    // The change is where the tensor is made.
    changed[e] = 0;
  });
  const more = (column: Int32Array, extra: (e: number, i: number) => number): Int32Array =>
    Int32Array.from([...column, ...marks.map(extra)]);
  return {
    length: edges.length + marks.length,
    source: more(source, (e) => edges.source[e] as number),
    target: more(edges.target, (_, i) => stubs.first + pills.length + i),
    tensor: more(edges.tensor, (e) => edges.tensor[e] as number),
    port: more(edges.port, (e) => edges.port[e] as number),
    tensors: more(edges.tensors, (e) => edges.tensors[e] as number),
    changed: Uint8Array.from([...changed, ...marks.map((e) => edges.changed[e] as number)]),
  };
}
