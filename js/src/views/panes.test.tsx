import { act } from "preact/test-utils";
import { afterEach, expect, it } from "vitest";
import { DEFAULT_STATE } from "../state";
import { Store } from "../store";
import { testPayload } from "../testing";
import type { Payload } from "../wire";
import { mount } from "./mount";

let width = 1200;
const source = () => ({ script: "", scriptHash: "", style: "", styleHash: "", payload: new Uint8Array() });
const ends: AbortController[] = [];

// happy-dom lays nothing out.
Object.defineProperties(HTMLElement.prototype, {
  clientHeight: { value: 600 },
  clientWidth: { get: () => width },
});

/** As a checkpoint is: tensors without calls. */
function undrawn(): Payload {
  const payload = testPayload({ diagnostics: [{ level: "note", message: "Tensors alone.", path: "", call: null }] });
  return { ...payload, calls: { ...payload.calls, length: 0 } };
}

function show(payload: Payload, room: number): { host: HTMLElement; store: Store } {
  width = room;
  const host = document.createElement("div");
  document.body.append(host);
  const end = new AbortController();
  ends.push(end);
  const store = new Store(DEFAULT_STATE);
  store.setPayload(payload);
  act(() => mount(host, store, { page: false, source, style: null }, end.signal));
  return { host, store };
}

afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
  document.body.replaceChildren();
});

function isShown(host: HTMLElement, selector: string): boolean {
  const found = host.querySelector(selector);
  return found !== null && found.closest("[hidden]") === null;
}

it("puts what is said in place of a graph beside a table that leaves room for sentences", () => {
  const { host } = show(undrawn(), 1100);
  expect(host.querySelector(".nbviz-main.is-narrow")).toBeNull();
  expect(host.querySelector('.nbviz-splitter[aria-label="Table and graph"]')).not.toBeNull();
});

it("puts it under a narrower one, where details of a row take its place", () => {
  const { host, store } = show(undrawn(), 700);
  expect(host.querySelector(".nbviz-main.is-narrow.is-undrawn")).not.toBeNull();
  expect(host.querySelector('[role="tab"]')).toBeNull();
  expect(isShown(host, ".nbviz-grid")).toBe(true);
  expect(isShown(host, ".nbviz-graph-empty")).toBe(true);
  act(() => store.set({ selection: ["encoder"] }));
  expect(isShown(host, ".nbviz-grid")).toBe(true);
  expect(isShown(host, ".nbviz-inspector")).toBe(true);
  expect(isShown(host, ".nbviz-graph-empty")).toBe(false);
});

it("leaves it out where the table alone is wanted", () => {
  const { host, store } = show(undrawn(), 700);
  act(() => store.set({ split: 1 }));
  expect(isShown(host, ".nbviz-grid")).toBe(true);
  expect(isShown(host, ".nbviz-graph-empty")).toBe(false);
});

it("lets table and graph stand side by side at that width, and take turns where it is less", () => {
  expect(show(testPayload(), 700).host.querySelector('[role="tab"]')).toBeNull();
  expect(show(testPayload(), 600).host.querySelectorAll('[role="tab"]')).toHaveLength(2);
});

it("offers nothing that is done with a graph where there is none", () => {
  const offers = (payload: Payload) => {
    const { host } = show(payload, 1200);
    for (const menu of host.querySelectorAll<HTMLElement>(".nbviz-controls [aria-haspopup]")) act(() => menu.click());
    const { textContent } = host.querySelector(".nbviz-controls") as Element;
    return ["Color", "Open to depth", "Direction", "Fit", "Interactive page", "Picture of the graph"].filter((offer) =>
      textContent.includes(offer),
    );
  };
  expect(offers(undrawn())).toEqual(["Open to depth", "Interactive page"]);
  expect(offers(testPayload())).toHaveLength(6);
});
