import { describe, expect, it } from "vitest";
import { ancestors, expandToDepth, initialExpanded } from "./expansion";
import { equalBlocks, payloadOf, rowOfBlocks, sharedBlock } from "./scene/testing";

describe("initial expansion", () => {
  it("opens everything of a small model", () => {
    expect(new Set(initialExpanded(sharedBlock(), "auto", true))).toEqual(new Set(["block", "~head"]));
  });

  it("opens equal blocks all or none, so that what shows is not arbitrary", () => {
    expect(initialExpanded(rowOfBlocks(12, 10), "auto", true)).toEqual([]);
    expect(initialExpanded(rowOfBlocks(4, 5), "auto", true)).toHaveLength(4);
  });

  it("opens a wrapper that holds nearly everything", () => {
    expect(initialExpanded(rowOfBlocks(1, 90), "auto", true)).toEqual(["block_0"]);
  });

  it("leaves stacks folded, unless there is nearly nothing else", () => {
    expect(initialExpanded(equalBlocks(40), "auto", true)).toEqual(["≡block_0"]);
    const before = Array.from({ length: 5 }, (_, i) => ({ path: `before_${i}`, type: "Norm", params: i }));
    const blocks = Array.from({ length: 3 }, (_, i) => `block_${i}`);
    const payload = payloadOf(
      [
        ...before,
        ...blocks.flatMap((path) => [
          { path, type: "Block" },
          { path: `${path}/a`, type: "Dense", parent: path },
          { path: `${path}/b`, type: "Norm", parent: path },
        ]),
      ],
      [
        ...before.map(({ path }) => ({ path })),
        ...blocks.flatMap((path, i) => [
          { path },
          { path: `${path}/a`, parent: 6 + 3 * i },
          { path: `${path}/b`, parent: 6 + 3 * i },
        ]),
      ],
      [
        [7, 8],
        [8, 10],
        [10, 11],
        [11, 13],
        [13, 14],
      ],
    );
    expect(initialExpanded(payload, "auto", true)).toEqual([]);
  });

  it("takes stacks for no level of their own", () => {
    expect(expandToDepth(equalBlocks(3), 1, true)).toEqual([]);
    expect(expandToDepth(equalBlocks(3), 2, true)).toEqual(["≡block_0", "block_0", "block_1", "block_2"]);
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

  it("opens a tree without calls as far as a screen goes", () => {
    const tree = (blocks: number) => {
      const layers = Array.from({ length: blocks }, (_, i) => `model/layers/${i}`);
      const paths = ["model", "model/layers", ...layers.flatMap((path) => [path, `${path}/q`, `${path}/k`])];
      const rows = paths.map((path) => ({ path, type: "Tensors", parent: path.split("/").slice(0, -1).join("/") }));
      return payloadOf(rows, [], []);
    };
    expect(new Set(initialExpanded(tree(12), "auto", true))).toEqual(new Set(["model", "model/layers"]));
    expect(initialExpanded(tree(30), "auto", true)).toEqual(["model"]);
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
