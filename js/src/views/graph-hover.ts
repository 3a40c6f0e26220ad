// Hovering shows the direct neighbours: by classes alone, nothing is drawn again.
import type { Graph } from "../scene";
import { ends } from "./graph-walk";

/** Bring out box `on`, its edges and its neighbours; -1 for none. */
export function showNeighbours(surface: SVGSVGElement, graph: Graph, on: number): void {
  const near = new Set(on < 0 ? [] : [...ends(graph, on, true), ...ends(graph, on, false)]);
  surface.classList.toggle("nbviz-hovering", near.size > 0);
  for (const element of surface.querySelectorAll("[data-source]")) {
    const touches = [element.getAttribute("data-source"), element.getAttribute("data-target")].includes(String(on));
    element.classList.toggle("nbviz-near", on >= 0 && touches);
  }
  for (const element of surface.querySelectorAll("[data-picture]")) {
    const box = Number(element.getAttribute("data-picture"));
    element.classList.toggle("nbviz-near", near.has(box));
    element.classList.toggle("nbviz-over", box === on);
  }
}
