// From compressed bytes to a store that shows them, without keeping the page from its input.
import { isSmall, shareWithWorker, wishOf } from "./arranger";
import { callIndexSteps } from "./calls";
import { gunzip } from "./gunzip";
import { haystackSteps } from "./haystack";
import { unitsSteps } from "./scene/units";
import { inSlices, nextTask, SLICE } from "./slices";
import type { Store } from "./store";
import { rowIndex, treeOf } from "./tree";
import { decodeSteps, type Payload } from "./wire";
import { STAFF } from "./worker/staff";

/** Milliseconds in which the graph appears and a first click is answered, before anything is made ready that may never be asked for. */
const LATER = 100;

/** A model of fewer bytes is read in one go: its first picture takes longer than that. */
const FEW = 100_000;

/** Give `store` the payload, or the reason why there is none, unless `signal` aborts before. */
export async function load(store: Store, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
  try {
    const plain = await gunzip(bytes);
    // The worker starts, and reads it, while the page does.
    const prepare = (calls: number) => isSmall(calls) || STAFF.worker()?.prepare(bytes);
    signal.addEventListener("abort", () => STAFF.forget(bytes), { once: true });
    const slice = plain.length < FEW ? Number.POSITIVE_INFINITY : SLICE;
    const run = <T>(steps: Generator<unknown, T>) => inSlices(steps, signal, undefined, slice);
    const payload = await run(decodeSteps(plain, prepare));
    await run(preparing(payload, store.state.groups));
    await nextTask();
    const first = wishOf(payload, store.state);
    await nextTask();
    signal.throwIfAborted();
    const arranged = shareWithWorker(payload, bytes, first, signal);
    store.setPayload(payload);
    await arranged;
    await new Promise((resolve) => setTimeout(resolve, LATER));
    await inSlices(preparingMore(payload, !store.state.groups), signal);
  } catch (error) {
    if (!signal.aborted) store.fail(error instanceof Error ? error.message : String(error));
  }
}

/** What every view asks for at once, and then finds. */
function* preparing(payload: Payload, groups: boolean): Generator<undefined, void> {
  yield* unitsSteps(payload, groups);
  yield;
  treeOf(payload.rows, groups);
  yield;
  rowIndex(payload.rows);
  yield;
}

/** What may be asked for next: rows are clicked, layers searched, groups switched off and on. */
function* preparingMore(payload: Payload, groups: boolean): Generator<undefined, void> {
  yield* callIndexSteps(payload);
  yield* haystackSteps(payload);
  if (payload.rows.kind.includes("group")) yield* preparing(payload, groups);
}
