// The graph half of the widget: the picture, its legend, its buttons, and what is said when there is nothing to draw.
import { useEffect, useRef, useState } from "preact/hooks";
import { drawLegend, type Look } from "../scene";
import type { Store } from "../store";
import type { Payload } from "../wire";
import { GraphController } from "./graph-controller";
import { fill } from "./graph-painter";

export interface GraphHandle {
  fit(): void;
  zoomToSelection(): void;
  zoomBy(factor: number): void;
  /** The picture as an SVG document. */
  svg(): string;
  focus(): void;
}

export interface GraphViewProps {
  readonly store: Store;
  onReady(handle: GraphHandle): void;
}

export function GraphView({ store, onReady }: GraphViewProps) {
  const container = useRef<HTMLDivElement>(null);
  const surface = useRef<SVGSVGElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const controller = useRef<GraphController | null>(null);
  const [look, setLook] = useState<Look | null>(null);
  const [boxes, setBoxes] = useState(0);
  useEffect(() => {
    if (!container.current || !surface.current || !probe.current) return;
    const end = new AbortController();
    const made = new GraphController({
      store,
      surface: surface.current,
      container: container.current,
      probe: probe.current,
      signal: end.signal,
      shown: (shown) => {
        setLook(shown.look);
        setBoxes(shown.boxes);
      },
    });
    controller.current = made;
    onReady({
      fit: () => made.fit(),
      zoomToSelection: () => made.zoomToSelection(),
      zoomBy: (factor) => made.zoomBy(factor),
      svg: () => made.svg(),
      focus: () => made.focus(),
    });
    return () => end.abort();
  }, [store]);
  const payload = store.payload;
  return (
    <div class="nbviz-graph" ref={container} data-lm-suppress-shortcuts="true">
      <span class="nbviz-theme-probe" ref={probe} aria-hidden="true" />
      <svg
        class="nbviz-graph-surface"
        ref={surface}
        aria-label={payload ? `Graph of ${payload.meta.name}` : "Graph"}
        tabIndex={-1}
      />
      {payload && boxes === 0 && <Empty payload={payload} />}
      {boxes > 0 && <ZoomButtons controller={controller} />}
      {boxes > 0 && look && <LegendView look={look} />}
    </div>
  );
}

/** Without calls there is nothing to draw: say why, and what would help. */
function Empty({ payload }: { readonly payload: Payload }) {
  const reasons = payload.meta.diagnostics;
  return (
    <div class="nbviz-graph-empty" role="note">
      <strong>No graph to show</strong>
      {reasons.length === 0 && <p>The layers of this model were never called.</p>}
      {reasons.slice(0, 4).map((reason) => (
        <p key={reason.message} class={`nbviz-${reason.level}`}>
          {reason.message}
        </p>
      ))}
    </div>
  );
}

function ZoomButtons({ controller }: { readonly controller: { readonly current: GraphController | null } }) {
  const buttons = [
    { name: "Zoom in", text: "+", act: () => controller.current?.zoomBy(1.3) },
    { name: "Zoom out", text: "−", act: () => controller.current?.zoomBy(1 / 1.3) },
    { name: "Fit the graph (F)", text: "⤢", act: () => controller.current?.fit() },
    { name: "Zoom to the selection (Z)", text: "◎", act: () => controller.current?.zoomToSelection() },
  ];
  return (
    <div class="nbviz-graph-buttons">
      {buttons.map(({ name, text, act }) => (
        <button key={name} type="button" aria-label={name} title={name} onClick={act}>
          {text}
        </button>
      ))}
    </div>
  );
}

function LegendView({ look }: { readonly look: Look }) {
  const element = useRef<SVGSVGElement>(null);
  const picture = drawLegend(look.coloring.legend, look.theme);
  useEffect(() => {
    if (element.current && picture) fill(element.current, picture.commands, look.theme);
  });
  if (!picture) return null;
  const { width, height, label } = picture;
  return (
    <svg
      class="nbviz-legend"
      ref={element}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    />
  );
}
