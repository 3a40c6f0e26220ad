// What each box says: its texts, its form and its size.
import { callSettings } from "../calls";
import { DASH, formatCount, formatShape, percent, shortCount } from "../format";
import { type Dim, list, type Payload } from "../wire";
import { keyOf } from "./identity";
import { type Plate, type Plot, plateOf, plateSize } from "./plot";
import { tellingSettings } from "./telling";
import { isTied, membersOf, selecting, type Units } from "./units";
import { FOLDED, LEAF, OPEN, STACK, type Visible } from "./visible";
import { fitText, textWidth } from "./widths";

export type Form = "layer" | "plate" | "pill" | "dot" | "terminal" | "folded" | "frame" | "stack" | "stub";

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
  /** NaN: unknown; null: it is nothing that could have any. */
  readonly params: number | null;
  readonly count: string;
  readonly share: string;
  /** Short remarks: "call 2 of 3", "tied", "failed". */
  readonly marks: readonly string[];
  readonly failed: boolean;
  readonly inferred: boolean;
  /** What it says instead, in a plot. */
  readonly plate: Plate | null;
  /** Everything in words, for readers and as a tooltip. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
}

export const NAME = 13;
export const SMALL = 11.5;
export const CODE = 11;
export const STUB_SIZE = 10.5;
export const PAD = 12;
export const HEADER = 34;
/** How far the cards of a stack show below each other. */
export const CARD = 5;
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

function lastSegment(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}

/** What the model's code calls what comes in or goes out: "input_ids", "past_key_values" for all that is in it. */
function tensorName({ calls, tensors }: Payload, call: number): string {
  const kind = calls.kind[call];
  if (kind !== "input" && kind !== "output") return "";
  const [first] = list(kind === "input" ? calls.outputs : calls.inputs, call);
  const name = tensors.name[first ?? -1] ?? "";
  const [word] = /^[\p{L}_][^.]*/u.exec(name) ?? [];
  return (kind === "input" ? word && name : word) ?? "";
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
  if (visible.kind[b] === STACK) return "stack";
  if (kind === "input" || kind === "output" || kind === "constant") return "terminal";
  const row = units.row[u] as number;
  if (/^input(layer)?$/i.test(type)) return "terminal";
  const heavy = row >= 0 && (payload.rows.params[row] as number) > 0;
  if (heavy || payload.calls.failed[u]) return "layer";
  if (type.toLowerCase() in DOTS) return "dot";
  if (PILLS.has(type.toLowerCase()) || kind === "operation") return "pill";
  return "layer";
}

/** `again`: it is one of a stack of calls of one layer, for all of which the stack stands. */
function marksOf(payload: Payload, units: Units, u: number, row: number, call: number, again = false): string[] {
  const marks: string[] = [];
  if (call >= 0 && payload.calls.failed[call]) marks.push("failed");
  if (row >= 0 && (units.repeats[u] as number) > 1) {
    marks.push(again ? "same layer" : `call ${units.nth[u]} of ${payload.rows.calls[row]}`);
  }
  if (isTied(payload, row)) marks.push("tied");
  if (row >= 0 && payload.rows.trainable[row] === 0 && (payload.rows.params[row] as number) > 0) marks.push("frozen");
  return marks;
}

export function describe(payload: Payload, units: Units, visible: Visible, b: number, plot: Plot | null): Box {
  const write =
    b >= visible.stubs.first ? stubTexts : (visible.unit[b] as number) < units.stacks ? textsOf : stackTexts;
  const text = write(payload, units, visible, b);
  const label = spokenLabel(text);
  const plate = plot && plateOf(plot, units, visible, b, text);
  if (!plate) return { ...text, plate, label, ...sizeOf(text) };
  const { width, height } = plateSize(plate, repeatRoom(text));
  return { ...text, form: "plate", plate, label, width, height: height + (text.repeat ? 2 * CARD : 0) };
}

