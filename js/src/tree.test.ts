import { describe, expect, it } from "vitest";
import { testPayload } from "./testing";
import { paramsOf } from "./totals";
import { allRows, HIDDEN, treeOf, visibleRows } from "./tree";

const payload = testPayload();
const { rows } = payload;
const paths = (found: readonly number[]) => found.map((row) => rows.path[row]);

describe("the tree", () => {
  it("puts members under their group while groups are on", () => {
    expect(treeOf(rows, true).parent[5]).toBe(4);
    expect(treeOf(rows, false).parent[5]).toBe(0);
    expect(treeOf(rows, false).parent[4]).toBe(HIDDEN);
    expect(allRows(treeOf(rows, false))).not.toContain(4);
  });

  it("shows only what is open, and always the root's children", () => {
    expect(paths(visibleRows(rows, treeOf(rows, true), new Set()))).toEqual(["", "encoder", "~head", "spare"]);
    const open = visibleRows(rows, treeOf(rows, true), new Set(["encoder"]));
    expect(paths(open)).toEqual(["", "encoder", "encoder/conv", "encoder/norm", "~head", "spare"]);
  });
});

describe("parameters of several rows", () => {
  it("counts nested rows and tied weights once", () => {
    expect(paramsOf(payload, [1, 2])).toBe(100);
    expect(paramsOf(payload, [5, 6])).toBe(20);
    expect(paramsOf(payload, [4, 5])).toBe(20);
    expect(
      paramsOf(
        payload,
        rows.path.map((_, row) => row),
      ),
    ).toBe(130);
  });
});
