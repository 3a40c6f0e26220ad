// One frame: ranks, order, positions and the curves of the edges directly inside it. Coordinates are `along` the flow
// and `across` it, so that "down" and "right" are the same work.
import { attach } from "./attach";
import { labelRank, type Placement } from "./layers";
import { place } from "./place";
import { FAR, NEAR, pinPorts, rankBoxes } from "./rank";
import { route, stackBands } from "./route";

export interface FrameInput {
  /** Boxes, then ports; extents of ports are 0. */
  readonly across: Float64Array;
  readonly along: Float64Array;
  /** Where each box wants its edges to meet it, from its centre: frames have their ports where they have them. */
  readonly anchor: Float64Array;
  /** 0 for boxes, `NEAR` and `FAR` for ports on the borders. */
  readonly pinned: Uint8Array;
  readonly edges: readonly FrameEdge[];
  readonly padAcross: readonly [before: number, after: number];
  readonly padAlong: readonly [before: number, after: number];
  readonly least: { readonly across: number; readonly along: number };
  readonly gaps: { readonly node: number; readonly edge: number; readonly rank: number };
}

export interface FrameEdge {
  readonly from: number;
  readonly to: number;
  /** Which edges share a place on their source. */
  readonly tensor: number;
  /** Where it meets its ends, from their centres; null: free to choose. */
  readonly fromAt: number | null;
  readonly toAt: number | null;
  readonly labelAcross: number;
  readonly labelAlong: number;
}

export interface FramePlan {
  readonly across: number;
  readonly along: number;
  /** Centre across the flow and start along it, of every box and port. */
  readonly centre: Float64Array;
  readonly start: Float64Array;
  /** Curves by edge: pairs of across, along. */
  readonly routes: readonly number[][];
  readonly labels: readonly (readonly [across: number, along: number])[];
}

/** A frame's edges after cycles have been turned into detours: every link points down. */
export interface Links {
  readonly rank: Int32Array;
  readonly across: Float64Array;
  readonly along: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** The edge behind each link. */
  readonly edge: Int32Array;
  /** Links of each edge in the order of travel: one, or three around a cycle; none for a self loop. */
  readonly ways: readonly (readonly number[])[];
}

// Room for the two lanes of a turning edge.
const TURN = 24;

function linksOf(input: FrameInput): Links {
  const n = input.across.length;
  const edges = input.edges;
  const ranking = rankBoxes(
    n,
    Int32Array.from(edges, (e) => e.from),
    Int32Array.from(edges, (e) => e.to),
    input.pinned,
  );
  const rank = Array.from(ranking.rank);
  const pinned = Array.from(input.pinned);
  const across = Array.from(input.across);
  const along = Array.from(input.along);
  const from: number[] = [];
  const to: number[] = [];
  const edge: number[] = [];
  const link = (u: number, v: number, e: number): number => {
    from.push(u);
    to.push(v);
    edge.push(e);
    return from.length - 1;
  };
  const turn = (r: number): number => {
    rank.push(r);
    pinned.push(0);
    across.push(TURN);
    along.push(0);
    return rank.length - 1;
  };
  const ways = edges.map((e, i) => {
    if (e.from === e.to) return [];
    if (!ranking.reversed[i]) return [link(e.from, e.to, i)];
    const above = turn((ranking.rank[e.to] as number) - 2);
    const below = turn((ranking.rank[e.from] as number) + 2);
    return [link(e.from, below, i), link(above, below, i), link(above, e.to, i)];
  });
  return {
    rank: pinPorts(Int32Array.from(rank), Uint8Array.from(pinned)),
    across: Float64Array.from(across),
    along: Float64Array.from(along),
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    edge: Int32Array.from(edge),
    ways,
  };
}

/** The link that carries an edge's label, -1 for a self loop. */
function labelled(way: readonly number[]): number {
  return way[way.length >> 1] ?? -1;
}

