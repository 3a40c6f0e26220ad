import { describe, expect, it } from "vitest";
import { matchingRows } from "./search";
import { operationsPayload, testPayload } from "./testing";
import type { Payload, Settings } from "./wire";

/** Paths of the rows that match. */
function found(query: string, payload: Payload = testPayload()): string[] {
  const matching = matchingRows(payload, query);
  return payload.rows.path.filter((_, row) => matching?.[row]);
}

describe("search", () => {
  it("wants every word, in any field", () => {
    expect(found("dense head_10")).toEqual(["head_10"]);
    expect(found("CONV2d")).toEqual(["encoder/conv"]);
    expect(found("8x8x4")).toEqual(["encoder/conv"]);
  });

  it("looks for nothing when the query is blank", () => {
    expect(matchingRows(testPayload(), "  ")).toBeNull();
  });
});

/** One in which `encoder/conv` holds a kernel of 100 × 64 in bfloat16, and nothing is computed. */
function stored(): Payload {
  const payload = testPayload();
  const { parameters, rows } = payload;
  return {
    ...payload,
    shapes: [...payload.shapes, [100, 64]],
    rows: { ...rows, output_shape: { ...rows.output_shape, offsets: new Int32Array(rows.length + 1) } },
    parameters: { ...parameters, shape: Int32Array.of(3, 2, 2, 2), dtype: ["bfloat16", "int8", "int8", "int8"] },
  };
}

describe("search for parameters", () => {
  it("looks at their names, dtypes and shapes", () => {
    expect(found("gamma")).toEqual(["encoder/norm"]);
    for (const query of ["bfloat16", "(100, 64)", "(100,64)", "100x64", "100×64", "BFLOAT16 conv 100x64"]) {
      expect(found(query, stored())).toEqual(["encoder/conv"]);
    }
    expect(found("bfloat16 gamma", stored())).toEqual([]);
  });

  it("reads a dot or a slash as the end of a layer's name and the beginning of a parameter's", () => {
    for (const query of ["encoder/norm.gamma", "encoder/norm/gamma", "norm.g", "norm.", ".gamma", "NORM.GAMMA"]) {
      expect(found(query)).toEqual(["encoder/norm"]);
    }
    for (const query of ["conv.gamma", "nor.gamma", "norm.amma", "norm.gamma.", "norm_gamma"]) {
      expect(found(query)).toEqual([]);
    }
    // What comes first of a row is no name.
    expect(found("dense.kernel")).toEqual([]);
  });

  it("knows a tied one by the names of all that hold it, and finds all of them", () => {
    expect(found("head_10.kernel")).toEqual(["head_1", "head_10"]);
    expect(found("spare.kernel")).toEqual(["spare"]);
  });

  it("finds the operations that read one of a layer around", () => {
    const payload = operationsPayload();
    const { calls, rows, parameters } = payload;
    // The encoder holds what was the norm's, which the second call of the norm reads.
    const read: Payload = {
      ...payload,
      rows: {
        ...rows,
        parameters: { offsets: Int32Array.of(0, 0, 1, 1, 1, 1, 1, 1, 1), values: Int32Array.of(1) },
      },
      calls: {
        ...calls,
        parameters: {
          offsets: Int32Array.from({ length: calls.length + 1 }, (_, at) => Number(at > 8)),
          values: Int32Array.of(1),
        },
      },
      parameters: { ...parameters, owners: { ...parameters.owners, values: Int32Array.of(2, 1, 5, 6, 7) } },
    };
    for (const query of ["gamma", "encoder.gamma"]) expect(found(query, read)).toEqual(["encoder", "encoder/norm"]);
  });
});

describe("search for nodes", () => {
  /** Calls 5 and 8, of one row, as a file calls them. */
  function named(): Payload {
    const payload = operationsPayload();
    const settings: Settings[] = ["/enc/Norm_4", "a.b.c"].map((name) => [
      ["axis", "shown"],
      ["name", name],
    ]);
    const of = payload.calls.settings.map((_, call) => ({ 5: 2, 8: 3 })[call] ?? 0);
    return { ...payload, settings: [...payload.settings, ...settings], calls: { ...payload.calls, settings: of } };
  }

  it("knows them by their own names", () => {
    for (const query of ["/enc/Norm_4", "norm_4", "a.b.c"]) expect(found(query, named())).toEqual(["encoder/norm"]);
  });

  it("leaves out all other settings", () => {
    for (const query of ["axis", "shown", "kernel_size"]) expect(found(query, named())).toEqual([]);
  });
});
