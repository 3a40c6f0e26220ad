import { expect, it } from "vitest";
import { buildGraph } from "./graph";
import { boxIn, keyOf } from "./identity";
import { sharedBlock } from "./testing";

const payload = sharedBlock();
const folded = buildGraph(payload, new Set(), true, "down");
const open = buildGraph(payload, new Set(["block", "~head"]), true, "down");
const ungrouped = buildGraph(payload, new Set(["block"]), false, "down");

it.each([
  ["opens", folded, open],
  ["closes", open, folded],
  ["stays", open, open],
  ["loses its groups", open, ungrouped],
])("finds each box again by its key when something %s", (_, from, to) => {
  const find = boxIn(from, to);
  const keys = Array.from({ length: to.count }, (_, b) => keyOf(to, b));
  for (let b = 0; b < from.count; b++) expect(find(b)).toBe(keys.indexOf(keyOf(from, b)));
});
