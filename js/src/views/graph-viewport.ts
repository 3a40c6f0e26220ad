// Pan and zoom: what part of the graph is in the window, and how large.
import { drawLegend, type Look } from "../scene";
import type { Bounds } from "../scene/commands";

/** One may zoom out so far, or until everything fits. */
const MIN = 0.04;
const LEAST = 1e-5;
const MAX = 3;
const MARGIN = 24;
/** Below this, texts are small: what is gone to is brought nearer. */
const READABLE = 0.6;
/** Below this, they cannot be read: a first view shows the start of a long model instead of all of it. */
const LEGIBLE = 0.5;

/** The smallest area that holds all of `areas`. */
export function around(areas: readonly Bounds[]): Bounds {
  const x = Math.min(...areas.map((b) => b.x));
  const y = Math.min(...areas.map((b) => b.y));
  const width = Math.max(...areas.map((b) => b.x + b.width)) - x;
  const height = Math.max(...areas.map((b) => b.y + b.height)) - y;
  return { x, y, width, height };
}

/** What is fitted gets no smaller than this share of its size to stay clear of the legend. */
const WORTH = 0.85;
/** And this share to begin beside the map, which covers boxes of the very first view. */
const WORTH_FIRST = 0.75;
/** Around the legend, see `.nbviz-legend`, and between it and a box. */
const APART = 20;

/** A graph narrower than this has its buttons and its legend in a strip below: over it they would hide boxes. */
export const TIGHT = 600;

/** What a legend covers of a graph of this width. */
export function cornerOf(look: Look, width: number): Pick<Bounds, "width" | "height"> {
  const legend = width < TIGHT ? null : drawLegend(look);
  return legend ? { width: legend.width + APART, height: legend.height + APART } : { width: 0, height: 0 };
}

export class Viewport {
  k = 1;
  x = 0;
  y = 0;
  width = 0;
  height = 0;
  /** The scale at which everything fits. */
  whole = 1;
  /** What the legend covers of the lower right corner. */
  corner: Pick<Bounds, "width" | "height"> = { width: 0, height: 0 };
  readonly #moved: () => void;

  constructor(moved: () => void) {
    this.#moved = moved;
  }

