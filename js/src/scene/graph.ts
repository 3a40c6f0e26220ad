// An arrangement together with what its boxes and labels say, which is put into words when asked for.
import type { Direction, Layout } from "../layout";
import { type Adjacency, adjacency } from "../layout/adjacency";
import type { Payload } from "../wire";
import { type Arrangement, arrange, edgeLabel } from "./arrange";
import type { Bounds } from "./commands";
import { type Box, describe } from "./describe";
import type { Plot } from "./plot";
import { type Units, unitsOf } from "./units";
import type { Visible } from "./visible";

/** What is drawn and where: changes when something opens or the direction turns, not with selection or colors. */
export interface Graph {
  readonly payload: Payload;
  readonly units: Units;
  readonly visible: Visible;
  readonly layout: Layout;
  readonly direction: Direction;
  readonly plot: Plot | null;
  /** Number of boxes. */
  readonly count: number;
  box(b: number): Box;
  label(e: number): string;
  /** Where edges run through the title line of an open frame. */
  crossings(frame: number): readonly number[];
}

export function graphOf(payload: Payload, arrangement: Arrangement): Graph {
  const { visible, layout, groups, direction, plot } = arrangement;
  const units = unitsOf(payload, groups);
  const boxes: (Box | undefined)[] = new Array(visible.count);
  const labels: (string | undefined)[] = new Array(visible.edges.length);
  const crossings = direction === "down" ? titleCrossings(visible, layout, plot?.mirrored ?? false) : () => [];
  return {
    payload,
    units,
    visible,
    layout,
    direction,
    plot,
    count: visible.count,
    box(b) {
      boxes[b] ??= describe(payload, units, visible, b, plot);
      return boxes[b];
    },
    label(e) {
      labels[e] ??= edgeLabel(payload, visible, e);
      return labels[e];
    },
    crossings,
  };
}

export function buildGraph(
  payload: Payload,
  open: ReadonlySet<string>,
  groups: boolean,
  direction: Direction,
  plot: Plot | null = null,
): Graph {
  return graphOf(payload, arrange(payload, { open, groups, direction, plot }));
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

export function boxesOf(graph: Graph): Box[] {
  return Array.from({ length: graph.count }, (_, b) => graph.box(b));
}

/** The first box of which `test` holds, -1 for none. */
export function findBox(graph: Graph, test: (box: Box, b: number) => boolean): number {
  for (let b = 0; b < graph.count; b++) if (test(graph.box(b), b)) return b;
  return -1;
}

/**
 * Edges enter a frame through the middle of its title line, above or `below`: texts there have to make room. Found when a
 * frame is drawn.
 */
function titleCrossings(
  { edges, parent, count }: Visible,
  placed: Layout,
  below: boolean,
): (frame: number) => readonly number[] {
  const found = new Map<number, readonly number[]>();
  let arriving: Adjacency | undefined;
  const crossings = (frame: number): number[] => {
    arriving ??= adjacency(count, edges.target);
    const { offsets } = arriving;
    const line = (placed.y[frame] as number) + (below ? (placed.height[frame] as number) : 0);
    const xs: number[] = [];
    // What a frame holds comes right behind it.
    let end = frame + 1;
    while (end < count && (parent[end] as number) >= frame) end++;
    for (let k = offsets[frame] as number; k < (offsets[end] as number); k++) {
      const e = arriving.edges[k] as number;
      const source = edges.source[e] as number;
      if (source >= frame && source < end) continue;
      const last = placed.routeOffsets[e + 1] as number;
      for (let i = placed.routeOffsets[e] as number; i < last; i += 6) {
        if (Math.abs((placed.routes[i + 1] as number) - line) <= 0.01) xs.push(placed.routes[i] as number);
      }
    }
    return xs;
  };
  return (frame) => {
    const known = found.get(frame) ?? crossings(frame);
    found.set(frame, known);
    return known;
  };
}
