// A bar between two panes that moves by pointer and by keyboard.
import type { RefObject } from "preact";
import { handled } from "./hooks";

interface SplitterProps {
  readonly label: string;
  readonly orientation: "vertical" | "horizontal";
  /** Share that the first pane takes, 0 to 1. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** The element that is split. */
  readonly area: RefObject<HTMLElement>;
  onMove(value: number): void;
  /** A double click asks for this share. */
  readonly reset: number;
}

export function Splitter({ label, orientation, value, min, max, area, onMove, reset }: SplitterProps) {
  const clamp = (share: number) => Math.min(Math.max(share, min), max);
  const follow = (event: PointerEvent) => {
    const box = area.current?.getBoundingClientRect();
    if (!box || !(event.currentTarget as Element).hasPointerCapture(event.pointerId)) return;
    const share =
      orientation === "vertical" ? (event.clientX - box.left) / box.width : (event.clientY - box.top) / box.height;
    onMove(clamp(share));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const to = { ArrowLeft: value - step, ArrowUp: value - step, ArrowRight: value + step, ArrowDown: value + step };
    const target = { ...to, Home: min, End: max, Enter: reset }[event.key];
    if (target === undefined) return;
    handled(event);
    onMove(clamp(target));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: <hr> cannot be a focusable, movable separator
    <div
      class={`nbviz-splitter nbviz-splitter-${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value * 100)}
      aria-valuemin={Math.round(min * 100)}
      aria-valuemax={Math.round(max * 100)}
      title={`${label}: drag, or use the arrow keys; double click resets`}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus();
      }}
      onPointerMove={follow}
      onDblClick={() => onMove(reset)}
      onKeyDown={onKeyDown}
    />
  );
}
