// The legend as drawing commands: what the fill means, and what violet means.
import { type Legend, readable } from "../color";
import type { Command } from "./commands";
import type { Theme } from "./theme";
import { textWidth } from "./widths";

export interface LegendPicture {
  readonly width: number;
  readonly height: number;
  readonly commands: readonly Command[];
  /** The same in words. */
  readonly label: string;
}

const SIZE = 11;
const BAR = 120;
const PAD = 10;

export function drawLegend(legend: Legend, theme: Theme): LegendPicture | null {
  if (legend.kind === "none") return null;
  const soft = readable(theme.bg, theme.muted, theme.text);
  return legend.kind === "scale" ? drawScale(legend, theme, soft) : drawCategories(legend, theme, soft);
}

function card(width: number, height: number, theme: Theme): Command {
  return {
    kind: "rect",
    x: 0.5,
    y: 0.5,
    width: width - 1,
    height: height - 1,
    radius: 7,
    fill: theme.bg,
    stroke: theme.border,
    strokeWidth: 1,
  };
}

function drawScale(legend: Extract<Legend, { kind: "scale" }>, theme: Theme, soft: string): LegendPicture {
  const titleWidth = textWidth(legend.title, SIZE, "regular");
  const first = textWidth(legend.ticks[0]?.label ?? "", SIZE - 1, "regular") / 2;
  const last = textWidth(legend.ticks.at(-1)?.label ?? "", SIZE - 1, "regular") / 2;
  const inner = Math.max(titleWidth, BAR + first + last);
  const width = Math.ceil(inner + 2 * PAD);
  const height = 52;
  const x0 = (width - BAR - first - last) / 2 + first;
  const step = BAR / legend.stops.length;
  const commands: Command[] = [
    card(width, height, theme),
    { kind: "text", x: PAD, y: 17, text: legend.title, size: SIZE, face: "regular", anchor: "start", fill: soft },
    ...legend.stops.map(
      (fill, i): Command => ({
        kind: "rect",
        x: x0 + i * step,
        y: 24,
        width: step + (i < legend.stops.length - 1 ? 0.6 : 0),
        height: 8,
        radius: 0,
        fill,
        stroke: "none",
        strokeWidth: 0,
      }),
    ),
    {
      kind: "rect",
      x: x0,
      y: 24,
      width: BAR,
      height: 8,
      radius: 0,
      fill: "none",
      stroke: theme.border,
      strokeWidth: 0.8,
    },
    ...legend.ticks.map(
      (tick): Command => ({
        kind: "text",
        x: x0 + tick.at * BAR,
        y: 44,
        text: tick.label,
        size: SIZE - 1,
        face: "regular",
        anchor: "middle",
        fill: soft,
      }),
    ),
  ];
  const ends = `${legend.ticks[0]?.label} to ${legend.ticks.at(-1)?.label}`;
  return { width, height, commands, label: `Fill: ${legend.title}, ${ends}` };
}

function drawCategories(legend: Extract<Legend, { kind: "categories" }>, theme: Theme, soft: string): LegendPicture {
  const lines = legend.entries.map((e) => e.label);
  if (legend.more > 0) lines.push(`${legend.more} more`);
  const widest = Math.max(
    textWidth(legend.title, SIZE, "regular"),
    ...lines.map((l) => textWidth(l, SIZE, "regular") + 18),
  );
  const width = Math.ceil(widest + 2 * PAD);
  const height = 26 + lines.length * 16 + 4;
  const commands: Command[] = [
    card(width, height, theme),
    { kind: "text", x: PAD, y: 17, text: legend.title, size: SIZE, face: "regular", anchor: "start", fill: soft },
  ];
  lines.forEach((text, i) => {
    const y = 26 + i * 16;
    const fill = legend.entries[i]?.color ?? theme.panel;
    commands.push(
      { kind: "rect", x: PAD, y: y + 1, width: 11, height: 11, radius: 3, fill, stroke: theme.border, strokeWidth: 1 },
      { kind: "text", x: PAD + 18, y: y + 10.5, text, size: SIZE, face: "regular", anchor: "start", fill: soft },
    );
  });
  return { width, height, commands, label: `Fill: ${legend.title}; ${lines.join(", ")}` };
}
