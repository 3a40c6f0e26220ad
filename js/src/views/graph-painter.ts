// Drawing commands to SVG elements, keyed: what stays keeps its element, and with it focus and place in the page.
import { type Item, LAYERS, type Theme, toElement } from "../scene";
import type { Layer } from "../scene/commands";

const SVG = "http://www.w3.org/2000/svg";

export function svgElement<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Draw commands into `target`. */
export function fill(target: SVGElement, commands: Item["commands"], theme: Theme): void {
  const children = commands.map((command) => {
    const { tag, attributes, text } = toElement(command, theme);
    const element = svgElement(tag, attributes);
    // Text, never markup: names come from anybody's model.
    if (text) element.textContent = text;
    return element;
  });
  target.replaceChildren(...children);
}

export class Painter {
  readonly root: SVGGElement;
  readonly #layers: ReadonlyMap<Layer, SVGGElement>;
  #items = new Map<string, SVGGElement>();

  constructor() {
    this.root = svgElement("g");
    this.#layers = new Map(LAYERS.map((layer) => [layer, svgElement("g", { class: `nbviz-layer-${layer}` })]));
    this.root.append(...this.#layers.values());
  }

  get(key: string): SVGGElement | undefined {
    return this.#items.get(key);
  }

  /** Draw the whole picture. `dress` sets what is not drawing: roles, names, classes. */
  paint(items: readonly Item[], theme: Theme, dress: (element: SVGGElement, item: Item) => void): void {
    const before = this.#items;
    const after = new Map<string, SVGGElement>();
    const order = new Map<Layer, SVGGElement[]>(LAYERS.map((layer) => [layer, []]));
    for (const item of items) {
      const element = before.get(item.key) ?? svgElement("g");
      this.#draw(element, item, theme, dress);
      after.set(item.key, element);
      order.get(item.layer)?.push(element);
    }
    for (const [key, element] of before) if (!after.has(key)) element.remove();
    for (const [layer, elements] of order) {
      const target = this.#layers.get(layer);
      if (target) arrange(target, elements);
    }
    this.#items = after;
  }

  /** Draw one item again. */
  repaint(item: Item, theme: Theme, dress: (element: SVGGElement, item: Item) => void): void {
    const element = this.#items.get(item.key);
    if (element) this.#draw(element, item, theme, dress);
  }

  #draw(element: SVGGElement, item: Item, theme: Theme, dress: (element: SVGGElement, item: Item) => void): void {
    fill(element, item.commands, theme);
    dress(element, item);
  }
}

/** Put elements into order without taking out those that stand right: moving an element takes its focus. */
function arrange(target: SVGGElement, elements: readonly SVGGElement[]): void {
  let at = target.firstChild;
  for (const element of elements) {
    if (at === element) at = at.nextSibling;
    else target.insertBefore(element, at);
  }
}
