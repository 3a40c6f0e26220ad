// The anywidget entry: one store per widget model, one mounted app per display.
import type { AnyWidget } from "@anywidget/types";
import { gunzip } from "./gunzip";
import { kernelOf } from "./kernel";
import type { PageSource } from "./page";
import { Store } from "./store";
import { type Model, readState, syncTraits, type Traits } from "./sync";
import { mount } from "./views/mount";
import { decode } from "./wire";

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
      mount(el, store, { source: pageOf, page: false, style: source.style }, signal);
    },
  };
}

function bytesOf(view: DataView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

function followPayload(model: Model, store: Store, signal: AbortSignal): void {
  let newest = 0;
  const load = async () => {
    newest += 1;
    const mine = newest;
    try {
      const payload = decode(await gunzip(model.get("payload")));
      if (mine === newest && !signal.aborted) store.setPayload(payload);
    } catch (error) {
      if (mine === newest && !signal.aborted) store.fail(message(error));
    }
  };
  model.on("change:payload", load);
  signal.addEventListener("abort", () => model.off("change:payload", load), { once: true });
  void load();
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
