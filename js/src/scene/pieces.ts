// A long drawing cut into pieces that stand side by side: columns of a page, or rows where the data flows to the right.
import { readable } from "../color";
import type { Bounds, Command, Item } from "./commands";
import { HEADER } from "./describe";
import { boundsOf, type Graph } from "./graph";
import { curveOf, drawScene, type Look, type Marks } from "./scene";
import { group, markup, type Page, round } from "./svg";
import type { Theme } from "./theme";
import { OPEN } from "./visible";

const GAP = 48;
/** Around what a piece shows, so that lines on its border show. */
const EDGE = 3;
const MARK = 8;

interface Piece {
  /** Where it begins and ends, along the flow. */
  readonly start: number;
  readonly end: number;
  readonly items: readonly Item[];
  /** Where lines come from the piece before, and where they go on. */
  readonly marks: readonly Command[];
}

/** The drawing in at most `count` pieces, as a page of a document. */
export function inPieces(graph: Graph, look: Look, marks: Marks, count: number): Page {
  const down = graph.direction === "down";
  const [along, across] = down ? (["height", "width"] as const) : (["width", "height"] as const);
  const size = { width: 0, height: 0 };
  const body = piecesOf(graph, look, marks, count).map((piece) => {
    const from = shownOf(graph, piece);
    const [x, y] = down ? [size.width, MARK] : [MARK, size.height];
    size[across] += from[across] + GAP;
    size[along] = Math.max(size[along], from[along] + 2 * MARK);
    const inside = piece.items.map((item) => group(item, graph, look, marks)).join("");
    const place = `x="${round(x)}" y="${round(y)}" width="${round(from.width)}" height="${round(from.height)}"`;
    const clip = `<svg ${place} viewBox="${[from.x, from.y, from.width, from.height].map(round).join(" ")}">${inside}</svg>`;
    // On the cut, half of each is outside.
    const cuts = piece.marks.map((command) => markup(command, look.theme)).join("");
    return `${clip}<g transform="translate(${round(x - from.x)} ${round(y - from.y)})">${cuts}</g>`;
  });
  size[across] -= GAP;
  return { ...size, body: body.join("") };
}

/** Pieces of about equal length, cut past all boxes. */
function piecesOf(graph: Graph, look: Look, marks: Marks, count: number): Piece[] {
  const { totalWidth, totalHeight } = graph.layout;
  const length = graph.direction === "down" ? totalHeight : totalWidth;
  const items = drawScene(graph, look, marks);
  const cuts = cutsOf(graph, count, length);
  let first = 1;
  const cutMarks = cuts.map((cut) => {
    const places = placesAt(graph, cut);
    first += places.length;
    return marksAt(graph, cut, places, first - places.length, look.theme);
  });
  const ends = [-EDGE, ...cuts, length + EDGE];
  return ends.slice(1).map((end, i): Piece => {
    const start = ends[i] as number;
    return {
      start,
      end,
      items: items.filter((item) => isWithin(graph, item, start, end)),
      marks: [...(cutMarks[i - 1] ?? []), ...(cutMarks[i] ?? [])],
    };
  });
}

/** Whether something stands between two places along the flow; all but frames and lines stand whole in one piece. */
function isWithin(graph: Graph, item: Item, start: number, end: number): boolean {
  const { x, y, width, height } = extentOf(graph, item);
  const [from, size] = graph.direction === "down" ? [y, height] : [x, width];
  if (item.layer === "header") return from >= start && from < end;
  if (item.layer === "frame" || item.layer === "edge" || item.layer === "link")
    return from < end && from + size > start;
  const middle = from + size / 2;
  return middle >= start && middle < end;
}

/** What a piece shows of the drawing: across the flow no more than is there. */
function shownOf(graph: Graph, { start, end, items }: Piece): Bounds {
  const extents = items.map((item) => extentOf(graph, item));
  const span = (from: (e: Bounds) => number, size: (e: Bounds) => number): [number, number] => {
    const low = Math.min(...extents.map(from)) - EDGE;
    return [low, Math.max(...extents.map((e) => from(e) + size(e))) + EDGE - low];
  };
  if (graph.direction === "down") {
    const [x, width] = span(
      (e) => e.x,
      (e) => e.width,
    );
    return { x, y: start, width, height: end - start };
  }
  const [y, height] = span(
    (e) => e.y,
    (e) => e.height,
  );
  return { x: start, y, width: end - start, height };
}

