import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Store } from "../store";
import { operationsPayload, testPayload, testStore } from "../testing";
import { mount } from "./mount";

const source = () => ({ script: "", scriptHash: "", style: "", styleHash: "", payload: new Uint8Array() });
let end = new AbortController();
let host = document.createElement("div");

// happy-dom lays nothing out; the virtualizer draws the rows that fit this.
Object.defineProperties(HTMLElement.prototype, { clientHeight: { value: 600 }, clientWidth: { value: 1200 } });

beforeEach(() => {
  end = new AbortController();
  host = document.createElement("div");
  document.body.append(host);
});

afterEach(() => {
  end.abort();
  host.remove();
});

function show(store: Store, page = false): void {
  act(() => mount(host, store, { page, source, style: null }, end.signal));
}

const rowNames = () => [...host.querySelectorAll(".nbviz-row .nbviz-name")].map((cell) => cell.textContent);
const find = (selector: string) => {
  const found = host.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`nothing matches ${selector}`);
  return found;
};

it("selects a row on click, with the first of its calls in focus", () => {
  const store = testStore({ expanded: ["encoder"] });
  show(store);
  act(() => find('[data-row="2"]').click());
  expect(store.state).toMatchObject({ selection: ["encoder/conv"], focus: 4 });
  expect(find('[data-row="2"]').getAttribute("aria-selected")).toBe("true");
  expect(find(".nbviz-inspector h2").textContent).toContain("conv");
});

it("opens what hides a selection that comes from elsewhere", () => {
  const store = testStore({ expanded: [] });
  show(store);
  expect(host.querySelector('[data-row="2"]')).toBeNull();
  act(() => store.set({ selection: ["encoder/conv"] }));
  expect(host.querySelector('[data-row="2"]')).not.toBeNull();
});

it("walks and opens the tree with the keyboard, and keeps those keys from the notebook", () => {
  const store = testStore({ expanded: [] });
  show(store);
  const heard = vi.fn();
  document.addEventListener("keydown", heard);
  const press = (key: string) =>
    act(() => void find(".nbviz-grid").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
  press("ArrowDown");
  press("ArrowRight");
  press("ArrowDown");
  press("Enter");
  document.removeEventListener("keydown", heard);
  expect(store.state.selection).toEqual(["encoder/conv"]);
  expect(heard).not.toHaveBeenCalled();
});

it("shows what a model calls its layers as text", () => {
  show(testStore());
  expect(rowNames().join()).toContain("<img src=x onerror=alert(1)>");
  expect(host.querySelector("img")).toBeNull();
});

it("offers the calls of a shared layer, and moves the focus between them", () => {
  const store = testStore({ expanded: [], selection: ["encoder"], focus: 3 });
  show(store);
  const uses = [...host.querySelectorAll<HTMLElement>(".nbviz-use")];
  expect(uses).toHaveLength(2);
  act(() => uses[1]?.click());
  expect(store.state.focus).toBe(6);
});

it("shares the selection between two displays", () => {
  const store = testStore({ expanded: [] });
  show(store);
  const other = document.createElement("div");
  document.body.append(other);
  act(() => mount(other, store, { page: false, source, style: null }, end.signal));
  act(() => find('[data-row="1"]').click());
  expect(other.querySelector('[data-row="1"]')?.getAttribute("aria-selected")).toBe("true");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  expect(new Set(ids).size).toBe(ids.length);
  other.remove();
});

it("leaves an empty element behind, and reacts no more", () => {
  const store = testStore();
  show(store);
  act(() => end.abort());
  expect(host.childNodes).toHaveLength(0);
  store.set({ selection: ["encoder"] });
  expect(host.childNodes).toHaveLength(0);
});

it("goes on by keys from the row that was clicked", () => {
  const store = testStore({ expanded: ["encoder"] });
  show(store);
  act(() => find('[data-row="2"]').click());
  expect(document.activeElement).toBe(find('[role="treegrid"]'));
  for (const key of ["ArrowUp", "Enter"]) {
    act(() => void document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
  }
  expect(store.state.selection).toEqual(["encoder"]);
});

it("hears the keys of a page that it fills, wherever they are pressed, and in a notebook its own alone", () => {
  const press = () =>
    act(() => void document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true })));
  show(testStore());
  press();
  expect(host.contains(document.activeElement)).toBe(false);
  show(testStore(), true);
  press();
  expect(document.activeElement).toBe(find('[aria-label="Search names, types, shapes"]'));
});

it("keeps rows filtered and sorted by a column that is out of sight", () => {
  const store = testStore({ columns: ["params"], filter: { text: "", types: ["Dense"] } });
  show(store);
  const names = rowNames();
  expect(names).toHaveLength(3);
  act(() => store.set({ sort: [{ id: "order", desc: true }] }));
  expect(rowNames().toSorted()).toEqual(names.toSorted());
  expect(rowNames()).not.toEqual(names);
});

