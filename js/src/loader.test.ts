// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { createLoader, MISSING, type Options, type Program, WAITING } from "./loader";

type Model = Parameters<Program["render"]>[0]["model"];

/** A page whose program counts what it is asked, with models that find it or not. */
function page(patience: Partial<Options["patience"]> = {}) {
  const program = { initialize: vi.fn(), render: vi.fn() };
  const evaluate = vi.fn(async (_text: string): Promise<Program> => program);
  const options: Options = {
    page: {},
    place: Symbol("program"),
    evaluate,
    patience: { ask: 60_000, say: 60_000, end: 60_000, ...patience },
  };
  return { program, evaluate, loader: createLoader(options) };
}

/** `found` is what the host gives for a reference; `answer` is what the kernel sends. */
function model(found: () => Promise<unknown>, answer?: string) {
  const listeners = new Set<(message: unknown) => void>();
  const made = {
    get: () => "IPY_MODEL_shared",
    on: (_event: string, heard: (message: unknown) => void) => listeners.add(heard),
    off: (_event: string, heard: (message: unknown) => void) => listeners.delete(heard),
    send: vi.fn(() => {
      for (const heard of listeners) heard({ type: "weight_statistics" });
      if (answer) for (const heard of [...listeners]) heard({ type: "program", text: answer });
    }),
    widget_manager: { get_model: vi.fn(found) },
  };
  return { model: made as unknown as Model, made, listeners };
}

const shared = (text: string) => async () => ({ get: () => text });
const missing = () => Promise.reject(new Error("widget model not found"));

function display(loader: Program, of: Model) {
  const el = document.createElement("div");
  const end = new AbortController();
  const props = { model: of, el, signal: end.signal } as unknown as Parameters<Program["render"]>[0];
  loader.initialize(props);
  return { el, end, props, done: Promise.resolve(loader.render(props)) };
}

describe("the loader", () => {
  it("runs the program once for ten views, and gives each to it, its model before its display", async () => {
    const { program, evaluate, loader } = page();
    const views = Array.from({ length: 10 }, () => display(loader, model(shared("text")).model));
    await Promise.all(views.map(({ done }) => done));
    expect(evaluate.mock.calls).toEqual([["text"]]);
    const { initialize, render } = program;
    for (const { props } of views) {
      const [begun, shown] = [initialize, render].map(({ mock }) => mock.calls.findIndex(([other]) => other === props));
      const order = (mock: { readonly invocationCallOrder: number[] }, at = -1) => mock.invocationCallOrder[at] ?? -1;
      expect(order(initialize.mock, begun)).toBeLessThan(order(render.mock, shown));
      expect(begun).toBeGreaterThanOrEqual(0);
    }
    await display(loader, model(missing).model).done;
    expect(evaluate).toHaveBeenCalledTimes(1);
  });

  it("waits for a widget that is made later than the view, and says so", async () => {
    const { program, loader } = page({ say: 0 });
    let calls = 0;
    const late = model(() => (++calls < 4 ? missing() : shared("text")()));
    const { el, done } = display(loader, late.model);
    await vi.waitFor(() => expect(el.textContent).toBe(WAITING));
    await done;
    expect(program.render).toHaveBeenCalledTimes(1);
  });

  it("asks the kernel where the host does not let widgets see each other", async () => {
    const { evaluate, program, loader } = page({ ask: 0 });
    const { model: lonely, listeners } = model(missing, "from the kernel");
    await display(loader, lonely).done;
    expect(evaluate.mock.calls).toEqual([["from the kernel"]]);
    expect(program.render).toHaveBeenCalledTimes(1);
    expect(listeners.size).toBe(0);
  });

  it("says what is missing, and tries again for the next view", async () => {
    const { program, loader } = page({ ask: 0, end: 20 });
    const { model: lonely, listeners, made } = model(missing);
    made.send.mockImplementation(() => {
      throw new Error("there is no kernel");
    });
    const { el, done } = display(loader, lonely);
    await done;
    expect(el.textContent).toBe(MISSING);
    expect(el.querySelector("[role=alert]")).not.toBeNull();
    expect(listeners.size).toBe(0);
    await display(loader, model(shared("text")).model).done;
    expect(program.render).toHaveBeenCalledTimes(1);
  });

  it("goes on when the view that began to fetch is closed", async () => {
    const { program, loader } = page();
    const first = display(loader, model(missing).model);
    const second = display(loader, model(shared("text")).model);
    first.end.abort();
    await Promise.all([first.done, second.done]);
    expect(first.el.textContent).toBe("");
    expect(program.render.mock.calls).toEqual([[second.props]]);
  });

  it("says why a program does not run", async () => {
    const { evaluate, loader } = page();
    evaluate.mockRejectedValue(new Error("blocked by a policy"));
    const { el, done } = display(loader, model(shared("text")).model);
    await done;
    expect(el.textContent).toContain("blocked by a policy");
  });
});