function textsOf(payload: Payload, units: Units, visible: Visible, b: number): Texts {
  const u = visible.unit[b] as number;
  const row = units.row[u] as number;
  const isCall = u < payload.calls.length;
  const call = isCall ? u : -1;
  const kind = isCall ? payload.calls.kind[u] : "layer";
  const type = typeOf(payload, units, u);
  const form = formOf(payload, units, visible, b, isCall ? payload.calls.op[u] || type : type);
  const terminal = form === "terminal";
  const word = terminal && kind !== "layer" ? capital(kind ?? "") : type;
  const marks = marksOf(payload, units, u, row, call);
  return {
    key: units.key(u),
    form,
    path: units.path(u),
    paths: selecting(units, u),
    call,
    row,
    name: nameOf(payload, units, u) || type,
    repeat: "",
    detail: word + contentOf(payload, units, u),
    shape: shapesText(outputShapes(payload, call, row)),
    ...weightOf(payload, terminal ? null : paramsOfRows(payload, [row])),
    marks,
    failed: marks[0] === "failed",
    inferred: !isCall,
    label: "",
  };
}

/** A stack says what its members have in common, and what they weigh together. */
function stackTexts(payload: Payload, units: Units, visible: Visible, b: number): Texts {
  const u = visible.unit[b] as number;
  const members = membersOf(units, u);
  const [first, last] = [members[0] as number, members.at(-1) as number];
  const isCall = first < payload.calls.length;
  const row = units.row[u] as number;
  const again = members.every((m) => units.row[m] === row);
  const marks = marksOf(payload, units, first, row, -1, again);
  if (isCall && payload.calls.failed[first]) marks.unshift("failed");
  const each = units.hasChildren[first] ? " each" : "";
  return {
    key: units.key(u),
    form: visible.kind[b] === OPEN ? "frame" : "stack",
    path: units.path(u),
    paths: selecting(units, u),
    call: -1,
    row,
    name: spanName(nameOf(payload, units, first), nameOf(payload, units, last)) || typeOf(payload, units, first),
    repeat: `× ${members.length}`,
    detail: typeOf(payload, units, first) + contentOf(payload, units, first) + each,
    shape: shapesText(outputShapes(payload, isCall ? last : -1, units.row[last] as number)),
    ...weightOf(payload, paramsOf(payload, units, u)),
    marks,
    failed: marks[0] === "failed",
    inferred: !isCall,
    label: "",
  };
}

/** A stub names what it stands for: the tensor at a reader, the readers at their source. */
function stubTexts(payload: Payload, units: Units, visible: Visible, b: number): Texts {
  const { stubs, unit } = visible;
  const i = b - stubs.first;
  const u = unit[b] as number;
  const target = stubs.target[i] as number;
  // Operations have a number and no name.
  const isOperation = payload.calls.kind[u] === "operation";
  const made = (isOperation ? "" : nameOf(payload, units, u)) || typeOf(payload, units, u);
  const readers = stubs.readers[i] as number;
  const reader = target < 0 ? "" : nameOf(payload, units, unit[target] as number);
  return {
    key: keyOf({ units, visible }, b),
    form: "stub",
    path: units.path(u),
    paths: selecting(units, u),
    call: u < payload.calls.length ? u : -1,
    row: units.row[u] as number,
    name: target < 0 ? `↘ ${readers} far readers` : `↗ ${payload.tensors.name[stubs.tensor[i] as number] || made}`,
    repeat: "",
    detail: target < 0 ? `of what ${made} makes` : `from ${made}, read by ${reader}`,
    shape: "",
    params: null,
    count: "",
    share: "",
    marks: [],
    failed: false,
    inferred: false,
    label: "",
  };
}

function nameOf(payload: Payload, units: Units, u: number): string {
  const row = units.row[u] as number;
  if (row >= 0) return payload.rows.label[row] ?? "";
  return tensorName(payload, u) || boundaryName(lastSegment(units.path(u)));
}

/** "block_2 … 6" for "block_2" to "block_6". */
function spanName(first: string, last: string): string {
  if (first === last) return first;
  let same = 0;
  while (same < first.length && first[same] === last[same]) same++;
  while (same > 0 && /\d/.test(first[same - 1] as string)) same--;
  if (first[same - 1] === "[") same--; // "blocks[0] … [3]"
  const rest = same > 0 ? last.slice(same) : last;
  return `${first} … ${rest}`;
}

function typeOf(payload: Payload, units: Units, u: number): string {
  if (u >= payload.calls.length) return "group";
  const row = units.row[u] as number;
  return (row >= 0 ? payload.rows.type[row] : payload.calls.op[u]) ?? "";
}

/** Layers, or operations where there are bare ones among what a unit holds. */
function contentWord({ calls }: Payload, { order, start, end }: Units, u: number): string {
  for (let i = start[u] as number; i < (end[u] as number); i++) {
    if (calls.kind[order[i] as number] === "operation") return "operation";
  }
  return "layer";
}

