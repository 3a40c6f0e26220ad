// @vitest-environment node
// The worker on a real message channel: what it answers, how it is cancelled, and what happens where there is none.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SharedArranger } from "../arranger";
import { arrange, type Wish } from "../scene";
import { decode } from "../wire";
import { memoryOf } from "./protocol";
import { Remote, Unavailable } from "./remote";
import { type Line, serve } from "./serve";
import { Staff } from "./staff";
import { FakeWorker } from "./testing";

const plain = new Uint8Array(readFileSync(new URL("../../../tests/fixtures/wire/tutorial.bin", import.meta.url)));
const bytes = new Uint8Array(gzipSync(plain));
const payload = decode(plain);
const wish: Wish = { open: new Set(), groups: true, direction: "down" };
const opened: Wish = { ...wish, open: new Set(payload.rows.path) };
const forever = new AbortController().signal;
const nothing = (): void => {};

const workers: FakeWorker[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

function fake(program?: (line: Line) => void): FakeWorker {
  const worker = new FakeWorker(program);
  workers.push(worker);
  return worker;
}

const working = (): FakeWorker => fake(serve);

/** Says hello and then hears everything, but never answers. */
const busy = (): FakeWorker => fake((line) => line.postMessage({ type: "hello" }));

describe("a worker", () => {
  it("arranges as the page would, again and again, though what it gives is handed over", async () => {
    const remote = new Remote(working(), nothing);
    for (const wanted of [wish, opened, wish, opened]) {
      expect(await remote.arrange(bytes, wanted, forever, nothing)).toEqual(arrange(payload, wanted));
    }
  });

  it("hears a model once, and once more after it was to forget it", async () => {
    const worker = working();
    const remote = new Remote(worker, nothing);
    remote.prepare(bytes);
    await remote.arrange(bytes, wish, forever, nothing);
    await remote.arrange(bytes, wish, forever, nothing);
    const models = () => worker.orders.filter(({ type }) => type === "model").length;
    expect(models()).toBe(1);
    remote.forget(bytes);
    await remote.arrange(bytes, wish, forever, nothing);
    expect(models()).toBe(2);
  });

  it("says how far it is", async () => {
    const steps: number[] = [];
    const clock = vi.spyOn(performance, "now");
    // Time flies: a slice is over after every step.
    let now = 0;
    clock.mockImplementation(() => (now += 1000));
    await new Remote(working(), nothing).arrange(bytes, opened, forever, (done) => steps.push(done));
    clock.mockRestore();
    expect(steps.length).toBeGreaterThan(3);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(Math.max(...steps)).toBeLessThanOrEqual(1);
  });

  it("is told when a wish is withdrawn, and goes on with the next", async () => {
    const worker = working();
    const remote = new Remote(worker, nothing);
    const end = new AbortController();
    const withdrawn = remote.arrange(bytes, opened, end.signal, nothing);
    const next = remote.arrange(bytes, wish, forever, nothing);
    end.abort();
    await expect(withdrawn).rejects.toThrow("abort");
    expect(worker.orders.some(({ type }) => type === "cancel")).toBe(true);
    expect(await next).toEqual(arrange(payload, wish));
  });

  it("says what it cannot read", async () => {
    const remote = new Remote(working(), nothing);
    const odd = new Uint8Array(gzipSync("no payload"));
    await expect(remote.arrange(odd, wish, forever, nothing)).rejects.toThrow("not a model payload");
    await expect(remote.arrange(new Uint8Array([1, 2]), wish, forever, nothing)).rejects.toThrow(Unavailable);
  });

  it("gives back what it has not done when it breaks, once", async () => {
    const worker = busy();
    const broken = vi.fn();
    const remote = new Remote(worker, broken);
    const asked = remote.arrange(bytes, wish, forever, nothing);
    worker.break();
    worker.break();
    await expect(asked).rejects.toThrow(Unavailable);
    await expect(remote.arrange(bytes, wish, forever, nothing)).rejects.toThrow(Unavailable);
    expect(broken).toHaveBeenCalledTimes(1);
    expect(worker.terminated).toBe(true);
  });

  it("is not waited for when it does not say hello, and works once it has", async () => {
    const worker = fake();
    const remote = new Remote(worker, nothing, 5);
    await expect(remote.arrange(bytes, wish, forever, nothing)).rejects.toThrow(Unavailable);
    worker.run(serve);
    await vi.waitFor(async () => {
      expect(await remote.arrange(bytes, wish, forever, nothing)).toEqual(arrange(payload, wish));
    });
  });
});

describe("the staff of a page", () => {
  it("is one worker, from the first wish to the end of the last display", () => {
    const start = vi.fn((_script: string) => working());
    const staff = new Staff(start);
    const [one, two] = [new AbortController(), new AbortController()];
    expect(staff.worker()).toBeNull();
    staff.join("script", one.signal);
    staff.join("script", two.signal);
    expect(start).not.toHaveBeenCalled();
    expect(staff.worker()).toBe(staff.worker());
    expect(start.mock.calls).toEqual([["script"]]);
    one.abort();
    expect(workers.at(-1)?.terminated).toBe(false);
    two.abort();
    expect(workers.at(-1)?.terminated).toBe(true);
    expect(staff.worker()).toBeNull();
  });

  it("comes back with the next display", async () => {
    const staff = new Staff(working);
    const first = new AbortController();
    staff.join("", first.signal);
    staff.worker();
    first.abort();
    staff.join("", forever);
    expect(await staff.worker()?.arrange(bytes, wish, forever, nothing)).toEqual(arrange(payload, wish));
  });

  it("does not count a display that is gone before it came", () => {
    const staff = new Staff(working);
    staff.join("", AbortSignal.abort());
    expect(staff.worker()).toBeNull();
  });

  it("is not asked for again where the host refuses", () => {
    const start = vi.fn(() => busy());
    const staff = new Staff(start);
    staff.join("", forever);
    expect(staff.worker()).not.toBeNull();
    workers.at(-1)?.break();
    expect(staff.worker()).toBeNull();
    expect(start).toHaveBeenCalledTimes(1);
  });

  it("may be forbidden by an exception", () => {
    const staff = new Staff(() => {
      throw new Error("SecurityError");
    });
    staff.join("", forever);
    expect(staff.worker()).toBeNull();
  });
});

describe("an arranger", () => {
  /** Of a model that counts as large. */
  function arranger(start: () => FakeWorker): SharedArranger {
    const staff = new Staff(start);
    staff.join("", forever);
    return new SharedArranger(payload, bytes, staff, 0);
  }

  it("leaves large models to the worker", async () => {
    const answer = await arranger(working).arrange(opened, forever, nothing);
    expect(answer).toEqual(arrange(payload, opened));
    expect(workers.at(-1)?.orders.map(({ type }) => type)).toEqual(["model", "arrange"]);
  });

  it("lets the worker begin with what will be wished, and asks once", async () => {
    const early = arranger(working);
    early.expect(opened, forever);
    const orders = () => workers.at(-1)?.orders.map(({ type }) => type);
    expect(orders()).toEqual(["model", "arrange"]);
    expect(await early.arrange({ ...opened }, forever, nothing)).toEqual(arrange(payload, opened));
    expect(orders()).toEqual(["model", "arrange"]);
    expect(await early.arrange(opened, forever, nothing)).toEqual(arrange(payload, opened));
    expect(orders()).toEqual(["model", "arrange", "arrange"]);
  });

  it("withdraws what was expected where another wish comes, or where it is itself withdrawn", async () => {
    const surprised = arranger(working);
    surprised.expect(opened, forever);
    expect(await surprised.arrange(wish, forever, nothing)).toEqual(arrange(payload, wish));
    const withdrawn = arranger(busy);
    withdrawn.expect(opened, forever);
    const end = new AbortController();
    const asked = withdrawn.arrange(opened, end.signal, nothing);
    end.abort();
    await expect(asked).rejects.toThrow("abort");
    for (const worker of workers) expect(worker.orders.some(({ type }) => type === "cancel")).toBe(true);
  });

  it("begins with nothing more for a payload that is replaced", async () => {
    const replaced = arranger(busy);
    const end = new AbortController();
    const done = replaced.expect(opened, end.signal);
    end.abort();
    await done;
    expect(workers.at(-1)?.orders.map(({ type }) => type)).toEqual(["model", "arrange", "cancel"]);
  });

  it("does itself what it expected of a worker that breaks", async () => {
    const broken = arranger(busy);
    broken.expect(opened, forever);
    workers.at(-1)?.break();
    expect(await broken.arrange(opened, forever, nothing)).toEqual(arrange(payload, opened));
  });

  it("does small ones at once, without a worker", () => {
    const start = vi.fn(() => working());
    const staff = new Staff(start);
    staff.join("", forever);
    const small = new SharedArranger(payload, bytes, staff);
    small.expect(wish, forever);
    expect(small.arrange(wish, forever, nothing)).toEqual(arrange(payload, wish));
    expect(start).not.toHaveBeenCalled();
  });

  it("does them itself, in slices, where the worker breaks or may not start", async () => {
    const asked = arranger(busy).arrange(opened, forever, nothing);
    workers.at(-1)?.break();
    expect(await asked).toEqual(arrange(payload, opened));
  });

  it("does nothing more about a wish that is withdrawn", async () => {
    for (const start of [working, busy]) {
      const end = new AbortController();
      const asked = arranger(start).arrange(opened, end.signal, nothing);
      end.abort();
      await expect(asked).rejects.toThrow("abort");
    }
  });
});

it("the memory behind an arrangement is handed over once, though parts share it", () => {
  const shared = new Int32Array(4);
  const data = { a: shared, b: { c: shared.subarray(1), d: new Float64Array(1) }, e: 1, f: null };
  expect(memoryOf(data).size).toBe(2);
});
