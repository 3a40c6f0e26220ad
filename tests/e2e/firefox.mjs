// Drives Firefox through a saved page in six steps and prints as JSON what was seen; test_firefox.py judges it.
//   node firefox.mjs <Firefox> <address of the page> <axe.min.js> <folder for pictures, or "">
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [executablePath, address, axe, pictures] = process.argv.slice(2);
const { default: puppeteer } = await import(
  createRequire(new URL("../../js/package.json", import.meta.url)).resolve("puppeteer-core")
);

const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
await page.setViewport({ width: 1360, height: 900 });
page.setDefaultTimeout(30_000);

const seen = { requests: [], errors: [] };
page.on("request", (request) => seen.requests.push(request.url()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));

const row = (path) => `.nbviz [data-row]:has([role="rowheader"][title="${path}"])`;
const box = (path) => `.nbviz [role="treeitem"][data-path="${path}"]`;
const count = (selector) => page.$$eval(selector, (all) => all.length);
const until = (selector) => page.waitForSelector(selector, { visible: true });
const picture = (name) => pictures && page.screenshot({ path: `${pictures}/firefox-${name}.png` });

/** The rows from top to bottom: what is in the page is in no order. */
const names = () =>
  page.$$eval(".nbviz [data-row]", (rows) =>
    rows
      .map((row) => [Number(row.ariaRowIndex ?? row.getAttribute("aria-rowindex")), row])
      .sort(([a], [b]) => a - b)
      .map(([, row]) => [...row.querySelectorAll(".nbviz-before, .nbviz-label")].map((e) => e.textContent).join("")),
  );

const steps = {
  async open() {
    await page.goto(address);
    await until(row("shared"));
    await until(box("shared"));
    seen.rows = await names();
  },
  async sort() {
    await page.locator('.nbviz [role="columnheader"] button ::-p-text(Params)').click();
    await until('.nbviz [role="columnheader"][aria-sort="descending"]');
    seen.sorted = await names();
  },
  async select() {
    await page.locator(row("shared")).click();
    await until(`${row("shared")}[aria-selected="true"]`);
    await until(`${box("shared")}[aria-selected="true"]`);
    const details = await until('.nbviz [aria-label^="Details"] ::-p-text(shared)');
    seen.details = await details.evaluate((e) => e.closest('[role="group"]').textContent);
  },
  async expand() {
    await page.locator(box("≡~block0")).click({ count: 2, offset: { x: 40, y: 12 } });
    await until(box("~block0"));
    seen.blocks = await count('.nbviz [role="treeitem"][data-path^="~block"]');
  },
  async search() {
    await page.locator('.nbviz [aria-label="Search names, types, shapes"]').fill("dense");
    await until(".nbviz [data-row].is-dimmed");
    seen.found = await count(".nbviz [data-row]:not(.is-dimmed)");
  },
  async axe() {
    await page.evaluate(readFileSync(axe, "utf8"));
    const wrong = await page.evaluate(() => axe.run(".nbviz", { resultTypes: ["violations"] }));
    seen.violations = wrong.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    seen.step = name;
    await step();
    await picture(name);
  }
} catch (error) {
  seen.errors.push(String(error.stack ?? error));
  await picture("failed");
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
