// A canvas context that writes down what is drawn.
import type { Context } from "./canvas";

export class RecordingContext implements Context {
  fillStyle: unknown = "";
  strokeStyle: unknown = "";
  lineWidth = 1;
  lineJoin: unknown = "miter";
  globalAlpha = 1;
  font = "";
  textAlign: unknown = "left";
  textRendering: unknown = "auto";
  readonly calls: string[] = [];
  readonly fills: unknown[] = [];
  /** Rounded rectangles, where translations have brought them. */
  readonly rects: { readonly x: number; readonly y: number; readonly width: number; readonly alpha: number }[] = [];
  #offset: readonly [x: number, y: number] = [0, 0];
  readonly #saved: (readonly [x: number, y: number])[] = [];
  readonly written: { readonly text: string; readonly font: string }[] = [];

  texts(): string[] {
    return this.written.map(({ text }) => text);
  }

  /** Sizes of all texts in pixels of a screen that shows the graph at scale `k`. */
  sizesOnScreen(k: number): Set<number> {
    return new Set(this.written.map(({ font }) => Math.round(Number(/([\d.]+)px/.exec(font)?.[1]) * k * 100) / 100));
  }

  #note(name: string, ...values: readonly unknown[]): void {
    this.calls.push([name, ...values].join(" "));
  }

  save(): void {
    this.#saved.push(this.#offset);
  }
  restore(): void {
    this.#offset = this.#saved.pop() ?? [0, 0];
  }
  translate(x: number, y: number): void {
    this.#offset = [this.#offset[0] + x, this.#offset[1] + y];
  }
  scale(): void {}
  clearRect(): void {}
  setLineDash(segments: number[]): void {
    this.#note("setLineDash", segments);
  }
  beginPath(): void {
    this.#note("beginPath");
  }
  closePath(): void {
    this.#note("closePath");
  }
  moveTo(...at: number[]): void {
    this.#note("moveTo", ...at);
  }
  lineTo(...at: number[]): void {
    this.#note("lineTo", ...at);
  }
  bezierCurveTo(...at: number[]): void {
    this.#note("bezierCurveTo", ...at);
  }
  roundRect(x: number, y: number, width: number, height: number, radius: number): void {
    this.rects.push({ x: x + this.#offset[0], y: y + this.#offset[1], width, alpha: this.globalAlpha });
    this.#note("roundRect", x, y, width, height, radius);
  }
  fillRect(...at: number[]): void {
    this.fills.push(this.fillStyle);
    this.#note("fillRect", ...at);
  }
  strokeRect(...at: number[]): void {
    this.#note("strokeRect", ...at);
  }
  fill(): void {
    this.fills.push(this.fillStyle);
    this.#note("fill", this.fillStyle);
  }
  stroke(): void {
    this.#note("stroke", this.strokeStyle, this.lineWidth);
  }
  fillText(text: string, x: number, y: number): void {
    this.written.push({ text, font: this.font });
    this.#note("fillText", text, x, y, this.font, this.textAlign, this.fillStyle);
  }
  strokeText(text: string, x: number, y: number): void {
    this.#note("strokeText", text, x, y, this.strokeStyle);
  }
}
