import { describe, expect, it } from "vitest";
import { isIdle } from "./calls";
import { columnsOf } from "./columns";
import { testPayload } from "./testing";
import { list } from "./wire";

describe("a layer", () => {
  const payload = testPayload();

  it("is idle when neither it nor anything in it is called", () => {
    const idle = payload.rows.path.filter((_, row) => isIdle(payload, row));
    expect(idle).toEqual(["spare"]);
  });

  it("that only holds others takes part when they do", () => {
    const order = Int32Array.from(payload.rows.order);
    order[1] = -1; // the encoder itself is never called, what is in it is
    const other = { ...payload, rows: { ...payload.rows, order } };
    expect(isIdle(other, 1)).toBe(false);
  });

  it("takes part when others read what only it holds", () => {
    const spare = payload.rows.path.indexOf("spare");
    const [held] = list(payload.rows.parameters, spare);
    const parameters = { ...payload.calls.parameters, values: Int32Array.of(held as number) };
    const other = { ...payload, calls: { ...payload.calls, parameters } };
    expect(isIdle(other, spare)).toBe(false);
  });

  it("is not idle in a model of which only the tree is known", () => {
    const calls = { ...payload.calls, length: 0 };
    expect(isIdle({ ...payload, calls }, 7)).toBe(false);
  });
});

describe("a cell with several shapes", () => {
  it("shows the first, and all of them on hover", () => {
    const payload = testPayload();
    const column = columnsOf(payload, []).find(({ id }) => id === "input_shape");
    expect(column?.text(0)).toMatch(/^\([^)]*\) \+1$/);
    expect(column?.exact(0)).toMatch(/^(\([^)]*\)), \1$/);
  });
});
