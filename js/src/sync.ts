// Keeps the traits of a widget model and a store equal, without echoes.
import type { AnyModel } from "@anywidget/types";
import { DEFAULT_STATE, type State, type Store } from "./store";

export type Traits = State & { readonly payload: DataView };
export type Model = AnyModel<Traits>;

const KEYS = Object.keys(DEFAULT_STATE) as (keyof State)[];

/** The traits as a state; a trait that this Python does not have keeps its default. */
export function readState(model: Model): State {
  const read: Partial<Record<keyof State, unknown>> = {};
  for (const key of KEYS) read[key] = model.get(key) ?? DEFAULT_STATE[key];
  return read as State;
}

/** Carry changes both ways until `signal` aborts. */
export function syncTraits(model: Model, store: Store, signal: AbortSignal): void {
  // While one side is being told what the other said, its announcement is no news.
  let telling = false;
  const guarded = (tell: () => void) => {
    if (telling) return;
    telling = true;
    try {
      tell();
    } finally {
      telling = false;
    }
  };

  store.subscribe((changed) => {
    const keys = KEYS.filter((key) => changed.has(key));
    if (keys.length === 0) return;
    guarded(() => {
      for (const key of keys) model.set(key, store.state[key]);
      model.save_changes();
    });
  }, signal);

  for (const key of KEYS) {
    const heard = () => guarded(() => store.set({ [key]: model.get(key) ?? DEFAULT_STATE[key] }));
    model.on(`change:${key}`, heard);
    signal.addEventListener("abort", () => model.off(`change:${key}`, heard), { once: true });
  }
}
