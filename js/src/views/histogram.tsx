// A histogram as bars.
import { formatCount, formatNumber } from "../format";

interface HistogramProps {
  readonly counts: readonly number[];
  /** One more than counts. */
  readonly edges: readonly number[];
  readonly label: string;
}

export function Histogram({ counts, edges, label }: HistogramProps) {
  const most = Math.max(...counts, 1);
  const summary = `${label}: ${counts.length} bins from ${formatNumber(edges[0])} to ${formatNumber(edges[edges.length - 1])}`;
  return (
    <svg
      class="nbviz-histogram"
      viewBox={`0 0 ${counts.length} 40`}
      preserveAspectRatio="none"
      role="img"
      aria-label={summary}
    >
      {counts.map((count, bin) => {
        // One element among millions still deserves a line.
        const height = count === 0 ? 0 : Math.max((40 * count) / most, 0.8);
        return (
          <rect key={bin} x={bin + 0.06} y={40 - height} width={0.88} height={height}>
            <title>
              {formatNumber(edges[bin])} to {formatNumber(edges[bin + 1])}: {formatCount(count)}
            </title>
          </rect>
        );
      })}
    </svg>
  );
}
