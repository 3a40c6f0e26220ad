// What hovering brings out: the way of a tensor, and what lies up- and downstream of a box.

import { mix } from "../color";
import { boundsOf, type Graph, type Theme } from "../scene";
import { type Context, trace } from "../scene/canvas";
import { drawEdge } from "../scene/lines";
import { curveOf } from "../scene/scene";

export interface Paths {
  /** Edges of the hovered box or tensor. */
  readonly near: readonly number[];
  /** Edges further up and down, nearest first. */
  readonly far: readonly number[];
  /** Boxes at the ends of the near edges. */
  readonly boxes: ReadonlySet<number>;
}

export const NO_PATHS: Paths = { near: [], far: [], boxes: new Set() };

/** Edges further away than this many are not brought out: of a long network it would be everything. */
const MOST = 400;

/** Edges by one of their ends; made once for each graph. */
export class Neighbours {
  readonly #graph: Graph;
  #out: number[][] | null = null;
  #in: number[][] | null = null;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  edges(b: number, leaving: boolean): readonly number[] {
    this.#out ??= this.#group(this.#graph.visible.edges.source);
    this.#in ??= this.#group(this.#graph.visible.edges.target);
    return (leaving ? this.#out : this.#in)[b] ?? [];
  }

  #group(ends: Int32Array): number[][] {
    const groups: number[][] = [];
    ends.forEach((b, e) => {
      const group = groups[b];
      if (group) group.push(e);
      else groups[b] = [e];
    });
    return groups;
  }

  /** Everything up- and downstream of a box, as far as it is worth showing. */
  around(b: number): Paths {
    const near = [...this.edges(b, false), ...this.edges(b, true)];
    const far = [...this.#follow(b, true), ...this.#follow(b, false)];
    return { near, far, boxes: this.#ends(near) };
  }

  /** All edges that carry the same tensor as edge `e`. */
  tensor(e: number): Paths {
    const { source, port } = this.#graph.visible.edges;
    const near = this.edges(source[e] as number, true).filter((other) => port[other] === port[e]);
    return { near, far: [], boxes: this.#ends(near) };
  }

  #ends(edges: readonly number[]): Set<number> {
    const { source, target } = this.#graph.visible.edges;
    return new Set(edges.flatMap((e) => [source[e] as number, target[e] as number]));
  }

  #follow(b: number, down: boolean): number[] {
    const { source, target } = this.#graph.visible.edges;
    const found: number[] = [];
    const seen = new Set([b]);
    const queue = [b];
    for (let i = 0; i < queue.length && found.length < MOST; i++) {
      for (const e of this.edges(queue[i] as number, down)) {
        if (i > 0) found.push(e);
        const next = (down ? target : source)[e] as number;
        if (seen.has(next)) continue;
        seen.add(next);
        queue.push(next);
      }
    }
    return found;
  }
}

/** Draw the paths over the picture. */
export function drawPaths(context: Context, graph: Graph, { near, far, boxes }: Paths, theme: Theme, k: number): void {
  drawLines(context, graph, far, mix(theme.bg, theme.accent, 0.45), Math.max(1.6, 1 / k));
  drawLines(context, graph, near, theme.accent, Math.max(2.4, 1.5 / k));
  context.strokeStyle = theme.accent;
  context.lineWidth = Math.max(1.6, 1 / k);
  for (const b of boxes) {
    const { x, y, width, height } = boundsOf(graph, b);
    const { form } = graph.box(b);
    const round = form === "dot" || form === "pill" || form === "terminal";
    context.beginPath();
    context.roundRect(x, y, width, height, round ? height / 2 : 7);
    context.stroke();
  }
}

/** As the picture has them, in another colour: lines in one stroke and heads in one fill. */
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
