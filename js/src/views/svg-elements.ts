// Drawing commands as SVG elements of the page.
import { type Command, type Theme, toElement } from "../scene";

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
export function fill(target: SVGElement, commands: readonly Command[], theme: Theme): void {
  const children = commands.map((command) => {
    const { tag, attributes, text } = toElement(command, theme);
    const element = svgElement(tag, attributes);
    // Text, never markup: names come from anybody's model.
    if (text) element.textContent = text;
    return element;
  });
  target.replaceChildren(...children);
}
