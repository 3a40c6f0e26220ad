// The graph half of the widget: the picture, its legend, its buttons, and what is said when there is nothing to draw.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Store } from "../store";
import type { Payload } from "../wire";
import { GraphController } from "./graph-controller";
import type { Shown } from "./graph-surroundings";
import { TIGHT } from "./graph-viewport";
import { useSize } from "./hooks";
import { LegendCard, LegendStrip } from "./legend";

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

/** With less room than this, the strip under the graph has what a scale means in two lines. */
const SLIM = 380;

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
  const width = useSize(container)?.width ?? TIGHT;
  const tight = width < TIGHT;
  const room = tight ? ` is-tight${width < SLIM ? " is-slim" : ""}` : "";
  return (
    <div class={`nbviz-graph${room}`} ref={container} data-lm-suppress-shortcuts="true">
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
      {payload && boxes === 0 && payload.calls.length === 0 && <Empty payload={payload} />}
      <div class="nbviz-graph-foot">
        {tensor !== null && <div class="nbviz-tensor">{tensor}</div>}
        {boxes > 0 && <ZoomButtons controller={controller} />}
        {boxes > 0 && look && (tight ? <LegendStrip look={look} /> : <LegendCard look={look} />)}
      </div>
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
