// A frame's problem as one row of numbers: written without allocating anything, compared and hashed as it stands, and
// turned into a problem only when no equal one has been solved before.

import { inParts } from "./parts";
import type { Problem } from "./problem";

const HEAD = 14;
const PER_BOX = 3;
const PER_EDGE = 6;
const PER_OUTLET = 2;

/** Writes signatures into one buffer that is used again and again. */
export class SignatureWriter {
  #data = new Float64Array(4096);
  #at = 0;

  begin(boxes: number, near: number, far: number, edges: number, outlets: number): void {
    const size = HEAD + PER_BOX * boxes + PER_EDGE * edges + PER_OUTLET * outlets;
    if (size > this.#data.length) this.#data = new Float64Array(size * 2);
    this.#at = 0;
    const data = this.#data;
    data[this.#at++] = boxes;
    data[this.#at++] = near;
    data[this.#at++] = far;
    data[this.#at++] = edges;
    data[this.#at++] = outlets;
  }

  frame({ padAcross, padAlong, least, gaps }: Pick<Problem, "padAcross" | "padAlong" | "least" | "gaps">): void {
    const data = this.#data;
    data[this.#at++] = padAcross[0];
    data[this.#at++] = padAcross[1];
    data[this.#at++] = padAlong[0];
    data[this.#at++] = padAlong[1];
    data[this.#at++] = least.across;
    data[this.#at++] = least.along;
    data[this.#at++] = gaps.node;
    data[this.#at++] = gaps.edge;
    data[this.#at++] = gaps.rank;
  }

  box(across: number, along: number, anchor: number): void {
    const data = this.#data;
    data[this.#at++] = across;
    data[this.#at++] = along;
    data[this.#at++] = anchor;
  }

  /** `fromAt` and `toAt` are NaN where open, which is written as infinity: NaN equals nothing. */
  edge(from: number, to: number, outlet: number, inPort: number, fromAt: number, toAt: number): void {
    const data = this.#data;
    data[this.#at++] = from;
    data[this.#at++] = to;
    data[this.#at++] = outlet;
    data[this.#at++] = inPort;
    data[this.#at++] = Number.isNaN(fromAt) ? Number.POSITIVE_INFINITY : fromAt;
    data[this.#at++] = Number.isNaN(toAt) ? Number.POSITIVE_INFINITY : toAt;
  }

  outlet(across: number, along: number): void {
    this.#data[this.#at++] = across;
    this.#data[this.#at++] = along;
  }

  /** What has been written, valid until the next `begin`. */
  get row(): Float64Array {
    return this.#data.subarray(0, this.#at);
  }
}

/** With everything but what each box, edge and outlet says. */
function emptyProblem(row: Float64Array): Problem {
  const [boxes, near, far, edges, outlets] = row as unknown as [number, number, number, number, number];
  const n = boxes + near + far;
  return {
    boxes,
    near,
    far,
    across: new Float64Array(n),
    along: new Float64Array(n),
    anchor: new Float64Array(n),
    from: new Int32Array(edges),
    to: new Int32Array(edges),
    outlet: new Int32Array(edges),
    inPort: new Int32Array(edges),
    fromAt: new Float64Array(edges),
    toAt: new Float64Array(edges),
    labelAcross: new Float64Array(outlets),
    labelAlong: new Float64Array(outlets),
    padAcross: [row[5]!, row[6]!] as const,
    padAlong: [row[7]!, row[8]!] as const,
    least: { across: row[9]!, along: row[10]! },
    gaps: { node: row[11]!, edge: row[12]!, rank: row[13]! },
  };
}

export function readProblem(row: Float64Array): Problem {
  const problem = emptyProblem(row);
  let at = HEAD;
  inParts(problem.boxes, (first, last) => {
    for (let b = first; b < last; b++) {
      problem.across[b] = row[at++]!;
      problem.along[b] = row[at++]!;
      problem.anchor[b] = row[at++]!;
    }
  });
  const offset = (value: number): number => (value === Number.POSITIVE_INFINITY ? Number.NaN : value);
  inParts(problem.from.length, (first, last) => {
    for (let e = first; e < last; e++) {
      problem.from[e] = row[at++]!;
      problem.to[e] = row[at++]!;
      problem.outlet[e] = row[at++]!;
      problem.inPort[e] = row[at++]!;
      problem.fromAt[e] = offset(row[at++]!);
      problem.toAt[e] = offset(row[at++]!);
    }
  });
  inParts(problem.labelAcross.length, (first, last) => {
    for (let o = first; o < last; o++) {
      problem.labelAcross[o] = row[at++]!;
      problem.labelAlong[o] = row[at++]!;
    }
  });
  return problem;
}

const bits = new Float64Array(1);
const halves = new Uint32Array(bits.buffer);

/** Of longer rows only so many numbers are looked at: rows of one hash are compared in full anyway. */
const HASHED = 1024;

/** FNV-1a over the halves of numbers. */
export function hashOf(row: Float64Array): number {
  let hash = 0x811c9dc5 ^ row.length;
  const step = Math.max(1, Math.floor(row.length / HASHED));
  for (let i = 0; i < row.length; i += step) {
    bits[0] = row[i]!;
    hash = Math.imul(hash ^ halves[0]!, 0x01000193);
    hash = Math.imul(hash ^ halves[1]!, 0x01000193);
  }
  return hash;
}

export function equalRows(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
