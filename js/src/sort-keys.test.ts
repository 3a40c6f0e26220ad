import { describe, expect, it } from "vitest";
import { type Column, columnsOf, extraColumn } from "./columns";
import { sortKeys } from "./sort-keys";
import { testPayload } from "./testing";

const all = (length: number): number[] => Array.from({ length }, (_, row) => row);
const column = (values: readonly (string | number | null)[]): Column =>
  extraColumn({ id: "mine", label: "Mine", unit: "", values });

function sorted(values: readonly string[]): string[] {
  const keys = sortKeys(column(values), all(values.length));
  return values
    .map((_, row) => row)
    .sort((a, b) => (keys[a] as number) - (keys[b] as number))
    .map((row) => values[row] as string);
}

describe("what a column sorts by", () => {
  it("puts names into the order of people", () => {
    const names = ["block/10/a", "conv2d_10", "add#2", "block/2/a", "conv2d", "add", "conv2d_2", "add#10"];
    expect(sorted(names)).toEqual([
      "add",
      "add#2",
      "add#10",
      "block/2/a",
      "block/10/a",
      "conv2d",
      "conv2d_2",
      "conv2d_10",
    ]);
  });

  it("does not tell cases, accents and leading zeros apart", () => {
    const [first, second, third] = sortKeys(column(["Été_007", "ete_7", "ete_8"]), all(3));
    expect(first).toBe(second);
    expect(third).toBeGreaterThan(second as number);
  });

  it("puts numbers before texts, and leaves open what is unknown", () => {
    expect([...sortKeys(column(["10", 30, null, 4]), all(4))]).toEqual([2, 1, Number.NaN, 0]);
  });

  it("compares shapes by their dimensions", () => {
    const payload = testPayload();
    const shapes = columnsOf(payload, []).find(({ id }) => id === "output_shape") as Column;
    const keys = sortKeys(shapes, all(payload.rows.length));
    for (let a = 0; a < keys.length; a++) {
      for (let b = 0; b < keys.length; b++) {
        const [x, y] = [keys[a] as number, keys[b] as number];
        if (Number.isNaN(x) || Number.isNaN(y)) continue;
        expect(Math.sign(x - y)).toBe(Math.sign(shapes.compare?.(a, b) ?? 0));
      }
    }
  });

  it("is found once, for the rows that are wanted", () => {
    const mine = column(["b", "c", "a"]);
    const rows = [2, 1];
    expect([...sortKeys(mine, rows)]).toEqual([0, 1]);
    expect(sortKeys(mine, rows)).toBe(sortKeys(mine, rows));
  });
});
