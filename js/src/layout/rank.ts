// Which layer each node belongs to: longest paths first, then whatever shortens edges.
import { type Adjacency, adjacency } from "./adjacency";
import { inParts } from "./parts";
import { tighten } from "./simplex";

// Rounds of single moves; nearly all that there is to gain is gained in the first few.
const ROUNDS = 8;

/**
 * Rank `n` nodes so that every link points at least one rank down and links are short in total.
 *
 * Parameters
 * `topological` holds every node before those that it leads to. The result starts at 0.
 */
export function rankNodes(n: number, from: Int32Array, to: Int32Array, topological: Int32Array): Int32Array {
  const outgoing = adjacency(n, from);
  const incoming = adjacency(n, to);
  const rank = new Int32Array(n);
  const moving = { from, to, topological, incoming, outgoing, rank, upwards: false, moved: false };
  inParts(n, (first, last) => {
    for (let i = first; i < last; i++) {
      const v = topological[i]!;
      let best = 0;
      for (let k = incoming.offsets[v]!; k < incoming.offsets[v + 1]!; k++) {
        const r = rank[from[incoming.edges[k]!]!]! + 1;
        if (r > best) best = r;
      }
      rank[v] = best;
    }
  });
  for (let round = 0; round < ROUNDS; round++) {
    moving.upwards = round % 2 === 0;
    moving.moved = false;
    inParts(n, moveSingly, moving);
    if (!moving.moved) break;
  }
  tighten({ n, from, to, incoming, outgoing, rank });
  return fromZero(rank);
}

interface Moving {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly topological: Int32Array;
  readonly incoming: Adjacency;
  readonly outgoing: Adjacency;
  readonly rank: Int32Array;
  upwards: boolean;
  moved: boolean;
}

/** Move each node towards the side where it has more links, as far as they allow. */
function moveSingly(first: number, last: number, moving: Moving): void {
  const { from, to, topological, incoming, outgoing, rank, upwards } = moving;
  for (let i = first; i < last; i++) {
    const v = topological[upwards ? rank.length - 1 - i : i]!;
    const in0 = incoming.offsets[v]!;
    const in1 = incoming.offsets[v + 1]!;
    const out0 = outgoing.offsets[v]!;
    const out1 = outgoing.offsets[v + 1]!;
    const pull = out1 - out0 - (in1 - in0);
    if (pull === 0) continue;
    let r = 0;
    if (pull > 0) {
      r = 0x7fffffff;
      for (let k = out0; k < out1; k++) r = Math.min(r, rank[to[outgoing.edges[k]!]!]! - 1);
    } else for (let k = in0; k < in1; k++) r = Math.max(r, rank[from[incoming.edges[k]!]!]! + 1);
    if (r === rank[v]) continue;
    rank[v] = r;
    moving.moved = true;
  }
}

function fromZero(rank: Int32Array): Int32Array {
  let low = 0x7fffffff;
  inParts(rank.length, (first, last) => {
    for (let v = first; v < last; v++) if (rank[v]! < low) low = rank[v]!;
  });
  if (low === 0) return rank;
  inParts(rank.length, (first, last) => {
    for (let v = first; v < last; v++) rank[v]! -= low;
  });
  return rank;
}
