// @vitest-environment node
// The decoder on the golden payloads that Python writes and reads as well (tests/test_wire.py).
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, type Lists, list, SCHEMA_MAJOR } from "./wire";

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

/** `data` with a changed header. */
function withHeader(data: Uint8Array, change: (header: { schema: number[] }) => void): Uint8Array {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(4, true);
  const header = JSON.parse(Buffer.from(data.subarray(8, 8 + length)).toString("ascii"));
  change(header);
  const escaped = JSON.stringify(header).replace(
    /[^ -~]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = Buffer.from(escaped, "ascii");
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  return new Uint8Array(Buffer.concat([data.subarray(0, 4), size, text, data.subarray(8 + length)]));
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