  #set(k: number, x: number, y: number): void {
    this.k = k;
    this.x = x;
    this.y = y;
    this.#moved();
  }

  panBy(dx: number, dy: number): void {
    this.#set(this.k, this.x + dx, this.y + dy);
  }

  /** Zoom with the screen point (`cx`, `cy`) staying where it is. */
  zoomAt(factor: number, cx = this.width / 2, cy = this.height / 2): void {
    const k = Math.min(MAX, Math.max(Math.min(MIN, this.whole), this.k * factor));
    this.#set(k, cx - ((cx - this.x) / this.k) * k, cy - ((cy - this.y) / this.k) * k);
  }

  /** How large `bounds` may be, with so much of the window left free on the right and below. */
  #scaleFor(bounds: Bounds, most: number, { width, height } = { width: MARGIN, height: MARGIN }): number {
    const k = Math.min(
      (this.width - MARGIN - width) / Math.max(1, bounds.width),
      (this.height - MARGIN - height) / Math.max(1, bounds.height),
      most,
    );
    return Math.max(LEAST, k);
  }

  /** Tell how large everything is, which bounds how far one can zoom out. */
  setWhole(bounds: Bounds): void {
    this.whole = this.#scaleFor(bounds, 1);
  }

  /** The window in the graph's coordinates. */
  get area(): Bounds {
    const { k, x, y, width, height } = this;
    return { x: -x / k, y: -y / k, width: width / k, height: height / k };
  }

  /** A point of the window in the graph's coordinates. */
  toGraph(px: number, py: number): [x: number, y: number] {
    return [(px - this.x) / this.k, (py - this.y) / this.k];
  }

  /** Show all of `bounds`, as large as it fits but no larger than `most`; beside the legend or above it, if a little smaller. */
  fit(bounds: Bounds, most = 1): void {
    const whole = this.#scaleFor(bounds, most);
    const clear = Math.max(
      this.#scaleFor(bounds, most, { width: Math.max(MARGIN, this.corner.width), height: MARGIN }),
      this.#scaleFor(bounds, most, { width: MARGIN, height: Math.max(MARGIN, this.corner.height) }),
    );
    const k = clear >= WORTH * whole ? clear : whole;
    const x = this.width / 2 - (bounds.x + bounds.width / 2) * k;
    const y = this.height / 2 - (bounds.y + bounds.height / 2) * k;
    this.#setClear(k, x, y, bounds);
  }

  /** Move the camera, but keep `bounds` out of the corner that the legend covers, where there is room beside or above. */
  #setClear(k: number, x: number, y: number, bounds: Bounds): void {
    const below = (bounds.y + bounds.height) * k + y - (this.height - this.corner.height);
    const beside = (bounds.x + bounds.width) * k + x - (this.width - this.corner.width);
    const covered = below > 0 && beside > 0;
    if (covered && bounds.x * k + x - beside >= MARGIN) this.#set(k, x - beside, y);
    else if (covered && bounds.y * k + y - below >= MARGIN) this.#set(k, x, y - below);
    else this.#set(k, x, y);
  }

  /**
   * A first look: everything if that can be read, else the start of it around `first`; beside what covers so many pixels on the
   * right, if a little smaller.
   */
  start(bounds: Bounds, first: Bounds, direction: "down" | "right", covered = 0): void {
    if (this.#scaleFor(bounds, 1) >= LEGIBLE) {
      this.fit(bounds);
      return;
    }
    const down = direction === "down";
    const room = (down ? this.width : this.height) - 2 * MARGIN;
    const breadth = down ? bounds.width : bounds.height;
    const scale = (space: number): number => Math.min(0.9, Math.max(0.6, space / Math.max(1, breadth)));
    const whole = scale(room);
    const clear = scale(room - covered);
    const isClear = down && clear >= WORTH_FIRST * whole && breadth * clear <= room - covered;
    const k = isClear ? clear : whole;
    // Centred when its breadth fits, else around where the model starts.
    const fits = breadth * k <= room;
    const middle = (from: Bounds): [number, number] => [from.x + from.width / 2, from.y + from.height / 2];
    const [mx, my] = middle(fits ? bounds : first);
    const centred = this.width / 2 - mx * k;
    const beside = this.width - covered - MARGIN - (bounds.x + bounds.width) * k;
    if (down) this.#setClear(k, isClear ? Math.min(centred, beside) : centred, MARGIN - bounds.y * k, bounds);
    else this.#setClear(k, MARGIN - bounds.x * k, this.height / 2 - my * k, bounds);
  }

  /** Whether the middle of `bounds` is on screen. */
  shows(bounds: Bounds): boolean {
    const x = (bounds.x + bounds.width / 2) * this.k + this.x;
    const y = (bounds.y + Math.min(bounds.height / 2, 40)) * this.k + this.y;
    return x > 8 && y > 8 && x < this.width - 8 && y < this.height - 8;
  }

  /** Bring `bounds` into the middle; zoom in only when it could not be read. */
  centre(bounds: Bounds): void {
    const k = this.k < READABLE ? 0.8 : this.k;
    const y = bounds.y + Math.min(bounds.height / 2, (this.height / k) * 0.35);
    this.#setClear(k, this.width / 2 - (bounds.x + bounds.width / 2) * k, this.height / 2 - y * k, bounds);
  }

  /** Bring a point into the middle. */
  centreAt(x: number, y: number): void {
    this.#set(this.k, this.width / 2 - x * this.k, this.height / 2 - y * this.k);
  }

  /** Move as little as possible so that `bounds` is on screen. */
  reveal(bounds: Bounds): void {
    const shift = (from: number, size: number, room: number): number => {
      const margin = Math.min(MARGIN, room / 8);
      if (from < margin || size > room - 2 * margin) return margin - from;
      return Math.min(0, room - margin - (from + size));
    };
    const left = bounds.x * this.k + this.x;
    const top = bounds.y * this.k + this.y;
    const dx = shift(left, bounds.width * this.k, this.width);
    const dy = shift(top, Math.min(bounds.height, 64) * this.k, this.height);
    if (dx !== 0 || dy !== 0) this.#setClear(this.k, this.x + dx, this.y + dy, bounds);
  }
}
