import { expect, it } from "vitest";
import { testPayload } from "../testing";
import { badgesOf } from "./badges";

const texts = (payload: ReturnType<typeof testPayload>, path: string): string[] =>
  badgesOf(payload, payload.rows.path.indexOf(path)).map(({ text }) => text);

it("tells what is never called from what a failing pass did not reach", () => {
  const payload = testPayload();
  expect(texts(payload, "spare")).toEqual(["never called"]);
  const failed = payload.calls.failed.slice();
  failed[failed.length - 1] = 1;
  expect(texts({ ...payload, calls: { ...payload.calls, failed } }, "spare")).toEqual(["not reached"]);
});
