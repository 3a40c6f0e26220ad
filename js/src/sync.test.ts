import { describe, expect, it, vi } from "vitest";
import { kernelOf, NO_KERNEL, SILENT } from "./kernel";
import { DEFAULT_STATE } from "./state";
import { Store } from "./store";
import { type Model, payloadOf, readState, syncTraits } from "./sync";

/** As Backbone's model behaves: `set` announces at once. */
function fakeModel(values: Record<string, unknown> = { ...DEFAULT_STATE }) {
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  const tell = (event: string, ...args: unknown[]) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  };
  const model = {
    get: (key: string) => values[key],
    set: (key: string, value: unknown) => {
      values[key] = value;
      tell(`change:${key}`);
    },
    on: (event: string, listener: () => void) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: () => void) => listeners.get(event)?.delete(listener),
    save_changes: vi.fn(),
    send: vi.fn(),
  };
  const heard = () => [...listeners.values()].reduce((sum, some) => sum + some.size, 0);
  return { model: model as unknown as Model, values, tell, heard, save: model.save_changes, send: model.send };
}

describe("the payload", () => {
  const bytes = (...values: number[]) => new DataView(Uint8Array.from([9, ...values, 9]).buffer, 1, values.length);

  it("comes in one trait, or in several of which it is the last", () => {
    expect(payloadOf(fakeModel({ payload: bytes(1, 2) }).model)).toEqual(Uint8Array.of(1, 2));
    const parted = { payload: bytes(3), payload_parts: 2, payload_0: bytes(1), payload_1: bytes(2) };
    expect(payloadOf(fakeModel(parted).model)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("is not there before its last part", () => {
    expect(payloadOf(fakeModel({ payload: bytes(), payload_parts: 0, payload_0: bytes(1) }).model)).toBeNull();
  });
});

describe("traits and store", () => {
  it("carry a change to Python in one message, without an echo", () => {
    const fake = fakeModel();
    const store = new Store(readState(fake.model));
    syncTraits(fake.model, store, new AbortController().signal);
    store.set({ selection: ["a"], focus: 3 });
    expect(fake.values).toMatchObject({ selection: ["a"], focus: 3 });
    expect(fake.save).toHaveBeenCalledTimes(1);
  });

  it("carry a change from Python to every display, and do not send it back", () => {
    const fake = fakeModel();
    const store = new Store(readState(fake.model));
    syncTraits(fake.model, store, new AbortController().signal);
    fake.model.set("selection", ["b"]);
    expect(store.state.selection).toEqual(["b"]);
    expect(fake.save).not.toHaveBeenCalled();
  });

  it("send back what a change from Python leads to, and only that", () => {
    const fake = fakeModel();
    const store = new Store(readState(fake.model));
    const { signal } = new AbortController();
    syncTraits(fake.model, store, signal);
    store.subscribe((changed) => {
      if (changed.has("selection")) store.set({ expanded: ["b"] });
    }, signal);
    fake.model.set("selection", ["b/c"]);
    expect(fake.values.expanded).toEqual(["b"]);
    expect(fake.save).toHaveBeenCalledTimes(1);
  });

  it("leave no listener behind", () => {
    const fake = fakeModel();
    const end = new AbortController();
    syncTraits(fake.model, new Store(readState(fake.model)), end.signal);
    expect(fake.heard()).toBeGreaterThan(0);
    end.abort();
    expect(fake.heard()).toBe(0);
  });

  it("keep defaults for traits that an older Python does not have", () => {
    expect(readState(fakeModel({ title: "t" }).model)).toMatchObject({ title: "t", split: DEFAULT_STATE.split });
  });
});

describe("the kernel", () => {
  const result = {
    parameter: 1,
    count: 2,
    min: 0,
    max: 1,
    mean: 0.5,
    std: 0.5,
    zeros: 1,
    non_finite: 0,
    histogram: null,
  };

  it("reports progress and then the result of its own request only", async () => {
    const fake = fakeModel();
    const steps: number[] = [];
    const asked = kernelOf(fake.model).weightStatistics(1, (done) => steps.push(done), new AbortController().signal);
    fake.tell("msg:custom", { type: "weight_statistics", request: 99, result });
    fake.tell("msg:custom", { type: "weight_statistics", request: 1, progress: 0.5 });
    fake.tell("msg:custom", { type: "weight_statistics", request: 1, result });
    expect(await asked).toEqual(result);
    expect(steps).toEqual([0.5]);
    expect(fake.heard()).toBe(0);
  });

  it("gives the bytes of a PDF, and asks for it in the theme around it", async () => {
    const fake = fakeModel();
    const asked = kernelOf(fake.model).pdf("dark");
    expect(fake.send).toHaveBeenLastCalledWith({ type: "pdf", request: 1, theme: "dark" });
    const bytes = new Uint8Array([0, 37, 80, 68, 70]);
    fake.tell("msg:custom", { type: "pdf", request: 1, result: true }, [new DataView(bytes.buffer, 1)]);
    expect([...(await asked)]).toEqual([37, 80, 68, 70]);
    const failing = kernelOf(fake.model).pdf("light");
    fake.tell("msg:custom", { type: "pdf", request: 1, error: "pip install 'nbviz[image]'" });
    await expect(failing).rejects.toThrow("pip install");
  });

  it("says that nothing answered", async () => {
    const fake = fakeModel();
    await expect(kernelOf(fake.model, 5).weightStatistics(1, () => {}, new AbortController().signal)).rejects.toThrow(
      SILENT,
    );
    expect(fake.heard()).toBe(0);
  });

  it("says what to do when the host has closed the channel, as after a restart", async () => {
    const fake = fakeModel();
    fake.send.mockImplementation(() => {
      throw new Error("Cannot send");
    });
    await expect(kernelOf(fake.model).weightStatistics(1, () => {}, new AbortController().signal)).rejects.toThrow(
      NO_KERNEL,
    );
    expect(fake.heard()).toBe(0);
  });

  it("passes Python's own message on, and cancels", async () => {
    const fake = fakeModel();
    const kernel = kernelOf(fake.model);
    const failing = kernel.weightStatistics(1, () => {}, new AbortController().signal);
    fake.tell("msg:custom", { type: "weight_statistics", request: 1, error: "the model is gone" });
    await expect(failing).rejects.toThrow("the model is gone");
    const end = new AbortController();
    const cancelled = kernel.weightStatistics(1, () => {}, end.signal);
    end.abort();
    await expect(cancelled).rejects.toThrow("Cancelled");
    expect(fake.send).toHaveBeenLastCalledWith({ type: "cancel", request: 2 });
  });
});
