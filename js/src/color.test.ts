import { describe, expect, it } from "vitest";
import { colorRows, contrast, readable } from "./color";
import { sharedBlock } from "./scene/testing";
import { DARK, LIGHT } from "./scene/theme";

describe.each([
  ["light", LIGHT],
  ["dark", DARK],
])("colors in %s", (_, theme) => {
  const payload = sharedBlock();
  const column = { id: "mine", label: "Mine", unit: "ms", values: payload.rows.path.map((_, i) => (i % 3 ? i : null)) };

  it("leave text readable on every fill", () => {
    for (const by of ["params", "type", "dtype", "trainable", "macs", "bytes", "none", "mine"]) {
      for (const fill of colorRows(payload, by, [column], theme).fills) {
        if (fill) expect(contrast(theme.text, fill)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it("grow with the share of parameters, on folded groups too", () => {
    const { fills, legend } = colorRows(payload, "params", [], theme);
    const strength = (path: string): number =>
      contrast(fills[payload.rows.path.indexOf(path)] ?? theme.panel, theme.panel);
    expect(strength("block")).toBeGreaterThan(strength("~head"));
    expect(strength("~head")).toBeGreaterThan(strength("head_2"));
    expect(legend.kind).toBe("scale");
  });

  it("end at the whole where rows that are shown as one share what they hold", () => {
    const all = { ...payload, rows: { ...payload.rows, share: payload.rows.share.map(() => 1) } };
    const { legend } = colorRows(all, "params", [], theme, [[1, 2, 3]]);
    expect(legend.kind === "scale" && legend.ticks.map(({ label }) => label)).toEqual(["0 %", "25.0 %", "100 %"]);
  });

  it("name every category in the legend", () => {
    const { fills, legend } = colorRows(payload, "type", [], theme);
    expect(legend.kind === "categories" && legend.entries.map((e) => e.label)).toContain("Dense");
    expect(fills[payload.rows.path.indexOf("~head")]).toBeNull();
  });

  it("show a user's numbers as a scale and words as categories; what is unknown has no color", () => {
    const numbers = colorRows(payload, "mine", [column], theme);
    expect(numbers.legend).toMatchObject({ kind: "scale", title: "Mine" });
    expect(numbers.fills[3]).toBeNull();
    const words = { ...column, values: column.values.map((v) => (v === null ? null : `w${v}`)) };
    expect(colorRows(payload, "mine", [words], theme).legend.kind).toBe("categories");
  });

  it("are none where nothing is known", () => {
    expect(colorRows(payload, "macs", [], theme).legend.kind).toBe("none");
    expect(colorRows(payload, "gone", [], theme).fills.every((fill) => fill === null)).toBe(true);
  });
});

it("falls back to black or white where no wished color can be read", () => {
  expect(readable("#808080", "#777777")).toBe("#000000");
  expect(readable("#ffffff", "#eeeeee", "#333333")).toBe("#333333");
});
