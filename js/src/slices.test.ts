import { describe, expect, it, vi } from "vitest";
import { inSlices } from "./slices";
import { atOnce } from "./steps";

function* counting(to: number): Generator<number, string> {
  for (let i = 1; i <= to; i++) yield i;
  return "done";
}

const forever = new AbortController().signal;

describe("work in slices", () => {
  it("gives what the work gives, and says in between how far it is", async () => {
    const heard: number[] = [];
    expect(await inSlices(counting(3), forever, (step) => heard.push(step), 0)).toBe("done");
    expect(heard).toEqual([1, 2, 3]);
    expect(atOnce(counting(3))).toBe("done");
  });

  it("lets others run between two slices", async () => {
    let turns = 0;
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      turns += 1;
      port1.postMessage(null);
    };
    port1.postMessage(null);
    await inSlices(counting(20), forever, undefined, 0);
    port1.close();
    port2.close();
    expect(turns).toBeGreaterThan(2);
  });

  it("stops at the next step when it is no longer wanted", async () => {
    const end = new AbortController();
    const heard = vi.fn((step: number) => step === 2 && end.abort());
    await expect(inSlices(counting(100), end.signal, heard, 0)).rejects.toThrow("abort");
    expect(heard).toHaveBeenCalledTimes(2);
    await expect(inSlices(counting(1), AbortSignal.abort(), heard, 0)).rejects.toThrow("abort");
    expect(heard).toHaveBeenCalledTimes(2);
  });
});
