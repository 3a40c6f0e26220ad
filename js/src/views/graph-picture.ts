// Draws the graph on a canvas. What is drawn is somewhat more than the window and is kept: moving shows the kept picture,
// moved and scaled, and a new one is made in slices of a few milliseconds when the movement ends or leaves it.
import type { Context } from "../scene/canvas";
import type { Bounds } from "../scene/commands";
import { type Drawing, drawFound } from "../scene/levels";
import type { SpatialIndex } from "../scene/spatial";
import type { Transition } from "./graph-transition";
import type { Viewport } from "./graph-viewport";

/** How far beyond the window a picture reaches, as a share of the window. */
const MARGIN = 0.3;
/** About so few boxes and edges are drawn anew in every frame, so that they stay crisp while zooming. */
const FEW = 160;
/** Milliseconds of drawing in one frame, and of rest before a crisp picture is made. */
const SLICE = 6;
const REST = 90;
/** Milliseconds of a transition, and of drawing one frame of it beyond which it is given up. */
const TRANSITION = 200;
const TOO_LONG = 24;

interface Kept {
  readonly canvas: HTMLCanvasElement;
  readonly area: Bounds;
  readonly k: number;
}

interface Hooks {
  /** Draw what moves with every frame over the picture. */
  overlay(context: Context): void;
  /** A picture is whole. */
  whole(): void;
}

export class Picture {
  readonly canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D | null;
  readonly #view: Viewport;
  readonly #hooks: Hooks;
  #drawing: Drawing | null = null;
  #index: SpatialIndex | null = null;
  #kept: Kept | null = null;
  #spare: HTMLCanvasElement | null = null;
  #making: { readonly kept: Kept; readonly steps: Generator<undefined, void> } | null = null;
  #stale = true;
  #frame = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #moved = 0;
  #transition: { readonly shown: Transition; readonly began: number } | null = null;

