// The legend as drawing commands: what the fill means, and what violet means.
import { type Legend, readable } from "../color";
import type { Command } from "./commands";
import { type LineWidths, THICK, THIN } from "./line-width";
import { edgeColors, type Look } from "./scene";
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

export function drawLegend({ coloring, lines, theme }: Look): LegendPicture | null {
  const soft = readable(theme.bg, theme.muted, theme.text);
  const { legend } = coloring;
  const fill =
    legend.kind === "none"
      ? null
      : legend.kind === "scale"
        ? drawScale(legend, theme, soft)
        : drawCategories(legend, theme, soft);
  const width = lines.ends && drawWidths(lines.ends, theme, soft);
  return fill && width ? below(fill, width) : (fill ?? width);
}

const GAP = 6;

function below(upper: LegendPicture, lower: LegendPicture): LegendPicture {
  const width = Math.max(upper.width, lower.width);
  const put = ({ commands, width: own }: LegendPicture, y: number): Command[] =>
    commands.map((command) => moved(command, width - own, y));
  return {
    width,
    height: upper.height + GAP + lower.height,
    commands: [...put(upper, 0), ...put(lower, upper.height + GAP)],
    label: `${upper.label}. ${lower.label}`,
  };
}

function moved(command: Command, dx: number, dy: number): Command {
  if (command.kind !== "path") return { ...command, x: command.x + dx, y: command.y + dy };
  return { ...command, curve: Array.from(command.curve, (at, i) => at + (i % 2 === 0 ? dx : dy)) };
}

/** A wedge from the thinnest line to the widest. */
function drawWidths(ends: NonNullable<LineWidths["ends"]>, theme: Theme, soft: string): LegendPicture {
  const title = "line width: tensor size";
  const width = Math.ceil(Math.max(textWidth(title, SIZE, "regular"), BAR) + 2 * PAD);
  const right = width - PAD;
  const wedge = [PAD, 28 - THIN / 2, right, 28 - THICK / 2, right, 28 + THICK / 2, PAD, 28 + THIN / 2];
  const label = (x: number, anchor: "start" | "end", text: string): Command => {
    return { kind: "text", x, y: 46, text, size: SIZE - 1, face: "regular", anchor, fill: soft };
  };
  return {
    width,
    height: 52,
    commands: [
      card(width, 52, theme),
      { kind: "text", x: PAD, y: 17, text: title, size: SIZE, face: "regular", anchor: "start", fill: soft },
      { kind: "path", curve: wedge, closed: true, fill: edgeColors(theme).plain, stroke: "none", strokeWidth: 0 },
      label(PAD, "start", ends.low),
      label(right, "end", ends.high),
    ],
    label: `Line width: tensor size, ${ends.low} to ${ends.high}`,
  };
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
