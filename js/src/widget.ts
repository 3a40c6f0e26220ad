// The anywidget entry: one store per widget model, one mounted app per display.
import type { AnyWidget } from "@anywidget/types";
import { kernelOf } from "./kernel";
import { load } from "./loading";
import { type PageSource, workerScript } from "./page";
import { Store } from "./store";
import { type Model, payloadOf, readState, syncTraits, type Traits } from "./sync";
import { mount } from "./views/mount";
import { STAFF } from "./worker/staff";

/** What `export default` of widget.js is; `source` is what a saved page is made of. */
export function createWidget(source: PageSource): AnyWidget<Traits> {
  // By payload: anywidget hands out another proxy of the model with every call, but behind them the payload is one object.
  const stores = new WeakMap<DataView, Store>();

  const makeStore = (model: Model, signal: AbortSignal, known: (payload: DataView, store: Store) => void): Store => {
    const store = new Store(readState(model), kernelOf(model));
    syncTraits(model, store, signal);
    followPayload(model, store, signal, (payload) => known(payload, store));
    return store;
  };

  return {
    // Returns at once: an initialize that takes over two seconds costs the model its messages (anywidget 0.11).
    initialize({ model, signal }) {
      makeStore(model, signal, (payload, store) => stores.set(payload, store));
      signal.addEventListener("abort", () => stores.delete(model.get("payload")), { once: true });
    },
    render({ model, el, signal }) {
      // A host that copies payloads gives every display a store of its own; traits keep their states equal.
      const store = stores.get(model.get("payload")) ?? makeStore(model, signal, () => {});
      const pageOf = () => ({ ...source, payload: payloadOf(model) ?? new Uint8Array() });
      STAFF.join(workerScript(source), signal);
      mount(el, store, { source: pageOf, page: false, style: source.style }, signal);
    },
  };
}

function followPayload(model: Model, store: Store, signal: AbortSignal, follows: (payload: DataView) => void): void {
  let newest: AbortController | null = null;
  const follow = () => {
    newest?.abort();
    newest = new AbortController();
    follows(model.get("payload"));
    const payload = payloadOf(model);
    if (payload) void load(store, payload, newest.signal);
  };
  model.on("change:payload", follow);
  signal.addEventListener(
    "abort",
    () => {
      model.off("change:payload", follow);
      newest?.abort();
    },
    { once: true },
  );
  follow();
}
