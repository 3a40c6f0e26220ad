// Colors that mean something: row -> fill, with the legend that says what, and text that stays readable on it.
import { type RGBColor, rgb } from "d3-color";
import { interpolateLab, interpolateRgb } from "d3-interpolate";
import { formatBytes, formatNumber, percent, shortCount } from "./format";
import type { Payload } from "./wire";

export interface Palette {
  readonly bg: string;
  readonly panel: string;
  readonly text: string;
  readonly heat: string;
}

/** A user's own column, as in the store. */
export interface ValueColumn {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly values: readonly (number | string | null)[];
}

export type Legend =
  | { readonly kind: "none" }
  | {
      readonly kind: "scale";
      readonly title: string;
      readonly stops: readonly string[];
      /** `at` is the place along the scale, 0 to 1. */
      readonly ticks: readonly { readonly at: number; readonly label: string }[];
    }
  | {
      readonly kind: "categories";
      readonly title: string;
      readonly entries: readonly { readonly label: string; readonly color: string }[];
      /** Categories without a color of their own. */
      readonly more: number;
    };

export interface Coloring {
  /** Fill by row; null: the plain one. */
  readonly fills: readonly (string | null)[];
  /** The fill of several rows as one box; null where they have none in common. */
  together(rows: readonly number[]): string | null;
  readonly legend: Legend;
}

type Fills = Coloring["fills"];

const inCommon =
  (fills: Fills) =>
  (rows: readonly number[]): string | null => {
    const first = fills[rows[0] ?? -1] ?? null;
    return rows.every((row) => fills[row] === first) ? first : null;
  };

const plain = (count: number): Coloring => {
  return { fills: new Array<null>(count).fill(null), together: () => null, legend: { kind: "none" } };
};

const AA = 4.5;

function channel(value: number): number {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function luminance(color: RGBColor): number {
  return 0.2126 * channel(color.r) + 0.7152 * channel(color.g) + 0.0722 * channel(color.b);
}

/** WCAG 2 contrast ratio of two opaque colors. */
export function contrast(a: string, b: string): number {
  const [la, lb] = [luminance(rgb(a)), luminance(rgb(b))];
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

/** The first of `wished` that is readable on `fill`, or the better of black and white. */
export function readable(fill: string, ...wished: readonly string[]): string {
  for (const color of wished) if (contrast(color, fill) >= AA) return color;
  return contrast("#000000", fill) > contrast("#ffffff", fill) ? "#000000" : "#ffffff";
}

/** `share` of `color` on `base`. */
export function mix(base: string, color: string, share: number): string {
  return rgb(interpolateRgb(base, color)(share)).formatHex();
}

/** As much of `color` on the panel as leaves text readable, up to `share`. */
function tint(palette: Palette, color: string, share: number): string {
  for (let s = share; s > 0.05; s -= 0.05) {
    const mixed = mix(palette.panel, color, s);
    if (contrast(palette.text, mixed) >= AA + 0.5) return mixed;
  }
  return palette.panel;
}

// Hues that stay apart for most kinds of color blindness when tinted (Okabe and Ito's set, adapted).
const HUES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a6bd1", "#a3a500", "#b0413e"];

function isDark(palette: Palette): boolean {
  return contrast(palette.bg, "#ffffff") > contrast(palette.bg, "#000000");
}

const SHADES = 1000;

function scale(
  palette: Palette,
  title: string,
  values: readonly (number | null)[],
  format: (value: number) => string,
  /** Rows that are shown as one, where their values add up; null where they do not. */
  sums: readonly (readonly number[])[] | null,
  /** What they add up to at most: rows may share what they hold. */
  most = Number.POSITIVE_INFINITY,
): Coloring {
  let low = 0;
  let high = 0;
  // The root is everything: it would push all others to the pale end.
  values.forEach((v, row) => {
    if (row === 0 || v === null || !Number.isFinite(v)) return;
    low = Math.min(low, v);
    high = Math.max(high, v);
  });
  const sum = (rows: readonly number[]): number =>
    Math.min(
      most,
      rows.reduce((all, row) => all + (values[row] ?? Number.NaN), 0),
    );
  for (const rows of sums ?? []) if (sum(rows) > high) high = sum(rows);
  if (high <= low) return plain(values.length);
  const end = tint(palette, palette.heat, isDark(palette) ? 0.62 : 0.6);
  const shade = interpolateLab(palette.panel, end);
  // By the square root: layers of a few per cent are what people look for beside the giants.
  const place = (v: number): number => Math.sqrt(Math.max(0, Math.min(1, (v - low) / (high - low))));
  // Finer than anybody sees: mixing a color takes a while, and a large model has tens of thousands of rows.
  const shades: string[] = [];
  const shadeAt = (at: number): string => {
    const step = Math.round(at * SHADES);
    shades[step] ??= rgb(shade(step / SHADES)).formatHex();
    return shades[step];
  };
  const fillOf = (v: number | null): string | null => (v === null || !Number.isFinite(v) ? null : shadeAt(place(v)));
  const fills = values.map(fillOf);
  const ticks = [0, 0.5, 1].map((at) => ({ at, label: format(low + at * at * (high - low)) }));
  const stops = Array.from({ length: 24 }, (_, i) => rgb(shade(i / 23)).formatHex());
  const together = sums ? (rows: readonly number[]) => fillOf(sum(rows)) : inCommon(fills);
  return { fills, together, legend: { kind: "scale", title, stops, ticks } };
}

function categories(palette: Palette, title: string, values: readonly (string | null)[]): Coloring {
  const counts = new Map<string, number>();
  values.forEach((v, row) => {
    if (v !== null && row > 0) counts.set(v, (counts.get(v) ?? 0) + 1);
  });
  const names = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1));
  const share = isDark(palette) ? 0.46 : 0.34;
  const colors = new Map(names.slice(0, HUES.length).map((n, i) => [n, tint(palette, HUES[i] as string, share)]));
  const entries = [...colors].map(([label, color]) => ({ label, color }));
  if (entries.length === 0) return plain(values.length);
  const fills = values.map((v) => (v === null ? null : (colors.get(v) ?? null)));
  return {
    fills,
    together: inCommon(fills),
    legend: { kind: "categories", title, entries, more: names.length - entries.length },
  };
}

