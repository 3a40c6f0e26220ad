// Who turns wishes into arrangements: the page at once where there is little to do, else its worker, else the page in
// slices.
import { LayoutCache } from "./layout";
import { type Arrangement, arranging, type Wish } from "./scene";
import { inSlices } from "./slices";
import { atOnce } from "./steps";
import type { Payload } from "./wire";
import { STAFF, type Staff } from "./worker/staff";

export interface Arranger {
  /** At once or later; a promise is rejected when `signal` aborts. `progress` hears the share that is done, 0 to 1. */
  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement>;
}

const arrangers = new WeakMap<Payload, Arranger>();

/** The arranger of a payload: one for all displays of it, so that they share what has been laid out. */
export function arrangerOf(payload: Payload): Arranger {
  const arranger = arrangers.get(payload) ?? new SharedArranger(payload, null, STAFF);
  arrangers.set(payload, arranger);
  return arranger;
}

/** Let a payload be arranged by the worker, which gets it as compressed bytes and keeps it until `signal` aborts. */
export function shareWithWorker(payload: Payload, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): void {
  arrangers.set(payload, new SharedArranger(payload, bytes, STAFF));
  signal.addEventListener("abort", () => STAFF.forget(bytes), { once: true });
}

/** Calls that are arranged at once: a few milliseconds. */
const AT_ONCE = 1500;

/** Whether the page arranges it by itself. */
export const isSmall = (payload: Payload): boolean => payload.calls.length <= AT_ONCE;

export class SharedArranger implements Arranger {
  readonly #payload: Payload;
  readonly #bytes: Uint8Array<ArrayBuffer> | null;
  readonly #staff: Staff;
  readonly #few: number;
  readonly #cache = new LayoutCache();

  constructor(payload: Payload, bytes: Uint8Array<ArrayBuffer> | null, staff: Staff, few = AT_ONCE) {
    this.#payload = payload;
    this.#bytes = bytes;
    this.#staff = staff;
    this.#few = few;
  }

  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement> {
    if (this.#payload.calls.length <= this.#few) return atOnce(arranging(this.#payload, wish, this.#cache));
    return this.#arrangeLater(wish, signal, progress);
  }

  async #arrangeLater(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Promise<Arrangement> {
    const worker = this.#bytes && this.#staff.worker();
    if (worker && this.#bytes) {
      try {
        return await worker.arrange(this.#bytes, wish, signal, progress);
      } catch {
        // It is forbidden, or has met its end: what is wrong with the wish itself will show here too.
        signal.throwIfAborted();
      }
    }
    return inSlices(arranging(this.#payload, wish, this.#cache), signal, progress);
  }
}
