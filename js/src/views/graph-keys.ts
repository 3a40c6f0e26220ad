// What keys mean to the graph: arrows lead along the flow and across it, whichever way it is drawn. Pure.
import { type Graph, OPEN } from "../scene";
import { type Step, walk } from "./graph-walk";

export type KeyCommand =
  | { readonly do: "choose"; readonly add: boolean }
  | { readonly do: "go"; readonly to: number }
  | { readonly do: "toggle"; readonly box: number }
  | { readonly do: "fit" }
  | { readonly do: "clear" }
  /** It was meant for the graph, which has nothing to do. */
  | { readonly do: "nothing" };

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

function stepOf(key: string, direction: "down" | "right"): Step | null {
  if (key === "Home") return "first";
  if (key === "End") return "last";
  if (key === "Backspace") return "out";
  return (direction === "down" ? DOWN : RIGHT)[key] ?? null;
}

/** What a key does while `box` has the focus; null when it is somebody else's. */
export function commandOf(event: KeyboardEvent, graph: Graph, box: number): KeyCommand | null {
  const { key } = event;
  const command = event.ctrlKey || event.metaKey;
  const isOpen = (b: number): boolean => graph.visible.kind[b] === OPEN;
  if (key === "Enter" || key === " ") return { do: "choose", add: command || event.shiftKey };
  if (command || event.altKey) return null;
  switch (key) {
    case "+":
    case "=":
      return isOpen(box) ? { do: "nothing" } : { do: "toggle", box };
    case "-":
    case "_": {
      const frame = isOpen(box) ? box : walk(graph, box, "out");
      return isOpen(frame) ? { do: "toggle", box: frame } : { do: "nothing" };
    }
    case "f":
      return { do: "fit" };
    case "Escape":
      return { do: "clear" };
  }
  const step = stepOf(key, graph.direction);
  return step && { do: "go", to: walk(graph, box, step) };
}