function placeLinks(input: FrameInput, links: Links): Placement {
  const labelBreadth = new Float64Array(links.from.length);
  input.edges.forEach((e, i) => {
    const at = labelled(links.ways[i] ?? []);
    if (at >= 0) labelBreadth[at] = e.labelAcross;
  });
  // A box is placed by its anchor, with as much room on either side, so that the line through it stays straight.
  const anchor = Float64Array.from(links.across, (_, v) => input.anchor[v] ?? 0);
  const placed = place({
    rank: links.rank,
    breadth: links.across.map((size, v) => size + 2 * Math.abs(anchor[v] as number)),
    from: links.from,
    to: links.to,
    labelBreadth,
    nodeGap: input.gaps.node,
    edgeGap: input.gaps.edge,
  });
  unmirror(input, links, placed);
  return { ...placed, centre: placed.centre.map((x, v) => x - (anchor[v] as number)) };
}

/** dagre may draw a mirror image: of the two, take the one with more neighbours in the order they were given. */
function unmirror(input: FrameInput, links: Links, placement: Placement): void {
  const last = new Map<number, number>();
  let inOrder = 0;
  for (let v = 0; v < input.across.length; v++) {
    if (input.pinned[v]) continue;
    const r = links.rank[v] as number;
    const before = last.get(r);
    if (before !== undefined)
      inOrder += (placement.centre[v] as number) > (placement.centre[before] as number) ? 1 : -1;
    last.set(r, v);
  }
  if (inOrder >= 0) return;
  for (const xs of [placement.centre, ...placement.bends])
    for (let i = 0; i < xs.length; i++) xs[i] = -(xs[i] as number);
}

/** Shift everything so that content starts behind the padding; a frame wider than its content centres it. */
function shiftAcross(input: FrameInput, links: Links, placement: Placement): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const cover = (x: number, half: number): void => {
    low = Math.min(low, x - half);
    high = Math.max(high, x + half);
  };
  placement.centre.forEach((x, v) => {
    cover(x, Math.max(links.across[v] as number, input.gaps.edge) / 2);
  });
  placement.bends.forEach((xs, l) => {
    const e = input.edges[links.edge[l] as number] as FrameEdge;
    const label = labelRank(links.rank[links.from[l] as number] as number, links.rank[links.to[l] as number] as number);
    xs.forEach((x, i) => {
      const here = (links.rank[links.from[l] as number] as number) + 1 + i === label;
      cover(x, Math.max(input.gaps.edge, here ? e.labelAcross : 0) / 2);
    });
  });
  if (low > high) {
    low = 0;
    high = 0;
  }
  const [before, after] = input.padAcross;
  const total = Math.max(input.least.across, high - low + before + after);
  const shift = (total - before - after - (high - low)) / 2 + before - low;
  for (let v = 0; v < placement.centre.length; v++) placement.centre[v] = (placement.centre[v] as number) + shift;
  for (const xs of placement.bends) for (let i = 0; i < xs.length; i++) xs[i] = (xs[i] as number) + shift;
  return total;
}

export function planFrame(input: FrameInput): FramePlan {
  const links = linksOf(input);
  const placement = placeLinks(input, links);
  const across = shiftAcross(input, links, placement);
  const ends = attach(input, links, placement);
  const bands = stackBands(input, links, placement, ends);
  const start = Float64Array.from(links.rank, (r, v) => {
    if (v < input.pinned.length && input.pinned[v] === NEAR) return 0;
    const free = (bands.length[r] as number) - (links.along[v] as number);
    return (bands.start[r] as number) + free / 2;
  });
  const routes = input.edges.map((e, i) => route(e, links.ways[i] ?? [], links, placement, ends, bands, start));
  const labels = input.edges.map((_, i): [number, number] => {
    const l = labelled(links.ways[i] ?? []);
    const r0 = links.rank[links.from[l] as number] as number;
    const r = labelRank(r0, links.rank[links.to[l] as number] as number);
    if (l < 0) return [Number.NaN, Number.NaN];
    const at = placement.bends[l]?.[r - r0 - 1] ?? Number.NaN;
    return [at, (bands.start[r] as number) + (bands.length[r] as number) / 2];
  });
  return { across, along: bands.total, centre: placement.centre, start, routes, labels };
}

export { FAR, NEAR };
