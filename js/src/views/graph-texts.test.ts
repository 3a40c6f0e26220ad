import { describe, expect, it } from "vitest";
import { buildGraph, LIGHT, lookOf, PLAIN_LOOK } from "../scene";
import { Items } from "../scene/items";
import { NO_MARKS } from "../scene/scene";
import { rowOfBlocks } from "../scene/testing";
import { GraphTexts } from "./graph-texts";

const graph = buildGraph(rowOfBlocks(20, 2), new Set(), true, "down");
const items = new Items(graph, lookOf(graph, PLAIN_LOOK, LIGHT));

function show(texts: GraphTexts, ...selected: number[]): string[] {
  texts.show(graph, items, { ...NO_MARKS, selected: new Set(selected) }, LIGHT);
  return [...texts.element.children].map((span) => span.textContent ?? "");
}

describe("texts over the picture", () => {
  it("are those of selected boxes, and lead to their box", () => {
    const texts = new GraphTexts();
    expect(show(texts, 1)).toContain("block_0");
    expect(texts.element.firstElementChild?.getAttribute("data-box")).toBe("1");
    expect(show(texts)).toEqual([]);
  });

  it("stay as they are while the same boxes are selected, so that what somebody selects in them stays", () => {
    const texts = new GraphTexts();
    show(texts, 1);
    const before = texts.element.firstChild;
    show(texts, 1);
    expect(texts.element.firstChild).toBe(before);
  });

  it("are left out where so much is selected that nobody looks at single boxes", () => {
    expect(show(new GraphTexts(), ...Array(20).keys())).toEqual([]);
  });
});
