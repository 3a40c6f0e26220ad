// Selection and search, from rows and paths to boxes.
import { boxesOf, type Graph, type Marks } from "../scene";

export function markedBoxes(
  graph: Graph | null,
  selection: readonly string[],
  focus: number | null,
  dimmed: Uint8Array | null,
): Marks {
  const selected = new Set<number>();
  const holding = new Set<number>();
  let focused = -1;
  if (graph && selection.length > 0) {
    const wanted = new Set(selection);
    boxesOf(graph).forEach((box, b) => {
      if (!wanted.has(box.path)) return;
      selected.add(b);
      if (box.call >= 0 && box.call === focus) focused = b;
    });
    const { units } = graph;
    const { boxOf } = graph.visible;
    for (const u of units.order) {
      const box = boxOf[u] as number;
      const path = graph.payload.rows.path[units.row[u] as number];
      if (path !== undefined && wanted.has(path) && graph.box(box).path !== path && box >= 0) holding.add(box);
    }
  }
  // With one box there is nothing to tell apart.
  return { selected, focused: selected.size > 1 || focused >= 0 ? focused : -1, holding, dimmed };
}

/** 1 for every box with nothing in it that the search means. */
export function dimmedBoxes(graph: Graph, matching: Uint8Array, query: string): Uint8Array {
  const { visible } = graph;
  const dimmed = new Uint8Array(visible.count).fill(1);
  const { units } = graph;
  for (const u of units.order) {
    const box = visible.boxOf[u] as number;
    const row = units.row[u] as number;
    if (box >= 0 && row >= 0 && matching[row]) dimmed[box] = 0;
  }
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  boxesOf(graph).forEach((box, b) => {
    const texts = `${box.path}\n${box.name}\n${box.detail}\n${box.shape}`.toLowerCase();
    if (box.row < 0 && words.every((word) => texts.includes(word))) dimmed[b] = 0;
    // A frame that holds a match is a way to it.
    if (dimmed[b] === 0) {
      for (let at = visible.parent[b] as number; at >= 0; at = visible.parent[at] as number) dimmed[at] = 0;
    }
  });
  return dimmed;
}
