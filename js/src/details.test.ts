import { expect, it } from "vitest";
import { weightsOf } from "./details";
import { testPayload } from "./testing";

const ENCODER = 1;
const CONV = 2;
const HEAD_10 = 6;

it("shows the weights that a layer holds", () => {
  const payload = testPayload();
  expect(weightsOf(payload, CONV, 4)).toEqual([0]);
  expect(weightsOf(payload, ENCODER, 3)).toEqual([]);
});

it("shows the weights that an operation reads of others", () => {
  const payload = testPayload();
  const kind = payload.rows.kind.map((own, row) => (row === HEAD_10 ? ("operation" as const) : own));
  const none = payload.calls.parameters;
  const call = payload.calls.length - 1;
  const offsets = none.offsets.map((at, i) => (i > call ? 1 : at));
  const calls = { ...payload.calls, parameters: { offsets, values: Int32Array.of(3) } };
  expect(weightsOf({ ...payload, calls, rows: { ...payload.rows, kind } }, HEAD_10, call)).toEqual([3]);
});