it("marks the row around a selected operation that has no row, and opens nothing that is empty", () => {
  const store = testStore({ expanded: ["encoder"], operations: false });
  store.setPayload(operationsPayload());
  show(store);
  expect(find('[data-row="1"]').hasAttribute("aria-expanded")).toBe(false);
  act(() => store.set({ selection: ["encoder/conv"] }));
  expect(find('[data-row="1"]').className).toContain("is-holding");
  expect(find('[data-row="1"]').getAttribute("aria-selected")).toBe("false");
  act(() => store.set({ operations: true }));
  expect(find('[data-row="1"]').getAttribute("aria-expanded")).toBe("true");
  expect(find('[data-row="1"]').className).not.toContain("is-holding");
  expect(find('[data-row="2"]').getAttribute("aria-selected")).toBe("true");
});

it("keeps rows bright that hide an operation which a search finds", () => {
  const store = testStore({ expanded: ["encoder"], operations: false, search: "norm" });
  store.setPayload(operationsPayload());
  show(store);
  const dimmed = () => [...host.querySelectorAll(".nbviz-row.is-dimmed")].map((row) => row.getAttribute("data-row"));
  expect(dimmed()).toEqual(["0", "4", "7"]);
  act(() => store.set({ operations: true }));
  expect(dimmed()).toEqual(["0", "1", "2", "4", "7"]);
});

it("offers as many rows of each type as choosing it shows, operations too", () => {
  const store = testStore({ expanded: [], operations: false, groups: false });
  store.setPayload(operationsPayload());
  show(store);
  act(() => find('[aria-label="Types: All types"]').click());
  const offered = [...host.querySelectorAll<HTMLElement>('[role="menuitemcheckbox"]')].map((item) => item.textContent);
  expect(offered).toEqual(["Operations as rows2", "Dense3", "Conv2D1", "Norm1", "Sequential1"]);
  act(() => store.set({ filter: { text: "", types: ["Norm"] } }));
  expect(rowNames()).toHaveLength(1);
  expect(find(".nbviz-chosen").textContent).toContain("1 filtered");
});

it("writes long names of settings in full, which may go on in a new line behind their parts", () => {
  const store = testStore();
  const payload = testPayload();
  store.setPayload({ ...payload, settings: [[], [["tokenizer.ggml.token_type", 1]]] });
  show(store);
  act(() => store.set({ selection: ["encoder/conv"] }));
  const names = [...host.querySelectorAll(".nbviz-facts dt")].map((name) => name.innerHTML);
  expect(names).toContain("tokenizer.<wbr>ggml.<wbr>token_<wbr>type");
  expect(names).toContain("Output size");
});

it("says of what the bytes of an output are, as of its multiply-accumulates", () => {
  show(testStore({ selection: ["encoder"] }));
  const value = (name: string) =>
    [...host.querySelectorAll(".nbviz-facts > div")].find((fact) => fact.firstChild?.textContent === name)?.lastChild;
  expect((value("Output size") as HTMLElement).title).toBe("per example");
  expect((value("MACs") as HTMLElement).title).toBe("per example");
});

it("lets go of the selection by Escape in the table, as in the graph, and leaves the next one to the host", () => {
  const store = testStore({ selection: ["encoder"] });
  show(store);
  const heard = vi.fn();
  document.addEventListener("keydown", heard);
  const press = () =>
    act(() => void find(".nbviz-grid").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  press();
  expect(store.state).toMatchObject({ selection: [], focus: null });
  expect(heard).not.toHaveBeenCalled();
  press();
  expect(heard).toHaveBeenCalledTimes(1);
  document.removeEventListener("keydown", heard);
});

it("gives a loop around layers the multiply-accumulates of its call, which their rows have", () => {
  const payload = operationsPayload();
  const store = testStore({ expanded: ["encoder"] });
  const { rows, calls } = payload;
  const loop = (macs: number) => ({
    ...payload,
    rows: { ...rows, macs: rows.macs.map((n, row) => (row === 2 ? Number.NaN : n)) },
    calls: { ...calls, macs: calls.macs.map((n, call) => (calls.row[call] === 2 ? macs : n)) },
  });
  show(store);
  const shown = () =>
    [...host.querySelectorAll(".nbviz-facts > div")].find((fact) => fact.firstChild?.textContent === "MACs")?.lastChild;
  for (const [macs, text] of [
    [1234, "1,234"],
    [Number.NaN, "unknown"],
  ] as const) {
    act(() => store.setPayload(loop(macs)));
    act(() => store.set({ selection: ["encoder/conv"] }));
    expect(shown()?.textContent).toBe(text);
  }
});
