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

export function dressNode(element: SVGGElement, graph: Graph, item: Item, marks: Marks, active: boolean): void {
  const b = item.index;
  const box = graph.boxes[b];
  if (!box) return;
  const dim = marks.dimmed?.[b] ? " nbviz-dim" : "";
  if (item.layer === "frame") {
    // The ground of a frame is background: it pans and clears; its title is what can be clicked.
    set(element, { class: `nbviz-frame${dim}`, "aria-hidden": "true" });
    return;
  }
  const kind = graph.visible.kind[b];
  const selected = marks.selected.has(b);
  set(element, {
    class: `nbviz-node nbviz-form-${box.form}${dim}`,
    role: "treeitem",
    "data-box": String(b),
    "data-path": box.path,
    "aria-label": box.label,
    "aria-level": String(graph.visible.units.depth[graph.visible.unit[b] as number]),
    "aria-selected": String(selected),
    "aria-expanded": kind === LEAF ? null : String(kind === OPEN),
    tabindex: active ? "0" : "-1",
  });
  const title = svgElement("title");
  title.textContent = box.label;
  element.prepend(title);
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
