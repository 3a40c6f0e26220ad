// Texts that can be selected: over what the canvas shows of a selected box lie the same texts, unseen until somebody
// drags over them. Apart from the elements of the boxes, whose labels say all of it to a reader.
import { boundsOf, type Graph, type Marks, type Theme } from "../scene";
import { fontOf } from "../scene/canvas";
import type { Text } from "../scene/commands";
import type { Items } from "../scene/items";
import type { Viewport } from "./graph-viewport";

/** The part of the font size that stands above the baseline, for nearly all fonts. */
const ASCENT = 0.8;
const SHIFT = { start: "none", middle: "translateX(-50%)", end: "translateX(-100%)" } as const;
/** So many selected boxes have texts that can be selected in turn. */
const MOST = 12;

export class GraphTexts {
  readonly element = document.createElement("div");
  /** Where the layer starts, in the graph's coordinates: offsets stay small and so exact. */
  #origin = { x: 0, y: 0 };
  #shown = "";

  constructor() {
    this.element.className = "nbviz-graph-texts";
    this.element.setAttribute("aria-hidden", "true");
  }

  show(graph: Graph, items: Items, marks: Marks, theme: Theme): void {
    const boxes = marks.selected.size <= MOST ? [...marks.selected] : [];
    const texts = boxes.flatMap((b) => items.texts(b, marks).map((text) => ({ b, text })));
    const shown = texts.map(({ b, text: { x, y, text } }) => `${b} ${x} ${y} ${text}`).join("\n");
    // What is there may be selected just now.
    if (shown === this.#shown) return;
    this.#shown = shown;
    const [first] = boxes;
    if (first !== undefined) this.#origin = boundsOf(graph, first);
    this.element.replaceChildren(...texts.map(({ b, text }) => this.#lay(b, text, theme)));
  }

  #lay(b: number, text: Text, theme: Theme): HTMLElement {
    const element = document.createElement("span");
    element.className = "nbviz-text";
    element.dataset.box = String(b);
    element.textContent = text.text;
    const { style } = element;
    style.font = fontOf(text, theme);
    style.lineHeight = "1";
    style.left = `${text.x - this.#origin.x}px`;
    style.top = `${text.y - this.#origin.y - ASCENT * text.size}px`;
    style.transform = SHIFT[text.anchor];
    return element;
  }

  move({ x, y, k }: Viewport): void {
    this.element.style.transform = `translate(${x + this.#origin.x * k}px, ${y + this.#origin.y * k}px) scale(${k})`;
  }
}

/** Whether a drag that begins here is meant for a text. */
export function isText(target: EventTarget | null): boolean {
  return target instanceof Element && target.classList.contains("nbviz-text");
}
