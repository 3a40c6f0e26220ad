// Graph, state and theme to drawing commands: a pure function, for every backend.
import { type Coloring, colorRows, mix, readable, type ValueColumn } from "../color";
import type { Payload } from "../wire";
import { LABEL_HEIGHT } from "./arrange";
import { drawBox, drawFrame, drawHeader, drawHit } from "./boxes";
import type { Item } from "./commands";
import type { Box } from "./describe";
import { boundsOf, type Graph } from "./graph";
import { drawEdge, drawLabel } from "./lines";
import type { Theme } from "./theme";
import { OPEN } from "./visible";

export interface Look {
  readonly theme: Theme;
  readonly coloring: Coloring;
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
export function lookOf(payload: Payload, colorBy: string, columns: readonly ValueColumn[], theme: Theme): Look {
  return { theme, coloring: colorRows(payload, colorBy, columns, theme) };
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
  return [...frames, ...edges, ...headers, ...nodes, ...pills];
}

/** One box; `layer` tells an open frame's ground from its title. */
export function drawOne(graph: Graph, look: Look, marks: Marks, b: number, layer: "frame" | "header" | "node"): Item {
  const box = graph.box(b);
  const bounds = boundsOf(graph, b);
  const state = {
    selected: marks.selected.has(b),
    focused: marks.focused === b,
    holding: marks.holding.has(b),
    fill: fillOf(graph, look, b),
    crossings: graph.crossings(b),
    depth: (graph.units.depth[graph.visible.unit[b] as number] as number) - 1,
  };
  const draw = layer === "frame" ? drawFrame : layer === "header" ? drawHeader : drawBox;
  return { key: `${layer}:${box.key}`, layer, index: b, commands: draw(box, bounds, state, look.theme) };
}

/** What can be pointed at, in reading order; a box keeps its key when it opens. */
export function drawHits(graph: Graph): Item[] {
  return Array.from({ length: graph.count }, (_, b) => {
    const box = graph.box(b);
    return { key: hitKey(box), layer: "hit", index: b, commands: drawHit(box, boundsOf(graph, b)) };
  });
}

export const hitKey = (box: Box): string => `hit:${box.key}`;

function fillOf(graph: Graph, look: Look, b: number): string {
  const row = graph.box(b).row;
  return (row >= 0 ? look.coloring.fills[row] : null) ?? look.theme.panel;
}

export function drawEdges(graph: Graph, look: Look): { edges: Item[]; pills: Item[] } {
  const { layout: placed, visible } = graph;
  const { theme } = look;
  const plain = mix(theme.bg, theme.muted, 0.75);
  const changedColor = readable(theme.bg, theme.shape, theme.text);
  const edges: Item[] = [];
  const pills: Item[] = [];
  const taken = new Set<string>();
  for (let e = 0; e < visible.edges.length; e++) {
    const curve = placed.routes.subarray(placed.routeOffsets[e], placed.routeOffsets[e + 1]);
    if (curve.length === 0) continue;
    const changed = visible.edges.changed[e] === 1;
    const key = edgeKey(graph, e);
    edges.push({
      key: `edge:${key}`,
      layer: "edge",
      index: e,
      commands: drawEdge(curve, changed ? changedColor : plain),
    });
    const [x, y] = [placed.labelX[e] as number, placed.labelY[e] as number];
    // Edges that share their way share its label.
    const place = `${x} ${y}`;
    if (Number.isNaN(x) || taken.has(place)) continue;
    taken.add(place);
    const color = changed ? changedColor : null;
    const commands = drawLabel(graph.label(e), x, y, LABEL_HEIGHT, color, theme);
    pills.push({ key: `label:${key}`, layer: "label", index: e, commands });
  }
  return { edges, pills };
}

function edgeKey(graph: Graph, e: number): string {
  const { source, target, port } = graph.visible.edges;
  return `${graph.box(source[e] as number).key} ${graph.box(target[e] as number).key} ${port[e]}`;
}
