import { expect, it } from "vitest";
import { columnsOf, shownColumns } from "./columns";
import { tableCsv, tableElement, tableHtml } from "./export-table";
import { pageHtml } from "./page";
import { DEFAULT_STATE } from "./state";
import { testPayload } from "./testing";

const payload = testPayload();
const columns = shownColumns(columnsOf(payload, []), ["type", "output_shape", "params", "macs"]);

it("writes CSV with full numbers, quoted shapes and empty cells for what is unknown", () => {
  const lines = tableCsv(payload, columns, [2, 6]).split("\r\n");
  expect(lines).toEqual([
    "path,type,output_shape,params,macs",
    'encoder/conv,Conv2D,"(None, 8, 8, 4)",90,900',
    'head_10,Dense,"(None, 16)",20,',
    "",
  ]);
});

it("keeps a spreadsheet from running a layer's name as a formula", () => {
  const path = ["=HYPERLINK(1)", '+"a"'];
  const odd = { ...payload, rows: { ...payload.rows, path } };
  expect(tableCsv(odd, columns.slice(0, 1), [0, 1])).toBe('path\r\n\'=HYPERLINK(1)\r\n"\'+""a"""\r\n');
});

it("writes names into HTML as text, never as markup", () => {
  const html = tableHtml("a <b> model", (page) => tableElement(page, payload, columns, [7], () => 0));
  expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
  expect(html).not.toContain("<img");
  expect(html).toContain("<title>a &lt;b&gt; model</title>");
});

it("saves a page whose data cannot end its script", () => {
  const source = { script: "start()", scriptHash: "sha256-a", style: "a{}", styleHash: "sha256-b" };
  const title = "</script><script>alert(1)</script>";
  const state = { ...DEFAULT_STATE, title };
  const html = pageHtml(source, { state, payload: "" }, title, document.createElement("table"));
  const page = new DOMParser().parseFromString(html, "text/html");
  expect(page.querySelectorAll("script")).toHaveLength(2);
  const data = JSON.parse(page.getElementById("nbviz-state")?.textContent ?? "");
  expect(data.state.title).toBe(title);
  expect(html).toContain("script-src 'sha256-a'");
  expect(page.documentElement.dataset.theme).toBeUndefined();
});

it("keeps a page light or dark that was saved so", () => {
  const source = { theme: "dark", script: "", scriptHash: "", style: "", styleHash: "" };
  const html = pageHtml(source, { state: DEFAULT_STATE, payload: "" }, "net", document.createElement("table"));
  expect(html).toContain('<html lang="en" data-theme="dark">');
});
