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

export function structuresOf(payload: Payload, nesting: Nesting, siblings: Siblings): Int32Array {
  const { calls } = payload;
  const { parent, order } = nesting;
  const wiring = wiringOf(payload, nesting, siblings);
  const describeRow = rowHashes(payload);
  const word = wordHashes();
  const structure = new Int32Array(parent.length);
  // What a unit holds comes behind it: backwards, the parts are done before the whole.
  for (let i = order.length - 1; i > 0; i--) {
    const u = order[i] as number;
    let hash = mix(structure[u] as number, wiring[u] as number);
    if (u < calls.length) {
      const row = calls.row[u] as number;
      hash = mix(hash, word(calls.kind[u] ?? ""));
      hash = mix(hash, word(calls.op[u] ?? ""));
      hash = mix(hash, row < 0 || isPart(payload, u) ? 1 : describeRow(row));
      hash = mix(hash, calls.failed[u] as number);
      hash = mixShapes(hash, payload, calls.inputs, u);
      hash = mixShapes(hash, payload, calls.outputs, u);
    }
    structure[u] = hash;
    const around = parent[u] as number;
    structure[around] = mix(structure[around] as number, hash);
  }
  return structure;
}

/** Taking the third part of a tensor is like taking the fourth. */
function isPart({ calls }: Payload, call: number): boolean {
  return calls.kind[call] === "operation" && PART.test(calls.op[call] ?? "");
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

/** Settings that tell layers apart which do the same. */
const APART = new Set(["name", "seed"]);
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
      return APART.has(key) ? h : mix(mix(h, word(key)), hashSetting(value, word));
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
