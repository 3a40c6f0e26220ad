import { describe, expect, test } from "vitest";
import { Viewport } from "./graph-viewport";

function viewport(width: number, height: number): Viewport {
  const view = new Viewport(() => {});
  view.width = width;
  view.height = height;
  view.corner = { width: 180, height: 72 };
  return view;
}

/** Where a drawing of this size ends up. */
function placed(view: Viewport, width: number, height: number) {
  view.fit({ x: 0, y: 0, width, height });
  const { k, x, y } = view;
  return { left: x, top: y, right: x + width * k, bottom: y + height * k };
}

const isCovered = ({ right, bottom }: ReturnType<typeof placed>, view: Viewport): boolean =>
  right > view.width - view.corner.width + 1e-6 && bottom > view.height - view.corner.height + 1e-6;

describe("fit", () => {
  test("puts a drawing that the legend leaves alone into the middle", () => {
    const { left, right, top, bottom } = placed(viewport(800, 600), 100, 200);
    expect([left + right, top + bottom]).toEqual([800, 600]);
  });

  test("moves a tall one beside the legend, as little as needed", () => {
    const view = viewport(420, 560);
    const at = placed(view, 160, 2000);
    expect(isCovered(at, view)).toBe(false);
    const wide = viewport(420, 560);
    const broad = placed(wide, 200, 552);
    expect(isCovered(broad, wide)).toBe(false);
    expect(broad.right).toBeCloseTo(240);
    expect(broad.left).toBeGreaterThanOrEqual(24);
  });

  test("moves a wide one above it", () => {
    const view = viewport(600, 400);
    const at = placed(view, 552, 300);
    expect(isCovered(at, view)).toBe(false);
    expect(at.top).toBeGreaterThanOrEqual(24);
  });

  test("makes what fills the window a little smaller, so that the legend covers none of it", () => {
    for (const [width, height] of [
      [5000, 3000],
      [3000, 5000],
    ] as const) {
      const view = viewport(600, 600);
      const at = placed(view, width, height);
      expect(isCovered(at, view)).toBe(false);
      expect(Math.min(at.left, at.top)).toBeGreaterThanOrEqual(24 - 1e-6);
      expect(Math.max(at.right - at.left, at.bottom - at.top)).toBeGreaterThan(0.85 * 552);
    }
  });

  test("leaves it where it is, where that would cost more", () => {
    const at = placed(viewport(480, 200), 5000, 2000);
    expect(at.left + at.right).toBeCloseTo(480);
    expect(at.top + at.bottom).toBeCloseTo(200);
  });
});

describe("a first look", () => {
  const first = { x: 100, y: 0, width: 100, height: 40 };

  test("at a long drawing goes beside the legend too, where there is room", () => {
    const view = viewport(700, 400);
    view.start({ x: 0, y: 0, width: 480, height: 4000 }, first, "down");
    expect(view.y).toBe(24);
    expect(480 * view.k + view.x).toBeLessThanOrEqual(520 + 1e-6);
    expect(view.x).toBeGreaterThanOrEqual(24);
    const right = viewport(700, 400);
    right.start({ x: 0, y: 0, width: 4000, height: 300 }, first, "right");
    expect(right.x).toBe(24);
    expect(300 * right.k + right.y).toBeLessThanOrEqual(328 + 1e-6);
  });

  test("goes beside the map, unless it would get much smaller for that", () => {
    const start = (width: number): Viewport => {
      const view = viewport(700, 400);
      view.corner = { width: 0, height: 0 };
      view.start({ x: 0, y: 0, width, height: 4000 }, first, "down", 110);
      return view;
    };
    const narrow = start(200);
    expect(narrow).toMatchObject({ k: 0.9, x: 260 }); // in the middle, as there is room
    const broad = start(680);
    expect(680 * broad.k + broad.x).toBeLessThanOrEqual(700 - 24 - 110 + 1e-6);
    expect(broad.x).toBeGreaterThanOrEqual(24 - 1e-6);
    const broader = start(1000);
    expect(broader.k).toBeCloseTo(652 / 1000);
  });
});

describe("a box that is looked for", () => {
  const box = { x: 1000, y: 1000, width: 230, height: 58 };
  const at = ({ k, x, y }: Viewport) => {
    return { left: box.x * k + x, top: box.y * k + y, right: (box.x + 230) * k + x, bottom: (box.y + 58) * k + y };
  };

  test("comes into the middle of a window that is large enough", () => {
    const view = viewport(800, 600);
    view.centre(box);
    expect(at(view).left + at(view).right).toBeCloseTo(800);
  });

  test("does not come to lie under the legend of a small one", () => {
    for (const look of ["centre", "reveal"] as const) {
      const view = viewport(480, 160);
      view[look](box);
      expect(isCovered(at(view), view)).toBe(false);
      expect(at(view).left).toBeGreaterThanOrEqual(24);
    }
  });
});
