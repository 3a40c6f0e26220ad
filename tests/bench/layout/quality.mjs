// How good a drawing is, from its geometry alone and the same for every library.
//
// A drawing is { boxes: { x, y, width, height, parent }, edges: [[source, target]], routes: [Float64Array] }: top left
// corners, the box around each box (-1 for none), and one polyline x0, y0, x1, y1, ... per edge.

/** Boxes that touch by less than this many pixels do not overlap; libraries round. */
const TOUCH = 0.5;
/** How far into a box, in pixels, an edge has to reach to go through it. */
const INSET = 2;
const BLOCK = 32;

export function quality(drawing) {
  return {
    ...soundness(drawing),
    crossings: crossings(drawing),
    length: Math.round(length(drawing.routes)),
    ...extent(drawing),
  };
}

/** What has to be 0 in every drawing. Quick, also for the largest. */
export function soundness(drawing) {
  return {
    overlaps: overlaps(drawing.boxes),
    outside: outside(drawing.boxes),
    through: edgesThroughBoxes(drawing),
  };
}

function length(routes) {
  let sum = 0;
  for (const route of routes) {
    for (let k = 2; k < route.length; k += 2) sum += Math.hypot(route[k] - route[k - 2], route[k + 1] - route[k - 1]);
  }
  return sum;
}

function extent({ boxes, routes }) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const cover = (x, y) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  };
  boxes.x.forEach((x, i) => {
    cover(x, boxes.y[i]);
    cover(x + boxes.width[i], boxes.y[i] + boxes.height[i]);
  });
  for (const route of routes) for (let k = 0; k < route.length; k += 2) cover(route[k], route[k + 1]);
  return { width: Math.round(right - left), height: Math.round(bottom - top) };
}

/** Pairs of siblings that overlap. With `outside` 0, no two boxes overlap unless one holds the other. */
export function overlaps({ x, y, width, height, parent }) {
  const byTop = Int32Array.from(x.keys()).sort((a, b) => y[a] - y[b]);
  let count = 0;
  let active = [];
  for (const b of byTop) {
    active = active.filter((a) => y[a] + height[a] > y[b] + TOUCH);
    for (const a of active) {
      const shared = Math.min(x[a] + width[a], x[b] + width[b]) - Math.max(x[a], x[b]);
      if (parent[a] === parent[b] && shared > TOUCH) count++;
    }
    active.push(b);
  }
  return count;
}

/** Boxes that reach out of the box that holds them. */
export function outside({ x, y, width, height, parent }) {
  let count = 0;
  for (let b = 0; b < x.length; b++) {
    const p = parent[b];
    if (p < 0) continue;
    const beside = x[b] < x[p] - TOUCH || x[b] + width[b] > x[p] + width[p] + TOUCH;
    const above = y[b] < y[p] - TOUCH || y[b] + height[b] > y[p] + height[p] + TOUCH;
    if (beside || above) count++;
  }
  return count;
}

/** Pairs of an edge and a box that it passes through, neither of its ends nor anything that holds them. */
export function edgesThroughBoxes({ boxes, edges, routes }) {
  const index = indexOf(boxes);
  let count = 0;
  routes.forEach((route, e) => {
    const met = new Set();
    for (let k = 2; k < route.length; k += 2) {
      const piece = [route[k - 2], route[k - 1], route[k], route[k + 1]];
      visit(index, piece, (b) => {
        if (!met.has(b) && passes(piece, boxes, b)) met.add(b);
      });
    }
    for (const b of met) if (!edges[e].some((end) => holds(boxes.parent, b, end))) count++;
  });
  return count;
}

/**
 * Boxes by their tops, as a tree of blocks with their extents: level 0 is boxes, each higher one is blocks of BLOCK of the
 * one below. Long edges beside the boxes are rejected by whole blocks.
 */
function indexOf({ x, y, width, height }) {
  const byTop = Int32Array.from(x.keys()).sort((a, b) => y[a] - y[b]);
  const leaf = {
    left: Float64Array.from(byTop, (b) => x[b] + INSET),
    right: Float64Array.from(byTop, (b) => x[b] + width[b] - INSET),
    top: Float64Array.from(byTop, (b) => y[b] + INSET),
    bottom: Float64Array.from(byTop, (b) => y[b] + height[b] - INSET),
  };
  const levels = [leaf];
  while (levels.at(-1).left.length > 1) levels.push(blocksOf(levels.at(-1)));
  return { byTop, levels };
}

function blocksOf(below) {
  const size = Math.ceil(below.left.length / BLOCK);
  const fold = (values, choose) =>
    Float64Array.from({ length: size }, (_, i) => choose(...values.subarray(i * BLOCK, (i + 1) * BLOCK)));
  return {
    left: fold(below.left, Math.min),
    right: fold(below.right, Math.max),
    top: fold(below.top, Math.min),
    bottom: fold(below.bottom, Math.max),
  };
}