/** What stands behind the type: how many layers or operations a frame holds, or the settings that tell layers apart. */
function contentOf(payload: Payload, units: Units, u: number): string {
  const inside = units.leaves[u] as number;
  if (units.hasChildren[u]) {
    return ` · ${formatCount(inside)} ${contentWord(payload, units, u)}${inside === 1 ? "" : "s"}`;
  }
  const isCall = u < payload.calls.length;
  const settings = payload.settings[isCall ? callSettings(payload, u, units.row[u] as number) : -1] ?? [];
  const telling = tellingSettings(typeOf(payload, units, u), settings);
  return telling ? ` ${telling}` : "";
}

/** Parameters, as written in a box; nothing for what can have none. */
function weightOf(payload: Payload, params: number | null): Pick<Box, "params" | "count" | "share"> {
  if (params === null) return { params, count: "", share: "" };
  const all = payload.meta.totals.params;
  return {
    params,
    count: `${params >= 1e7 ? shortCount(params) : formatCount(params)} params`,
    share: params > 0 && all ? percent(params / all) : "",
  };
}

/** Parameters of rows; null where there are none that could have any: an operation reads those of others. */
function paramsOfRows({ rows }: Payload, which: readonly number[]): number | null {
  const able = which.filter((row) => row >= 0 && (rows.kind[row] !== "operation" || rows.params[row] !== 0));
  return able.length === 0 ? null : able.reduce((total, row) => total + (rows.params[row] as number), 0);
}

/** Parameters of a stack's members together, each counted once; NaN where one is unknown, null where there is no row. */
function paramsOf(payload: Payload, units: Units, stack: number): number | null {
  const { rows, parameters } = payload;
  const sum = paramsOfRows(payload, units.stackRows[stack - units.stacks] ?? []);
  if (sum === null) return null;
  // What members share is in the number of each of them. One layer called again is one row.
  const counted = new Set<number>();
  const known = new Set<number>();
  let twice = 0;
  for (const m of membersOf(units, stack)) {
    if (counted.has(units.row[m] as number)) continue;
    counted.add(units.row[m] as number);
    const own = new Set<number>();
    for (let i = units.start[m] as number; i < (units.end[m] as number); i++) {
      const row = units.row[units.order[i] as number] as number;
      if (row >= 0) for (const p of list(rows.parameters, row)) own.add(p);
    }
    for (const p of own) if (known.has(p) && parameters.kind[p] === "weight") twice += parameters.size[p] as number;
    for (const p of own) known.add(p);
  }
  return sum - twice;
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

type Texts = Omit<Box, "plate" | "width" | "height">;

function spokenLabel(text: Texts): string {
  const { params } = text;
  const parts = [text.name, ...(text.repeat ? [`${text.repeat.slice(2)} equal ones`] : []), text.detail];
  if (text.shape) parts.push(`output ${text.shape}`);
  if (params !== null) parts.push(`${Number.isNaN(params) ? "unknown" : formatCount(params)} parameters`);
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
    2 * Math.ceil(Math.max(least, Math.min(MAX_WIDTH, width)) / 2);
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
    case "stub":
      return { width: clamp(textWidth(text.name, STUB_SIZE, "regular") + 18, 36), height: 20 };
    case "terminal":
      return { width: clamp(Math.max(name + 8 + detail, shape) + 36, 110), height: 44 };
    case "frame": {
      const total = textWidth(frameTotals(text), SMALL, "regular");
      return {
        // Edges come in through the middle: each half of the title has to fit beside it.
        width: Math.min(440, 2 * Math.max(name + repeatRoom(text) + detail + PAD + 40, total + PAD + 16)),
        height: HEADER + 30,
      };
    }
    default: {
      const fold = (text.form === "layer" ? 0 : 16) + repeatRoom(text);
      const height = 64 + (text.form === "stack" ? 2 * CARD : 0);
      return { width: clamp(Math.max(name + share + fold, detail, shape + count) + 2 * PAD, 130), height };
    }
  }
}

/** Room beside the name for how many there are. */
export function repeatRoom({ repeat }: Pick<Box, "repeat">): number {
  return repeat ? Math.ceil(textWidth(repeat, SMALL, "bold")) + 24 : 0;
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
