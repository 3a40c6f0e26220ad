import { describe, expect, it } from "vitest";
import { edgeShape, formatBytes, formatCount, formatNumber, formatShape, percent, shortCount } from "./format";

describe("numbers", () => {
  it("prints what is unknown as a dash, and zero as zero", () => {
    for (const print of [formatCount, shortCount, formatBytes, percent, formatNumber]) {
      expect(print(Number.NaN)).toBe("–");
      expect(print(null)).toBe("–");
      expect(print(0)).not.toBe("–");
    }
  });

  it("groups digits by three", () => {
    expect([7, 999, 1000, 25636712].map(formatCount)).toEqual(["7", "999", "1,000", "25,636,712"]);
  });

  it("never rounds up to a thousand of a unit", () => {
    expect([999, 1234567, 999950, 118013952, 3.9e9].map(shortCount)).toEqual([
      "999",
      "1.2 M",
      "1.0 M",
      "118 M",
      "3.9 G",
    ]);
  });

  it("prints sizes as Keras does", () => {
    expect([28, 1024, 102546848].map(formatBytes)).toEqual(["28.00 B", "1.00 KB", "97.80 MB"]);
  });

  it("prints shares between nothing and all", () => {
    expect([0, 0.0001, 0.023, 1].map(percent)).toEqual(["0 %", "<0.1 %", "2.3 %", "100 %"]);
  });
});

describe("shapes", () => {
  it("prints shapes as Python does", () => {
    expect(formatShape([null, 7, 7, 2048])).toBe("(None, 7, 7, 2048)");
    expect(formatShape([3])).toBe("(3,)");
    expect(formatShape([])).toBe("()");
    expect(formatShape(null)).toBe("?");
  });

  it("leaves a free batch out on edges, and nothing else", () => {
    expect(edgeShape([null, 7, 2048])).toBe("7×2048");
    expect(edgeShape(["batch", null, 3])).toBe("batch×None×3");
    expect(edgeShape([null])).toBe("scalar");
  });
});
