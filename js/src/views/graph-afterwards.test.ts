import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Afterwards } from "./graph-afterwards";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(): { done: string[]; picture: { whole: boolean }; later: Afterwards; end: AbortController } {
  const picture = { whole: false };
  const end = new AbortController();
  return { done: [], picture, end, later: new Afterwards(() => picture.whole, end.signal) };
}

describe("work after the picture", () => {
  it("waits for it, and is done in tasks of its own", () => {
    const { done, picture, later } = start();
    later.add("map", () => done.push("map"));
    later.add("elements", () => done.push("elements"));
    vi.runAllTimers();
    expect(done).toEqual([]);
    picture.whole = true;
    later.go();
    expect(done).toEqual([]);
    vi.advanceTimersToNextTimer();
    expect(done).toEqual(["map"]);
    vi.advanceTimersToNextTimer();
    expect(done).toEqual(["map", "elements"]);
  });

  it("is never done for an older graph", () => {
    const { done, picture, later } = start();
    picture.whole = true;
    later.add("map", () => done.push("old"));
    picture.whole = false;
    later.add("map", () => done.push("new"));
    vi.runAllTimers();
    expect(done).toEqual([]);
    picture.whole = true;
    later.go();
    vi.runAllTimers();
    expect(done).toEqual(["new"]);
  });

  it("is not done when the display has gone", () => {
    const { done, picture, later, end } = start();
    picture.whole = true;
    later.add("map", () => done.push("map"));
    end.abort();
    later.add("elements", () => done.push("elements"));
    vi.runAllTimers();
    expect(done).toEqual([]);
  });
});