/** Call `found` with every box whose inside the extent of a piece meets. */
function visit({ byTop, levels }, [x0, y0, x1, y1], found) {
  const [left, right, top, bottom] = [Math.min(x0, x1), Math.max(x0, x1), Math.min(y0, y1), Math.max(y0, y1)];
  const descend = (level, from, to) => {
    const block = levels[level];
    for (let i = from; i < Math.min(to, block.left.length); i++) {
      if (block.right[i] <= left || block.left[i] >= right) continue;
      if (block.bottom[i] <= top || block.top[i] >= bottom) continue;
      if (level === 0) found(byTop[i]);
      else descend(level - 1, i * BLOCK, (i + 1) * BLOCK);
    }
  };
  descend(levels.length - 1, 0, 1);
}

function holds(parent, frame, box) {
  let b = box;
  while (b >= 0 && b !== frame) b = parent[b];
  return b === frame;
}

/** Whether a straight piece enters the inside of a box: Liang and Barsky's clipping. */
function passes([x0, y0, x1, y1], boxes, b) {
  let [enter, leave] = [0, 1];
  const clip = (delta, room) => {
    if (delta === 0) return room > 0;
    const t = room / delta;
    if (delta < 0) enter = Math.max(enter, t);
    else leave = Math.min(leave, t);
    return enter < leave;
  };
  const { x, y, width, height } = boxes;
  return (
    clip(x0 - x1, x0 - (x[b] + INSET)) &&
    clip(x1 - x0, x[b] + width[b] - INSET - x0) &&
    clip(y0 - y1, y0 - (y[b] + INSET)) &&
    clip(y1 - y0, y[b] + height[b] - INSET - y0)
  );
}

/**
 * Proper crossings of pairs of edges.
 *
 * Where a bend of one edge lies on another edge, the bend counts as right of it, so that the two pieces that meet in the
 * bend give one crossing together. Edges with a common end may share a way; they cross only strictly.
 */
export function crossings({ edges, routes }) {
  const pieces = piecesOf(routes);
  const { x0, x1, y0, y1, edge } = pieces;
  const byTop = Int32Array.from(edge.keys()).sort((a, b) => y0[a] - y0[b]);
  const active = new Int32Array(edge.length);
  let [many, count] = [0, 0];
  for (const b of byTop) {
    const [left, right, top, level] = [Math.min(x0[b], x1[b]), Math.max(x0[b], x1[b]), y0[b], y0[b] === y1[b]];
    let kept = 0;
    for (let i = 0; i < many; i++) {
      const a = active[i];
      if (y1[a] < top || (y1[a] === top && !level)) continue;
      active[kept++] = a;
      if (edge[a] === edge[b] || Math.max(x0[a], x1[a]) < left || Math.min(x0[a], x1[a]) > right) continue;
      if (cross(pieces, a, b, related(edges[edge[a]], edges[edge[b]]))) count++;
    }
    many = kept;
    active[many++] = b;
  }
  return count;
}

/** All straight pieces, each from its upper to its lower end. */
function piecesOf(routes) {
  const size = routes.reduce((sum, route) => sum + Math.max(0, route.length / 2 - 1), 0);
  const [x0, y0, x1, y1] = Array.from({ length: 4 }, () => new Float64Array(size));
  const edge = new Int32Array(size);
  let at = 0;
  routes.forEach((route, e) => {
    for (let k = 2; k < route.length; k += 2, at++) {
      const down = route[k + 1] > route[k - 1] || (route[k + 1] === route[k - 1] && route[k] >= route[k - 2]);
      const [from, to] = down ? [k - 2, k] : [k, k - 2];
      [x0[at], y0[at], x1[at], y1[at], edge[at]] = [route[from], route[from + 1], route[to], route[to + 1], e];
    }
  });
  return { x0, y0, x1, y1, edge };
}

function related([source, target], [otherSource, otherTarget]) {
  return source === otherSource || target === otherTarget;
}

function cross({ x0, y0, x1, y1 }, a, b, strictly) {
  return (
    parted(side(x0, y0, x1, y1, a, x0[b], y0[b]), side(x0, y0, x1, y1, a, x1[b], y1[b]), strictly) &&
    parted(side(x0, y0, x1, y1, b, x0[a], y0[a]), side(x0, y0, x1, y1, b, x1[a], y1[a]), strictly)
  );
}

function side(x0, y0, x1, y1, a, x, y) {
  return (x1[a] - x0[a]) * (y - y0[a]) - (y1[a] - y0[a]) * (x - x0[a]);
}

function parted(one, other, strictly) {
  return strictly ? (one < 0 && other > 0) || (one > 0 && other < 0) : one < 0 !== other < 0;
}
