// The table as files: what shows now, in its order, with its columns.
import type { Column, Value } from "./columns";
import { formatBytes, formatCount, shortCount } from "./format";
import type { Payload } from "./wire";

// Spreadsheets run a cell that begins like this as a formula; the name of a layer is not ours to trust.
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  // The apostrophe makes it text (OWASP's advice); it costs a faithful name only where a name begins like a formula.
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180; numbers in full, unknown values empty, headings as in the DataFrame. */
export function tableCsv(payload: Payload, columns: readonly Column[], rows: readonly number[]): string {
  const value = (column: Column, row: number): Value =>
    column.id === "path" ? (payload.rows.path[row] ?? "") : column.value(row);
  const lines = [
    columns.map((column) => csvCell(column.id)),
    ...rows.map((row) => columns.map((column) => csvCell(value(column, row)))),
  ];
  return lines.map((cells) => `${cells.join(",")}\r\n`).join("");
}

/** The totals as one line of text. */
export function totalsText({ meta }: Payload): string {
  const { totals, macs_basis } = meta;
  const parts = [
    `Total params ${formatCount(totals.params)}`,
    `trainable ${formatCount(totals.trainable_params)}`,
    `non-trainable ${formatCount(totals.non_trainable_params)}`,
    `size ${formatBytes(totals.bytes)}`,
  ];
  if (totals.macs !== null) parts.push(`MACs ${shortCount(totals.macs)}${macs_basis ? ` ${macs_basis}` : ""}`);
  return parts.join(" · ");
}

/** A `<table>` with the totals as its caption, made of text nodes alone. */
export function tableElement(
  page: Document,
  payload: Payload,
  columns: readonly Column[],
  rows: readonly number[],
  indent: ((row: number) => number) | null,
): HTMLTableElement {
  const table = page.createElement("table");
  table.className = "nbviz-static";
  table.createCaption().textContent = `${payload.meta.name}: ${totalsText(payload)}`;
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const cell = page.createElement("th");
    cell.scope = "col";
    cell.textContent = column.label;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) {
      const cell = line.insertCell();
      if (column.align === "right") cell.className = "nbviz-right";
      cell.textContent = column.id === "path" ? nameText(payload, row, indent) : column.text(row);
    }
  }
  return table;
}

// No-break spaces indent without a style attribute, which strict pages forbid.
function nameText({ rows, meta }: Payload, row: number, indent: ((row: number) => number) | null): string {
  if (!indent) return rows.path[row] || meta.name;
  return "\u00a0\u00a0".repeat(indent(row)) + (rows.label[row] || meta.name);
}

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1f2328;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}caption{text-align:left;padding:0 0 .8rem;color:#59636e}
th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid #d0d7de;text-align:left;white-space:nowrap}
.nbviz-right{text-align:right}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#111316}caption{color:#9aa4af}th,td{border-color:#3a424b}}`;

/** A whole page with the table, no script in it; serialised from a document, so that the browser escapes every cell. */
export function tableHtml(title: string, table: (page: Document) => HTMLTableElement): string {
  const page = document.implementation.createHTMLDocument("");
  page.title = title;
  page.documentElement.lang = "en";
  const charset = page.createElement("meta");
  charset.setAttribute("charset", "utf-8");
  const style = page.createElement("style");
  style.textContent = STYLE;
  page.head.prepend(charset, style);
  page.body.append(table(page));
  return `<!doctype html>\n${page.documentElement.outerHTML}\n`;
}