function trainability(payload: Payload): (string | null)[] {
  const { params, trainable_params } = payload.rows;
  return Array.from(params, (all, row) => {
    const train = trainable_params[row] ?? Number.NaN;
    if (!(all > 0) || Number.isNaN(train)) return null;
    return train === 0 ? "frozen" : train === all ? "trainable" : "partly trainable";
  });
}

const NO_STACKS: readonly (readonly number[])[] = [];

interface Known {
  readonly asked: readonly unknown[];
  readonly coloring: Coloring;
}

const latest = new WeakMap<Payload, Known>();

/** Fill and legend for what the color menu has chosen; `stacks` are rows that are shown as one. */
export function colorRows(
  payload: Payload,
  colorBy: string,
  columns: readonly ValueColumn[],
  palette: Palette,
  stacks: readonly (readonly number[])[] = NO_STACKS,
): Coloring {
  const asked = [colorBy, columns, palette, stacks];
  const known = latest.get(payload);
  // Whatever opens or closes is drawn in the same colors.
  if (known?.asked.every((what, i) => what === asked[i])) return known.coloring;
  const coloring = colored(payload, colorBy, columns, palette, stacks);
  latest.set(payload, { asked, coloring });
  return coloring;
}

function colored(
  payload: Payload,
  colorBy: string,
  columns: readonly ValueColumn[],
  palette: Palette,
  stacks: readonly (readonly number[])[],
): Coloring {
  const { rows } = payload;
  const leafOnly = (texts: readonly string[]): (string | null)[] =>
    texts.map((t, row) => (t === "" || rows.kind[row] === "group" ? null : t));
  switch (colorBy) {
    case "params":
      return scale(palette, "share of parameters", Array.from(rows.share), percent, stacks, 1);
    case "macs":
      return scale(palette, "MACs", Array.from(rows.macs), shortCount, stacks);
    case "bytes":
      return scale(palette, "weight bytes", Array.from(rows.bytes), formatBytes, stacks);
    case "type":
      return categories(palette, "type", leafOnly(rows.type));
    case "dtype":
      return categories(palette, "output dtype", leafOnly(rows.dtype));
    case "trainable":
      return categories(palette, "trainable", trainability(payload));
  }
  const column = columns.find((c) => c.id === colorBy);
  if (!column) return plain(rows.length);
  const values = rows.path.map((_, row) => column.values[row] ?? null);
  if (values.some((v) => typeof v === "string")) {
    return categories(
      palette,
      column.label,
      values.map((v) => (v === null ? null : String(v))),
    );
  }
  const unit = column.unit ? ` ${column.unit}` : "";
  const numbers = values.map((v) => (typeof v === "number" ? v : null));
  return scale(palette, column.label, numbers, (v) => formatNumber(v) + unit, null);
}
