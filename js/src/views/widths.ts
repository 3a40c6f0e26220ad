// Widths of the table's columns: what the content wants, unless dragged.
import type { Column } from "../columns";
import type { Rows } from "../wire";

const TEXT = 7.8;
const MONO = 7.3;
const HEADING = 8.4;
const ARROW = 14;
const PADDING = 28;
const MOST = 240;
/** Text is cut off with dots where there is no room; numbers and shapes are not. */
const LEAST_TEXT = 110;
const LEAST_NAME = 136;
const TIGHT_NAME = 100;
const SCROLLBAR = 14;
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

/** Widths that were dragged, widths that the content wants, and the width of the table. */
interface Room {
  readonly dragged: ReadonlyMap<string, number>;
  readonly natural: ReadonlyMap<string, number>;
  readonly width: number;
}

const isText = (column: Column): boolean => column.align === "left" && !column.mono && column.id !== "path";

/** `grid-template-columns`: numbers and shapes in full, then the layers' names, and other text in what is left. */
export function template(columns: readonly Column[], { dragged, natural, width }: Room): string {
  const wanted = ({ id, width: usual }: Column) => dragged.get(id) ?? natural.get(id) ?? usual;
  const flexible = columns.filter((column) => isText(column) && !dragged.has(column.id));
  const sum = (some: readonly Column[]) => some.reduce((total, column) => total + wanted(column), 0);
  const name = columns.filter(({ id }) => id === "path");
  // Names give way before a number would be cut in two.
  const others = sum(columns.filter((column) => !name.includes(column) && !flexible.includes(column)));
  const texts = flexible.reduce((total, column) => total + Math.min(LEAST_TEXT, wanted(column)), 0);
  const least = Math.max(TIGHT_NAME, Math.min(LEAST_NAME, Math.floor(width - SCROLLBAR - others - texts)));
  const over = others + sum(flexible) + (name.length > 0 ? Math.max(least, sum(name)) : 0) - (width - SCROLLBAR);
  const shrink = over > 0 ? Math.max(1 - over / Math.max(sum(flexible), 1), 0) : 1;
  return columns
    .map((column) => {
      if (dragged.has(column.id)) return `${wanted(column)}px`;
      if (column.id === "path") return `minmax(${least}px, 1fr)`;
      if (!isText(column)) return `${wanted(column)}px`;
      return `${Math.round(Math.max(wanted(column) * shrink, Math.min(LEAST_TEXT, wanted(column))))}px`;
    })
    .join(" ");
}

/** Pixels that the names of these rows want in the tree. */
export function nameWidth(rows: Rows, depth: Int32Array): number {
  let most = 0;
  const step = Math.max(1, Math.ceil(rows.length / SAMPLE));
  for (let row = 0; row < rows.length; row += step) {
    most = Math.max(most, (rows.label[row] ?? "").length * TEXT + (depth[row] ?? 0) * 14);
  }
  return Math.min(most + 46, MOST);
}

/** A table narrower than this does without the type: the numbers are what it is opened for. */
const ROOM_FOR_TYPE = 540;
/** What gives way next, where the table would begin with a column cut in two. */
const SPARE = "macs";
/** What gives way last, where these three alone would leave names a few letters: the graph says it too. */
const LAST_SPARE = "output_shape";
const LAST = ["path", LAST_SPARE, "params"];

/** The usual columns that a table of this width has room for. */
export function fitting(columns: readonly Column[], natural: ReadonlyMap<string, number>, width: number): Column[] {
  const shown = columns.filter(({ id }) => id !== "type" || width >= ROOM_FOR_TYPE);
  const least = (column: Column, name: number) => {
    const wanted = natural.get(column.id) ?? column.width;
    if (column.id === "path") return Math.min(name, wanted);
    return isText(column) ? Math.min(LEAST_TEXT, wanted) : wanted;
  };
  const fits = (some: readonly Column[], name: number) =>
    some.reduce((total, column) => total + least(column, name), SCROLLBAR) <= width;
  if (fits(shown, LEAST_NAME)) return shown;
  const fewer = shown.filter(({ id }) => id !== SPARE);
  const last = fewer.filter(({ id }) => LAST.includes(id));
  return fits(last, TIGHT_NAME) ? fewer : fewer.filter(({ id }) => id !== LAST_SPARE);
}
