import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it } from "vitest";
import { drawLegend, LIGHT, type Look, lookOf } from "../scene";
import { buildGraph } from "../scene/graph";
import { PLAIN_LOOK } from "../scene/scene";
import { sharedBlock } from "../scene/testing";
import { LegendStrip } from "./legend";

const root = document.createElement("div");
afterEach(() => render(null, root));

/** What the strip and the card say of the same. */
function said(changed: Partial<typeof PLAIN_LOOK>): { strip: string; card: string; label: string | null } {
  const look: Look = lookOf(buildGraph(sharedBlock(), new Set(), true, "down"), { ...PLAIN_LOOK, ...changed }, LIGHT);
  act(() => render(<LegendStrip look={look} />, root));
  const card = (drawLegend(look)?.commands ?? []).flatMap((command) => (command.kind === "text" ? [command.text] : []));
  const label = root.querySelector('[role="img"]')?.getAttribute("aria-label") ?? null;
  return { strip: root.textContent ?? "", card: card.join(""), label };
}

it("says under a narrow graph what the card over a wide one says", () => {
  const { strip, card, label } = said({ color_by: "type" });
  expect(strip).toBe(card);
  expect(label).toContain("Fill: type");
  expect(root.querySelectorAll(".nbviz-legend-swatch").length).toBeGreaterThan(1);
});

it("gives the ends of a scale", () => {
  const { strip, label } = said({ color_by: "params" });
  expect(strip).toMatch(/^share of parameters0 %\d.* %$/);
  expect(label).toContain("share of parameters, 0 % to ");
});

it("is away where colors mean nothing", () => {
  expect(said({ color_by: "none" })).toEqual({ strip: "", card: "", label: null });
});
