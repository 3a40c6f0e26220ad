// Pointer and wheel: drag pans, the wheel zooms when it is meant for the graph, a click is what did not move.

export interface Gestures {
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  click(target: Element, event: MouseEvent): void;
  doubleClick(target: Element, event: MouseEvent): void;
  hover(target: Element | null): void;
}

const SLACK = 4;
const LINE = 16;

export function listen(surface: SVGSVGElement, heard: Gestures, signal: AbortSignal): void {
  const point = (event: MouseEvent): [number, number] => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  listenToWheel(surface, heard, point, signal);
  listenToDrag(surface, heard, signal);
  const over = (event: Event): void => heard.hover(event.target as Element);
  surface.addEventListener("pointerover", over, { signal });
  surface.addEventListener("pointerleave", () => heard.hover(null), { signal });
  surface.addEventListener("dblclick", (event) => heard.doubleClick(event.target as Element, event), { signal });
}

function listenToWheel(
  surface: SVGSVGElement,
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

function listenToDrag(surface: SVGSVGElement, heard: Gestures, signal: AbortSignal): void {
  let from: { id: number; x: number; y: number; moved: boolean } | null = null;
  let dragged = false;
  const start = (event: PointerEvent): void => {
    if (event.button > 1 || !event.isPrimary) return;
    from = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    dragged = false;
  };
  const move = (event: PointerEvent): void => {
    if (!from || event.pointerId !== from.id) return;
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
    if (!dragged) heard.click(event.target as Element, event);
    dragged = false;
  };
  surface.addEventListener("click", click, { signal });
}
