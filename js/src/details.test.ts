import { expect, it } from "vitest";
import { settingsOf, weightsOf } from "./details";
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

it("shows the settings of the call of an operation, which may be others each time, and else those of the layer", () => {
  const payload = testPayload();
  const settings = [[], [["dim", 1]], [["dim", 2]]] as const;
  const kind = payload.calls.kind.map((own, call) => (call === 5 ? ("operation" as const) : own));
  const calls = { ...payload.calls, kind, settings: payload.calls.settings.map((_, call) => (call === 5 ? 2 : 0)) };
  const rows = { ...payload.rows, settings: payload.rows.settings.map(() => 1) };
  expect(settingsOf({ ...payload, settings, rows, calls }, HEAD_10, 5)).toEqual([["dim", 2]]);
  expect(settingsOf({ ...payload, settings, rows, calls }, CONV, 4)).toEqual([["dim", 1]]);
  expect(settingsOf({ ...payload, settings, rows, calls }, CONV, null)).toEqual([["dim", 1]]);
});
