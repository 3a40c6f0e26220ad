import { describe, expect, it } from "vitest";
import { naturalKey } from "./natural";

const sorted = (names: readonly string[]): string[] => {
  const key = new Map(names.map((name) => [name, naturalKey(name)]));
  return names.toSorted((a, b) => ((key.get(a) ?? "") < (key.get(b) ?? "") ? -1 : 1));
};

describe("names in the order of people", () => {
  it("is that of Unicode's collation with numbers, for the names that layers have", () => {
    const names = ["conv2d_10", "conv2d_2", "conv2d", "Conv2d_3", "block/1/a", "block/10/a", "block/2/a", "block_1/a"];
    names.push(
      "encoder.layers.0",
      "encoder.layers.11",
      "encoder.layers.2",
      "add#2",
      "add#10",
      "add",
      "~head",
      "a b",
      "7",
    );
    names.push("éclair_2", "eclair_10", "zebra");
    const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    expect(sorted(names)).toEqual(names.toSorted(collator.compare));
  });

  it("does not tell cases, accents and leading zeros apart", () => {
    expect(naturalKey("Été_007")).toBe(naturalKey("ete_7"));
  });
});
