// @vitest-environment node
// Readers against small writers of the plainest kind; what Python writes is read in wire.test.ts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fill, Reader } from "./codings";

function varint(value: number): number[] {
  const bytes = [];
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; zigzag > 0x7f; zigzag >>>= 7) bytes.push((zigzag & 0x7f) | 0x80);
  return [...bytes, zigzag];
}

/** All numbers, without copies. */
const all = (values: readonly number[]) => [0, ...values].flatMap(varint);
const ints = (bytes: readonly number[], length: number, coding: string, other: Int32Array | null = null) =>
  Array.from(new Reader(Uint8Array.from(bytes), 0).ints(length, { coding }, other));

const INT = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("codings", () => {
  it("reads plain numbers of 32 bits", () => {
    fc.assert(
      fc.property(fc.array(INT), (values) => {
        expect(ints(all(values), values.length, "plain")).toEqual(values);
      }),
    );
  });

  it("reads numbers relative to the one before", () => {
    fc.assert(
      fc.property(fc.array(INT), (values) => {
        const coded = values.map((value, i) => (value - (values[i - 1] ?? 0)) | 0);
        expect(ints(all(coded), values.length, "delta")).toEqual(values);
      }),
    );
  });

  it("reads numbers relative to another column", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(INT, INT)), (pairs) => {
        const coded = pairs.map(([value, other]) => (value - other) | 0);
        const other = Int32Array.from(pairs, ([, n]) => n);
        expect(ints(all(coded), pairs.length, "beside", other)).toEqual(pairs.map(([value]) => value));
      }),
    );
  });

  it("reads what came before, and what did not", () => {
    // next, next, two rows up, next, the one after next, next
    expect(ints(all([1, 1, 4, 1, 3, 1]), 6, "again")).toEqual([0, 1, 0, 2, 4, 5]);
    expect(ints(all([1, -1, 2]), 3, "again", Int32Array.of(7, 7, 7))).toEqual([7, 6, 6]);
  });

  it("reads parents as levels to climb", () => {
    expect(ints(all([0, 0, 0, 0, 3, 0]), 6, "climb")).toEqual([-1, 0, 1, 2, 0, 4]);
  });

  it("reads copies of what stood a period earlier, also where they overlap", () => {
    const runs = [2, 5, 1, 3];
    expect(ints([2, runs.length, ...runs, 7, 8, 9].flatMap(varint), 11, "plain")).toEqual([
      7, 8, 7, 8, 7, 8, 7, 9, 7, 9, 7,
    ]);
  });

  it.each([
    ["runs that are too long", [1, 2, 1, 9, 5], "leaves its column"],
    ["runs that go back", [1, 2, 1, -9, 5], "leaves its column"],
    ["copies from before the beginning", [4, 2, 1, 3, 5], "leaves its column"],
    ["a period that is no period", [-1, 2, 1, 3, 5], "leaves its column"],
    ["runs that end early", [1, 1, 1, 5], "too short"],
    ["more runs than numbers", [1, 99], "not among"],
    ["bytes that end early", [0, 1], "ends too early"],
  ])("refuses %s", (_, numbers, message) => {
    expect(() => ints(numbers.flatMap(varint), 4, "plain")).toThrow(message);
  });

  it.each([-1, 0.5, 2 ** 31, Number.NaN])("refuses the length %d", (length) => {
    expect(() => ints([0], length, "plain")).toThrow("no length");
  });

  it("refuses codings that it does not know, and columns of another length", () => {
    expect(() => ints([0], 0, "constructor")).toThrow("unknown");
    expect(() => ints(all([1]), 1, "beside", new Int32Array(2))).toThrow("different lengths");
    expect(() => ints(all([1]), 1, "beside")).toThrow("no column");
    expect(() => ints(all([1, 4]), 2, "again")).toThrow("not among");
  });
});

describe("texts", () => {
  function texts(patterns: string[], which: number[], numbers: number[]): string[] | undefined {
    const reader = new Reader(Uint8Array.from([...all(which), ...all(numbers)]), 0);
    const lengths = { length: which.length, numbers: numbers.length };
    const step = reader.texts({ patterns, ...lengths, coding: "plain", of_numbers: "plain" }).next();
    return step.done ? step.value : undefined;
  }

  it("get the numbers of their pattern, place by place", () => {
    expect(texts(["a0.b0", "00", "π"], [0, 2, 1, 0], [17, 18, 1, 2, 0, 7])).toEqual(["a17.b1", "π", "07", "a18.b2"]);
  });

  it("are refused with too few numbers, too many, or a pattern that is not there", () => {
    expect(() => texts(["a0"], [0, 0], [1])).toThrow("1 numbers for 2 places");
    expect(() => texts(["a0"], [0], [1, 2])).toThrow("2 numbers for 1 places");
    expect(() => texts(["a"], [1], [])).toThrow("not among");
  });
});

describe("fill", () => {
  function filled(templates: number[], strings: string[], by: number[], labels: string[]): string[] {
    const texts = new Array<string>(templates.length);
    const holes = [
      { texts, rows: Int32Array.from(by) },
      { texts: labels, rows: null },
    ];
    for (const rows of fill(texts, Int32Array.from(templates), strings, holes)) expect(rows).toBeGreaterThan(0);
    return texts;
  }

  it("puts texts of rows above and of other columns into holes", () => {
    const strings = ["", "\u0002", "\u0001/\u0002!"];
    expect(filled([0, 1, 2, 2], strings, [-1, 0, 1, -1], ["m", "a", "b", "c"])).toEqual(["", "a", "a/b!", "/c!"]);
  });

  it("refuses rows below", () => {
    expect(() => filled([0, 0], ["\u0001"], [1, 0], ["", ""])).toThrow("takes a text from row 1");
  });
});
