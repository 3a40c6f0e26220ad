// Selection and search, from rows and paths to boxes.
import type { Graph } from "./graph";
import { pathsOf } from "./identity";
import type { Marks } from "./scene";

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
    for (let b = 0; b < graph.visible.stubs.first; b++) {
      if (!pathsOf(graph, b).every((path) => wanted.has(path))) continue;
      selected.add(b);
      // Units of calls have the calls' numbers.
      if (graph.visible.unit[b] === focus) focused = b;
    }
    const { units } = graph;
    const { boxOf } = graph.visible;
    for (const u of units.order) {
      const box = u < units.stacks ? (boxOf[u] as number) : -1;
      const path = graph.payload.rows.path[units.row[u] as number];
      if (box >= 0 && path !== undefined && wanted.has(path) && !selected.has(box)) holding.add(box);
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
  for (let b = 0; b < visible.stubs.first; b++) {
    if ((units.row[visible.unit[b] as number] as number) < 0) {
      const { path, name, detail, shape } = graph.box(b);
      const texts = `${path}\n${name}\n${detail}\n${shape}`.toLowerCase();
      if (words.every((word) => texts.includes(word))) dimmed[b] = 0;
    }
    // A frame that holds a match is a way to it.
    if (dimmed[b] === 0) {
      for (let at = visible.parent[b] as number; at >= 0; at = visible.parent[at] as number) dimmed[at] = 0;
    }
  }
  const { stubs } = visible;
  for (let i = 0; i < stubs.count; i++) {
    const ends = [stubs.source[i], stubs.target[i]];
    dimmed[stubs.first + i] = ends.every((b) => dimmed[b as number] !== 0) ? 1 : 0;
  }
  return dimmed;
}
