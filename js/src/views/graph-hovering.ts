// What is brought out while something is hovered: a box with what lies up- and downstream, or the way of a tensor.
import { formatBytes } from "../format";
import { type Graph, OPEN, pathOf, STUB, sourceOf, type Theme } from "../scene";
import type { Context } from "../scene/canvas";
import type { Items } from "../scene/items";
import { drawPathLabels } from "../scene/levels";
import { drawPaths, Neighbours, NO_PATHS, type Paths } from "./graph-paths";

export class Hovering {
  #graph: Graph | null = null;
  #neighbours: Neighbours | null = null;
  #box = -1;
  #edge = -1;
  #paths: Paths = NO_PATHS;

  show(graph: Graph | null): void {
    this.#graph = graph;
    this.#neighbours = graph && new Neighbours(graph);
    this.set(-1, -1);
  }

  get something(): boolean {
    return this.#box >= 0 || this.#edge >= 0;
  }

  /** The path of the box, null for none. */
  get path(): string | null {
    return this.#graph && this.#box >= 0 ? pathOf(this.#graph, this.#box) : null;
  }

  /** Bring out a box or an edge, -1 for none; whether that is something else than before. */
  set(box: number, edge: number): boolean {
    if (box === this.#box && edge === this.#edge) return false;
    this.#box = box;
    this.#edge = edge;
    const neighbours = this.#neighbours;
    if (box >= 0) this.#paths = neighbours?.around(box) ?? NO_PATHS;
    else this.#paths = edge >= 0 ? (neighbours?.tensor(edge) ?? NO_PATHS) : NO_PATHS;
    return true;
  }

  /** The table hovers rows: of a shared layer's boxes, the first stands for them. */
  setPath(path: string | null): boolean {
    const graph = this.#graph;
    if (!graph || path === this.path) return false;
    for (let b = 0; path !== null && b < graph.count; b++) {
      if (graph.visible.kind[b] !== OPEN && pathOf(graph, b) === path) return this.set(b, -1);
    }
    return this.set(-1, -1);
  }

  draw(context: Context, items: Items, theme: Theme, k: number): void {
    if (!this.#graph || this.#paths === NO_PATHS) return;
    drawPaths(context, this.#graph, this.#paths, theme, k);
    drawPathLabels(context, items, [...this.#paths.far, ...this.#paths.near], theme, k);
  }

  /** What the edge carries, and from where to where; null where no edge is hovered. */
  get tensor(): string | null {
    const graph = this.#graph;
    if (!graph || this.#edge < 0) return null;
    const { target, tensor } = graph.visible.edges;
    const { tensors, shapes, meta } = graph.payload;
    const readers = this.#paths.near.filter((e) => graph.visible.kind[target[e] as number] !== STUB).length;
    const from = graph.box(sourceOf(graph.visible, this.#edge)).name;
    const to = readers > 1 ? `${readers} readers` : graph.box(target[this.#edge] as number).name;
    const at = tensor[this.#edge] as number;
    const bytes = tensors.bytes[at] ?? Number.NaN;
    // Known with an open size, that is one of examples.
    const basis = shapes[tensors.shape[at] ?? -1]?.some((dim) => typeof dim !== "number") ? ` ${meta.macs_basis}` : "";
    const size = Number.isNaN(bytes) ? "" : ` · ${formatBytes(bytes)}${basis}`;
    return `${from} → ${to}: ${graph.label(this.#edge)} ${tensors.dtype[at] ?? ""}${size}`;
  }
}
