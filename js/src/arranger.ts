// Who turns wishes into arrangements: at once where there is little to do, in slices or elsewhere where there is much.
import { LayoutCache } from "./layout";
import { type Arrangement, arranging, type Wish } from "./scene";
import type { Payload } from "./wire";

export interface Arranger {
  /** At once or later; a promise is rejected when `signal` aborts. `progress` hears the share that is done, 0 to 1. */
  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement>;
}

const arrangers = new WeakMap<Payload, Arranger>();

/** The arranger of a payload: one for all displays of it, so that they share what has been laid out. */
export function arrangerOf(payload: Payload): Arranger {
  const arranger = arrangers.get(payload) ?? new PageArranger(payload);
  arrangers.set(payload, arranger);
  return arranger;
}

/** Calls that are arranged at once: a few milliseconds. */
const AT_ONCE = 1500;
/** Longest time, in milliseconds, that the page waits for a slice. */
const SLICE = 10;

/** On the page's own thread. */
class PageArranger implements Arranger {
  readonly #payload: Payload;
  readonly #cache = new LayoutCache();

  constructor(payload: Payload) {
    this.#payload = payload;
  }

  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement> {
    const steps = arranging(this.#payload, wish, this.#cache);
    if (this.#payload.calls.length > AT_ONCE) return inSlices(steps, signal, progress);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }
}

/** Run a generator so that input and paint get through; rejects with the signal's reason when it aborts. */
async function inSlices<T>(
  steps: Generator<number, T>,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<T> {
  for (;;) {
    const end = performance.now() + SLICE;
    let step = steps.next();
    while (!step.done && performance.now() < end) step = steps.next();
    if (step.done) return step.value;
    progress(step.value);
    await nextTask();
    signal.throwIfAborted();
  }
}

/** After the events that are waiting; timers would wait four milliseconds each. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
