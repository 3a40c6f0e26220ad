// What a unit is made of, as one number: units with equal numbers do the same to tensors of the same shapes, whatever
// they are called. Numbers are hashes: two that differ have the same one about never, and then two boxes look like equals.
import { countOf, type Lists, type Payload, type Setting } from "../wire";
import type { Nesting } from "./nesting";
import type { Siblings } from "./siblings";

/** Stirs one number into another. */
export function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca77);
  return h ^ (h >>> 13);
}

/** Units between two yields: a few milliseconds. */
const PIECE = 16_384;

interface Hashing {
  readonly payload: Payload;
  readonly nesting: Nesting;
  readonly wiring: Int32Array;
  readonly structure: Int32Array;
  describeRow(row: number): number;
  word(text: string): number;
  isPart(call: number): boolean;
}

/** The structure of every unit, in steps of a few milliseconds. */
export function* structureSteps(
  payload: Payload,
  nesting: Nesting,
  siblings: Siblings,
): Generator<undefined, Int32Array> {
  const hashing = {
    payload,
    nesting,
    wiring: wiringOf(payload, nesting, siblings),
    structure: new Int32Array(nesting.parent.length),
    describeRow: rowHashes(payload),
    word: wordHashes(),
    isPart: parts(payload),
  };
  // What a unit holds comes behind it: backwards, the parts are done before the whole.
  for (let last = nesting.order.length; last > 1; last -= PIECE) {
    yield;
    hashUnits(hashing, Math.max(1, last - PIECE), last);
  }
  return hashing.structure;
}

function hashUnits(hashing: Hashing, first: number, last: number): void {
  const { payload, nesting, wiring, structure, describeRow, word, isPart } = hashing;
  const { calls } = payload;
  const { parent, order } = nesting;
  for (let i = last - 1; i >= first; i--) {
    const u = order[i] as number;
    let hash = mix(structure[u] as number, wiring[u] as number);
    if (u < calls.length) {
      const row = calls.row[u] as number;
      hash = mix(hash, word(calls.kind[u] ?? ""));
      hash = mix(hash, word(calls.op[u] ?? ""));
      hash = mix(hash, row < 0 || isPart(u) ? 1 : describeRow(row));
      hash = mix(hash, calls.failed[u] as number);
      hash = mixShapes(hash, payload, calls.inputs, u);
      hash = mixShapes(hash, payload, calls.outputs, u);
    }
    structure[u] = hash;
    const around = parent[u] as number;
    structure[around] = mix(structure[around] as number, hash);
  }
}

/** Taking the third part of a tensor is like taking the fourth. */
function parts({ calls }: Payload): (call: number) => boolean {
  const known = new Map<string, boolean>();
  return (call) => {
    if (calls.kind[call] !== "operation") return false;
    const op = calls.op[call] ?? "";
    const isPart = known.get(op) ?? PART.test(op);
    known.set(op, isPart);
    return isPart;
  };
}

const PART = /^(get_?item|slice|strided_slice|select|index|index_select|gather|narrow|unbind)$/i;

/** How the parts of each unit are connected, by how many calls apart they are. */
function wiringOf({ edges }: Payload, { parent }: Nesting, siblings: Siblings): Int32Array {
  const wiring = new Int32Array(parent.length);
  for (let e = 0; e < edges.length; e++) {
    const a = siblings.source[e] as number;
    if (a < 0) continue;
    let hash = mix(7, (edges.target[e] as number) - (edges.source[e] as number));
    hash = mix(hash, edges.source_port[e] as number);
    hash = mix(hash, edges.target_port[e] as number);
    const frame = parent[a] as number;
    // A sum: edges have no order.
    wiring[frame] = ((wiring[frame] as number) + hash) | 0;
  }
  return wiring;
}

function mixShapes(hash: number, { tensors }: Payload, { offsets, values }: Lists, call: number): number {
  let h = hash;
  const first = offsets[call] as number;
  const last = offsets[call + 1] as number;
  for (let k = first; k < last; k++) h = mix(h, tensors.shape[values[k] as number] as number);
  return mix(h, last - first);
}

/** Settings that tell layers apart which do the same: names, and the number of a layer in its model. */
const APART = /^(name|seed|(layer|block|stage|depth)_?(idx|id|index|i|num|number|no))$/;
/** Rates that grow with depth make no other block of an equal one. */
const DROPOUT = /drop_?(out|path|connect)|stochastic_?depth/i;

/** Type, size and settings of a row, but not its name. */
function rowHashes({ rows, settings }: Payload): (row: number) => number {
  const word = wordHashes();
  const known = new Int32Array(rows.length);
  const settingsKnown = new Int32Array(settings.length);
  const ofSettings = (at: number): number => {
    if (at < 0 || at >= settings.length) return 1;
    settingsKnown[at] ||= settings[at]?.reduce((h, [key, value]) => {
      return APART.test(key) ? h : mix(mix(h, word(key)), hashSetting(value, word));
    }, 3) as number;
    return settingsKnown[at] as number;
  };
  return (row) => {
    if (known[row] === 0) {
      const params = rows.params[row] as number;
      let hash = mix(word(rows.type[row] ?? ""), Number.isNaN(params) ? -1 : params | 0);
      hash = mix(hash, Number.isNaN(params) ? -1 : Math.floor(params / 2 ** 32));
      hash = mix(hash, rows.trainable[row] as number);
      hash = mix(hash, countOf(rows.parameters, row));
      const ordinary = !DROPOUT.test(rows.type[row] ?? "");
      known[row] = mix(hash, ordinary ? ofSettings(rows.settings[row] ?? -1) : 1) || 1;
    }
    return known[row] as number;
  };
}

function hashSetting(value: Setting, word: (text: string) => number): number {
  if (Array.isArray(value)) return value.reduce((h: number, part: Setting) => mix(h, hashSetting(part, word)), 5);
  return typeof value === "number" && Number.isInteger(value) ? mix(2, value | 0) : word(`${typeof value} ${value}`);
}

/** Words repeat: each is looked at once. */
function wordHashes(): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    let hash = known.get(text);
    if (hash === undefined) {
      hash = text.length;
      for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
      known.set(text, hash);
    }
    return hash;
  };
}
