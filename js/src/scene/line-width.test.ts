import { expect, it, describe as suite } from "vitest";
import { buildGraph } from "./graph";
import { drawLegend } from "./legend";
import { lineWidths, PLAIN, THICK, THIN } from "./line-width";
import { lookOf, PLAIN_LOOK } from "./scene";
import { payloadOf } from "./testing";
import { LIGHT } from "./theme";

/** A chain of layers whose outputs have these sizes; NaN is unknown. */
function chain(sizes: readonly number[]) {
  const names = sizes.map((_, i) => `layer_${i}`);
  const payload = payloadOf(
    [...names, "end"].map((path, i) => ({ path, type: "Dense", params: i })),
    [...names.map((path, i) => ({ path, outputs: [[null, i + 1]] })), { path: "end" }],
    names.map((_, i) => [i + 1, i + 2] as const),
  );
  const bytes = Float64Array.from(sizes);
  return buildGraph({ ...payload, tensors: { ...payload.tensors, bytes } }, new Set(), true, "down");
}

suite("widths of lines", () => {
  it("are all alike unless asked for", () => {
    const widths = lineWidths(chain([4, 4000]), "none");
    expect([widths.of(0), widths.of(1)]).toEqual([PLAIN, PLAIN]);
    expect(widths.ends).toBeNull();
  });

  it("grow with the size of the tensor, by its powers", () => {
    const widths = lineWidths(chain([1, 1000, 1_000_000]), "bytes");
    expect(widths.of(0)).toBe(THIN);
    expect(widths.of(1)).toBeCloseTo((THIN + THICK) / 2);
    expect(widths.of(2)).toBeCloseTo(THICK);
  });

  it("are thin where the size is unknown, and plain where there is nothing to compare", () => {
    expect(lineWidths(chain([Number.NaN, 1, 1000]), "bytes").of(0)).toBe(THIN);
    expect(lineWidths(chain([8, 8]), "bytes").of(0)).toBe(PLAIN);
    expect(lineWidths(chain([Number.NaN]), "bytes").of(0)).toBe(PLAIN);
  });

  it("are explained by the legend", () => {
    const graph = chain([1024, 2 * 1024 * 1024]);
    expect(drawLegend(lookOf(graph, PLAIN_LOOK, LIGHT))?.label).not.toContain("Line width");
    const legend = drawLegend(lookOf(graph, { ...PLAIN_LOOK, edge_width: "bytes" }, LIGHT));
    expect(legend?.label).toContain("Line width: tensor size, 1.00 KB to 2.00 MB");
  });
});
