// From the wish of a reader to boxes with places: what shows, how large it is, and where. Plain data in and out, in
// steps, so that a worker or a page that has to stay responsive can run it.
import { edgeShape } from "../format";
import { type Direction, type Layout, type LayoutCache, layoutSteps } from "../layout";
import { atOnce, partOf } from "../steps";
import type { Payload } from "../wire";
import { outputsWithoutBatch } from "./batch";
import { HEADER } from "./describe";
import { mirror, type Plot } from "./plot";
import { sizesOf } from "./sizes";
import { unitsSteps } from "./units";
import { type Visible, visibleSteps } from "./visible";
import { textWidth } from "./widths";

/** What a reader wants to see. */
export interface Wish {
  /** Paths of the frames that stand open. */
  readonly open: ReadonlySet<string>;
  readonly groups: boolean;
  readonly direction: Direction;
  /** How `plot_model` draws it; null: as views do. */
  readonly plot?: Plot | null;
}

export interface Arrangement {
  readonly visible: Visible;
  readonly layout: Layout;
  readonly groups: boolean;
  readonly direction: Direction;
  readonly plot: Plot | null;
}

export const LABEL_SIZE = 10.5;
export const LABEL_HEIGHT = 17;
/** Boxes measured between two yields. */
const STEP = 500;
/** Bundles of as many tensors and more leave a box together. */
const MOST_TENSORS = 64;
const SPACING = { header: HEADER, padding: 16, node: 26, edge: 18, rank: 11 };

/** What the label of edge `e` says. */
export function edgeLabel(payload: Payload, visible: Visible, e: number): string {
  const { tensor, tensors, port } = visible.edges;
  const shape = payload.shapes[payload.tensors.shape[tensor[e] as number] ?? -1] ?? null;
  const count = tensors[e] as number;
  const batched = !outputsWithoutBatch(payload)[port[e] as number];
  return edgeShape(shape, batched) + (count > 1 ? ` · ${count} tensors` : "");
}

/** Share of the work after which the sizes of all boxes are known. */
const MEASURED = 0.1;

/** Yields the share of the work that is done, from 0 to 1. */
export function* arranging(payload: Payload, wish: Wish, cache?: LayoutCache): Generator<number, Arrangement> {
  const { groups, direction, plot = null } = wish;
  const units = yield* partOf(unitsSteps(payload, groups), () => 0);
  const visible = yield* partOf(visibleSteps(payload, wish.open, groups, plot), () => 0);
  const sizes = sizesOf(payload, units, plot);
  const width = new Float64Array(visible.count);
  const height = new Float64Array(visible.count);
  for (let b = 0; b < visible.count; b++) {
    const size = sizes.of(visible, b);
    width[b] = size.width;
    height[b] = size.height;
    if (b % STEP === STEP - 1) yield (MEASURED * b) / visible.count;
  }
  const { edges } = visible;
  const labelWidth = plot ? new Float64Array(edges.length) : labelWidths(payload, visible);
  yield MEASURED;
  const steps = layoutSteps(
    {
      parent: visible.parent,
      width,
      height,
      source: edges.source,
      target: edges.target,
      // What goes out under another label goes out beside it.
      sourcePort: edges.port.map(
        (port, e) => port * MOST_TENSORS + Math.min(edges.tensors[e] as number, MOST_TENSORS - 1),
      ),
      targetPort: Int32Array.from(edges.source, (_, e) => e),
      labelWidth,
      labelHeight: labelWidth.map((w) => (w > 0 ? LABEL_HEIGHT : 0)),
      direction,
      spacing: SPACING,
    },
    cache,
  );
  const layout = yield* partOf(steps, (done) => MEASURED + (1 - MEASURED) * done);
  return { visible, layout: plot?.mirrored ? mirror(layout, direction) : layout, groups, direction, plot };
}

/** Room for the label of each edge. */
function labelWidths(payload: Payload, visible: Visible): Float64Array {
  const { edges, stubs } = visible;
  const known = new Map<string, number>();
  return Float64Array.from(edges.source, (source, e) => {
    // A stub says what it carries.
    if (source >= stubs.first) return 0;
    const shape = payload.tensors.shape[edges.tensor[e] as number];
    const label = `${shape} ${edges.tensors[e]} ${outputsWithoutBatch(payload)[edges.port[e] as number]}`;
    const width = known.get(label) ?? Math.ceil(textWidth(edgeLabel(payload, visible, e), LABEL_SIZE, "mono") + 14);
    known.set(label, width);
    return width;
  });
}

/** All steps at once. */
export function arrange(payload: Payload, wish: Wish, cache?: LayoutCache): Arrangement {
  return atOnce(arranging(payload, wish, cache));
}
