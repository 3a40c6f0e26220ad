// Integers of which nobody knows beforehand how many there will be.

export class Numbers {
  #data = new Int32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Append `value`; returns its index. */
  push(value: number): number {
    if (this.#length === this.#data.length) {
      const grown = new Int32Array(this.#length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data[this.#length] = value;
    return this.#length++;
  }

  take(): Int32Array {
    return this.#data.subarray(0, this.#length);
  }
}
