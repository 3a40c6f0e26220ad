// What of the picture is drawn at which scale. Close up everything; further away less, and what is left large enough to
// be read: names of frames with their share of the parameters keep their size on screen.
import { mix } from "../color";
import { type Context, drawCommands, trace } from "./canvas";
import { boundsOf, type Graph } from "./graph";
import type { Items } from "./items";
import { PLAIN, THICK, THIN } from "./line-width";
import { drawNames } from "./names";
import { curveOf, drawLinks, edgeColors, type Look, type Marks, tintOf } from "./scene";
import type { Found } from "./spatial";
import type { Theme } from "./theme";
import { OPEN } from "./visible";

export interface Drawing {
  readonly graph: Graph;
  readonly look: Look;
  readonly marks: Marks;
  readonly items: Items;
  /** Below 1 while it fades in or out. */
  readonly opacity: number;
}

/** From these scales on texts in boxes can be read, and boxes are worth their outlines. */
const TEXTS = 0.38;
const OUTLINES = 0.07;
/** Boxes and edges drawn between two yields. */
const STEP = 400;
const FADED = 0.22;

/** Draw what was found into a context that is in the graph's coordinates; yields, so that it can be spread over frames. */
export function* drawFound(context: Context, drawing: Drawing, found: Found, k: number): Generator<undefined, void> {
  if (k >= TEXTS) yield* drawClose(context, drawing, found);
  else yield* drawFar(context, drawing, found, k);
}

function* drawClose(context: Context, drawing: Drawing, { boxes, edges }: Found): Generator<undefined, void> {
  const { items, marks, look, graph, opacity } = drawing;
  let done = 0;
  const draw = (layer: "frame" | "header" | "node", b: number): void => {
    context.globalAlpha = marks.dimmed?.[b] ? FADED * opacity : opacity;
    drawCommands(context, items.box(b, layer, marks).commands, look.theme);
  };
  for (const b of boxes) if (items.isFrame(b)) draw("frame", b);
  yield;
  for (const e of edges) {
    context.globalAlpha = isFaded(drawing, e) ? FADED * opacity : opacity;
    drawCommands(context, items.edge(e).commands, look.theme);
    if (++done % STEP === 0) yield;
  }
  for (const b of boxes) if (items.isFrame(b)) draw("header", b);
  for (const b of boxes) {
    if (items.isFrame(b)) continue;
    draw("node", b);
    if (++done % STEP === 0) yield;
  }
  for (const link of drawLinks(graph, look, marks)) drawCommands(context, link.commands, look.theme);
  const { labelX, labelY } = graph.layout;
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  for (const e of edges) {
    // Edges of one tensor, which follow each other, share their label.
    if (labelX[e] === lastX && labelY[e] === lastY) continue;
    lastX = labelX[e] as number;
    lastY = labelY[e] as number;
    const label = items.label(e);
    context.globalAlpha = isFaded(drawing, e) ? FADED * opacity : opacity;
    if (label) drawCommands(context, label.commands, look.theme);
  }
  context.globalAlpha = 1;
}

/** The labels of edges that have been drawn over, and so over their labels. */
export function drawPathLabels(
  context: Context,
  items: Items,
  edges: readonly number[],
  theme: Theme,
  k: number,
): void {
  if (k < TEXTS) return;
  for (const e of edges) {
    const label = items.label(e);
    if (label) drawCommands(context, label.commands, theme);
  }
}

function isFaded({ graph, marks }: Drawing, e: number): boolean {
  const { source, target } = graph.visible.edges;
  const { dimmed } = marks;
  return dimmed !== null && dimmed[source[e] as number] === 1 && dimmed[target[e] as number] === 1;
}

