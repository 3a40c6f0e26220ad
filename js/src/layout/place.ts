// Order and position across the flow within one frame: dagre, and a plain method where dagre cannot go.
import { Graph, layout } from "@dagrejs/dagre";
import type { Layers, Placement } from "./layers";
import { placePlainly } from "./plain";

// Boxes and bends. Past this, dagre takes over a second (it grows faster than linearly) and its recursion nears the end of the call stack.
const DAGRE_LIMIT = 3000;

export function place(layers: Layers): Placement {
  let points = layers.rank.length;
  for (let e = 0; e < layers.from.length; e++) {
    points += (layers.rank[layers.to[e] as number] as number) - (layers.rank[layers.from[e] as number] as number) - 1;
  }
  if (points > DAGRE_LIMIT) return placePlainly(layers);
  try {
    return placeWithDagre(layers);
  } catch (error) {
    if (error instanceof RangeError) return placePlainly(layers);
    throw error;
  }
}

function placeWithDagre(layers: Layers): Placement {
  const { rank, breadth, from, to } = layers;
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    nodesep: layers.nodeGap,
    edgesep: layers.edgeGap,
    ranksep: 40,
    // Iterative, and without effect as the edges are acyclic; the default one recurses.
    acyclicer: "greedy",
    // dagre's network simplex knows no ports on borders; ranks are ours.
    ranker: (ranked: Graph) => assignRanks(ranked, rank),
  } as object);
  for (let v = 0; v < rank.length; v++) graph.setNode(String(v), { width: breadth[v], height: 1 });
  for (let e = 0; e < from.length; e++) {
    const label = { width: layers.labelBreadth[e] as number, height: 1, labelpos: "c", minlen: 1, weight: 1 };
    graph.setEdge(String(from[e]), String(to[e]), label, String(e));
  }
  layout(graph);
  const centre = Float64Array.from(rank, (_, v) => (graph.node(String(v)) as { x: number }).x);
  const bends = Array.from(from, (v, e) => {
    const edge = graph.edge(String(v), String(to[e]), String(e)) as { points: { x: number }[] };
    return Float64Array.from(edge.points.slice(1, -1), (p) => p.x);
  });
  return { centre, bends };
}

/** Our ranks, and one above all for the root that dagre adds to connect the graph. */
function assignRanks(graph: Graph, rank: Int32Array): void {
  for (const id of graph.nodes()) {
    const own = rank[Number(id)];
    (graph.node(id) as { rank: number }).rank = own ?? -1;
  }
}
