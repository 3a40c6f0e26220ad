// The anywidget entry: one store per widget model, one mounted app per display.
import type { AnyWidget } from "@anywidget/types";
import { kernelOf } from "./kernel";
import { load } from "./loading";
import { type PageSource, workerScript } from "./page";
import { Store } from "./store";
import { type Model, readState, syncTraits, type Traits } from "./sync";
import { mount } from "./views/mount";
import { STAFF } from "./worker/staff";

/** What `export default` of widget.js is; `source` is what a saved page is made of. */
export function createWidget(source: PageSource): AnyWidget<Traits> {
  const stores = new WeakMap<Model, Store>();

  const storeOf = (model: Model, signal: AbortSignal): Store => {
    const known = stores.get(model);
    if (known) return known;
    const store = new Store(readState(model), kernelOf(model));
    stores.set(model, store);
    signal.addEventListener("abort", () => stores.delete(model), { once: true });
    syncTraits(model, store, signal);
    followPayload(model, store, signal);
    return store;
  };

  return {
    // Returns at once: an initialize that takes over two seconds costs the model its messages (anywidget 0.11).
    initialize({ model, signal }) {
      storeOf(model, signal);
    },
    render({ model, el, signal }) {
      const store = stores.get(model) ?? storeOf(model, signal);
      const pageOf = () => ({ ...source, payload: bytesOf(model.get("payload")) });
      STAFF.join(workerScript(source), signal);
      mount(el, store, { source: pageOf, page: false, style: source.style }, signal);
    },
  };
}

function bytesOf(view: DataView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

function followPayload(model: Model, store: Store, signal: AbortSignal): void {
  let newest: AbortController | null = null;
  const follow = () => {
    newest?.abort();
    newest = new AbortController();
    void load(store, bytesOf(model.get("payload")), newest.signal);
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
