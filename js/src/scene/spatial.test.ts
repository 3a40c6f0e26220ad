import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Layout } from "../layout";
import { SpatialIndex } from "./spatial";

const coordinate = fc.integer({ min: 0, max: 3000 });
const layouts = fc
  .record({
    boxes: fc.array(
      fc.tuple(coordinate, coordinate, fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 900 })),
      {
        maxLength: 60,
      },
    ),
    edges: fc.array(fc.tuple(coordinate, coordinate, coordinate, coordinate), { maxLength: 60 }),
  })
  .map(({ boxes, edges }): Layout => {
    const column = (i: 0 | 1 | 2 | 3): Float64Array => Float64Array.from(boxes, (b) => b[i]);
    const routes = edges.flatMap(([x0, y0, x1, y1]) => [x0, y0, x0, y0, x1, y1, x1, y1]);
    return {
      x: column(0),
      y: column(1),
      width: column(2),
      height: column(3),
      routes: Float64Array.from(routes),
      routeOffsets: Int32Array.from({ length: edges.length + 1 }, (_, e) => 8 * e),
      labelX: new Float64Array(edges.length),
      labelY: new Float64Array(edges.length),
      totalWidth: 4000,
      totalHeight: 4000,
    };
  });
const areas = fc.record({ x: coordinate, y: coordinate, width: coordinate, height: coordinate });

describe("spatial index", () => {
  it("finds what touches an area, as looking at everything does", () => {
    fc.assert(
      fc.property(layouts, areas, fc.constantFrom("down", "right"), (layout, area, direction) => {
        const touches = (x: number, y: number, w: number, h: number): boolean =>
          x <= area.x + area.width && x + w >= area.x && y <= area.y + area.height && y + h >= area.y;
        const found = new SpatialIndex(layout, direction).find(area);
        const boxes = [...layout.x.keys()].filter((b) =>
          touches(layout.x[b] as number, layout.y[b] as number, layout.width[b] as number, layout.height[b] as number),
        );
        expect([...found.boxes]).toEqual(boxes);
        const edges = [...layout.labelX.keys()].filter((e) => {
          const [x0, y0, , , , , x1, y1] = layout.routes.subarray(8 * e, 8 * e + 8) as unknown as number[] as [
            number,
            number,
            number,
            number,
            number,
            number,
            number,
            number,
          ];
          return touches(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
        });
        expect([...found.edges]).toEqual(edges);
      }),
    );
  });

  it("finds the innermost box and the nearest edge at a point", () => {
    const layout: Layout = {
      x: Float64Array.of(0, 20),
      y: Float64Array.of(0, 40),
      width: Float64Array.of(200, 60),
      height: Float64Array.of(200, 60),
      routes: Float64Array.of(150, 0, 150, 50, 150, 150, 150, 200),
      routeOffsets: Int32Array.of(0, 8),
      labelX: Float64Array.of(0),
      labelY: Float64Array.of(0),
      totalWidth: 200,
      totalHeight: 200,
    };
    const index = new SpatialIndex(layout, "down");
    expect(index.boxAt(30, 50)).toBe(1);
    expect(index.boxAt(10, 10)).toBe(0);
    expect(index.boxAt(300, 10)).toBe(-1);
    expect(index.edgeAt(153, 100, 5)).toBe(0);
    expect(index.edgeAt(160, 100, 5)).toBe(-1);
  });
});
