// Other layout libraries on a bench graph, each with the settings its own users get and the same distances.
//
// A library is async (graph) => { drawing }: everything from loading the library to reading the places back belongs to
// the measured part; drawing() puts the result into quality.mjs's form and does not.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { childrenOf } from "./hierarchy.mjs";
import { HEADER, PADDING, SPACING } from "./spacing.mjs";

const flat = (graph, x, y, routes) => ({
  boxes: {
    x: Float64Array.from(x, (centre, i) => centre - graph.nodes[i].width / 2),
    y: Float64Array.from(y, (centre, i) => centre - graph.nodes[i].height / 2),
    width: Float64Array.from(graph.nodes, (node) => node.width),
    height: Float64Array.from(graph.nodes, (node) => node.height),
    parent: new Int32Array(graph.nodes.length).fill(-1),
  },
  edges: graph.edges,
  routes,
});

const polyline = (points) => Float64Array.from(points.flatMap(({ x, y }) => [x, y]));

/** dagre: network simplex, its default. */
const dagre = (modules) => async (graph) => {
  const { graphlib, layout } = createRequire(`${modules}/`)("@dagrejs/dagre");
  const g = new graphlib.Graph();
  g.setGraph({ nodesep: SPACING.node, ranksep: SPACING.rank, edgesep: SPACING.edge });
  g.setDefaultEdgeLabel(() => ({}));
  graph.nodes.forEach(({ width, height }, i) => {
    g.setNode(String(i), { width, height });
  });
  for (const [source, target] of graph.edges) g.setEdge(String(source), String(target), {});
  layout(g);
  const places = graph.nodes.map((_, i) => g.node(String(i)));
  const routes = graph.edges.map(([source, target]) => polyline(g.edge(String(source), String(target)).points));
  return {
    drawing: () =>
      flat(
        graph,
        places.map(({ x }) => x),
        places.map(({ y }) => y),
        routes,
      ),
  };
};

/** Netron's fork of dagre with the settings of its grapher: tight ranks, and longest paths for large graphs. */
const netron = (modules) => async (graph) => {
  const { layout } = await import(pathToFileURL(join(modules, "../netron/dagre.mjs")).href);
  const nodes = graph.nodes.map(({ width, height }, i) => ({ v: String(i), width, height, parent: undefined }));
  const edges = graph.edges.map(([source, target]) => ({
    ...{ v: String(source), w: String(target) },
    ...{ minlen: 1, weight: 1, width: 0, height: 0, labeloffset: 10, labelpos: "r" },
  }));
  layout(nodes, edges, { nodesep: 20, ranksep: 20, ...(nodes.length > 3000 && { ranker: "longest-path" }) }, {});
  const routes = edges.map(({ points }) => polyline(points));
  return {
    drawing: () =>
      flat(
        graph,
        nodes.map(({ x }) => x),
        nodes.map(({ y }) => y),
        routes,
      ),
  };
};

const ELK_OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.edgeRouting": "POLYLINE",
  "elk.spacing.nodeNode": String(SPACING.node),
  "elk.layered.spacing.nodeNodeBetweenLayers": String(SPACING.rank),
  "elk.spacing.edgeNode": String(SPACING.edge),
  "elk.spacing.edgeEdge": String(SPACING.edge),
  "elk.layered.spacing.edgeNodeBetweenLayers": String(SPACING.edge),
};

const elk = (modules) => async (graph) => {
  const Elk = createRequire(`${modules}/`)("elkjs/lib/elk.bundled.js");
  const placed = await new Elk().layout({
    id: "root",
    layoutOptions: ELK_OPTIONS,
    children: graph.nodes.map(({ width, height }, i) => ({ id: `n${i}`, width, height })),
    edges: graph.edges.map(([source, target], i) => ({
      id: `e${i}`,
      sources: [`n${source}`],
      targets: [`n${target}`],
    })),
  });
  const routes = placed.edges.map(({ sections: [{ startPoint, bendPoints = [], endPoint }] }) =>
    polyline([startPoint, ...bendPoints, endPoint]),
  );
  return {
    drawing: () =>
      flat(
        graph,
        placed.children.map(({ x, width }) => x + width / 2),
        placed.children.map(({ y, height }) => y + height / 2),
        routes,
      ),
  };
};

/** d3-dag with its fastest choice for each step. */
const d3dag = (modules) => async (graph) => {
  const d3 = await import(pathToFileURL(`${modules}/d3-dag/dist/d3-dag.esm.min.mjs`).href);
  const g = d3.graph();
  const nodes = graph.nodes.map((_, i) => g.node(i));
  const links = graph.edges.map(([source, target]) => g.link(nodes[source], nodes[target]));
  const layout = d3
    .sugiyama()
    .layering(d3.layeringLongestPath())
    .decross(d3.decrossTwoLayer().order(d3.twolayerAgg()).passes(4))
    .coord(d3.coordGreedy())
    .nodeSize(({ data }) => [graph.nodes[data].width, graph.nodes[data].height])
    .gap([SPACING.node, SPACING.rank]);
  layout(g);
  const routes = links.map(({ points }) => Float64Array.from(points.flat()));
  return {
    drawing: () =>
      flat(
        graph,
        nodes.map(({ x }) => x),
        nodes.map(({ y }) => y),
        routes,
      ),
  };
};

/** The dagre that Model Explorer's layout worker carries. */
function modelExplorerDagre(modules) {
  const context = { console, setTimeout, clearTimeout, performance, TextDecoder, TextEncoder, URL };
  Object.assign(context, { self: context, window: context, globalThis: context });
  createContext(context);
  runInContext(readFileSync(join(modules, "../model_explorer/worker_deps.js"), "utf8"), context);
  return context.dagre;
}

/**
 * Model Explorer's way: every group is laid out alone, the innermost first, with edges lifted to siblings.
 *
 * It draws edges only later, so there is no drawing to judge.
 */
const modelExplorer = (modules) => async (graph) => {
  const { graphlib, layout } = modelExplorerDagre(modules);
  const size = new Map(graph.nodes.map(({ width, height }, i) => [i, { width, height }]));
  for (const { id, members, edges } of childrenOf(graph)) {
    const g = new graphlib.Graph();
    const margin = { marginx: PADDING, marginy: HEADER };
    g.setGraph({ rankdir: "TB", nodesep: SPACING.node, ranksep: 50, edgesep: SPACING.node, ...margin });
    g.setDefaultEdgeLabel(() => ({}));
    for (const member of members) g.setNode(String(member), { ...size.get(member) });
    for (const [source, target] of edges) g.setEdge(String(source), String(target));
    layout(g);
    const { width, height } = g.graph();
    size.set(id, { width: Math.max(80, width), height });
  }
  return {};
};

export const PEERS = { dagre, netron, elk, d3dag, modelExplorer };
