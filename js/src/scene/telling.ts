// The settings of a layer that are worth room in its box.
import type { Setting, Settings } from "../wire";

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
  [["units"], (v) => (typeof v === "number" ? `${v} units` : "")],
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
