// The settings of a layer that are worth room in its box.
import type { Setting, Settings } from "../wire";

const asText = (value: Setting): string => (Array.isArray(value) ? value.map(asText).join("×") : String(value));
const isOne = (value: Setting): boolean => (Array.isArray(value) ? value.every(isOne) : value === 1);
const square = (value: Setting): string => {
  const parts = Array.isArray(value) ? value : [value];
  return parts.every((p) => p === parts[0]) ? asText(parts[0] ?? "") : asText(value);
};

const counted = (value: Setting, what: string): string => `${asText(value)} ${what}${value === 1 ? "" : "s"}`;

/** A stride of 2 halves what a layer gives, and doubles it where the layer is transposed, of which "/2" would say the opposite. */
const strideOf = (type: string): string => (/transpose/i.test(type) ? "stride " : "/");

/** As Keras and PyTorch call it, and ONNX; Flax has the shape of the whole kernel under the last of these. */
const WINDOW = ["kernel_size", "pool_size", "kernel_shape"];

// Settings that tell two layers of one type apart and that the shapes do not show; in this order.
const TELLING: readonly (readonly [names: readonly string[], print: (value: Setting, type: string) => string])[] = [
  [WINDOW, asText],
  [["strides", "stride"], (v, type) => (isOne(v) || v === null ? "" : strideOf(type) + square(v))],
  [["dilation_rate", "dilation", "dilations"], (v) => (isOne(v) ? "" : `dil ${square(v)}`)],
  [["groups", "group"], (v) => (isOne(v) ? "" : `${asText(v)} groups`)],
  [["units"], (v) => (typeof v === "number" ? counted(v, "unit") : "")],
  [["num_heads"], (v) => counted(v, "head")],
  [["activation"], (v) => (v === "linear" || v === null ? "" : asText(v))],
  [["rate", "p"], (v) => (typeof v === "number" ? String(v) : "")],
  [["axis", "dim"], (v) => (typeof v === "number" && v !== -1 ? `axis ${v}` : "")],
];

export function tellingSettings(type: string, settings: Settings): string {
  const found: string[] = [];
  for (const [names, print] of TELLING) {
    const entry = firstOf(settings, names);
    if (!entry) continue;
    // A pool that moves by its own size is what everybody expects.
    const window = firstOf(settings, WINDOW);
    if (names.includes("strides") && /pool/i.test(type) && window && asText(entry[1]) === asText(window[1])) continue;
    if (names.includes("axis") && !/concat|softmax|stack|split|sum|mean|max|min|reduce/i.test(type)) continue;
    const text = print(entry[1], type);
    if (text) found.push(text.length > 24 ? `${text.slice(0, 23)}…` : text);
  }
  return found.join(" ");
}

function firstOf(settings: Settings, names: readonly string[]): Settings[number] | undefined {
  const at = new Map(settings.map((entry) => [entry[0], entry]));
  return names.map((name) => at.get(name)).find((entry) => entry !== undefined);
}
