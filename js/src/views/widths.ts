// Widths of the table's columns: what the content wants, unless dragged.
import type { Column } from "../columns";

const TEXT = 7.8;
const MONO = 7.3;
const HEADING = 8.4;
const ARROW = 14;
const PADDING = 22;
const MOST = 240;
/** Text is cut off with dots where there is no room; numbers and shapes are not. */
const LEAST_TEXT = 84;
/** Rows looked at: enough to see what a column holds, quick on any model. */
const SAMPLE = 1500;

/** Pixels that a column's heading and cells want. */
export function contentWidth(column: Column, rows: number): number {
  let longest = 0;
  const step = Math.max(1, Math.ceil(rows / SAMPLE));
  for (let row = 0; row < rows; row += step) longest = Math.max(longest, column.text(row).length);
  const heading = column.label.length * HEADING + PADDING + ARROW;
  return Math.round(Math.max(Math.min(longest * (column.mono ? MONO : TEXT) + PADDING, MOST), heading));
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
      if (id === "path") return "minmax(140px, 1fr)";
      const wanted = natural.get(id) ?? width;
      const least = align === "left" && !mono ? Math.min(LEAST_TEXT, wanted) : wanted;
      return `minmax(${least}px, ${wanted}px)`;
    })
    .join(" ");
}

/** A table narrower than this does without the type: the numbers are what it is opened for. */
const ROOM_FOR_TYPE = 540;

/** The usual columns that a table of this width has room for. */
export function fitting(ids: readonly string[], width: number): readonly string[] {
  return width < ROOM_FOR_TYPE ? ids.filter((id) => id !== "type") : ids;
}
