// What hovering brings out: the way of a tensor, and what lies up- and downstream of a box.

import { mix } from "../color";
import { boundsOf, type Graph, sourceOf, type Theme } from "../scene";
import { type Context, trace } from "../scene/canvas";
import { drawEdge } from "../scene/lines";
import { linkCurve } from "../scene/links";
import { curveOf } from "../scene/scene";

export interface Paths {
  /** Edges of the hovered box or tensor. */
  readonly near: readonly number[];
  /** Edges further up and down, nearest first. */
  readonly far: readonly number[];
  /** Boxes at the ends of the near edges. */
  readonly boxes: ReadonlySet<number>;
  /** Stubs of near edges, which stand for ways from far away. */
  readonly stubs: readonly number[];
}

export const NO_PATHS: Paths = { near: [], far: [], boxes: new Set(), stubs: [] };

/** Edges further away than this many are not brought out: of a long network it would be everything. */
const MOST = 400;

/** Edges by one of their ends, the real ones behind stubs; made once for each graph. */
export class Neighbours {
  readonly #graph: Graph;
  #out: number[][] | null = null;
  #in: number[][] | null = null;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  edges(b: number, leaving: boolean): readonly number[] {
    const { visible } = this.#graph;
    this.#out ??= this.#group((e) => sourceOf(visible, e));
    this.#in ??= this.#group((e) => visible.edges.target[e] as number);
    return (leaving ? this.#out : this.#in)[b] ?? [];
  }

  #group(end: (e: number) => number): number[][] {
    const groups: number[][] = [];
    for (let e = 0; e < this.#graph.visible.edges.length; e++) {
      const group = groups[end(e)];
      if (group) group.push(e);
      else groups[end(e)] = [e];
    }
    return groups;
  }

  /** Everything up- and downstream of a box, as far as it is worth showing. */
  around(b: number): Paths {
    const { edges, stubs } = this.#graph.visible;
    // A stub is a piece of an edge: the one that it stands for, or all of them.
    if (b >= stubs.first) {
      const target = stubs.target[b - stubs.first] as number;
      const own = this.edges(target < 0 ? b : target, false).filter((e) => target < 0 || edges.source[e] === b);
      return target < 0 ? this.tensor(own[0] as number) : this.#paths(own, []);
    }
    const near = [...this.edges(b, false), ...this.edges(b, true)];
    return this.#paths(near, [...this.#follow(b, true), ...this.#follow(b, false)]);
  }

  /** All edges that carry the same tensor as edge `e`. */
  tensor(e: number): Paths {
    const { port } = this.#graph.visible.edges;
    const source = sourceOf(this.#graph.visible, e);
    return this.#paths(
      this.edges(source, true).filter((other) => port[other] === port[e]),
      [],
    );
  }

  #paths(near: readonly number[], far: readonly number[]): Paths {
    const { visible } = this.#graph;
    const { source, target } = visible.edges;
    const boxes = new Set(near.flatMap((e) => [sourceOf(visible, e), target[e] as number]));
    const { first } = visible.stubs;
    const stubs = near.filter((e) => (source[e] as number) >= first).map((e) => (source[e] as number) - first);
    return { near, far, boxes, stubs };
  }

  #follow(b: number, down: boolean): number[] {
    const { visible } = this.#graph;
    const found: number[] = [];
    const seen = new Set([b]);
    const queue = [b];
    for (let i = 0; i < queue.length && found.length < MOST; i++) {
      for (const e of this.edges(queue[i] as number, down)) {
        if (i > 0) found.push(e);
        const next = down ? (visible.edges.target[e] as number) : sourceOf(visible, e);
        if (seen.has(next)) continue;
        seen.add(next);
        queue.push(next);
      }
    }
    return found;
  }
}

/** Draw the paths over the picture. */
export function drawPaths(context: Context, graph: Graph, paths: Paths, theme: Theme, k: number): void {
  const { near, far, boxes, stubs } = paths;
  drawLines(context, graph, far, mix(theme.bg, theme.accent, 0.45), Math.max(1.6, 1 / k));
  drawLines(context, graph, near, theme.accent, Math.max(2.4, 1.5 / k));
  drawTrueWays(context, graph, stubs, theme, k);
  context.strokeStyle = theme.accent;
  context.lineWidth = Math.max(1.6, 1 / k);
  for (const b of boxes) {
    const { x, y, width, height } = boundsOf(graph, b);
    const { form } = graph.box(b);
    const round = form === "dot" || form === "pill" || form === "terminal" || form === "stub";
    context.beginPath();
    context.roundRect(x, y, width, height, round ? height / 2 : 7);
    context.stroke();
  }
}

function drawTrueWays(context: Context, graph: Graph, stubs: readonly number[], theme: Theme, k: number): void {
  context.strokeStyle = theme.accent;
  context.lineWidth = Math.max(1.6, 1 / k);
  context.beginPath();
  for (const i of stubs) trace(context, linkCurve(graph, i), false);
  context.stroke();
}

/** As the picture has them, in another color: lines in one stroke and heads in one fill. */
function drawLines(context: Context, graph: Graph, edges: readonly number[], color: string, width: number): void {
  const lines: ArrayLike<number>[] = [];
  const heads: ArrayLike<number>[] = [];
  for (const e of edges) {
    const curve = curveOf(graph, e);
    if (curve.length === 0) continue;
    for (const command of drawEdge(curve, color)) {
      if (command.kind === "path") (command.closed ? heads : lines).push(command.curve);
    }
  }
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = width;
  context.beginPath();
  for (const line of lines) trace(context, line, false);
  context.stroke();
  context.beginPath();
  for (const head of heads) trace(context, head, true);
  context.fill();
}
