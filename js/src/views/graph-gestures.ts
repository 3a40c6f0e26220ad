// Pointer and wheel: drag pans, two fingers pinch, the wheel zooms when it is meant for the graph, a click is what did
// not move.

import { isText } from "./graph-texts";

export interface Gestures {
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  click(event: MouseEvent): void;
  /** After two clicks. */
  doubleClick(): void;
  /** null when the pointer leaves or drags. */
  hover(event: MouseEvent | null): void;
}

const SLACK = 4;
const LINE = 16;

export function listen(surface: HTMLElement, heard: Gestures, signal: AbortSignal): void {
  const point = (event: MouseEvent): [number, number] => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  listenToWheel(surface, heard, point, signal);
  listenToDrag(surface, heard, signal);
  listenToPinch(surface, heard, point, signal);
  const over = (event: PointerEvent): void => {
    if (event.buttons === 0) heard.hover(event);
  };
  surface.addEventListener("pointermove", over, { signal });
  surface.addEventListener("pointerleave", () => heard.hover(null), { signal });
  surface.addEventListener("dblclick", () => heard.doubleClick(), { signal });
}

function listenToWheel(
  surface: HTMLElement,
  heard: Gestures,
  point: (event: MouseEvent) => [number, number],
  signal: AbortSignal,
): void {
  const wheel = (event: WheelEvent): void => {
    // Over a graph that nobody works with, the wheel scrolls the page.
    if (!event.ctrlKey && !event.metaKey && !surface.matches(":focus-within")) return;
    event.preventDefault();
    event.stopPropagation();
    const delta = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE : event.deltaY;
    // A trackpad's pinch arrives as ctrl with small steps.
    const speed = event.ctrlKey && Math.abs(delta) < 40 ? 0.01 : 0.0018;
    heard.zoom(Math.exp(-Math.max(-300, Math.min(300, delta)) * speed), ...point(event));
  };
  surface.addEventListener("wheel", wheel, { signal, passive: false });
}

function listenToDrag(surface: HTMLElement, heard: Gestures, signal: AbortSignal): void {
  let from: { id: number; x: number; y: number; moved: boolean } | null = null;
  let dragged = false;
  const start = (event: PointerEvent): void => {
    if (event.button > 1 || !event.isPrimary || isText(event.target)) return;
    from = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    dragged = false;
  };
  const move = (event: PointerEvent): void => {
    if (!from || event.pointerId !== from.id) return;
    if (fingers(surface) > 1) {
      // A pinch: when the other finger goes, dragging goes on from where this one is.
      from = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: true };
      dragged = true;
      return;
    }
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.hypot(dx, dy) < SLACK) return;
    if (!from.moved) {
      // Only now: capturing at once would take the click from what is under the pointer.
      surface.setPointerCapture?.(event.pointerId);
      surface.classList.add("nbviz-panning");
      heard.hover(null);
    }
    from = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: true };
    dragged = true;
    heard.pan(dx, dy);
  };
  const end = (event: PointerEvent): void => {
    if (from?.id === event.pointerId) from = null;
    surface.classList.remove("nbviz-panning");
  };
  surface.addEventListener("pointerdown", start, { signal });
  surface.addEventListener("pointermove", move, { signal });
  surface.addEventListener("pointerup", end, { signal });
  surface.addEventListener("pointercancel", end, { signal });
  const click = (event: MouseEvent): void => {
    // A drag over a text ends with a click, too.
    if (!dragged && !(isText(event.target) && hasSelection())) heard.click(event);
    dragged = false;
  };
  surface.addEventListener("click", click, { signal });
}

const hasSelection = (): boolean => globalThis.getSelection?.()?.isCollapsed === false;

const touching = new WeakMap<HTMLElement, Map<number, readonly [x: number, y: number]>>();
const fingers = (surface: HTMLElement): number => touching.get(surface)?.size ?? 0;

/** Two fingers zoom by how their distance changes, about the point between them, and pan by how that moves. */
function listenToPinch(
  surface: HTMLElement,
  heard: Gestures,
  point: (event: MouseEvent) => [number, number],
  signal: AbortSignal,
): void {
  const down = new Map<number, readonly [x: number, y: number]>();
  touching.set(surface, down);
  const start = (event: PointerEvent): void => {
    if (event.pointerType === "touch") down.set(event.pointerId, point(event));
  };
  const move = (event: PointerEvent): void => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    down.set(event.pointerId, now);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (!other || down.size !== 2) return;
    const apart = (p: readonly [number, number]): number => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
    heard.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    heard.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  };
  const end = (event: PointerEvent): void => void down.delete(event.pointerId);
  surface.addEventListener("pointerdown", start, { signal });
  surface.addEventListener("pointermove", move, { signal });
  surface.addEventListener("pointerup", end, { signal });
  surface.addEventListener("pointercancel", end, { signal });
}
