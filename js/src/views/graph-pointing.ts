// What is under the pointer: by elements where there are some, else by where boxes and edges are.
import { boundsOf, FRAME_TITLE, type Graph, OPEN } from "../scene";
import type { SpatialIndex } from "../scene/spatial";
import type { GraphItems } from "./graph-items";
import type { Viewport } from "./graph-viewport";

/** Pixels around an edge that are near enough to point at it. */
const REACH = 6;
/** Pixels of a frame's title that can always be hit. */
const LEAST_TITLE = 14;
/** The triangle is small: what counts is the corner around it. */
const CORNER = { width: 28, height: 34 };

export class Pointing {
  readonly #surface: HTMLElement;
  readonly #items: GraphItems;
  readonly #view: Viewport;
  #graph: Graph | null = null;
  #index: SpatialIndex | null = null;

  constructor(surface: HTMLElement, items: GraphItems, view: Viewport) {
    this.#surface = surface;
    this.#items = items;
    this.#view = view;
  }

  show(graph: Graph | null, index: SpatialIndex | null): void {
    this.#graph = graph;
    this.#index = index;
  }

  #pointOf(event: MouseEvent): [x: number, y: number] {
    const surface = this.#surface.getBoundingClientRect();
    return this.#view.toGraph(event.clientX - surface.left, event.clientY - surface.top);
  }

  /** The box under the pointer, -1 for the background; an open frame is its title. */
  boxAt(event: MouseEvent): number {
    const own = this.#items.boxOf(event.target as Element);
    const graph = this.#graph;
    if (own >= 0 || !graph || !this.#index) return own;
    const [x, y] = this.#pointOf(event);
    const b = this.#index.boxAt(x, y);
    if (b < 0 || graph.visible.kind[b] !== OPEN) return b;
    const title = Math.max(FRAME_TITLE, LEAST_TITLE / this.#view.k);
    return y - boundsOf(graph, b).y <= title ? b : -1;
  }

  /** The edge under the pointer, -1 for none. */
  edgeAt(event: MouseEvent): number {
    const [x, y] = this.#pointOf(event);
    return this.#index?.edgeAt(x, y, REACH / Math.min(1, this.#view.k)) ?? -1;
  }

  /** Whether the pointer is on what opens and closes box `b`. */
  onToggle(b: number, event: MouseEvent): boolean {
    if (!this.#graph) return false;
    const { form } = this.#graph.box(b);
    if (form !== "folded" && form !== "frame") return false;
    const [x, y] = this.#pointOf(event);
    const at = boundsOf(this.#graph, b);
    return x - at.x < CORNER.width && y - at.y < CORNER.height;
  }
}
