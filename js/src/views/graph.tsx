// The graph half of the widget: the picture, its legend, its buttons, and what is said when there is nothing to draw.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { drawLegend, type Look } from "../scene";
import type { Store } from "../store";
import type { Payload } from "../wire";
import { GraphController } from "./graph-controller";
import type { Shown } from "./graph-surroundings";
import { fill } from "./svg-elements";

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

const NOTHING: Shown = { look: null, boxes: 0, progress: null, tensor: null };

export function GraphView({ store, onReady }: GraphViewProps) {
  const container = useRef<HTMLDivElement>(null);
  const surface = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const controller = useRef<GraphController | null>(null);
  const [{ look, boxes, progress, tensor }, setShown] = useState<Shown>(NOTHING);
  useLayoutEffect(() => {
    if (!container.current || !surface.current || !probe.current) return;
    const end = new AbortController();
    const made = new GraphController({
      store,
      surface: surface.current,
      container: container.current,
      probe: probe.current,
      signal: end.signal,
      shown: (changed) => setShown((shown) => ({ ...shown, ...changed })),
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
      <div
        class="nbviz-graph-surface"
        ref={surface}
        role="tree"
        aria-multiselectable="true"
        aria-label={payload ? `Graph of ${payload.meta.name}` : "Graph"}
        tabIndex={-1}
      />
      {progress !== null && <Progress done={progress} />}
      {tensor !== null && <div class="nbviz-tensor">{tensor}</div>}
      {payload && boxes === 0 && payload.calls.length === 0 && <Empty payload={payload} />}
      {boxes > 0 && <ZoomButtons controller={controller} />}
      {boxes > 0 && look && <LegendView look={look} />}
    </div>
  );
}

function Progress({ done }: { readonly done: number }) {
  const percent = Math.round(done * 100);
  return (
    <div class="nbviz-graph-progress" role="progressbar" aria-label="Laying out the graph" aria-valuenow={percent}>
      <div style={{ width: `${percent}%` }} />
      <span>Laying out the graph … {percent} %</span>
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
  const picture = drawLegend(look);
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
