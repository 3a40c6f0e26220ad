// Keeps the traits of a widget model and a store equal, without echoes.
import type { AnyModel } from "@anywidget/types";
import { DEFAULT_STATE, type State } from "./state";
import type { Store } from "./store";

export type Traits = State & {
  /** What comes last of the payload, and empty until the rest is there. */
  readonly payload: DataView;
  /** Number of traits `payload_0`, `payload_1`, … that come before it; most have none. */
  readonly payload_parts: number;
  readonly [part: `payload_${number}`]: DataView;
};
export type Model = AnyModel<Traits>;

/** The whole payload, null while parts of it are still on their way. */
export function payloadOf(model: Model): Uint8Array<ArrayBuffer> | null {
  const parts = [model.get("payload")];
  for (let i = (model.get("payload_parts") ?? 0) - 1; i >= 0; i--) parts.unshift(model.get(`payload_${i}`));
  const bytes = parts.map((part) => new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset, part.byteLength));
  const [first, second] = bytes;
  if (!first?.length) return null;
  if (!second) return first;
  const whole = new Uint8Array(bytes.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const KEYS = Object.keys(DEFAULT_STATE) as (keyof State)[];

/** The traits as a state; a trait that this Python does not have keeps its default. */
export function readState(model: Model): State {
  const read: Partial<Record<keyof State, unknown>> = {};
  for (const key of KEYS) read[key] = model.get(key) ?? DEFAULT_STATE[key];
  return read as State;
}

/**
 * Carry changes both ways until `signal` aborts.
 *
 * There is no echo: what one side has just been told it already has, and neither announces an equal value. What a change
 * from Python leads to here (a selection opens its ancestors) does go back.
 */
export function syncTraits(model: Model, store: Store, signal: AbortSignal): void {
  store.subscribe((changed) => {
    const keys = KEYS.filter((key) => changed.has(key) && model.get(key) !== store.state[key]);
    if (keys.length === 0) return;
    for (const key of keys) model.set(key, store.state[key]);
    model.save_changes();
  }, signal);

  for (const key of KEYS) {
    const heard = () => store.set({ [key]: model.get(key) ?? DEFAULT_STATE[key] });
    model.on(`change:${key}`, heard);
    signal.addEventListener("abort", () => model.off(`change:${key}`, heard), { once: true });
  }
}
