// The true way of a tensor that stubs stand for, drawn while it matters: beside everything, from the source to a reader.
import type { Command } from "./commands";
import { boundsOf, type Graph } from "./graph";
import type { Theme } from "./theme";

/** How far outside of the picture it runs, and how wide it turns. */
const LANE = 16;
const TURN = 48;

/** The stubs whose tensor comes from, or goes to, one of these boxes, or that are among them. */
export function stubsAt({ visible: { stubs } }: Graph, boxes: { has(b: number): boolean }): number[] {
  const found: number[] = [];
  for (let i = 0; i < stubs.count; i++) {
    const ends = [stubs.first + i, stubs.source[i] as number, stubs.target[i] as number];
    if ((stubs.target[i] as number) >= 0 && ends.some((b) => boxes.has(b))) found.push(i);
  }
  return found;
}

/** From the side of the source to the side of the stub, as a curve like those of edges. */
export function linkCurve(graph: Graph, stub: number): Float64Array {
  const { layout, direction } = graph;
  const { stubs } = graph.visible;
  const from = boundsOf(graph, stubs.source[stub] as number);
  const to = boundsOf(graph, stubs.first + stub);
  const down = direction === "down";
  const middle = down ? to.x + to.width / 2 : to.y + to.height / 2;
  const breadth = down ? layout.totalWidth : layout.totalHeight;
  const after = middle >= breadth / 2;
  const lane = after ? breadth + LANE : -LANE;
  const side = (b: typeof from): number => (down ? b.x + (after ? b.width : 0) : b.y + (after ? b.height : 0));
  const level = (b: typeof from): number => (down ? b.y + b.height / 2 : b.x + b.width / 2);
  const [start, end] = [level(from), level(to)];
  const turn = Math.min(TURN, Math.abs(end - start) / 2) * Math.sign(end - start);
  const pairs = [
    [side(from), start],
    [lane, start],
    [lane, start],
    [lane, start + turn],
    [lane, start + turn],
    [lane, end - turn],
    [lane, end - turn],
    [lane, end],
    [lane, end],
    [side(to), end],
  ];
  return Float64Array.from(pairs.flatMap(([across, along]) => (down ? [across, along] : [along, across])) as number[]);
}

export function drawLink(graph: Graph, stub: number, theme: Theme): Command[] {
  const curve = linkCurve(graph, stub);
  return [{ kind: "path", curve, fill: "none", stroke: theme.accent, strokeWidth: 1.6, dash: "6 4" }];
}
