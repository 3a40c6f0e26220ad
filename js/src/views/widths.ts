// Widths of the table's columns: what the content wants, unless dragged.
import type { Column } from "../columns";
import { type Face, textWidth } from "../scene/widths";
import type { Payload } from "../wire";
import { badgesOf } from "./badges";

/** Pixels of the letters, see table.css. */
const TEXT = 13;
const MONO = 12;
const BADGE = 11;
/** On both sides of a text, and some for a host's font that is wider. */
const PADDING = 24;
const ARROW = 14;
/** Around the text of a badge, and before it. */
const AROUND_BADGE = 18;
const INDENT = 14;
const CHEVRON = 20;
const MOST = 240;
/** Text is cut off with dots where there is no room; numbers and shapes are not. */
const LEAST_TEXT = 110;
const LEAST_NAME = 136;
const TIGHT_NAME = 100;
const SCROLLED_NAME = 200;
const SCROLLBAR = 14;
/** Rows looked at: enough to see what a column holds, quick on any model. */
const SAMPLE = 1500;
/** Multiples of it fall evenly between whole numbers. */
const GOLDEN = 0.618033988749895;

/** Some of the rows that the table may show, from all over the model. */
export function sampleOf(rows: number, shows: (row: number) => boolean): number[] {
  const all = Array.from({ length: rows }, (_, row) => row).filter(shows);
  if (all.length <= SAMPLE) return all;
  // Not every n-th: blocks repeat, and that could be the same row of each.
  return Array.from({ length: SAMPLE }, (_, i) => all[Math.floor(((i * GOLDEN) % 1) * all.length)] ?? 0);
}

const widest = (texts: readonly string[], size: number, face: Face): number =>
  [...new Set(texts)].reduce((most, text) => Math.max(most, textWidth(text, size, face)), 0);

/** Pixels that a column's heading wants, and its cells in these rows. */
export function contentWidth(column: Column, rows: readonly number[]): number {
  const face = column.mono ? "mono" : "regular";
  const content = widest(rows.map(column.text), column.mono ? MONO : TEXT, face) + PADDING;
  return Math.ceil(Math.max(Math.min(content, MOST), textWidth(column.label, TEXT, "bold") + PADDING + ARROW));
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
  const left = Math.floor(width - SCROLLBAR - others - texts);
  // Where not even short names would help, one has to scroll for the others anyway.
  const scrolls = Math.max(LEAST_NAME, Math.min(natural.get("path") ?? 0, SCROLLED_NAME));
  const least = left < TIGHT_NAME ? scrolls : Math.min(LEAST_NAME, left);
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

/** Pixels that the names of these rows want in the tree, with what is marked beside them. */
export function nameWidth(payload: Payload, depth: Int32Array, rows: readonly number[]): number {
  const { label } = payload.rows;
  const badges = (row: number) =>
    badgesOf(payload, row).reduce((sum, { text }) => sum + textWidth(text, BADGE, "regular") + AROUND_BADGE, 0);
  const wanted = (row: number) =>
    textWidth(label[row] || payload.meta.name, TEXT, "bold") + (depth[row] ?? 0) * INDENT + badges(row);
  const most = rows.reduce((most, row) => Math.max(most, wanted(row)), 0);
  return Math.ceil(Math.min(most + CHEVRON + PADDING, MOST));
}

/** A table narrower than this does without the type: the numbers are what it is opened for. */
const ROOM_FOR_TYPE = 540;
/** The same where shapes are too wide to stand beside it. */
const ROOM_FOR_TYPE_ALONE = 360;
/** What gives way next, one after the other, where the table would begin with a column cut in two. */
const SPARE = ["macs", "param_dtype"];
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
  const fewer = SPARE.reduce(
    (some, spare) => (some !== shown && fits(some, TIGHT_NAME) ? some : some.filter(({ id }) => id !== spare)),
    shown,
  );
  const last = fewer.filter(({ id }) => LAST.includes(id));
  if (fits(last, TIGHT_NAME)) return fewer;
  const rest = fewer.filter(({ id }) => id !== LAST_SPARE);
  if (width < ROOM_FOR_TYPE_ALONE) return rest;
  const typed = columns.filter((column) => column.id === "type" || rest.includes(column));
  return fits(typed, LEAST_NAME) ? typed : rest;
}
