// What elements are besides their drawing: roles and names for assistive technology, hooks for events and style.
import { type Graph, LEAF, type Marks, OPEN } from "../scene";
import type { Item } from "../scene/commands";
import { svgElement } from "./graph-painter";

function set(element: Element, attributes: Readonly<Record<string, string | null>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}

/** The drawing of a box: to be seen only, as `dressHit` stands for it everywhere else. */
export function dressPicture(element: SVGGElement, item: Item, marks: Marks): void {
  const dim = marks.dimmed?.[item.index] ? " nbviz-dim" : "";
  const selected = marks.selected.has(item.index) ? " nbviz-selected" : "";
  set(element, {
    class: `nbviz-picture nbviz-${item.layer}${dim}${selected}`,
    "data-picture": String(item.index),
    "aria-hidden": "true",
  });
}

/** A box to point at, to focus and to be read out. */
export function dressHit(element: SVGGElement, graph: Graph, item: Item, marks: Marks, active: boolean): void {
  const b = item.index;
  const box = graph.box(b);
  if (!box) return;
  const kind = graph.visible.kind[b];
  set(element, {
    class: `nbviz-node nbviz-form-${box.form}`,
    role: "treeitem",
    "data-box": String(b),
    "data-path": box.path,
    "aria-label": box.label,
    "aria-level": String(graph.units.depth[graph.visible.unit[b] as number]),
    "aria-selected": String(marks.selected.has(b)),
    "aria-expanded": kind === LEAF ? null : String(kind === OPEN),
    tabindex: active ? "0" : "-1",
  });
  const title = svgElement("title");
  title.textContent = box.label;
  element.append(title);
}

export function dressEdge(element: SVGGElement, graph: Graph, item: Item, marks: Marks, hovered: number): void {
  const source = graph.visible.edges.source[item.index] as number;
  const target = graph.visible.edges.target[item.index] as number;
  const near = hovered >= 0 && (source === hovered || target === hovered) ? " nbviz-near" : "";
  const dim = marks.dimmed?.[source] && marks.dimmed[target] ? " nbviz-dim" : "";
  set(element, {
    class: `nbviz-${item.layer}${near}${dim}`,
    "data-source": String(source),
    "data-target": String(target),
    "aria-hidden": "true",
  });
}
