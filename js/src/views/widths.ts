// Widths of the table's columns: what the content wants, unless dragged.
import type { Column } from "../columns";

const TEXT = 7.8;
const MONO = 7.3;
const PADDING = 22;
const MOST = 240;
/** Text is cut off with dots where there is no room; numbers and shapes are not. */
const LEAST_TEXT = 84;
/** Rows looked at: enough to see what a column holds, quick on any model. */
const SAMPLE = 1500;

/** Pixels that a column's heading and cells want. */
export function contentWidth(column: Column, rows: number): number {
  let longest = column.label.length + 1;
  const step = Math.max(1, Math.ceil(rows / SAMPLE));
  for (let row = 0; row < rows; row += step) longest = Math.max(longest, column.text(row).length);
  return Math.round(Math.min(longest * (column.mono ? MONO : TEXT) + PADDING, MOST));
}

/** `grid-template-columns`: the layer's name takes the room that is left. */
export function template(
  columns: readonly Column[],
  widths: ReadonlyMap<string, number>,
  natural: ReadonlyMap<string, number>,
): string {
  return columns
    .map(({ id, width, align, mono }) => {
      const dragged = widths.get(id);
      if (dragged !== undefined) return `${dragged}px`;
      if (id === "path") return "minmax(160px, 1fr)";
      const wanted = natural.get(id) ?? width;
      const least = align === "left" && !mono ? Math.min(LEAST_TEXT, wanted) : wanted;
      return `minmax(${least}px, ${wanted}px)`;
    })
    .join(" ");
}
