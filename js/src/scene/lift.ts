// Edges between calls, lifted to the boxes that show.
import type { Payload } from "../wire";
import type { Visible, VisibleEdges } from "./visible";

type Boxes = Pick<Visible, "count" | "unit" | "boxOf">;

/** What goes between two boxes where that is more than one tensor. */
interface Bundle {
  readonly ports: Set<number>;
  /** The lifted edge for each shape: tensors of one shape are one line. */
  readonly byShape: Map<number, number>;
}

class Lifted {
  readonly source: number[] = [];
  readonly target: number[] = [];
  readonly tensor: number[] = [];
  readonly port: number[] = [];
  readonly tensors: number[] = [];

  add(source: number, target: number, tensor: number, port: number): number {
    this.source.push(source);
    this.target.push(target);
    this.tensor.push(tensor);
    this.port.push(port);
    return this.tensors.push(1) - 1;
  }
}

export function lift(payload: Payload, boxes: Boxes): Omit<VisibleEdges, "changed"> {
  const { edges, calls, tensors } = payload;
  const { offsets, values } = calls.outputs;
  const { boxOf, count } = boxes;
  const lifted = new Lifted();
  // Nearly all pairs of boxes have one tensor between them: only the others are worth a bundle.
  const firsts = new Map<number, number>();
  const bundles = new Map<number, Bundle>();
  const shapeOf = (tensor: number): number => tensors.shape[tensor] ?? -1;
  for (let e = 0; e < edges.length; e++) {
    const from = edges.source[e] as number;
    const s = boxOf[from] ?? -1;
    const t = boxOf[edges.target[e] as number] ?? -1;
    if (s < 0 || t < 0 || s === t) continue;
    // Payloads keep equal descriptions once: its place among all outputs tells a tensor apart.
    const port = (offsets[from] as number) + (edges.source_port[e] as number);
    const tensor = port < (offsets[from + 1] as number) ? (values[port] as number) : -1;
    const pair = s * count + t;
    const first = firsts.get(pair);
    if (first === undefined) {
      firsts.set(pair, lifted.add(s, t, tensor, port));
      continue;
    }
    const bundle =
      bundles.get(pair) ?? bundleOf(lifted.port[first] as number, shapeOf(lifted.tensor[first] as number), first);
    bundles.set(pair, bundle);
    if (bundle.ports.has(port)) continue;
    bundle.ports.add(port);
    const same = bundle.byShape.get(shapeOf(tensor));
    if (same === undefined) bundle.byShape.set(shapeOf(tensor), lifted.add(s, t, tensor, port));
    else lifted.tensors[same] = (lifted.tensors[same] as number) + 1;
  }
  return {
    length: lifted.source.length,
    source: Int32Array.from(lifted.source),
    target: Int32Array.from(lifted.target),
    tensor: Int32Array.from(lifted.tensor),
    port: Int32Array.from(lifted.port),
    tensors: Int32Array.from(lifted.tensors),
  };
}

function bundleOf(port: number, shape: number, edge: number): Bundle {
  return { ports: new Set([port]), byShape: new Map([[shape, edge]]) };
}

/** A box changes the shape when a tensor that leaves it has a shape that none of those that enter has. */
export function shapeChanges(payload: Payload, { unit }: Boxes, edges: Omit<VisibleEdges, "changed">): Uint8Array {
  const { calls, tensors, shapes } = payload;
  const shapeOf = (tensor: number): number => tensors.shape[tensor] ?? -1;
  const known = (shape: number): boolean => (shapes[shape] ?? null) !== null;
  // A group has no call of its own: what its edges bring is what it takes.
  const brought = new Map<number, Set<number>>();
  for (let e = 0; e < edges.length; e++) {
    const t = edges.target[e] as number;
    if ((unit[t] as number) < calls.length) continue;
    const some = brought.get(t) ?? new Set();
    brought.set(t, some.add(shapeOf(edges.tensor[e] as number)));
  }
  const takes = (box: number, shape: number): boolean => {
    const u = unit[box] as number;
    const groups = brought.get(box);
    if (u >= calls.length) return !groups || groups.has(shape) || ![...groups].every(known);
    const [first, last] = [calls.inputs.offsets[u] as number, calls.inputs.offsets[u + 1] as number];
    for (let k = first; k < last; k++) {
      const entering = shapeOf(calls.inputs.values[k] as number);
      if (entering === shape || !known(entering)) return true;
    }
    return first === last;
  };
  return Uint8Array.from(edges.source, (box, e) => {
    const shape = shapeOf(edges.tensor[e] as number);
    return known(shape) && !takes(box, shape) ? 1 : 0;
  });
}
