import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { payloadOf, sharedBlock } from "../scene/testing";
import { DEFAULT_STATE } from "../state";
import { Store } from "../store";
import type { Payload } from "../wire";
import { type GraphHandle, GraphView } from "./graph";

const roots: HTMLElement[] = [];

async function show(payload: Payload): Promise<{ store: Store; root: HTMLElement; handle: GraphHandle }> {
  const root = document.createElement("div");
  document.body.append(root);
  roots.push(root);
  const store = new Store(DEFAULT_STATE);
  store.setPayload(payload);
  let handle: GraphHandle | null = null;
  await act(() =>
    render(
      <GraphView
        store={store}
        onReady={(ready) => {
          handle = ready;
        }}
      />,
      root,
    ),
  );
  if (!handle) throw new Error("the graph did not become ready");
  return { store, root, handle };
}

afterEach(() => {
  for (const root of roots.splice(0)) {
    render(null, root);
    root.remove();
  }
});

const boxes = (root: HTMLElement, path: string): Element[] => [...root.querySelectorAll(`[data-path="${path}"]`)];

function press(root: HTMLElement, key: string): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  root.querySelector('[role="treeitem"][tabindex="0"]')?.dispatchEvent(event);
  return event;
}

describe("graph view", () => {
  it("selects what is clicked, with the call that was meant, and marks every call of it", async () => {
    const { store, root } = await show(sharedBlock());
    const second = boxes(root, "block/a")[1];
    await act(() => void second?.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: 500, clientY: 500 })));
    expect(store.state.selection).toEqual(["block/a"]);
    expect(store.state.focus).toBe(6);
    expect(boxes(root, "block/a").map((box) => box.getAttribute("aria-selected"))).toEqual(["true", "true"]);
  });

  it("adds with shift and clears with a click on the background", async () => {
    const { store, root } = await show(sharedBlock());
    const click = (target: Element | null | undefined, shiftKey = false) =>
      act(
        () =>
          void target?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey, clientX: 500, clientY: 500 })),
      );
    await click(boxes(root, "head_1")[0]);
    await click(boxes(root, "head_2")[0], true);
    expect(store.state.selection).toEqual(["head_1", "head_2"]);
    await click(root.querySelector('[role="tree"]'));
    expect(store.state.selection).toEqual([]);
  });

  it("marks the folded box that hides something selected", async () => {
    const { store, root } = await show(sharedBlock());
    const holding = () => boxes(root, "block").map((box) => box.classList.contains("nbviz-holding"));
    await act(() => store.set({ selection: ["block/a"] }));
    await act(() => store.set({ expanded: [] }));
    expect(boxes(root, "block/a")).toEqual([]);
    expect(holding()).toEqual([true, true]);
    await act(() => store.set({ selection: [] }));
    expect(holding()).toEqual([false, false]);
  });

  it("hovers together with the table", async () => {
    const { store, root } = await show(sharedBlock());
    await act(() => store.setHover("head_1"));
    expect(root.querySelector(".nbviz-hovering")).not.toBeNull();
    await act(() => store.setHover(null));
    expect(root.querySelector(".nbviz-hovering")).toBeNull();
  });

  it("has one tab stop, walks by arrows and keeps handled keys from the host", async () => {
    const { store, root } = await show(sharedBlock());
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard);
    const stops = () => [...root.querySelectorAll('[role="treeitem"][tabindex="0"]')];
    expect(stops()).toHaveLength(1);
    await act(() => void press(root, "ArrowDown"));
    expect(stops().map((stop) => stop.getAttribute("data-path"))).toEqual(["block/a"]);
    await act(() => void press(root, "Enter"));
    expect(store.state.selection).toEqual(["block/a"]);
    expect(heard).not.toHaveBeenCalled();
    await act(() => void press(root, "q"));
    expect(heard).toHaveBeenCalledTimes(1);
    document.body.removeEventListener("keydown", heard);
  });

  it("closes and opens by keys, keeping the keyboard where it was", async () => {
    const { store, root } = await show(sharedBlock());
    await act(() => void press(root, "ArrowDown"));
    await act(() => void press(root, "-"));
    expect(store.state.expanded).toEqual(["~head"]);
    const stop = root.querySelector('[role="treeitem"][tabindex="0"]');
    expect(stop?.getAttribute("data-path")).toBe("block");
    expect(stop?.getAttribute("aria-expanded")).toBe("false");
    await act(() => void press(root, "+"));
    expect(boxes(root, "block/a")).toHaveLength(2);
  });

  it("dims what a search does not mean", async () => {
    const { store, root } = await show(sharedBlock());
    await act(() => store.set({ search: "head_2" }));
    const dimmed = root.querySelectorAll(".nbviz-node.nbviz-dim").length;
    expect(dimmed).toBeGreaterThan(3);
    await act(() => store.set({ search: "" }));
    expect(root.querySelectorAll(".nbviz-dim")).toHaveLength(0);
  });

  it("says why there is nothing to draw", async () => {
    const payload = payloadOf([{ path: "a", type: "Dense" }], [], []);
    const never = { ...payload, calls: { ...payload.calls, length: 0, parent: new Int32Array(), path: [], kind: [] } };
    const diagnostics = [{ level: "note" as const, message: "Give inputs=.", path: "", call: null }];
    const { root } = await show({ ...never, meta: { ...never.meta, diagnostics } });
    expect(root.textContent).toContain("Give inputs=.");
  });

  it("has buttons and legend under a narrow picture, and over a corner of a wide one", async () => {
    const found = async (width: number) => {
      vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(width);
      const { root } = await show(sharedBlock());
      return [".is-tight", ".nbviz-legend-strip", ".nbviz-legend"].map((part) => root.querySelector(part) !== null);
    };
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(500);
    expect(await found(300)).toEqual([true, true, false]);
    expect(await found(800)).toEqual([false, false, true]);
    vi.restoreAllMocks();
  });

  it("gives the picture as SVG", async () => {
    const { handle } = await show(sharedBlock());
    expect(handle.svg()).toMatch(/^<svg [^>]*viewBox/);
  });

  it("stops listening when it goes", async () => {
    const { store, root } = await show(sharedBlock());
    const surface = root.querySelector('[role="tree"]');
    render(null, root);
    const before = surface?.innerHTML;
    store.set({ selection: ["head_1"] });
    expect(surface?.innerHTML).toBe(before);
  });
});
