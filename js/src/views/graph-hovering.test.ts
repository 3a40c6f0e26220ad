import { expect, it } from "vitest";
import { buildGraph } from "../scene";
import { payloadOf } from "../scene/testing";
import type { Dim } from "../wire";
import { Hovering } from "./graph-hovering";

/** What is said of a tensor of 32 bytes with this shape. */
function said(shape: readonly Dim[]): string | null {
  const payload = payloadOf(
    ["a", "b"].map((path) => ({ path, type: "Dense" })),
    ["a", "b"].map((path) => ({ path, inputs: [shape], outputs: [shape] })),
    [[1, 2]],
  );
  payload.tensors.bytes.fill(32);
  const hovering = new Hovering();
  hovering.show(buildGraph(payload, new Set(), true, "down"));
  hovering.set(-1, 0);
  return hovering.tensor;
}

it("says of a tensor from where to where it goes, and how large it is", () => {
  expect(said([2, 4])).toBe("a → b: 2×4 float32 · 32.00 B");
});

it("says that the size of one whose batch is open is that of an example", () => {
  expect(said([null, 8])).toBe("a → b: 8 float32 · 32.00 B per example");
  expect(said(["batch", 8])).toBe("a → b: batch×8 float32 · 32.00 B per example");
});
