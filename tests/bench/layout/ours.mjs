// nbviz's engine on a bench graph. The bundle is the engine alone, built by bundle.mjs.
import { HEADER, PADDING, SPACING } from "./spacing.mjs";

/** Widest gap, in pixels, between a curve and the polyline that is measured in its place. */
const FLATNESS = 0.1;

/** The input of the engine: all groups open, or none at all. */
export function inputOf(graph, groups) {
  const frames = groups ? frameOrder(graph) : [];
  const box = new Int32Array(graph.groups.length);
  frames.forEach((group, i) => {
    box[group] = i;
  });
  const offset = frames.length;
  const count = offset + graph.nodes.length;
  const input = {
    parent: new Int32Array(count).fill(-1),
    width: new Float64Array(count),
    height: new Float64Array(count),
    ...edgeColumns(graph, offset),
    direction: "down",
    spacing: { header: HEADER, padding: PADDING, node: SPACING.node, edge: SPACING.edge, rank: SPACING.rank },
  };
  frames.forEach((group, i) => {
    const { parent } = graph.groups[group];
    if (parent >= 0) input.parent[i] = box[parent];
    input.width[i] = 80;
    input.height[i] = HEADER;
  });
  for (let i = 0; i < graph.nodes.length; i++) {
    const node = graph.nodes[i];
    if (groups && node.group >= 0) input.parent[offset + i] = box[node.group];
    input.width[offset + i] = node.width;
    input.height[offset + i] = node.height;
  }
  return input;
}

/** Groups that hold something, each after the one around it. */
function frameOrder(graph) {
  const used = new Set();
  for (const node of graph.nodes) {
    for (let g = node.group; g >= 0 && !used.has(g); g = graph.groups[g].parent) used.add(g);
  }
  return graph.groups.map((_, g) => g).filter((g) => used.has(g));
}

function edgeColumns({ edges }, offset) {
  const [source, target] = [new Int32Array(edges.length), new Int32Array(edges.length)];
  for (let e = 0; e < edges.length; e++) {
    source[e] = offset + edges[e][0];
    target[e] = offset + edges[e][1];
  }
  return {
    source,
    target,
    sourcePort: new Int32Array(edges.length),
    targetPort: new Int32Array(edges.length),
    labelWidth: new Float64Array(edges.length),
    labelHeight: new Float64Array(edges.length),
  };
}

/** A library of peers.mjs's kind. */
export const ours = (bundle, groups) => async (graph) => {
  const { layout } = await import(bundle);
  const input = inputOf(graph, groups);
  const result = layout(input);
  return { drawing: () => drawingOf(input, result) };
};

export function drawingOf(input, layout) {
  const { x, y, width, height, routes, routeOffsets } = layout;
  const polylines = Array.from(input.source, (_, e) => flatten(routes, routeOffsets[e], routeOffsets[e + 1]));
  const edges = Array.from(input.source, (source, e) => [source, input.target[e]]);
  return { boxes: { x, y, width, height, parent: input.parent }, edges, routes: polylines };
}

/** Cubic curves as a polyline. Equal curves give equal points, so that shared ways stay shared. */
function flatten(routes, from, to) {
  const points = [routes[from], routes[from + 1]];
  for (let k = from + 2; k < to; k += 6) {
    const [ax, ay] = points.slice(-2);
    const [bx, by, cx, cy, dx, dy] = routes.subarray(k, k + 6);
    const bend = Math.max(
      Math.hypot(ax - 2 * bx + cx, ay - 2 * by + cy),
      Math.hypot(bx - 2 * cx + dx, by - 2 * cy + dy),
    );
    const straight = ax === bx && bx === cx && cx === dx;
    const pieces = straight ? 1 : Math.max(1, Math.ceil(Math.sqrt((0.75 * bend) / FLATNESS)));
    for (let i = 1; i < pieces; i++) {
      const t = i / pieces;
      const u = 1 - t;
      const [wa, wb, wc, wd] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
      points.push(wa * ax + wb * bx + wc * cx + wd * dx, wa * ay + wb * by + wc * cy + wd * dy);
    }
    points.push(dx, dy);
  }
  return Float64Array.from(points);
}
