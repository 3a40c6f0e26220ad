// Arrow keys as steps: along the flow and across it, whichever way the graph is drawn.
import type { Step } from "./graph-walk";

const DOWN: Readonly<Record<string, Step>> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  ArrowLeft: "left",
  ArrowRight: "right",
};
const RIGHT: Readonly<Record<string, Step>> = {
  ArrowRight: "next",
  ArrowLeft: "previous",
  ArrowUp: "left",
  ArrowDown: "right",
};

export function stepOf(event: KeyboardEvent, direction: "down" | "right"): Step | null {
  if (event.key === "Home") return "first";
  if (event.key === "End") return "last";
  if (event.key === "Backspace") return "out";
  return (direction === "down" ? DOWN : RIGHT)[event.key] ?? null;
}
