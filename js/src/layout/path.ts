// A growing list of curves: each a start point and cubic Bézier pieces, as pairs of coordinates.

export class Paths {
  #data = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Everything so far. */
  take(): Float64Array {
    return this.#data.slice(0, this.#length);
  }

  #put(...values: readonly number[]): void {
    if (this.#length + values.length > this.#data.length) {
      const grown = new Float64Array(this.#data.length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    for (const value of values) this.#data[this.#length++] = value;
  }

  start(x: number, y: number): void {
    this.#put(x, y);
  }

  curve(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void {
    this.#put(x1, y1, x2, y2, x, y);
  }

  /** A straight piece to a point further along the flow. */
  straight(y: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const y0 = this.#data[this.#length - 1]!;
    if (Math.abs(y0 - y) < 0.01) return;
    this.curve(x0, y0 + (y - y0) / 3, x0, y0 + ((y - y0) * 2) / 3, x0, y);
  }

  /** An S to another point that leaves and arrives along the flow. */
  swerve(x: number, y: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const y0 = this.#data[this.#length - 1]!;
    if (Math.abs(x0 - x) < 0.01) {
      this.straight(y);
      return;
    }
    const pull = (y - y0) * 0.55;
    this.curve(x0, y0 + pull, x, y - pull, x, y);
  }

  /** A bow to a point across the flow, that leaves and arrives along it. */
  bow(x: number, height: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const y0 = this.#data[this.#length - 1]!;
    this.curve(x0, y0 + height, x, y0 + height, x, y0);
  }

  /** Append a curve of another list the other way round; it has to start where this one has ended. */
  reversed(curve: Float64Array): void {
    for (let i = curve.length - 4; i >= 0; i -= 2) this.#put(curve[i]!, curve[i + 1]!);
  }

  /** Append a curve that starts where this one has ended. */
  append(curve: Float64Array): void {
    for (let i = 2; i < curve.length; i++) this.#put(curve[i]!);
  }
}
