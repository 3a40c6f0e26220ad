import { describe, expect, it } from "vitest";
import { ancestors, expandToDepth, initialExpanded } from "./expansion";
import { payloadOf, sharedBlock, stackOfBlocks } from "./scene/testing";

describe("initial expansion", () => {
  it("opens everything of a small model", () => {
    expect(new Set(initialExpanded(sharedBlock(), "auto", true))).toEqual(new Set(["block", "~head"]));
  });

  it("opens equal blocks all or none, so that what shows is not arbitrary", () => {
    expect(initialExpanded(stackOfBlocks(12, 10), "auto", true)).toEqual([]);
    expect(initialExpanded(stackOfBlocks(4, 5), "auto", true)).toHaveLength(4);
  });

  it("opens a wrapper that holds nearly everything", () => {
    expect(initialExpanded(stackOfBlocks(1, 90), "auto", true)).toEqual(["block_0"]);
  });

  it("opens to the depth that was asked for", () => {
    expect(expandToDepth(sharedBlock(), 1, true)).toEqual([]);
    expect(new Set(expandToDepth(sharedBlock(), 2, true))).toEqual(new Set(["block", "~head"]));
    expect(expandToDepth(sharedBlock(), 2, false)).toEqual(["block"]);
  });

  it("has nothing to open where nothing was called", () => {
    const payload = payloadOf([{ path: "a", type: "Dense" }], [], []);
    expect(initialExpanded(payload, "auto", true)).toEqual([]);
  });
});

describe("ancestors", () => {
  it("names what has to be open, outermost first, with groups only when they show", () => {
    expect(ancestors(sharedBlock(), "block/a", true)).toEqual(["block"]);
    expect(ancestors(sharedBlock(), "head_2", true)).toEqual(["~head"]);
    expect(ancestors(sharedBlock(), "head_2", false)).toEqual([]);
    expect(ancestors(sharedBlock(), "input#1", true)).toEqual([]);
    expect(ancestors(sharedBlock(), "nowhere", true)).toEqual([]);
  });
});