function extentOf(graph: Graph, item: Item): Bounds {
  if (item.layer === "node" || item.layer === "frame" || item.layer === "header") return boundsOf(graph, item.index);
  if (item.layer === "label") {
    const { labelX, labelY } = graph.layout;
    return { x: labelX[item.index] as number, y: labelY[item.index] as number, width: 0, height: 0 };
  }
  const xs: number[] = [];
  const ys: number[] = [];
  for (const command of item.commands) {
    if (command.kind === "path") command.curve.forEach((at: number, i: number) => void (i % 2 ? ys : xs).push(at));
  }
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** Places that no closed box and no label touches, each as near as possible to where equal pieces would end. */
function cutsOf(graph: Graph, count: number, length: number): number[] {
  const taken = spansOf(graph);
  const cuts: number[] = [];
  for (let k = 1; k < count; k++) {
    const wanted = (k * length) / count;
    const cut = nearestFree(taken, wanted, length);
    const last = cuts.at(-1) ?? 0;
    if (cut !== null && cut > last && cut < length) cuts.push(cut);
  }
  return cuts;
}

type Span = readonly [start: number, end: number];

/** Where boxes and labels stand along the flow, joined where they overlap. */
function spansOf(graph: Graph): Span[] {
  const down = graph.direction === "down";
  const { x, y, width, height, labelX, labelY } = graph.layout;
  const [start, size, label] = down ? [y, height, labelY] : [x, width, labelX];
  const spans: [number, number][] = [];
  for (let b = 0; b < graph.count; b++) {
    // Of a frame that is cut, the title stays whole.
    const whole = graph.visible.kind[b] === OPEN ? HEADER : (size[b] as number);
    spans.push([(start[b] as number) - 1, (start[b] as number) + whole + 1]);
  }
  const half = down ? 12 : 70;
  for (const at of label) if (!Number.isNaN(at)) spans.push([at - half, at + half]);
  spans.sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [from, to] of spans) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

function nearestFree(taken: readonly Span[], wanted: number, length: number): number | null {
  let best: number | null = null;
  let from = 0;
  for (const [start, end] of [...taken, [length, length] as const]) {
    if (start > from) {
      // The middle of a gap leaves both pieces some air.
      const cut = (from + start) / 2;
      if (best === null || Math.abs(cut - wanted) < Math.abs(best - wanted)) best = cut;
    }
    from = Math.max(from, end);
  }
  return best;
}

/** Where lines pass a cut, each place once. */
function placesAt(graph: Graph, cut: number): number[] {
  const down = graph.direction === "down";
  const places = new Set<number>();
  for (let e = 0; e < graph.visible.edges.length; e++) {
    for (const at of crossingsAt(curveOf(graph, e), cut, down)) places.add(Math.round(at));
  }
  return [...places].sort((a, b) => a - b);
}

/** A number where each line is cut: the same one where it goes on. */
function marksAt(graph: Graph, cut: number, places: readonly number[], first: number, theme: Theme): Command[] {
  const fill = theme.bg;
  const stroke = readable(fill, theme.muted, theme.text);
  const size = 2 * MARK;
  return places.flatMap((place, i): Command[] => {
    const [x, y] = graph.direction === "down" ? [place, cut] : [cut, place];
    const corner = { x: x - MARK, y: y - MARK, width: size, height: size, radius: MARK };
    const text = String(first + i);
    return [
      { kind: "rect", ...corner, fill, stroke, strokeWidth: 1 },
      { kind: "text", x, y: y + 3.3, text, size: 9, face: "regular", anchor: "middle", fill: stroke },
    ];
  });
}

/** Where a curve passes a line across the flow, by its other coordinate. */
function crossingsAt(curve: Float64Array, cut: number, down: boolean): number[] {
  const [along, across] = down ? [1, 0] : [0, 1];
  const found: number[] = [];
  for (let i = 0; i + 7 < curve.length; i += 6) {
    const at = (k: number, axis: number): number => curve[i + 2 * k + axis] as number;
    if (at(0, along) > cut === at(3, along) > cut) continue;
    // The pieces run one way along the flow: halving finds the place.
    let [low, high] = [0, 1];
    const rising = at(3, along) > at(0, along);
    const bezier = (t: number, axis: number): number =>
      (1 - t) ** 3 * at(0, axis) +
      3 * (1 - t) ** 2 * t * at(1, axis) +
      3 * (1 - t) * t ** 2 * at(2, axis) +
      t ** 3 * at(3, axis);
    for (let step = 0; step < 24; step++) {
      const middle = (low + high) / 2;
      if (bezier(middle, along) > cut === rising) high = middle;
      else low = middle;
    }
    found.push(bezier(low, across));
  }
  return found;
}
