// What can wait until the picture shows: each piece of work in a task of its own, the newest of its kind.

export class Afterwards {
  readonly #isReady: () => boolean;
  readonly #signal: AbortSignal;
  readonly #works = new Map<string, () => void>();
  #task: ReturnType<typeof setTimeout> | undefined;

  constructor(isReady: () => boolean, signal: AbortSignal) {
    this.#isReady = isReady;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.forget(), { once: true });
  }

  /** Takes the place of work of the same kind that still waits. */
  add(kind: string, work: () => void): void {
    if (this.#signal.aborted) return;
    this.#works.set(kind, work);
    this.go();
  }

  forget(): void {
    this.#works.clear();
    clearTimeout(this.#task);
    this.#task = undefined;
  }

  /** To be called when it may have become ready. */
  go(): void {
    if (this.#task !== undefined || this.#works.size === 0 || !this.#isReady()) return;
    this.#task = setTimeout(() => {
      this.#task = undefined;
      this.#doNext();
      this.go();
    });
  }

  #doNext(): void {
    const [next] = this.#works;
    // A newer picture may have begun meanwhile: then it comes first.
    if (!next || !this.#isReady()) return;
    this.#works.delete(next[0]);
    next[1]();
  }
}
