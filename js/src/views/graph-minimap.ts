// A small picture of the whole graph with the window in it. Long graphs are drawn wider than they are: a true picture of
// a thousand layers would be a line.
import { mix } from "../color";
import { boundsOf, type Graph, type Look, OPEN, tintOf } from "../scene";
import type { Viewport } from "./graph-viewport";

const WIDTH = 84;
const HEIGHT = 150;
const PAD = 5;
/** How many times wider than true it may be drawn. */
const STRETCH = 30;
/** It shows when less than this share of the graph is in the window. */
const SHOWN_BELOW = 0.6;
/** Windows smaller than this have no room for it. */
const LEAST_WIDTH = 460;
const LEAST_HEIGHT = 330;
/** Its border and what is free around it, see `.nbviz-minimap`. */
const AROUND = 20;

/** How large a map of a graph is drawn. */
function scaleOf({ layout: { totalWidth, totalHeight } }: Graph): { x: number; y: number } {
  const fit = Math.min(WIDTH / Math.max(1, totalWidth), HEIGHT / Math.max(1, totalHeight));
  return {
    x: Math.min(WIDTH / Math.max(1, totalWidth), fit * STRETCH),
    y: Math.min(HEIGHT / Math.max(1, totalHeight), fit * STRETCH),
  };
}

function hasRoom({ width, height }: Viewport): boolean {
  return width >= LEAST_WIDTH && height >= LEAST_HEIGHT;
}

/** The pixels that the map of a graph covers on the right of a window that does not show all of it. */
export function coveredBy(graph: Graph, view: Viewport): number {
  return hasRoom(view) ? graph.layout.totalWidth * scaleOf(graph).x + 2 * PAD + AROUND : 0;
}

export class Minimap {
  readonly element = document.createElement("div");
  readonly #canvas = document.createElement("canvas");
  readonly #frame = document.createElement("div");
  readonly #view: Viewport;
  #graph: Graph | null = null;
  #scale = { x: 1, y: 1 };

  constructor(view: Viewport, goTo: (x: number, y: number) => void, signal: AbortSignal) {
    this.#view = view;
    this.element.className = "nbviz-minimap";
    // The keyboard has the graph itself, its search and its zoom.
    this.element.setAttribute("aria-hidden", "true");
    this.#frame.className = "nbviz-minimap-window";
    this.element.append(this.#canvas, this.#frame);
    this.element.hidden = true;
    const go = (event: PointerEvent): void => {
      event.stopPropagation();
      if (event.type === "pointerdown") this.element.setPointerCapture?.(event.pointerId);
      else if (event.buttons === 0) return;
      const box = this.element.getBoundingClientRect();
      goTo((event.clientX - box.left - PAD) / this.#scale.x, (event.clientY - box.top - PAD) / this.#scale.y);
    };
    this.element.addEventListener("pointerdown", go, { signal });
    this.element.addEventListener("pointermove", go, { signal });
    this.element.addEventListener("click", (event) => event.stopPropagation(), { signal });
  }

  /** Be the map of a graph: it can be pointed at, and `draw` may come later. */
  show(graph: Graph | null): void {
    this.#graph = graph;
    if (graph) this.#fit(graph);
    this.move();
  }

  #fit(graph: Graph): void {
    const { totalWidth, totalHeight } = graph.layout;
    this.#scale = scaleOf(graph);
    this.#canvas.style.width = `${totalWidth * this.#scale.x}px`;
    this.#canvas.style.height = `${totalHeight * this.#scale.y}px`;
  }

  draw(look: Look): void {
    const graph = this.#graph;
    if (!graph) return;
    const { totalWidth, totalHeight } = graph.layout;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#canvas.width = Math.ceil(totalWidth * this.#scale.x * ratio);
    this.#canvas.height = Math.ceil(totalHeight * this.#scale.y * ratio);
    const context = this.#canvas.getContext?.("2d");
    if (!context) return;
    context.scale(ratio * this.#scale.x, ratio * this.#scale.y);
    const least = { w: 1.5 / this.#scale.x, h: 0.7 / this.#scale.y };
    const plain = mix(look.theme.panel, look.theme.muted, 0.5);
    const ground = mix(look.theme.bg, look.theme.muted, 0.08);
    const { kind } = graph.visible;
    const tops = graph.layout.y;
    // Where thousands of boxes fall on one pixel, the first of them stands for all.
    let last = Number.NEGATIVE_INFINITY;
    for (let b = 0; b < graph.count; b++) {
      const open = kind[b] === OPEN;
      const top = tops[b] as number;
      if (graph.count > CROWD && Math.abs(top - last) < least.h && (graph.layout.x[b] as number) > 0) continue;
      if (!open) last = top;
      const { x, y, width, height } = boundsOf(graph, b);
      context.fillStyle = open ? ground : (tintOf(graph, look, b) ?? plain);
      context.fillRect(x, y, Math.max(width, least.w), Math.max(height, least.h));
    }
  }

  /** The window has moved, or has another size. */
  move(): void {
    const graph = this.#graph;
    if (!graph || graph.count === 0 || !hasRoom(this.#view)) {
      this.element.hidden = true;
      return;
    }
    const { totalWidth, totalHeight } = graph.layout;
    const area = this.#view.area;
    const seen = (from: number, size: number, total: number): number =>
      Math.max(0, Math.min(total, from + size) - Math.max(0, from)) / Math.max(1, total);
    const share = seen(area.x, area.width, totalWidth) * seen(area.y, area.height, totalHeight);
    this.element.hidden = share >= SHOWN_BELOW;
    const [left, right] = [Math.max(0, area.x), Math.min(totalWidth, area.x + area.width)];
    const [top, bottom] = [Math.max(0, area.y), Math.min(totalHeight, area.y + area.height)];
    const { style } = this.#frame;
    style.left = `${PAD + left * this.#scale.x}px`;
    style.top = `${PAD + top * this.#scale.y}px`;
    style.width = `${Math.max(4, (right - left) * this.#scale.x)}px`;
    style.height = `${Math.max(4, (bottom - top) * this.#scale.y)}px`;
  }
}

const CROWD = 5000;
