// Graph, layout, state and theme to drawing commands: a pure function, for every backend.
import { type Coloring, colorRows, mix, readable, type ValueColumn } from "../color";
import { edgeShape } from "../format";
import { type Direction, type Layout, layout } from "../layout";
import type { Payload } from "../wire";
import { drawBox, drawFrame, drawHeader, drawHit } from "./boxes";
import type { Bounds, Item } from "./commands";
import { type Box, describe, HEADER } from "./describe";
import { drawEdge, drawLabel } from "./lines";
import type { Theme } from "./theme";
import { OPEN, type Visible, visibleGraph } from "./visible";
import { textWidth } from "./widths";

/** What is drawn and where: changes when something opens or the direction turns, not with selection or colours. */
export interface Graph {
  readonly payload: Payload;
  readonly visible: Visible;
  readonly boxes: readonly Box[];
  /** Texts of the labels on edges. */
  readonly labels: readonly string[];
  readonly layout: Layout;
  readonly direction: Direction;
  /** Where edges run through the title line of each open frame. */
  readonly crossings: ReadonlyMap<number, readonly number[]>;
}

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
export const LABEL_SIZE = 10.5;
const LABEL_HEIGHT = 17;
const SPACING = { header: HEADER, padding: 16, node: 26, edge: 18, rank: 11 };

export function buildGraph(
  payload: Payload,
  expanded: ReadonlySet<string>,
  groups: boolean,
  direction: Direction,
): Graph {
  const visible = visibleGraph(payload, expanded, groups);
  const boxes = Array.from({ length: visible.count }, (_, b) => describe(payload, visible, b));
  const { edges } = visible;
  const labels = Array.from(edges.tensor, (tensor, e) => {
    const shape = payload.shapes[payload.tensors.shape[tensor] ?? -1] ?? null;
    const count = edges.tensors[e] as number;
    return edgeShape(shape) + (count > 1 ? ` · ${count} tensors` : "");
  });
  const placed = layout({
    parent: visible.parent,
    width: Float64Array.from(boxes, (b) => b.width),
    height: Float64Array.from(boxes, (b) => b.height),
    source: edges.source,
    target: edges.target,
    sourcePort: edges.port,
    targetPort: Int32Array.from(edges.source, (_, e) => e),
    labelWidth: Float64Array.from(labels, (text) => Math.ceil(textWidth(text, LABEL_SIZE, "mono") + 14)),
    labelHeight: new Float64Array(labels.length).fill(LABEL_HEIGHT),
    direction,
    spacing: SPACING,
  });
  const crossings = direction === "down" ? titleCrossings(visible, placed) : new Map<number, number[]>();
  return { payload, visible, boxes, labels, layout: placed, direction, crossings };
}

/** Edges enter a frame through the middle of its title line: texts there have to make room. */
function titleCrossings(visible: Visible, placed: Layout): Map<number, number[]> {
  const found = new Map<number, number[]>();
  const { edges, parent } = visible;
  for (let e = 0; e < edges.length; e++) {
    const from = placed.routeOffsets[e] as number;
    const to = placed.routeOffsets[e + 1] as number;
    for (let frame = parent[edges.target[e] as number] as number; frame >= 0; frame = parent[frame] as number) {
      const top = placed.y[frame] as number;
      for (let i = from; i < to; i += 6) {
        if (Math.abs((placed.routes[i + 1] as number) - top) > 0.01) continue;
        const xs = found.get(frame) ?? [];
        xs.push(placed.routes[i] as number);
        found.set(frame, xs);
      }
    }
  }
  return found;
}

export function lookOf(payload: Payload, colorBy: string, columns: readonly ValueColumn[], theme: Theme): Look {
  return { theme, coloring: colorRows(payload, colorBy, columns, theme) };
}

export function boundsOf(graph: Graph, box: number): Bounds {
  const { x, y, width, height } = graph.layout;
  return {
    x: x[box] as number,
    y: y[box] as number,
    width: width[box] as number,
    height: height[box] as number,
  };
}

/** Everything of the picture, in drawing order. */
export function drawScene(graph: Graph, look: Look, marks: Marks): Item[] {
  const frames: Item[] = [];
  const nodes: Item[] = [];
  const headers: Item[] = [];
  for (let b = 0; b < graph.visible.count; b++) {
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
  const box = graph.boxes[b] as Box;
  const bounds = boundsOf(graph, b);
  const state = {
    selected: marks.selected.has(b),
    focused: marks.focused === b,
    holding: marks.holding.has(b),
    fill: fillOf(graph, look, b),
    crossings: graph.crossings.get(b) ?? [],
    depth: (graph.visible.units.depth[graph.visible.unit[b] as number] as number) - 1,
  };
  const draw = layer === "frame" ? drawFrame : layer === "header" ? drawHeader : drawBox;
  return { key: `${layer}:${box.key}`, layer, index: b, commands: draw(box, bounds, state, look.theme) };
}

/** What can be pointed at, in reading order; a box keeps its key when it opens. */
export function drawHits(graph: Graph): Item[] {
  return graph.boxes.map((box, b) => ({
    key: hitKey(box),
    layer: "hit",
    index: b,
    commands: drawHit(box, boundsOf(graph, b)),
  }));
}

export const hitKey = (box: Box): string => `hit:${box.key}`;

function fillOf(graph: Graph, look: Look, b: number): string {
  const row = graph.boxes[b]?.row ?? -1;
  return (row >= 0 ? look.coloring.fills[row] : null) ?? look.theme.panel;
}

export function drawEdges(graph: Graph, look: Look): { edges: Item[]; pills: Item[] } {
  const { layout: placed, visible, labels } = graph;
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
    const commands = drawLabel(labels[e] as string, x, y, LABEL_HEIGHT, color, theme);
    pills.push({ key: `label:${key}`, layer: "label", index: e, commands });
  }
  return { edges, pills };
}

function edgeKey(graph: Graph, e: number): string {
  const { source, target, port } = graph.visible.edges;
  return `${graph.boxes[source[e] as number]?.key} ${graph.boxes[target[e] as number]?.key} ${port[e]}`;
}
