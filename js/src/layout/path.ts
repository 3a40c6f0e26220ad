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

  /** Room for `count` more numbers. */
  #reserve(count: number): void {
    if (this.#length + count <= this.#data.length) return;
    const grown = new Float64Array(this.#data.length * 2 + count);
    grown.set(this.#data);
    this.#data = grown;
  }

  start(x: number, y: number): void {
    this.#reserve(2);
    this.#data[this.#length] = x;
    this.#data[this.#length + 1] = y;
    this.#length += 2;
  }

  curve(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void {
    this.#reserve(6);
    const data = this.#data;
    const at = this.#length;
    data[at] = x1;
    data[at + 1] = y1;
    data[at + 2] = x2;
    data[at + 3] = y2;
    data[at + 4] = x;
    data[at + 5] = y;
    this.#length = at + 6;
  }

  /** A straight piece to a point further along the flow. */
  straight(y: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const y0 = this.#data[this.#length - 1]!;
    if (Math.abs(y0 - y) < 0.01) return;
    this.curve(x0, y0 + (y - y0) / 3, x0, y0 + ((y - y0) * 2) / 3, x0, y);
  }

  /** Along the flow to `y`, across it to `x`, and along it again to `end`, with rounded corners. */
  detour(x: number, y: number, end: number, radius: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const side = Math.sign(x - x0);
    const r = Math.min(radius, Math.abs(x - x0) / 2, Math.abs(end - y));
    this.straight(y - Math.min(radius, y - this.#data[this.#length - 1]!));
    if (side !== 0) {
      this.curve(x0, y, x0, y, x0 + side * r, y);
      const from = x0 + side * r;
      const to = x - side * r;
      this.curve(from + (to - from) / 3, y, from + ((to - from) * 2) / 3, y, to, y);
      this.curve(x, y, x, y, x, y + r);
    }
    this.straight(end);
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

  /** An S to another point, and a straight piece from there to `end`. */
  pass(x: number, y: number, end: number): void {
    this.swerve(x, y);
    this.straight(end);
  }

  /** A bow to a point across the flow, that leaves and arrives along it. */
  bow(x: number, height: number): void {
    const x0 = this.#data[this.#length - 2]!;
    const y0 = this.#data[this.#length - 1]!;
    this.curve(x0, y0 + height, x, y0 + height, x, y0);
  }

  /** Append a curve of another list the other way round; it has to start where this one has ended. */
  reversed(curve: Float64Array): void {
    this.#reserve(curve.length);
    for (let i = curve.length - 4; i >= 0; i -= 2) {
      this.#data[this.#length++] = curve[i]!;
      this.#data[this.#length++] = curve[i + 1]!;
    }
  }

  /** Append a curve that starts where this one has ended. */
  append(curve: Float64Array): void {
    this.#reserve(curve.length);
    this.#data.set(curve.subarray(2), this.#length);
    this.#length += curve.length - 2;
  }
}
