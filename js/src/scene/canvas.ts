// The canvas backend: the same commands as `svg.ts`, drawn. Knows no page: any object with the methods below will do.
import type { Command, Text } from "./commands";
import type { Theme } from "./theme";

/** The part of CanvasRenderingContext2D that is used. */
export interface Context {
  fillStyle: unknown;
  strokeStyle: unknown;
  lineWidth: number;
  lineJoin: unknown;
  globalAlpha: number;
  font: string;
  textAlign: unknown;
  textRendering: unknown;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  scale(x: number, y: number): void;
  setLineDash(segments: number[]): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  bezierCurveTo(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void;
  roundRect(x: number, y: number, width: number, height: number, radius: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  clearRect(x: number, y: number, width: number, height: number): void;
  fill(): void;
  stroke(): void;
  fillText(text: string, x: number, y: number): void;
  strokeText(text: string, x: number, y: number): void;
}

/** Width of the ground around letters where lines may pass behind them. */
const HALO = 4;

export function drawCommands(context: Context, commands: readonly Command[], theme: Theme): void {
  for (const command of commands) {
    switch (command.kind) {
      case "rect": {
        const { x, y, width, height, radius, fill, stroke, strokeWidth, dash } = command;
        context.beginPath();
        context.roundRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
        paint(context, fill, stroke, strokeWidth, dash);
        break;
      }
      case "path": {
        context.beginPath();
        trace(context, command.curve, command.closed ?? false);
        paint(context, command.fill, command.stroke, command.strokeWidth, command.dash);
        break;
      }
      case "text":
        write(context, command, theme);
    }
  }
}

function paint(context: Context, fill: string, stroke: string, width: number, dash?: string): void {
  if (fill !== "none" && fill !== "transparent") {
    context.fillStyle = fill;
    context.fill();
  }
  if (stroke === "none" || width <= 0) return;
  context.strokeStyle = stroke;
  context.lineWidth = width;
  if (dash) context.setLineDash(dash.split(" ").map(Number));
  context.stroke();
  if (dash) context.setLineDash([]);
}

/** A start point and cubic pieces, or a polygon. */
export function trace(context: Context, curve: ArrayLike<number>, closed: boolean): void {
  context.moveTo(curve[0] as number, curve[1] as number);
  if (closed) {
    for (let i = 2; i < curve.length; i += 2) context.lineTo(curve[i] as number, curve[i + 1] as number);
    context.closePath();
    return;
  }
  for (let i = 2; i + 5 < curve.length; i += 6) {
    context.bezierCurveTo(
      curve[i] as number,
      curve[i + 1] as number,
      curve[i + 2] as number,
      curve[i + 3] as number,
      curve[i + 4] as number,
      curve[i + 5] as number,
    );
  }
}

export function fontOf({ face, size }: Pick<Text, "face" | "size">, theme: Theme): string {
  if (face === "mono") return `${size * theme.monoScale}px ${theme.mono}`;
  if (face === "bold") return `600 ${size * theme.boldScale}px ${theme.font}`;
  return `${size * theme.fontScale}px ${theme.font}`;
}

const ALIGN = { start: "left", middle: "center", end: "right" } as const;

function write(context: Context, text: Text, theme: Theme): void {
  context.font = fontOf(text, theme);
  // Else letters of small sizes are widened to whole pixels, beyond what boxes and pills were sized for.
  context.textRendering = "geometricPrecision";
  context.textAlign = ALIGN[text.anchor];
  if (text.halo) {
    context.strokeStyle = text.halo;
    context.lineWidth = HALO;
    context.lineJoin = "round";
    context.strokeText(text.text, text.x, text.y);
  }
  context.fillStyle = text.fill;
  context.fillText(text.text, text.x, text.y);
}
