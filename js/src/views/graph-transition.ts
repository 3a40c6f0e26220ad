// From one arrangement to the next: boxes that stay move to their new places, others fade in and out. Drawn anew for
// every frame, so for what is in the window alone.
import { boundsOf, type Graph, keyOf } from "../scene";
import type { Context } from "../scene/canvas";
import type { Bounds } from "../scene/commands";
import { Items } from "../scene/items";
import { type Drawing, drawFound } from "../scene/levels";
import type { Found } from "../scene/spatial";

/** With more boxes than this in either arrangement, nothing moves. */
const MOST = 3000;

export class Transition {
  readonly #before: Drawing;
  readonly #after: Drawing;
  /** How far the graph's coordinates have moved: the clicked box stays where it is on screen. */
  readonly #shift: { readonly x: number; readonly y: number };
  /** The box in the arrangement before, for each box after; -1 for new ones. */
  readonly #boxes: Int32Array;
  readonly #edges: Int32Array;
  readonly #goneBoxes: Uint8Array;
  readonly #goneEdges: Uint8Array;

  /** null where there is too much to move. */
  static between(before: Drawing, after: Drawing, shift: { x: number; y: number }): Transition | null {
    const most = Math.max(before.graph.count, after.graph.count);
    return most > MOST ? null : new Transition(before, after, shift);
  }

  private constructor(before: Drawing, after: Drawing, shift: { x: number; y: number }) {
    this.#before = before;
    this.#after = after;
    this.#shift = shift;
    this.#boxes = matched(boxKeys(before.graph), boxKeys(after.graph));
    this.#edges = matched(edgeKeys(before.graph), edgeKeys(after.graph));
    this.#goneBoxes = unmatched(this.#boxes, before.graph.count);
    this.#goneEdges = unmatched(this.#edges, before.graph.visible.edges.length);
  }

  /** The picture at time `t`, 0 to 1, in a context that is in the new arrangement's coordinates. */
  draw(context: Context, t: number, area: Bounds, k: number): void {
    const eased = t * t * (3 - 2 * t);
    const { x, y } = this.#shift;
    const staying = (i: number): boolean => (this.#boxes[i] as number) >= 0;
    const moving = this.#between(eased);
    const kept = { ...this.#after, graph: moving, items: new Items(moving, this.#after.look) };
    drawAll(
      context,
      kept,
      within(moving, area, staying, (e) => (this.#edges[e] as number) >= 0),
      k,
    );
    context.save();
    context.translate(x, y);
    const fading = { ...this.#before, opacity: 1 - eased };
    const there = { ...area, x: area.x - x, y: area.y - y };
    const gone = within(
      fading.graph,
      there,
      (b) => this.#goneBoxes[b] === 1,
      (e) => this.#goneEdges[e] === 1,
    );
    drawAll(context, fading, gone, k);
    context.restore();
    const coming = { ...this.#after, opacity: eased };
    drawAll(
      context,
      coming,
      within(
        coming.graph,
        area,
        (b) => !staying(b),
        (e) => (this.#edges[e] as number) < 0,
      ),
      k,
    );
  }

  /** The new graph with what stays on its way from the old places. */
  #between(t: number): Graph {
    const [from, to] = [this.#before.graph.layout, this.#after.graph.layout];
    const { x, y } = this.#shift;
    const lerp = (a: Float64Array, b: Float64Array, pairs: Int32Array, offset: number): Float64Array =>
      b.map((end, i) => {
        const before = pairs[i] as number;
        return before < 0 ? end : ((a[before] as number) + offset) * (1 - t) + end * t;
      });
    const routes = to.routes.slice();
    this.#edges.forEach((before, e) => {
      if (before < 0) return;
      const start = to.routeOffsets[e] as number;
      const old = (from.routeOffsets[before] as number) - start;
      for (let i = start; i < (to.routeOffsets[e + 1] as number); i++) {
        const offset = (i - start) % 2 === 0 ? x : y;
        routes[i] = ((from.routes[i + old] as number) + offset) * (1 - t) + (to.routes[i] as number) * t;
      }
    });
    const layout = {
      ...to,
      x: lerp(from.x, to.x, this.#boxes, x),
      y: lerp(from.y, to.y, this.#boxes, y),
      width: lerp(from.width, to.width, this.#boxes, 0),
      height: lerp(from.height, to.height, this.#boxes, 0),
      routes,
      labelX: lerp(from.labelX, to.labelX, this.#edges, x),
      labelY: lerp(from.labelY, to.labelY, this.#edges, y),
    };
    return { ...this.#after.graph, layout };
  }
}

function boxKeys(graph: Graph): string[] {
  return Array.from({ length: graph.count }, (_, b) => keyOf(graph, b));
}

/** Edges between the same boxes with as many pieces are the same; of several, the first is the first. */
function edgeKeys(graph: Graph): string[] {
  const { source, target, length } = graph.visible.edges;
  const { routeOffsets } = graph.layout;
  const seen = new Map<string, number>();
  return Array.from({ length }, (_, e) => {
    const pieces = (routeOffsets[e + 1] as number) - (routeOffsets[e] as number);
    const key = `${keyOf(graph, source[e] as number)} ${keyOf(graph, target[e] as number)} ${pieces}`;
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    return `${key} ${nth}`;
  });
}

function matched(before: readonly string[], after: readonly string[]): Int32Array {
  const there = new Map(before.map((key, i) => [key, i]));
  return Int32Array.from(after, (key) => there.get(key) ?? -1);
}

function unmatched(pairs: Int32Array, count: number): Uint8Array {
  const gone = new Uint8Array(count).fill(1);
  for (const before of pairs) if (before >= 0) gone[before] = 0;
  return gone;
}

function within(graph: Graph, area: Bounds, hasBox: (b: number) => boolean, hasEdge: (e: number) => boolean): Found {
  const boxes: number[] = [];
  const inWindow = (b: number): boolean => {
    const { x, y, width, height } = boundsOf(graph, b);
    return x <= area.x + area.width && x + width >= area.x && y <= area.y + area.height && y + height >= area.y;
  };
  for (let b = 0; b < graph.count; b++) if (hasBox(b) && inWindow(b)) boxes.push(b);
  const edges: number[] = [];
  for (let e = 0; e < graph.visible.edges.length; e++) if (hasEdge(e) && runsThrough(graph, e, area)) edges.push(e);
  return { boxes: Int32Array.from(boxes), edges: Int32Array.from(edges) };
}

/** Whether the space that an edge spans touches the window. */
function runsThrough({ layout }: Graph, e: number, area: Bounds): boolean {
  const { routes, routeOffsets } = layout;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = routeOffsets[e] as number; i < (routeOffsets[e + 1] as number); i += 2) {
    const [x, y] = [routes[i] as number, routes[i + 1] as number];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return left <= area.x + area.width && right >= area.x && top <= area.y + area.height && bottom >= area.y;
}

function drawAll(context: Context, drawing: Drawing, found: Found, k: number): void {
  const steps = drawFound(context, drawing, found, k);
  while (!steps.next().done);
}
