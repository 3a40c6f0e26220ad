// What the Save menu writes, without Python.
import { columnsOf, defaultColumns, shownColumns } from "./columns";
import { download, fileName } from "./download";
import { tableCsv, tableElement, tableHtml } from "./export-table";
import { pageHtml, toBase64 } from "./page";
import { toPng } from "./png";
import type { Store } from "./store";
import { TableModel } from "./table-model";
import type { Theme } from "./theme";
import { treeOf } from "./tree";
import type { Source } from "./views/hooks";
import type { Payload } from "./wire";

function titleOf(store: Store, payload: Payload): string {
  return store.state.title || payload.meta.name;
}

function shownTable({ state }: Store, payload: Payload) {
  const all = columnsOf(payload, state.extra_columns);
  const columns = shownColumns(all, state.columns ?? defaultColumns(payload, state.extra_columns));
  // Whole, however little of the tree is open: what is closed is out of sight, not out of the table.
  const shown = new TableModel(payload).shown(all, { ...state, expanded: payload.rows.path });
  const { depth } = treeOf(payload.rows, state.groups);
  return { columns, rows: shown.rows, indent: shown.flat ? null : (row: number) => depth[row] ?? 0 };
}

export function savePage(store: Store, payload: Payload, source: Source): void {
  const { columns, rows, indent } = shownTable(store, payload);
  const data = { state: store.state, payload: toBase64(source.payload) };
  const fallback = tableElement(document, payload, columns, rows, indent);
  const title = titleOf(store, payload);
  download(fileName(title, ".html"), "text/html", pageHtml(source, data, title, fallback));
}

export function saveTableHtml(store: Store, payload: Payload): void {
  const { columns, rows, indent } = shownTable(store, payload);
  const title = titleOf(store, payload);
  const html = tableHtml(title, (page) => tableElement(page, payload, columns, rows, indent));
  download(fileName(title, "-table.html"), "text/html", html);
}

export function saveTableCsv(store: Store, payload: Payload): void {
  const { columns, rows } = shownTable(store, payload);
  download(fileName(titleOf(store, payload), ".csv"), "text/csv", tableCsv(payload, columns, rows));
}

export function saveSvg(store: Store, payload: Payload, svg: string): void {
  download(fileName(titleOf(store, payload), ".svg"), "image/svg+xml", svg);
}

export async function savePng(store: Store, payload: Payload, svg: string): Promise<void> {
  download(fileName(titleOf(store, payload), ".png"), "image/png", await toPng(svg));
}

/** Python makes it, of what it knows of this view. */
export async function savePdf(store: Store, payload: Payload, theme: Theme): Promise<void> {
  const bytes = await store.kernel?.pdf(theme);
  if (bytes) download(fileName(titleOf(store, payload), ".pdf"), "application/pdf", bytes);
}
