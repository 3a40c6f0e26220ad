// A worker as the page sees it: is told a model once, takes wishes about it, and may turn out not to work at all.
import type { Arrangement, Wish } from "../scene";
import type { Answer, Order } from "./protocol";

/** What of a `Worker` is used. */
export interface WorkerLike {
  postMessage(order: Order): void;
  addEventListener(type: "message", heard: (event: MessageEvent<Answer>) => void): void;
  addEventListener(type: "error", heard: (event: Event) => void): void;
  terminate(): void;
}

/** A wish that cannot be met here; the page has to see to it itself. */
export class Unavailable extends Error {}

interface Pending {
  progress(done: number): void;
  settle(arrangement: Arrangement): void;
  fail(error: Error): void;
}

/** Milliseconds within which a worker says hello where it may run; a page that is busy hears it late. */
export const PATIENCE = 2000;

export class Remote {
  readonly #worker: WorkerLike;
  readonly #models = new WeakMap<Uint8Array, number>();
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  /** "silent": it may still turn up, but nobody waits for that. */
  #state: "starting" | "working" | "silent" | "ended" = "starting";
  readonly #timer: ReturnType<typeof setTimeout>;

  /** `broken` hears once that it does not work, and never will. */
  constructor(worker: WorkerLike, broken: () => void, patience = PATIENCE) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }) => this.#hear(data));
    worker.addEventListener("error", (event) => {
      // Where workers are forbidden that is no news to anybody.
      event.preventDefault();
      if (this.#state === "ended") return;
      this.end();
      broken();
    });
    this.#timer = setTimeout(() => this.#give("silent"), patience);
  }

  /** Let it read a model that will be asked for. */
  prepare(bytes: Uint8Array<ArrayBuffer>): number {
    const known = this.#models.get(bytes);
    if (known !== undefined) return known;
    const model = this.#count++;
    this.#models.set(bytes, model);
    this.#worker.postMessage({ type: "model", model, bytes });
    return model;
  }

  forget(bytes: Uint8Array<ArrayBuffer>): void {
    const model = this.#models.get(bytes);
    if (model === undefined || this.#state === "ended") return;
    this.#models.delete(bytes);
    this.#worker.postMessage({ type: "forget", model });
  }

  /** Rejects with the signal's reason when it aborts, and with `Unavailable` where the worker cannot do it. */
  arrange(
    bytes: Uint8Array<ArrayBuffer>,
    wanted: Wish,
    signal: AbortSignal,
    progress: (done: number) => void,
  ): Promise<Arrangement> {
    if (this.#state === "silent" || this.#state === "ended") return Promise.reject(new Unavailable(this.#state));
    if (signal.aborted) return Promise.reject(signal.reason);
    const model = this.prepare(bytes);
    const wish = this.#count++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#pending.delete(wish);
        if (this.#state !== "ended") this.#worker.postMessage({ type: "cancel", wish });
        reject(signal.reason);
      };
      const done = (): void => {
        this.#pending.delete(wish);
        signal.removeEventListener("abort", cancel);
      };
      signal.addEventListener("abort", cancel, { once: true });
      this.#pending.set(wish, {
        progress,
        settle: (arrangement) => {
          done();
          resolve(arrangement);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      });
      this.#worker.postMessage({ type: "arrange", model, wish, wanted });
    });
  }

  /** Whatever is under way is given back to the page. */
  end(): void {
    if (this.#state === "ended") return;
    this.#give("ended");
    this.#worker.terminate();
  }

  #hear(answer: Answer): void {
    if (this.#state === "ended") return;
    if (answer.type === "hello") {
      clearTimeout(this.#timer);
      this.#state = "working";
      return;
    }
    const pending = this.#pending.get(answer.wish);
    if (answer.type === "progress") pending?.progress(answer.done);
    else if (answer.type === "arranged") pending?.settle(answer.arrangement);
    else pending?.fail(new Unavailable(answer.message));
  }

  #give(state: "silent" | "ended"): void {
    clearTimeout(this.#timer);
    this.#state = state;
    for (const [wish, pending] of [...this.#pending]) {
      if (state === "silent") this.#worker.postMessage({ type: "cancel", wish });
      pending.fail(new Unavailable(state));
    }
  }
}
