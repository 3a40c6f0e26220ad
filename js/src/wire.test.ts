// @vitest-environment node
// The decoder on the golden payloads that Python writes and reads as well (tests/test_wire.py).
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, decodeSteps, type Lists, list, SCHEMA_MAJOR } from "./wire";

const folder = new URL("../../tests/fixtures/wire/", import.meta.url);
const names = readdirSync(folder).flatMap((file) => (file.endsWith(".bin") ? [file.slice(0, -4)] : []));
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.bin`, folder)));

const isLists = (value: unknown): value is Lists => typeof value === "object" && value !== null && "offsets" in value;

/** A decoded column as JSON has it: arrays, and null for NaN. */
function plain(value: unknown): unknown {
  if (value instanceof Int32Array) return Array.from(value);
  if (value instanceof Float64Array) return Array.from(value, (n) => (Number.isNaN(n) ? null : n));
  if (isLists(value)) return Array.from({ length: value.offsets.length - 1 }, (_, row) => Array.from(list(value, row)));
  return value;
}

const headerEnd = (data: Uint8Array): number => 8 + new DataView(data.buffer, data.byteOffset).getUint32(4, true);

/** `data` with a changed header. */
function withHeader<T>(data: Uint8Array, change: (header: { schema: number[] }) => T): Uint8Array {
  const end = headerEnd(data);
  let header = JSON.parse(Buffer.from(data.subarray(8, end)).toString("ascii"));
  header = change(header) ?? header;
  const escaped = JSON.stringify(header).replace(
    /[^ -~]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = Buffer.from(escaped, "ascii");
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  return new Uint8Array(Buffer.concat([data.subarray(0, 4), size, text, data.subarray(end)]));
}

/** Whether the bytes are refused with one clear message, or give tables that can be walked. */
function readOrRefused(data: Uint8Array): boolean {
  try {
    const { rows, edges, calls } = decode(data);
    return rows.parent.every((up, row) => up < row) && edges.source.every((call) => call < calls.length);
  } catch (error) {
    return /^nbviz: (this view is damaged|this is not a model payload|this view was made by)/.test(
      (error as Error).message,
    );
  }
}

describe.each(names)("the payload %s", (name) => {
  const expected = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf-8"));

  it("decodes to what Python wrote", () => {
    const payload = decode(bytes(name));
    expect(payload.meta).toEqual(expected.meta);
    expect(payload.shapes).toEqual(expected.shapes);
    expect(payload.settings).toEqual(expected.settings);
    for (const table of ["rows", "calls", "tensors", "edges", "parameters"] as const) {
      const columns = Object.entries(payload[table]).map(([key, value]) => [key, plain(value)]);
      expect(Object.fromEntries(columns)).toEqual(expected[table]);
    }
  });

  it("decodes at every alignment", () => {
    const data = bytes(name);
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(data.length + 16);
      moved.set(data, shift);
      expect(decode(moved.subarray(shift, shift + data.length))).toEqual(decode(data));
    }
  });
});

describe("decode", () => {
  const shared = bytes("shared");

  it("reads the lists of one row", () => {
    const { rows } = decode(shared);
    const at = rows.path.indexOf("block");
    expect(Array.from(list(rows.connected_to, at), (row) => rows.path[row])).toEqual(["a", "b"]);
    expect(list(rows.connected_to, rows.length)).toHaveLength(0);
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["too little", shared.subarray(0, 7)],
    ["something else", new TextEncoder().encode("<!doctype html>")],
  ])("refuses %s", (_, data) => {
    expect(() => decode(data)).toThrow("not a model payload");
  });

  it("refuses a newer major version and says what to do", () => {
    const newer = withHeader(shared, (header) => {
      header.schema = [SCHEMA_MAJOR + 1, 0];
    });
    expect(() => decode(newer)).toThrow(/newer nbviz.*Upgrade nbviz/);
  });

  it("refuses an older major version and says what to do", () => {
    const older = withHeader(shared, (header) => {
      header.schema = [SCHEMA_MAJOR - 1, 0];
    });
    expect(() => decode(older)).toThrow(/older nbviz.*run the cell again/);
  });

  it("refuses every beginning of a payload", () => {
    for (let length = 8; length < shared.length; length++) {
      expect(() => decode(shared.subarray(0, length))).toThrow(/this view is damaged.*Run the cell again/);
    }
  });

  it("refuses damaged bytes, or reads a payload whose positions exist", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(shared.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
        const damaged = shared.slice();
        for (const [at, byte] of changes) damaged[at] = byte;
        expect(readOrRefused(damaged)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses other bytes behind a right beginning", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        const start = shared.subarray(0, headerEnd(shared));
        expect(readOrRefused(Buffer.concat([start, tail]))).toBe(true);
      }),
    );
  });

  it.each([
    ["a number for all", 3],
    ["no tables", { tables: {} }],
    ["a table that is missing a column", { tables: { rows: { length: 1, columns: {} } } }],
    [
      "a table of four billion rows",
      { tables: { rows: { length: 2 ** 32, columns: { parent: { type: "int", coding: "plain" } } } } },
    ],
    ["texts that are none", { strings: 3 }],
  ])("refuses a header with %s", (_, change) => {
    const data = withHeader(shared, (header) => (typeof change === "number" ? change : { ...header, ...change }));
    expect(() => decode(data)).toThrow(/this view is damaged.*Run the cell again/);
  });

  it("leaves objects alone that a header names", () => {
    const columns = { polluted: { type: "int", coding: "plain" } };
    const tables = JSON.parse(`{"__proto__":{"length":0,"columns":${JSON.stringify(columns)}}}`);
    expect(() => decode(withHeader(shared, (header) => ({ ...header, tables })))).toThrow("damaged");
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("says how far it is, in steps", () => {
    const steps = [...decodeSteps(shared)];
    expect(steps.length).toBeGreaterThan(20);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.every((share) => share >= 0 && share <= 1)).toBe(true);
  });

  it("reads a newer minor version", () => {
    const newer = withHeader(shared, (header) => {
      header.schema = [SCHEMA_MAJOR, 99];
      Object.assign(header, { later: 1 });
    });
    expect(decode(newer)).toEqual(decode(shared));
  });

  it("reads a header of many kilobytes", () => {
    const long = withHeader(shared, (header) => Object.assign(header, { later: "x".repeat(100_000) }));
    expect(decode(long).rows).toEqual(decode(shared).rows);
  });
});
