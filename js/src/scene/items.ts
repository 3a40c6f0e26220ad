// Drawing commands of single boxes and edges, made when they are first drawn and kept as long as they look the same.
import type { Item, Text } from "./commands";
import type { Graph } from "./graph";
import { drawEdgeOf, drawLabelOf, drawOne, edgeColors, type Look, type Marks } from "./scene";
import { OPEN } from "./visible";

type Layer = "frame" | "header" | "node";

export class Items {
  readonly #graph: Graph;
  readonly #look: Look;
  readonly #plain: Record<Layer, (Item | undefined)[]> = { frame: [], header: [], node: [] };
  readonly #edges: (Item | undefined)[] = [];
  readonly #labels: (Item | null | undefined)[] = [];
  readonly #colors: ReturnType<typeof edgeColors>;

  constructor(graph: Graph, look: Look) {
    this.#graph = graph;
    this.#look = look;
    this.#colors = edgeColors(look.theme);
  }

  /** A box, or one layer of an open frame; those that are marked are drawn anew. */
  box(b: number, layer: Layer, marks: Marks): Item {
    if (marks.selected.has(b) || marks.holding.has(b)) return drawOne(this.#graph, this.#look, marks, b, layer);
    const known = this.#plain[layer];
    known[b] ??= drawOne(this.#graph, this.#look, marks, b, layer);
    return known[b];
  }

  /** What is written on a box, or on the title of an open frame. */
  texts(b: number, marks: Marks): Text[] {
    const { commands } = this.box(b, this.isFrame(b) ? "header" : "node", marks);
    return commands.filter((command) => command.kind === "text" && command.part !== "toggle") as Text[];
  }

  edge(e: number): Item {
    this.#edges[e] ??= drawEdgeOf(this.#graph, e, this.#colors, this.#look.lines.of(e));
    return this.#edges[e];
  }

  /** null where there is no room for one. */
  label(e: number): Item | null {
    if (this.#labels[e] === undefined) this.#labels[e] = drawLabelOf(this.#graph, this.#look, e, this.#colors);
    return this.#labels[e] as Item | null;
  }

  isFrame(b: number): boolean {
    return this.#graph.visible.kind[b] === OPEN;
  }
}
