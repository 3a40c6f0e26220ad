// Graph, state and theme to drawing commands: a pure function, for every backend.
import { type Coloring, colorRows, mix, readable, type ValueColumn } from "../color";
import { LABEL_HEIGHT } from "./arrange";
import { drawBox, drawFrame, drawHeader } from "./boxes";
import type { Bounds, Item } from "./commands";
import { type Box, HEADER } from "./describe";
import { drawPlate, plateFill } from "./draw-plate";
import { boundsOf, type Graph } from "./graph";
import { depthOf } from "./identity";
import { type EdgeWidth, type LineWidths, lineWidths } from "./line-width";
import { drawEdge, drawLabel } from "./lines";
import { drawLink, stubsAt } from "./links";
import type { Theme } from "./theme";
import { OPEN } from "./visible";

export interface Look {
  readonly theme: Theme;
  readonly coloring: Coloring;
  readonly lines: LineWidths;
}

/** What of the shared state changes the look of single boxes. */
export interface Marks {
  readonly selected: ReadonlySet<number>;
  /** The clicked one among several calls of one row, -1 for none. */
  readonly focused: number;
  /** Folded boxes that hide something selected. */
  readonly holding: ReadonlySet<number>;
  /** Boxes that a search does not mean; null: there is no search. */
  readonly dimmed: Uint8Array | null;
}

export const NO_MARKS: Marks = { selected: new Set(), focused: -1, holding: new Set(), dimmed: null };

/** What the reader has chosen: named as in the state. */
export interface LookWish {
  readonly color_by: string;
  readonly edge_width: EdgeWidth;
  readonly extra_columns: readonly ValueColumn[];
}

export const PLAIN_LOOK: LookWish = { color_by: "params", edge_width: "none", extra_columns: [] };

export function lookOf(graph: Graph, wish: LookWish, theme: Theme): Look {
  const coloring = colorRows(graph.payload, wish.color_by, wish.extra_columns, theme, graph.units.stackRows);
  return { theme, coloring, lines: lineWidths(graph, wish.edge_width) };
}

/** Everything of the picture, in drawing order. */
export function drawScene(graph: Graph, look: Look, marks: Marks): Item[] {
  const frames: Item[] = [];
  const nodes: Item[] = [];
  const headers: Item[] = [];
  for (let b = 0; b < graph.count; b++) {
    if (graph.visible.kind[b] === OPEN) {
      frames.push(drawOne(graph, look, marks, b, "frame"));
      headers.push(drawOne(graph, look, marks, b, "header"));
    } else nodes.push(drawOne(graph, look, marks, b, "node"));
  }
  const { edges, pills } = drawEdges(graph, look);
  return [...frames, ...edges, ...headers, ...nodes, ...drawLinks(graph, look, marks), ...pills];
}

/** The true ways of tensors that stubs stand for, where one of their ends is selected. */
export function drawLinks(graph: Graph, { theme }: Look, { selected }: Marks): Item[] {
  if (selected.size === 0) return [];
  return stubsAt(graph, selected).map((i) => {
    return { key: `link:${i}`, layer: "link", index: i, commands: drawLink(graph, i, theme) };
  });
}

/** One box; `layer` tells an open frame's ground from its title. */
export function drawOne(graph: Graph, look: Look, marks: Marks, b: number, layer: "frame" | "header" | "node"): Item {
  const box = graph.box(b);
  const bounds = boundsOf(graph, b);
  const state = {
    selected: marks.selected.has(b),
    focused: marks.focused === b,
    holding: marks.holding.has(b),
    fill: tintOf(graph, look, b) ?? restingFill(box, look),
    crossings: graph.crossings(b),
    depth: depthOf(graph, b) - 1,
  };
  const commands =
    layer === "frame"
      ? drawFrame(box, bounds, state, look.theme)
      : layer === "header"
        ? drawHeader(box, titleBounds(graph, bounds), state, look.theme)
        : box.plate
          ? drawPlate(box, box.plate, bounds, state, look.theme)
          : drawBox(box, bounds, state, look.theme);
  // A plot opens and closes nothing.
  const shown = graph.plot ? commands.filter((c) => c.kind !== "text" || c.part !== "toggle") : commands;
  return { key: `${layer}:${box.key}`, layer, index: b, commands: shown };
}

/** What a box is filled with when nothing is told by color: plates are told apart by what they are. */
function restingFill({ plate }: Box, { coloring, theme }: Look): string {
  return plate && coloring.legend.kind === "none" ? plateFill(plate, theme) : theme.panel;
}

/** Where a frame's title stands: above, and below where the drawing is upside down. */
function titleBounds({ plot, direction }: Graph, bounds: Bounds): Bounds {
  if (!plot?.mirrored || direction !== "down") return bounds;
  return { ...bounds, y: bounds.y + bounds.height - HEADER };
}

/** The color that says something of a box, null for none. */
export function tintOf({ units, visible }: Graph, { coloring }: Look, b: number): string | null {
  const u = visible.unit[b] as number;
  if (b >= visible.stubs.first) return null;
  if (u >= units.stacks) return coloring.together(units.stackRows[u - units.stacks] ?? []);
  return coloring.fills[units.row[u] as number] ?? null;
}

/** Colors of edges: plain ones, and those whose tensor has another shape than what came in. */
export function edgeColors({ bg, muted, shape, text }: Theme): { readonly plain: string; readonly changed: string } {
  return { plain: mix(bg, muted, 0.75), changed: readable(bg, shape, text) };
}

type EdgeColors = ReturnType<typeof edgeColors>;

export function curveOf({ layout }: Graph, e: number): Float64Array {
  return layout.routes.subarray(layout.routeOffsets[e], layout.routeOffsets[e + 1]);
}

export function drawEdgeOf(graph: Graph, e: number, colors: EdgeColors, width: number): Item {
  const color = graph.visible.edges.changed[e] === 1 ? colors.changed : colors.plain;
  return {
    key: `edge:${edgeKey(graph, e)}`,
    layer: "edge",
    index: e,
    commands: drawEdge(curveOf(graph, e), color, width),
  };
}

/** The label of an edge's tensor, null where there is no room for one; edges of one tensor have the same. */
export function drawLabelOf(graph: Graph, look: Look, e: number, colors: EdgeColors): Item | null {
  const x = graph.layout.labelX[e] as number;
  const y = graph.layout.labelY[e] as number;
  if (Number.isNaN(x)) return null;
  const color = graph.visible.edges.changed[e] === 1 ? colors.changed : null;
  const commands = drawLabel(graph.label(e), x, y, LABEL_HEIGHT, color, look.theme);
  return { key: `label:${edgeKey(graph, e)}`, layer: "label", index: e, commands };
}

export function drawEdges(graph: Graph, look: Look): { edges: Item[]; pills: Item[] } {
  const colors = edgeColors(look.theme);
  const edges: Item[] = [];
  const pills: Item[] = [];
  const taken = new Set<string>();
  for (let e = 0; e < graph.visible.edges.length; e++) {
    edges.push(drawEdgeOf(graph, e, colors, look.lines.of(e)));
    const pill = drawLabelOf(graph, look, e, colors);
    const place = `${graph.layout.labelX[e]} ${graph.layout.labelY[e]}`;
    if (!pill || taken.has(place)) continue;
    taken.add(place);
    pills.push(pill);
  }
  return { edges, pills };
}

function edgeKey(graph: Graph, e: number): string {
  const { source, target, port } = graph.visible.edges;
  return `${graph.box(source[e] as number).key} ${graph.box(target[e] as number).key} ${port[e]}`;
}
