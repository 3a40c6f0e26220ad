// The elements over the canvas: one for each box that can be told apart on screen, for the keyboard, for assistive
// technology and for what points at it. Boxes hold boxes and are chosen: to assistive technology a tree.
import { boundsOf, depthOf, FRAME_TITLE, type Graph, keyOf, LEAF, type Marks, OPEN, STUB } from "../scene";
import type { Found } from "../scene/spatial";
import type { Viewport } from "./graph-viewport";

/** Graphs of so many boxes have all their elements all the time; of others, those in the window have one. */
const ALL = 300;
/** Further away than this boxes are dots: only what has the focus keeps an element. */
const APART = 0.25;

/** Forms of boxes with corners; the others end round. */
const SQUARE: ReadonlySet<string> = new Set(["layer", "folded", "stack", "frame"]);

export class GraphItems {
  readonly element = document.createElement("div");
  #graph: Graph | null = null;
  #items = new Map<number, HTMLElement>();
  /** Where the layer starts, in the graph's coordinates: far down a long graph, offsets stay small and so exact. */
  #origin = { x: 0, y: 0 };
  /** Place of each box among its siblings, from 1, and their number: not all of them have elements. */
  #place: { readonly at: Int32Array; readonly of: Int32Array } | null = null;

  constructor() {
    this.element.className = "nbviz-graph-items";
    this.element.setAttribute("role", "none");
  }

  get(b: number): HTMLElement | undefined {
    return this.#items.get(b);
  }

  /** The box that an element stands for, -1 for none. */
  boxOf(element: Element): number {
    const at = element.closest("[data-box]")?.getAttribute("data-box");
    return at === null || at === undefined ? -1 : Number(at);
  }

  move({ x, y, k }: Viewport): void {
    this.element.style.transform = `translate(${x + this.#origin.x * k}px, ${y + this.#origin.y * k}px) scale(${k})`;
  }

  /** Make the elements for a graph anew: elements of boxes that stay, by their keys, are kept, and with them the focus. */
  show(graph: Graph | null, marks: Marks, active: number): void {
    const before = new Map<string, HTMLElement>();
    for (const [b, element] of this.#items) if (this.#graph) before.set(keyOf(this.#graph, b), element);
    this.#graph = graph;
    this.#items = new Map();
    if (!graph) {
      this.element.replaceChildren();
      return;
    }
    this.#origin = { x: 0, y: 0 };
    this.#place = graph.count > ALL ? placesOf(graph.visible.parent) : null;
    const wanted = graph.count <= ALL ? [...Array(graph.count).keys()] : [active];
    for (const b of wanted) {
      const known = before.get(keyOf(graph, b));
      this.#items.set(b, known ?? document.createElement("div"));
    }
    this.#arrange();
    this.dress(marks, active);
  }

  /** Of a large graph: the boxes in the window, and the active one. */
  showFound(found: Found, marks: Marks, active: number, view: Viewport): void {
    const graph = this.#graph;
    if (!graph || graph.count <= ALL) return;
    const wanted = new Set<number>([active]);
    if (view.k >= APART) for (const b of found.boxes.subarray(0, ALL)) wanted.add(b);
    const free: HTMLElement[] = [];
    for (const [b, element] of this.#items) {
      if (wanted.has(b)) continue;
      this.#items.delete(b);
      free.push(element);
    }
    for (const b of wanted) if (!this.#items.has(b)) this.#items.set(b, free.pop() ?? document.createElement("div"));
    this.#items = new Map([...this.#items].sort(([a], [b]) => a - b));
    this.#origin = { x: Math.round(-view.x / view.k), y: Math.round(-view.y / view.k) };
    this.#arrange();
    this.dress(marks, active);
    this.move(view);
  }

  /** Put elements into order without taking out those that stand right: moving an element takes its focus. */
  #arrange(): void {
    let at = this.element.firstChild;
    for (const element of this.#items.values()) {
      if (at === element) at = at.nextSibling;
      else this.element.insertBefore(element, at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  /** What elements say of their boxes. */
  dress(marks: Marks, active: number): void {
    const graph = this.#graph;
    if (!graph) return;
    for (const [b, element] of this.#items) this.#dressOne(graph, element, b, marks, active);
  }

  #dressOne(graph: Graph, element: HTMLElement, b: number, marks: Marks, active: number): void {
    const box = graph.box(b);
    const kind = graph.visible.kind[b];
    const { x, y, width, height } = boundsOf(graph, b);
    const dim = marks.dimmed?.[b] ? " nbviz-dim" : "";
    const holding = marks.holding.has(b) ? " nbviz-holding" : "";
    set(element, {
      class: `nbviz-node nbviz-form-${box.form}${dim}${holding}`,
      role: "treeitem",
      "data-box": String(b),
      "data-path": box.path,
      "aria-label": box.label,
      title: box.label,
      "aria-level": String(depthOf(graph, b)),
      "aria-posinset": this.#place && String(this.#place.at[b]),
      "aria-setsize": this.#place && String(this.#place.of[b]),
      "aria-selected": String(marks.selected.has(b)),
      "aria-expanded": kind === LEAF || kind === STUB ? null : String(kind === OPEN),
      tabindex: b === active ? "0" : "-1",
    });
    const { style } = element;
    style.left = `${x - this.#origin.x}px`;
    style.top = `${y - this.#origin.y}px`;
    style.width = `${width}px`;
    // Of an open frame, the title: what is in it can be pointed at itself.
    style.height = `${kind === OPEN ? Math.min(height, FRAME_TITLE) : height}px`;
    style.borderRadius = `${SQUARE.has(box.form) ? 8 : height / 2}px`;
  }
}

function placesOf(parent: Int32Array): { at: Int32Array; of: Int32Array } {
  // Children of the outermost level count at the end.
  const { length } = parent;
  const counts = new Int32Array(length + 1);
  const [at, of] = [new Int32Array(length), new Int32Array(length)];
  for (let b = 0; b < length; b++) {
    const p = parent[b] as number;
    const place = (counts[p < 0 ? length : p] as number) + 1;
    counts[p < 0 ? length : p] = place;
    at[b] = place;
  }
  for (let b = 0; b < length; b++) {
    const p = parent[b] as number;
    of[b] = counts[p < 0 ? length : p] as number;
  }
  return { at, of };
}

function set(element: Element, attributes: Readonly<Record<string, string | null>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}
