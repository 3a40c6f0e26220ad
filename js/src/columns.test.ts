// Which columns show when nobody has chosen any, and what they say of parameters.

import { expect, it } from "vitest";
import { columnsOf, defaultColumns } from "./columns";
import { testPayload } from "./testing";
import type { Payload } from "./wire";

const called = testPayload();
const neverCalled: Payload = { ...called, calls: { ...called.calls, length: 0 } };

it("shows shapes of outputs, and without a graph those of parameters", () => {
  expect(defaultColumns(called, [])).toEqual(["path", "type", "output_shape", "params", "macs"]);
  expect(defaultColumns(neverCalled, [])).toEqual(["path", "type", "param_shape", "param_dtype", "params", "bytes"]);
});

it("leaves out types that are all the same", () => {
  const rows = { ...called.rows, type: ["Checkpoint", ...called.rows.type.slice(1).map(() => "Tensors")] };
  expect(defaultColumns({ ...neverCalled, rows }, [])).not.toContain("type");
});

it("shows shape and dtype of the parameters that a layer holds itself", () => {
  const texts = (id: string) => {
    const column = columnsOf(called, []).find((one) => one.id === id);
    return [1, 2, 5].map((row) => column?.text(row));
  };
  expect(texts("param_shape")).toEqual(["–", "(None, 16)", "(None, 16)"]);
  expect(texts("param_dtype")).toEqual(["–", "float32", "float32"]);
});
