// The legend: a card over a corner of the graph, or lines of text under a narrow one.
import { useEffect, useRef } from "preact/hooks";
import type { Legend } from "../color";
import { drawLegend, type Look } from "../scene";
import { fill } from "./svg-elements";

interface LegendProps {
  readonly look: Look;
}

/** As in a saved picture. */
export function LegendCard({ look }: LegendProps) {
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

/** The same in as few lines as the width allows. */
export function LegendStrip({ look }: LegendProps) {
  const label = drawLegend(look)?.label;
  if (label === undefined) return null;
  const { ends } = look.lines;
  return (
    <div class="nbviz-legend-strip" role="img" aria-label={label}>
      <Fill legend={look.coloring.legend} />
      {ends && (
        <Range title="line width: tensor size" low={ends.low} high={ends.high}>
          <span class="nbviz-legend-wedge" />
        </Range>
      )}
    </div>
  );
}

function Fill({ legend }: { readonly legend: Legend }) {
  if (legend.kind === "none") return null;
  if (legend.kind === "scale") {
    const { title, stops, ticks } = legend;
    return (
      <Range title={title} low={ticks[0]?.label ?? ""} high={ticks.at(-1)?.label ?? ""}>
        <span class="nbviz-legend-scale" style={{ background: `linear-gradient(to right, ${stops.join(", ")})` }} />
      </Range>
    );
  }
  return (
    <>
      <span>{legend.title}</span>
      {legend.entries.map(({ label, color }) => (
        <span key={label} class="nbviz-legend-entry">
          <span class="nbviz-legend-swatch" style={{ background: color }} />
          <span class="nbviz-legend-name">{label}</span>
        </span>
      ))}
      {legend.more > 0 && <span>{legend.more} more</span>}
    </>
  );
}

interface RangeProps {
  readonly title: string;
  readonly low: string;
  readonly high: string;
  readonly children: preact.JSX.Element;
}

function Range({ title, low, high, children }: RangeProps) {
  return (
    <div class="nbviz-legend-range">
      <div>{title}</div>
      <div class="nbviz-legend-ends">
        {low}
        {children}
        {high}
      </div>
    </div>
  );
}
