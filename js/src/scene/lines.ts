// Edges with their arrowheads, and the labels on them.
import { readable } from "../color";
import type { Command } from "./commands";
import { PLAIN } from "./line-width";
import type { Theme } from "./theme";
import { textWidth } from "./widths";

const HEAD = 7;
const HALF = 3.4;

/** The curve, and a filled head that points the way the curve ends. */
export function drawEdge(curve: Float64Array, color: string, width = PLAIN): Command[] {
  const [head, half] = [HEAD + (width - PLAIN), HALF + (width - PLAIN) / 2];
  const n = curve.length;
  const [x, y] = [curve[n - 2] as number, curve[n - 1] as number];
  let [fx, fy] = [curve[n - 4] as number, curve[n - 3] as number];
  if (fx === x && fy === y) [fx, fy] = [curve[n - 6] as number, curve[n - 5] as number];
  const length = Math.hypot(x - fx, y - fy) || 1;
  const [dx, dy] = [(x - fx) / length, (y - fy) / length];
  const [bx, by] = [x - dx * head, y - dy * head];
  // The line ends inside the head, else its width would blunt the tip.
  const line = Float64Array.from(curve);
  line[n - 2] = x - dx * head * 0.7;
  line[n - 1] = y - dy * head * 0.7;
  const tip = [x, y, bx - dy * half, by + dx * half, bx + dy * half, by - dx * half];
  return [
    { kind: "path", curve: line, fill: "none", stroke: color, strokeWidth: width },
    { kind: "path", curve: tip, closed: true, fill: color, stroke: "none", strokeWidth: 0 },
  ];
}

/** A pill with the shape; `color` marks a change of rank or size. */
export function drawLabel(
  text: string,
  x: number,
  y: number,
  height: number,
  color: string | null,
  theme: Theme,
): Command[] {
  const size = 10.5;
  const width = Math.ceil(textWidth(text, size, "mono") + 12);
  const ink = color ?? readable(theme.bg, theme.muted, theme.text);
  return [
    {
      kind: "rect",
      x: x - width / 2,
      y: y - height / 2,
      width,
      height,
      radius: height / 2,
      fill: theme.bg,
      stroke: color ?? theme.border,
      strokeWidth: color ? 1.2 : 1,
    },
    { kind: "text", x, y: y + size * 0.36, text, size, face: "mono", anchor: "middle", fill: ink },
  ];
}
