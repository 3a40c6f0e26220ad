// Who turns wishes into arrangements: the page at once where there is little to do, else its worker, else the page in
// slices.
import { LayoutCache } from "./layout";
import { openPaths } from "./outline";
import { type Arrangement, arranging, type Wish } from "./scene";
import { inSlices } from "./slices";
import type { State } from "./state";
import { atOnce } from "./steps";
import type { Payload } from "./wire";
import type { Remote } from "./worker/remote";
import { STAFF, type Staff } from "./worker/staff";

export interface Arranger {
  /** At once or later; a promise is rejected when `signal` aborts. `progress` hears the share that is done, 0 to 1. */
  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement>;
}

/** What is wished in a state. */
export function wishOf(payload: Payload, state: State): Wish {
  return { open: openPaths(payload, state), groups: state.groups, direction: state.direction };
}

const isSame = (one: Wish, other: Wish): boolean =>
  one.open === other.open && one.groups === other.groups && one.direction === other.direction;

const arrangers = new WeakMap<Payload, Arranger>();

/** The arranger of a payload: one for all displays of it, so that they share what has been laid out. */
export function arrangerOf(payload: Payload): Arranger {
  const arranger = arrangers.get(payload) ?? new SharedArranger(payload, null, STAFF);
  arrangers.set(payload, arranger);
  return arranger;
}

/**
 * Let a payload be arranged by the worker, which gets it as compressed bytes. It begins with `first`, unless `signal` aborts, while the page makes room for it: what a worker is told later waits until the page has nothing to do. Resolves when it
 * is done with that.
 */
export function shareWithWorker(
  payload: Payload,
  bytes: Uint8Array<ArrayBuffer>,
  first: Wish,
  signal: AbortSignal,
): Promise<void> {
  const arranger = new SharedArranger(payload, bytes, STAFF);
  arrangers.set(payload, arranger);
  return arranger.expect(first, signal);
}

/** Calls that are arranged at once: a few milliseconds. */
const AT_ONCE = 1500;

/** Whether the page arranges so many calls by itself. */
export const isSmall = (calls: number): boolean => calls <= AT_ONCE;

/** A wish that the worker has begun with before anybody had it. */
interface Expected {
  readonly wish: Wish;
  readonly result: Promise<Arrangement>;
  readonly end: AbortController;
  heard(done: number): void;
}

export class SharedArranger implements Arranger {
  readonly #payload: Payload;
  readonly #bytes: Uint8Array<ArrayBuffer> | null;
  readonly #staff: Staff;
  readonly #few: number;
  readonly #cache = new LayoutCache();
  #expected: Expected | null = null;

  constructor(payload: Payload, bytes: Uint8Array<ArrayBuffer> | null, staff: Staff, few = AT_ONCE) {
    this.#payload = payload;
    this.#bytes = bytes;
    this.#staff = staff;
    this.#few = few;
  }

  /** Let the worker, if there is one, begin with a wish that will come; resolves when it is done, or cannot do it. */
  async expect(wish: Wish, signal: AbortSignal): Promise<void> {
    const worker = this.#payload.calls.length > this.#few && this.#bytes && this.#staff.worker();
    if (!worker || !this.#bytes) return;
    const end = new AbortController();
    signal.addEventListener("abort", () => end.abort(signal.reason), { once: true });
    const result = worker.arrange(this.#bytes, wish, end.signal, (done) => expected.heard(done));
    const expected: Expected = { wish, result, end, heard: () => {} };
    this.#expected = expected;
    await result.catch(() => {}); // whoever has the wish hears why
  }

  arrange(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Arrangement | Promise<Arrangement> {
    if (this.#payload.calls.length <= this.#few) return atOnce(arranging(this.#payload, wish, this.#cache));
    return this.#arrangeLater(wish, signal, progress);
  }

  async #arrangeLater(wish: Wish, signal: AbortSignal, progress: (done: number) => void): Promise<Arrangement> {
    const worker = this.#bytes && this.#staff.worker();
    if (worker && this.#bytes) {
      try {
        return await this.#ask(worker, this.#bytes, wish, signal, progress);
      } catch {
        // It is forbidden, or has met its end: what is wrong with the wish itself will show here too.
        signal.throwIfAborted();
      }
    }
    return inSlices(arranging(this.#payload, wish, this.#cache), signal, progress);
  }

  async #ask(
    worker: Remote,
    bytes: Uint8Array<ArrayBuffer>,
    wish: Wish,
    signal: AbortSignal,
    progress: (done: number) => void,
  ): Promise<Arrangement> {
    const expected = this.#expected;
    this.#expected = null;
    if (!expected || !isSame(expected.wish, wish)) {
      expected?.end.abort();
      return worker.arrange(bytes, wish, signal, progress);
    }
    signal.throwIfAborted();
    expected.heard = progress;
    signal.addEventListener("abort", () => expected.end.abort(signal.reason), { once: true });
    return expected.result;
  }
}
