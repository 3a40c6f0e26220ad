// What a page and its worker say to each other.
import type { Arrangement, Wish } from "../scene";

/** From the page. Models and wishes have numbers that the page gives. */
export type Order =
  /** A model, as compressed bytes; said once, before the first wish about it. */
  | { readonly type: "model"; readonly model: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "forget"; readonly model: number }
  | { readonly type: "arrange"; readonly model: number; readonly wish: number; readonly wanted: Wish }
  | { readonly type: "cancel"; readonly wish: number };

/** From the worker. */
export type Answer =
  /** It runs: a policy that forbids workers shows in nothing else but that this never comes. */
  | { readonly type: "hello" }
  | { readonly type: "progress"; readonly wish: number; readonly done: number }
  | { readonly type: "arranged"; readonly wish: number; readonly arrangement: Arrangement }
  | { readonly type: "failed"; readonly wish: number; readonly message: string };

/** The memory behind plain data, each piece once: what can be handed over without a copy. */
export function memoryOf(data: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(data)) {
    if (data.buffer instanceof ArrayBuffer) found.add(data.buffer);
  } else if (typeof data === "object" && data !== null) {
    for (const value of Object.values(data)) memoryOf(value, found);
  }
  return found;
}