function* drawFar(context: Context, drawing: Drawing, found: Found, k: number): Generator<undefined, void> {
  const { graph, look, marks, opacity } = drawing;
  context.globalAlpha = opacity;
  const frames = found.boxes.filter((b) => graph.visible.kind[b] === OPEN);
  const nodes = found.boxes.filter((b) => graph.visible.kind[b] !== OPEN);
  for (const b of frames) drawArea(context, drawing, b, k);
  yield;
  yield* drawLines(context, drawing, found.edges, k);
  let done = 0;
  context.lineWidth = 0.8 / k;
  context.strokeStyle = mix(look.theme.border, look.theme.text, 0.3);
  for (const b of nodes) {
    const { x, y, width, height } = boundsOf(graph, b);
    context.globalAlpha = marks.dimmed?.[b] ? FADED * opacity : opacity;
    context.fillStyle = marks.selected.has(b) || marks.holding.has(b) ? look.theme.accent : fillOf(drawing, b, k);
    // Never thinner than a pixel: a model that fits the screen is still to be seen.
    const least = 1 / k;
    context.fillRect(x, y, Math.max(width, least), Math.max(height, least));
    if (k >= OUTLINES) context.strokeRect(x, y, width, height);
    if (++done % STEP === 0) yield;
  }
  context.globalAlpha = opacity;
  for (const link of drawLinks(graph, look, marks)) drawCommands(context, link.commands, look.theme);
  // Outer frames first: their names matter most.
  const depth = (b: number): number => graph.units.depth[graph.visible.unit[b] as number] as number;
  drawNames(context, graph, [...frames.sort((a, b) => depth(a) - depth(b) || a - b), ...nodes], look.theme, k);
  context.globalAlpha = 1;
}

function fillOf({ graph, look }: Drawing, b: number, k: number): string {
  // The plain fill is nearly the background's color: without texts and outlines it would vanish.
  return tintOf(graph, look, b) ?? (k >= OUTLINES ? look.theme.panel : mix(look.theme.panel, look.theme.muted, 0.35));
}

function drawArea(context: Context, { graph, look, marks }: Drawing, b: number, k: number): void {
  const { x, y, width, height } = boundsOf(graph, b);
  const depth = (graph.units.depth[graph.visible.unit[b] as number] as number) - 1;
  context.fillStyle = mix(look.theme.bg, look.theme.muted, Math.min(0.05 * (depth + 1), 0.2));
  context.fillRect(x, y, width, height);
  context.lineWidth = (marks.selected.has(b) ? 2 : 1) / k;
  context.strokeStyle = marks.selected.has(b) ? look.theme.accent : look.theme.border;
  context.strokeRect(x, y, width, height);
}

/** Edges as thin lines, in one stroke for each color; those shorter than a pixel or two are left out. */
function* drawLines(context: Context, drawing: Drawing, edges: Int32Array, k: number): Generator<undefined, void> {
  const { graph, look, opacity } = drawing;
  const colors = edgeColors(look.theme);
  const { changed } = graph.visible.edges;
  const steps = look.lines.ends ? WIDTHS : 1;
  for (let step = 0; step < 2 * steps; step++) {
    const kind = step % 2;
    const width = look.lines.ends ? widthAt(Math.floor(step / 2)) : PLAIN;
    let done = 0;
    context.lineWidth = Math.max(width, 0.9 / k);
    context.strokeStyle = kind === 1 ? colors.changed : colors.plain;
    context.globalAlpha = k < OUTLINES ? 0.6 * opacity : opacity;
    context.beginPath();
    for (const e of edges) {
      if (changed[e] !== kind || (steps > 1 && widthAt(stepOf(look.lines.of(e))) !== width)) continue;
      const curve = curveOf(graph, e);
      if (k < OUTLINES) straighten(context, curve, 2 / k);
      else trace(context, curve, false);
      if (++done % STEP !== 0) continue;
      context.stroke();
      yield;
      context.beginPath();
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** From afar lines have one of a few widths, so that all of one width are one stroke. */
const WIDTHS = 4;
const widthAt = (step: number): number => THIN + (THICK - THIN) * (step / (WIDTHS - 1));
const stepOf = (width: number): number => Math.round(((width - THIN) / (THICK - THIN)) * (WIDTHS - 1));

/** The ends of a curve's pieces, without those that are closer together than `least`. */
function straighten(context: Context, curve: Float64Array, least: number): void {
  const n = curve.length;
  let x = curve[0] as number;
  let y = curve[1] as number;
  if (Math.abs((curve[n - 2] as number) - x) + Math.abs((curve[n - 1] as number) - y) < least && n <= 8) return;
  context.moveTo(x, y);
  for (let i = 6; i < n; i += 6) {
    const [nx, ny] = [curve[i] as number, curve[i + 1] as number];
    if (i + 6 < n && Math.abs(nx - x) + Math.abs(ny - y) < least) continue;
    context.lineTo(nx, ny);
    x = nx;
    y = ny;
  }
}
