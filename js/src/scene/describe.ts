// What each box says: its texts, its form and its size.
import { DASH, formatCount, formatShape, percent, shortCount } from "../format";
import { type Dim, list, type Payload, type Setting, type Settings } from "../wire";
import { isTied, type Units } from "./units";
import { FOLDED, LEAF, OPEN, type Visible } from "./visible";
import { fitText, textWidth } from "./widths";

export type Form = "layer" | "pill" | "dot" | "terminal" | "folded" | "frame" | "stack" | "stub";

export interface Box {
  readonly key: string;
  readonly form: Form;
  /** What opens and closes it; of all but stacks, also what a click selects. */
  readonly path: string;
  /** What a click selects: of a stack, its members. */
  readonly paths: readonly string[];
  readonly call: number;
  readonly row: number;
  readonly name: string;
  /** "× 12" for a stack, empty for all others. */
  readonly repeat: string;
  /** Type and the settings that matter. */
  readonly detail: string;
  readonly shape: string;
  readonly count: string;
  readonly share: string;
  /** Short remarks: "call 2 of 3", "tied", "failed". */
  readonly marks: readonly string[];
  readonly failed: boolean;
  readonly inferred: boolean;
  /** Everything in words, for readers and as a tooltip. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
}

export const NAME = 13;
export const SMALL = 11.5;
export const CODE = 11;
export const PAD = 12;
export const HEADER = 34;
const MAX_WIDTH = 268;

const DOTS: Readonly<Record<string, string>> = {
  add: "+",
  subtract: "−",
  multiply: "×",
  mul: "×",
  sub: "−",
  divide: "÷",
  truediv: "÷",
  true_divide: "÷",
  matmul: "@",
};
const PILLS = new Set([
  "concatenate",
  "concat",
  "activation",
  "relu",
  "leakyrelu",
  "prelu",
  "elu",
  "gelu",
  "silu",
  "swish",
  "softmax",
  "sigmoid",
  "tanh",
  "average",
  "maximum",
  "minimum",
  "dot",
  "identity",
]);

const asText = (value: Setting): string => (Array.isArray(value) ? value.map(asText).join("×") : String(value));
const isOne = (value: Setting): boolean => (Array.isArray(value) ? value.every(isOne) : value === 1);
const square = (value: Setting): string => {
  const parts = Array.isArray(value) ? value : [value];
  return parts.every((p) => p === parts[0]) ? asText(parts[0] ?? "") : asText(value);
};

// Settings that tell two layers of one type apart and that the shapes do not show; in this order.
const TELLING: readonly (readonly [names: readonly string[], print: (value: Setting) => string])[] = [
  [["kernel_size", "pool_size"], asText],
  [["strides", "stride"], (v) => (isOne(v) || v === null ? "" : `/${square(v)}`)],
  [["dilation_rate", "dilation"], (v) => (isOne(v) ? "" : `dil ${square(v)}`)],
  [["groups"], (v) => (isOne(v) ? "" : `${asText(v)} groups`)],
  [["num_heads"], (v) => `${asText(v)} heads`],
  [["activation"], (v) => (v === "linear" || v === null ? "" : asText(v))],
  [["rate", "p"], (v) => (typeof v === "number" ? String(v) : "")],
  [["axis", "dim"], (v) => (typeof v === "number" && v !== -1 ? `axis ${v}` : "")],
];

export function tellingSettings(type: string, settings: Settings): string {
  const found: string[] = [];
  for (const [names, print] of TELLING) {
    const entry = settings.find(([key]) => names.includes(key));
    if (!entry) continue;
    // A pool that moves by its own size is what everybody expects.
    if (names.includes("strides") && /pool/i.test(type) && asText(entry[1]) === asText(of(settings, "pool_size")))
      continue;
    if (names.includes("axis") && !/concat|softmax|stack|split|sum|mean|max|min|reduce/i.test(type)) continue;
    const text = print(entry[1]);
    if (text) found.push(text.length > 24 ? `${text.slice(0, 23)}…` : text);
  }
  return found.join(" ");
}

function of(settings: Settings, key: string): Setting {
  return settings.find(([k]) => k === key)?.[1] ?? null;
}

function lastSegment(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}

/** "input#1" is how a path tells inputs apart; on screen the first needs no number. */
function boundaryName(segment: string): string {
  const [, kind, number] = /^(input|output|constant)#(\d+)$/.exec(segment) ?? [];
  if (!kind) return segment;
  return number === "1" ? kind : `${kind} ${number}`;
}

/** Shapes of what leaves: "(None, 7, 7, 2048)", several with the number of the others. */
function shapesText(shapes: readonly (readonly Dim[] | null | undefined)[]): string {
  const [first] = shapes;
  if (first === undefined) return "";
  return shapes.length > 1 ? `${formatShape(first)} +${shapes.length - 1}` : formatShape(first);
}

function outputShapes(payload: Payload, call: number, row: number): (readonly Dim[] | null)[] {
  if (call >= 0) {
    // What the model gives is what its output takes.
    const tensors = payload.calls.kind[call] === "output" ? payload.calls.inputs : payload.calls.outputs;
    return Array.from(list(tensors, call), (t) => shapeOf(payload, t));
  }
  return row < 0 ? [] : Array.from(list(payload.rows.output_shape, row), (s) => payload.shapes[s] ?? null);
}

function shapeOf(payload: Payload, tensor: number): readonly Dim[] | null {
  return payload.shapes[payload.tensors.shape[tensor] ?? -1] ?? null;
}

function formOf(payload: Payload, units: Units, visible: Visible, b: number, type: string): Form {
  const u = visible.unit[b] as number;
  const kind = payload.calls.kind[u] ?? "layer";
  if (visible.kind[b] === OPEN) return "frame";
  if (visible.kind[b] === FOLDED) return "folded";
  if (kind === "input" || kind === "output" || kind === "constant") return "terminal";
  const row = units.row[u] as number;
  if (/^input(layer)?$/i.test(type)) return "terminal";
  const heavy = row >= 0 && (payload.rows.params[row] as number) > 0;
  if (heavy || payload.calls.failed[u]) return "layer";
  if (type.toLowerCase() in DOTS) return "dot";
  if (PILLS.has(type.toLowerCase()) || kind === "operation") return "pill";
  return "layer";
}

function marksOf(payload: Payload, units: Units, u: number, row: number, call: number): string[] {
  const marks: string[] = [];
  if (call >= 0 && payload.calls.failed[call]) marks.push("failed");
  if (row >= 0 && (units.repeats[u] as number) > 1) {
    marks.push(`call ${units.nth[u]} of ${payload.rows.calls[row]}`);
  }
  if (isTied(payload, row)) marks.push("tied");
  if (row >= 0 && payload.rows.trainable[row] === 0 && (payload.rows.params[row] as number) > 0) marks.push("frozen");
  return marks;
}

export function describe(payload: Payload, units: Units, visible: Visible, b: number): Box {
  const u = visible.unit[b] as number;
  const row = units.row[u] as number;
  const isCall = u < payload.calls.length;
  const call = isCall ? u : -1;
  const inferred = !isCall;
  const kind = isCall ? payload.calls.kind[u] : "layer";
  const type = inferred ? "group" : row >= 0 ? (payload.rows.type[row] ?? "") : (payload.calls.op[u] ?? "");
  const form = formOf(payload, units, visible, b, isCall ? payload.calls.op[u] || type : type);
  const params = row >= 0 ? (payload.rows.params[row] as number) : Number.NaN;
  const settings = payload.settings[isCall ? callSettings(payload, u, row) : -1] ?? [];
  const inside = units.leaves[u] as number;
  const telling = tellingSettings(type, settings);
  const terminal = form === "terminal";
  const word = terminal && kind !== "layer" ? capital(kind ?? "") : type;
  const holds = units.hasChildren[u]
    ? ` · ${inside} ${inside === 1 ? "layer" : "layers"}`
    : telling
      ? ` ${telling}`
      : "";
  const name = row >= 0 ? (payload.rows.label[row] ?? "") : boundaryName(lastSegment(units.path(u)));
  const marks = marksOf(payload, units, u, row, call);
  const shape = shapesText(outputShapes(payload, call, row));
  const known = !terminal && row >= 0;
  const text = {
    key: units.key(u),
    form,
    path: units.path(u),
    paths: [units.path(u)],
    call,
    row,
    name: name || type,
    repeat: "",
    detail: word + holds,
    shape,
    count: known ? `${params >= 1e7 ? shortCount(params) : formatCount(params)} params` : "",
    share: known && params > 0 ? percent(payload.rows.share[row]) : "",
    marks,
    failed: marks[0] === "failed",
    inferred,
    label: "",
  };
  const spoken = spokenLabel(text, params);
  return { ...text, label: spoken, ...sizeOf(text) };
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

function callSettings(payload: Payload, call: number, row: number): number {
  const own = payload.calls.settings[call] ?? -1;
  if (payload.calls.kind[call] === "operation" || row < 0) return own;
  return payload.rows.settings[row] ?? own;
}

type Texts = Omit<Box, "width" | "height">;

function spokenLabel(text: Texts, params: number): string {
  const parts = [text.name, text.detail];
  if (text.shape) parts.push(`output ${text.shape}`);
  if (text.count) parts.push(`${Number.isNaN(params) ? "unknown" : formatCount(params)} parameters`);
  if (text.share) parts.push(`${text.share} of all`);
  if (text.inferred) parts.push("grouped by name");
  return [...parts, ...text.marks].join(", ");
}

/** "+" for an addition, "relu" for an activation: what a small box says. */
export function smallLabel(box: Pick<Box, "form" | "detail" | "name">): string {
  const [type = "", ...rest] = box.detail.split(" ");
  if (box.form === "dot") return DOTS[type.toLowerCase()] ?? "•";
  if (type === "Activation" && rest.length > 0) return rest.join(" ");
  return box.detail === DASH ? box.name : box.detail;
}

function sizeOf(text: Texts): { width: number; height: number } {
  const clamp = (width: number, least: number): number =>
    Math.round(Math.max(least, Math.min(MAX_WIDTH, width)) / 2) * 2;
  const name = textWidth(text.name, NAME, "bold");
  const detail = textWidth(besideFailure(text), SMALL, "regular") + (text.failed ? FAILED_WIDTH : 0);
  const shape = textWidth(text.shape, CODE, "mono");
  const count = text.count ? 14 + textWidth(text.count, SMALL, "regular") : 0;
  const share = text.share ? 14 + textWidth(text.share, SMALL, "regular") : 0;
  switch (text.form) {
    case "dot":
      return { width: 28, height: 28 };
    case "pill":
      return { width: clamp(textWidth(smallLabel(text), SMALL, "regular") + 24, 44), height: 26 };
    case "terminal":
      return { width: clamp(Math.max(name + 8 + detail, shape) + 36, 110), height: 44 };
    case "frame": {
      const total = textWidth(frameTotals(text), SMALL, "regular");
      return {
        // Edges come in through the middle: each half of the title has to fit beside it.
        width: Math.min(440, 2 * Math.max(name + detail + PAD + 40, total + PAD + 16)),
        height: HEADER + 30,
      };
    }
    default: {
      const fold = text.form === "folded" ? 16 : 0;
      return { width: clamp(Math.max(name + share + fold, detail, shape + count) + 2 * PAD, 130), height: 64 };
    }
  }
}

export const FAILED = "⚠ failed";
export const FAILED_WIDTH = Math.ceil(textWidth(`${FAILED} `, SMALL, "bold")) + 6;

/** Type, settings and remarks; of a failed call, what stands behind `FAILED`. */
export function besideFailure(box: Pick<Box, "detail" | "marks" | "failed">): string {
  return [box.detail, ...box.marks.slice(box.failed ? 1 : 0)].join(" · ");
}

/** What an open frame says at its right end. */
export function frameTotals(box: Pick<Box, "count" | "share">): string {
  return [box.count, box.share].filter(Boolean).join(" · ");
}

export function fitted(text: string, room: number, size: number, bold = false): string {
  return fitText(text, room, size, bold ? "bold" : "regular");
}

export { FOLDED, LEAF, OPEN };
