import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Gestures, listen } from "./graph-gestures";

let surface: HTMLElement;
let end: AbortController;
let heard: { [name in keyof Gestures]: ReturnType<typeof vi.fn> };

beforeEach(() => {
  surface = document.createElement("div");
  document.body.append(surface);
  end = new AbortController();
  heard = { pan: vi.fn(), zoom: vi.fn(), click: vi.fn(), doubleClick: vi.fn(), hover: vi.fn() };
  listen(surface, heard as unknown as Gestures, end.signal);
});

afterEach(() => {
  end.abort();
  surface.remove();
});

function finger(type: string, pointerId: number, clientX: number, clientY: number): void {
  surface.dispatchEvent(
    new PointerEvent(type, {
      pointerId,
      clientX,
      clientY,
      pointerType: "touch",
      isPrimary: pointerId === 1,
      buttons: 1,
    }),
  );
}

function wheel(deltaY: number, ctrlKey = false): WheelEvent {
  const event = new WheelEvent("wheel", { deltaY, cancelable: true, bubbles: true });
  // happy-dom's wheel events know no keys.
  Object.defineProperties(event, { ctrlKey: { value: ctrlKey }, metaKey: { value: false } });
  surface.dispatchEvent(event);
  return event;
}

describe("gestures", () => {
  it("zooms by two fingers about the point between them", () => {
    finger("pointerdown", 1, 100, 100);
    finger("pointerdown", 2, 200, 100);
    finger("pointermove", 2, 300, 100);
    expect(heard.pan).toHaveBeenLastCalledWith(50, 0);
    expect(heard.zoom).toHaveBeenLastCalledWith(2, 200, 100);
  });

  it("keeps the point between the fingers where it is while they turn", () => {
    finger("pointerdown", 1, 100, 100);
    finger("pointerdown", 2, 200, 100);
    finger("pointermove", 1, 150, 50);
    finger("pointermove", 2, 150, 150);
    expect(heard.zoom.mock.calls.reduce((k, [factor]) => k * factor, 1)).toBeCloseTo(1);
    const moved = heard.pan.mock.calls.reduce(([x, y], [dx, dy]) => [x + dx, y + dy], [0, 0]);
    expect(moved).toEqual([0, 0]);
  });

  it("pans on with one finger from where it is when the other goes, and hears no click", () => {
    finger("pointerdown", 1, 100, 100);
    finger("pointerdown", 2, 200, 100);
    finger("pointermove", 1, 60, 100);
    finger("pointerup", 2, 200, 100);
    heard.pan.mockClear();
    finger("pointermove", 1, 65, 100);
    expect(heard.pan.mock.calls).toEqual([[5, 0]]);
    finger("pointerup", 1, 65, 100);
    surface.click();
    expect(heard.click).not.toHaveBeenCalled();
  });

  it("takes a press that hardly moves for a click", () => {
    finger("pointerdown", 1, 100, 100);
    finger("pointermove", 1, 102, 101);
    finger("pointerup", 1, 102, 101);
    surface.click();
    expect(heard.pan).not.toHaveBeenCalled();
    expect(heard.click).toHaveBeenCalledTimes(1);
  });

  it("leaves the wheel to the page until the graph has the focus, unless a key or a trackpad's pinch asks", () => {
    expect(wheel(40).defaultPrevented).toBe(false);
    expect(wheel(40, true).defaultPrevented).toBe(true);
    // happy-dom does not know :focus-within.
    vi.spyOn(surface, "matches").mockImplementation((selector) => selector === ":focus-within");
    expect(wheel(40).defaultPrevented).toBe(true);
    expect(heard.zoom).toHaveBeenCalledTimes(2);
  });

  it("zooms by a trackpad's small steps as far as by a wheel's large ones", () => {
    wheel(-4, true);
    expect(heard.zoom.mock.calls[0]?.[0]).toBeGreaterThan(1.03);
  });
});