  constructor(view: Viewport, hooks: Hooks, signal: AbortSignal) {
    this.#view = view;
    this.#hooks = hooks;
    this.canvas.className = "nbviz-graph-canvas";
    this.canvas.setAttribute("aria-hidden", "true");
    this.#context = this.canvas.getContext?.("2d") ?? null;
    signal.addEventListener(
      "abort",
      () => {
        cancelAnimationFrame(this.#frame);
        clearTimeout(this.#rest);
        this.#making = null;
      },
      { once: true },
    );
  }

  get drawing(): Drawing | null {
    return this.#drawing;
  }

  /** Whether everything that was asked for shows; without a canvas there is nothing to wait for. */
  get isWhole(): boolean {
    return !this.#context || (!this.#stale && this.#making === null);
  }

  /** Something else is to be drawn, or it looks different. */
  show(drawing: Drawing | null, index: SpatialIndex | null): void {
    this.#drawing = drawing;
    this.#index = index;
    this.#making = null;
    this.#transition = null;
    this.#stale = true;
    this.refresh();
  }

  /** Come to what is shown by a transition, unless somebody moves it or has asked for less motion. */
  animate(shown: Transition): void {
    if (globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches) return;
    this.#transition = { shown, began: performance.now() };
    this.refresh();
  }

  /** The window has moved over the picture. */
  move(): void {
    this.#moved = performance.now();
    this.#transition = null;
    this.refresh();
  }

  /** Draw in the next frame. */
  refresh(): void {
    if (!this.#context || this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Draw what waits for the next frame now, so that it can be worked with in that frame. */
  now(): void {
    if (!this.#frame) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw();
  }

  #draw(): void {
    const { width, height, k } = this.#view;
    const [drawing, index, context] = [this.#drawing, this.#index, this.#context];
    if (!context || width === 0 || height === 0) return;
    this.#resize();
    if (!drawing || !index) {
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.#kept = null;
      return;
    }
    const area = this.#area(0);
    const few = index.estimate(area) <= FEW;
    const kept = this.#kept;
    if (this.#stale || !kept || !holds(kept.area, area) || (kept.k !== k && (few || this.#rested()))) this.#begin();
    else if (kept.k !== k) this.#wait();
    this.#work(few || this.#stale ? SLICE * 2 : SLICE);
    if (this.#transition) this.#drawTransition(context);
    else this.#blit(context);
    if (this.#making || this.#transition) this.refresh();
  }

  #drawTransition(context: CanvasRenderingContext2D): void {
    const { shown, began } = this.#transition as { shown: Transition; began: number };
    const start = performance.now();
    const t = Math.min(1, (start - began) / TRANSITION);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#inGraph(context, () => shown.draw(context, t, this.#area(0), this.#view.k));
    if (t === 1 || performance.now() - start > TOO_LONG) this.#transition = null;
    if (!this.#transition) this.refresh();
  }

  /** Draw in the graph's coordinates. */
  #inGraph(context: CanvasRenderingContext2D, draw: () => void): void {
    const { k, x, y } = this.#view;
    context.save();
    context.scale(this.#ratio, this.#ratio);
    context.translate(x, y);
    context.scale(k, k);
    draw();
    context.restore();
  }

  #rested(): boolean {
    return performance.now() - this.#moved >= REST;
  }

  #wait(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.refresh(), REST);
  }

  get #ratio(): number {
    return globalThis.devicePixelRatio || 1;
  }

  #resize(): void {
    const [w, h] = [Math.round(this.#view.width * this.#ratio), Math.round(this.#view.height * this.#ratio)];
    if (this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.#stale = true;
  }

  /** The window, in the graph's coordinates, with so much more on every side. */
  #area(margin: number): Bounds {
    const { width, height, k, x, y } = this.#view;
    const [w, h] = [width / k, height / k];
    return {
      x: -x / k - w * margin,
      y: -y / k - h * margin,
      width: w * (1 + 2 * margin),
      height: h * (1 + 2 * margin),
    };
  }

  /** Begin a picture of the window and its surroundings, unless just that is being made. */
  #begin(): void {
    const { k } = this.#view;
    const making = this.#making?.kept;
    if (!this.#stale && making && making.k === k && holds(making.area, this.#area(0))) return;
    const [drawing, index] = [this.#drawing, this.#index];
    if (!drawing || !index) return;
    this.#stale = false;
    const area = this.#area(MARGIN);
    const canvas = this.#spare ?? document.createElement("canvas");
    this.#spare = null;
    canvas.width = Math.ceil(area.width * k * this.#ratio);
    canvas.height = Math.ceil(area.height * k * this.#ratio);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(k * this.#ratio, k * this.#ratio);
    context.translate(-area.x, -area.y);
    this.#making = { kept: { canvas, area, k }, steps: drawFound(context, drawing, index.find(area), k) };
  }

  #work(time: number): void {
    const making = this.#making;
    if (!making) return;
    const end = performance.now() + time;
    for (;;) {
      if (making.steps.next().done) {
        if (!this.#kept) performance.mark("nbviz drawn"); // the first that is whole, see "nbviz arranged"
        this.#spare = this.#kept?.canvas ?? null;
        this.#kept = making.kept;
        this.#making = null;
        this.#hooks.whole();
        return;
      }
      if (performance.now() >= end) return;
    }
  }

  #blit(context: CanvasRenderingContext2D): void {
    const { k, x, y } = this.#view;
    const ratio = this.#ratio;
    // Before there is anything whole, what there is of the first picture.
    const kept = this.#kept ?? this.#making?.kept;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (kept) {
      const scale = k / kept.k;
      const left = (kept.area.x * k + x) * ratio;
      const top = (kept.area.y * k + y) * ratio;
      const exact = scale === 1;
      context.imageSmoothingEnabled = !exact;
      context.drawImage(
        kept.canvas,
        exact ? Math.round(left) : left,
        exact ? Math.round(top) : top,
        kept.canvas.width * scale,
        kept.canvas.height * scale,
      );
    }
    this.#inGraph(context, () => this.#hooks.overlay(context));
  }
}

function holds(outer: Bounds, inner: Bounds): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width &&
    outer.y + outer.height >= inner.y + inner.height
  );
}
