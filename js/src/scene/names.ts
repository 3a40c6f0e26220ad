// Names that keep their size on screen while boxes become small: in a box where there is room; those of outer frames
// beside a picture that is thin.
import { type Context, fontOf } from "./canvas";
import type { Bounds } from "./commands";
import { HEADER } from "./describe";
import { boundsOf, type Graph } from "./graph";
import type { Theme } from "./theme";
import { LEAF, OPEN } from "./visible";
import { fitText, textWidth } from "./widths";

/** Pixels on screen. */
const SIZE = 11;
const LINE = SIZE + 3;
const LEAST_WIDTH = 30;
const LEAST_HEIGHT = 15;
const GAP = 6;
const PAD = 4;
/** Boxes lower than this have no name beside them: there would be far more names than room. */
const LEAST_BESIDE = 5;
/** Frames nested deeper than this are not named beside the picture. */
const DEPTH = 2;
/** Pictures not broader than this on screen have names beside them. */
const THIN = 260;

interface Name {
  readonly text: string;
  /** In the graph's coordinates. */
  readonly area: Bounds;
  readonly beside: boolean;
}

/** Write the names of `boxes`, outer ones before what they hold, none over another. */
export function drawNames(context: Context, graph: Graph, boxes: readonly number[], theme: Theme, k: number): void {
  const taken: Bounds[] = [];
  context.font = fontOf({ face: "bold", size: SIZE / k }, theme);
  context.textAlign = "left";
  context.lineJoin = "round";
  for (const b of boxes) {
    const free = (name: Name | null): name is Name =>
      name !== null && !taken.some((other) => overlap(other, name.area));
    const name = [...beside(graph, b, k), inside(graph, b, k)].find(free);
    if (!name) continue;
    taken.push(name.area);
    const baseline = name.area.y + SIZE / k;
    context.strokeStyle = theme.bg;
    context.lineWidth = 3 / k;
    context.strokeText(name.text, name.area.x, baseline);
    context.fillStyle = name.beside ? theme.muted : theme.text;
    context.fillText(name.text, name.area.x, baseline);
  }
}

function inside(graph: Graph, b: number, k: number): Name | null {
  const { x, y, width, height } = boundsOf(graph, b);
  if (width * k < LEAST_WIDTH || height * k < LEAST_HEIGHT) return null;
  const full = textOf(graph, b);
  const room = width * k - 2 * PAD;
  const text = textWidth(full, SIZE, "bold") <= room ? full : fitText(graph.box(b).name, room, SIZE, "bold");
  if (text.length < 3) return null;
  const header = Math.max(1 / k, (HEADER - LINE / k) / 2);
  const top = y + (graph.visible.kind[b] === OPEN ? header : height / 2 - SIZE / 2 / k);
  return { text, area: areaOf(text, x + PAD / k, top, k), beside: false };
}

/** Places to the right of a picture that runs down, or below one that runs to the right, the best first. */
function beside(graph: Graph, b: number, k: number): Name[] {
  const { visible, units, direction } = graph;
  const { totalWidth, totalHeight } = graph.layout;
  const depth = units.depth[visible.unit[b] as number] as number;
  const breadth = direction === "down" ? totalWidth : totalHeight;
  if (visible.kind[b] === LEAF || depth > DEPTH || breadth * k > THIN) return [];
  const { x, y, width, height } = boundsOf(graph, b);
  if (visible.kind[b] !== OPEN && height * k < LEAST_BESIDE) return [];
  if (direction === "down") {
    const text = textOf(graph, b);
    // A frame begins where the one around it does: its name goes a line further down.
    const lines = visible.kind[b] === OPEN ? Math.min(DEPTH, Math.floor((height * k) / LEAST_HEIGHT)) : 1;
    const top = visible.kind[b] === OPEN ? y : y + height / 2 - LINE / 2 / k;
    return Array.from({ length: lines }, (_, line): Name => {
      return { text, area: areaOf(text, totalWidth + GAP / k, top + (line * LINE) / k, k), beside: true };
    });
  }
  const text = fitText(textOf(graph, b), width * k, SIZE, "bold");
  if (width * k < LEAST_WIDTH || text.length < 3) return [];
  return [{ text, area: areaOf(text, x, totalHeight + GAP / k, k), beside: true }];
}

function textOf(graph: Graph, b: number): string {
  const { name, repeat, share } = graph.box(b);
  return [name, repeat, share].filter(Boolean).join("  ");
}

function areaOf(text: string, x: number, y: number, k: number): Bounds {
  return { x, y, width: textWidth(text, SIZE, "bold") / k, height: LINE / k };
}

function overlap(a: Bounds, b: Bounds): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
