// Network simplex for ranks, after Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs" (1993):
// a spanning tree of tight links; as long as cutting one of its links would let a part move and shorten more links than
// it lengthens, exchange that link. Started near the optimum and stopped after a bounded amount of work.
import type { Adjacency } from "./adjacency";
import { inParts, PART } from "./parts";

export interface Ranks {
  readonly n: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly incoming: Adjacency;
  readonly outgoing: Adjacency;
  /** Changed in place. */
  readonly rank: Int32Array;
}

interface Tree {
  /** The tree's link above each node, -1 for roots. */
  readonly link: Int32Array;
  readonly parent: Int32Array;
  /** Nodes so that every one comes after its parent; `place` is the inverse, `end` is behind its last descendant. */
  readonly preorder: Int32Array;
  readonly place: Int32Array;
  readonly end: Int32Array;
  readonly inTree: Uint8Array;
}

// Nodes and links visited: some passes over small graphs, none over huge ones, which the moves before left good enough.
const PASSES = 60;
const WORK = 100_000;

export function tighten(ranks: Ranks): void {
  const { n, from } = ranks;
  const size = n + from.length;
  const rounds = Math.min(PASSES, Math.floor(WORK / Math.max(1, size)));
  if (from.length === 0) return;
  for (let round = 0; round < rounds; round++) {
    const tree = growTrees(ranks);
    if (joinTrees(ranks, tree)) continue;
    if (!exchange(ranks, tree)) return;
  }
}

/** Depth-first trees over tight links, from every node not yet reached. */
function growTrees({ n, from, to, incoming, outgoing, rank }: Ranks): Tree {
  const link = new Int32Array(n).fill(-1);
  const parent = new Int32Array(n).fill(-1);
  const preorder = new Int32Array(n);
  const place = new Int32Array(n).fill(-1);
  const end = new Int32Array(n);
  const inTree = new Uint8Array(from.length);
  const stack: number[] = [];
  let count = 0;
  inParts(n, (first, last) => {
    for (let root = first; root < last; root++) {
      if (place[root]! >= 0) continue;
      stack.push(root);
      while (stack.length > 0) grow();
    }
  });
  return { link, parent, preorder, place, end, inTree };

  /** Some steps of the search. */
  function grow(): void {
    for (let step = 0; step < PART && stack.length > 0; step++) {
      const v = stack.pop()!;
      if (v < 0) {
        end[~v] = count;
        continue;
      }
      if (place[v]! >= 0) continue;
      place[v] = count;
      preorder[count++] = v;
      if (link[v]! >= 0) inTree[link[v]!] = 1;
      stack.push(~v);
      for (let k = outgoing.offsets[v]!; k < outgoing.offsets[v + 1]!; k++) reach(outgoing.edges[k]!, v, to);
      for (let k = incoming.offsets[v]!; k < incoming.offsets[v + 1]!; k++) reach(incoming.edges[k]!, v, from);
    }
  }

  function reach(e: number, v: number, ends: Int32Array): void {
    const w = ends[e]!;
    if (place[w]! >= 0 || rank[to[e]!]! - rank[from[e]!]! !== 1) return;
    link[w] = e;
    parent[w] = v;
    stack.push(w);
  }
}

/** Where trees are connected by slack links only, move the smaller ones next to the first. Returns whether any moved. */
function joinTrees({ n, from, to, rank }: Ranks, { parent, preorder, place, end }: Tree): boolean {
  const root = new Int32Array(n);
  let trees = 0;
  inParts(n, (first, last) => {
    for (let i = first; i < last; i++) {
      const v = preorder[i]!;
      root[v] = parent[v]! < 0 ? v : root[parent[v]!]!;
      if (parent[v]! < 0) trees++;
    }
  });
  if (trees === 1) return false;
  // The link with the least slack out of each tree; its sign says which way the tree would go.
  const best = new Int32Array(n).fill(0x7fffffff);
  inParts(from.length, (first, last) => {
    for (let e = first; e < last; e++) {
      const a = root[from[e]!]!;
      const b = root[to[e]!]!;
      if (a === b) continue;
      const slack = rank[to[e]!]! - rank[from[e]!]! - 1;
      if (slack < Math.abs(best[a]!)) best[a] = slack;
      if (slack < Math.abs(best[b]!)) best[b] = -slack;
    }
  });
  // One at a time and the later tree: two that move towards each other would pass.
  for (let i = n - 1; i >= 0; i--) {
    const v = preorder[i]!;
    if (parent[v]! >= 0 || best[v] === 0x7fffffff || place[v] === 0) continue;
    for (let k = place[v]!; k < end[v]!; k++) rank[preorder[k]!]! += best[v]!;
    return true;
  }
  return false;
}

/** Move the subtree whose move gains most. Returns whether there was one. */
function exchange(ranks: Ranks, tree: Tree): boolean {
  const { n, from, incoming, outgoing, rank } = ranks;
  const { link, parent, preorder, place, end } = tree;
  // A cut value is the sum, over the subtree, of links that leave nodes less those that enter: inner ones cancel.
  const sum = new Int32Array(n);
  inParts(n, (first, last) => {
    for (let v = first; v < last; v++) {
      sum[v] = outgoing.offsets[v + 1]! - outgoing.offsets[v]! - (incoming.offsets[v + 1]! - incoming.offsets[v]!);
    }
  });
  inParts(n, (first, last) => {
    for (let i = n - 1 - first; i >= n - last; i--) {
      const v = preorder[i]!;
      if (parent[v]! >= 0) sum[parent[v]!]! += sum[v]!;
    }
  });
  let moved = false;
  let done = n;
  // From the back, subtrees come before what is around them: disjoint ones can move in one round.
  inParts(n, (first, last) => {
    for (let i = n - 1 - first; i >= n - last; i--) {
      const v = preorder[i]!;
      const e = link[v]!;
      if (e < 0 || end[v]! > done) continue;
      const leaves = from[e] === v;
      if ((leaves ? sum[v]! : -sum[v]!) >= 0) continue;
      const room = slackOf(ranks, tree, v, leaves);
      if (room === 0) continue;
      for (let k = place[v]!; k < end[v]!; k++) rank[preorder[k]!]! += leaves ? -room : room;
      done = place[v]!;
      moved = true;
    }
  });
  return moved;
}

/** How far the subtree of `v` can move away from the link above it. */
function slackOf({ from, to, incoming, outgoing, rank }: Ranks, tree: Tree, v: number, up: boolean): number {
  const { preorder, place, end, inTree } = tree;
  let least = 0x7fffffff;
  const first = place[v]!;
  const last = end[v]!;
  const near = up ? incoming : outgoing;
  const ends = up ? from : to;
  for (let k = first; k < last; k++) {
    const w = preorder[k]!;
    for (let i = near.offsets[w]!; i < near.offsets[w + 1]!; i++) {
      const e = near.edges[i]!;
      const other = place[ends[e]!]!;
      if (inTree[e] || (other >= first && other < last)) continue;
      least = Math.min(least, rank[to[e]!]! - rank[from[e]!]! - 1);
    }
  }
  return least === 0x7fffffff ? 0 : least;
}
