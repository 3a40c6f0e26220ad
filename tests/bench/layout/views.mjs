// node views.mjs <view.mjs> <payload> folded | open | one: what a reader asks of a large graph, in a fresh process. Prints
// a line of JSON with the milliseconds it took and the boxes that show.
//
// The clock begins with the decoded payload and ends with a place for every box. "folded" is the first view and "open" has
// everything open: CPU time, code that is run for the first time included. "one" opens one group after the other beside
// all the others of a large view, as clicks do: the median wall time of one.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [bundle, file, asked] = process.argv.slice(2);
const { arrange, decode, initialExpanded, LayoutCache, unitsOf } = await import(pathToFileURL(bundle).href);
const payload = decode(new Uint8Array(readFileSync(file)));

/** So many groups are opened one after the other, after as many that warm the code. */
const TIMES = 30;
/** Milliseconds. */
const SETTLED = 100;
/** A view of so many boxes is large. */
const LARGE = 1000;

const cache = new LayoutCache();
const show = (open) => arrange(payload, { open: new Set(open), groups: true, direction: "down" }, cache);
const first = () => initialExpanded(payload, "auto", true);

/** What opens the boxes of a view that are folded. */
function folded({ visible }) {
  const units = unitsOf(payload, true);
  const closed = Array.from(visible.unit).filter((u, b) => visible.parent.indexOf(b) < 0 && units.hasChildren[u]);
  return [...new Set(closed.map((u) => units.path(u)))];
}

/** Everything that can be opened. */
function everything() {
  const units = unitsOf(payload, true);
  return Array.from(units.order)
    .filter((u) => u > 0 && units.hasChildren[u])
    .map((u) => units.path(u));
}

async function once(work) {
  // What V8 still compiles of decoding would be counted too: let it end.
  await new Promise((resolve) => setTimeout(resolve, SETTLED));
  const before = process.cpuUsage();
  const { visible } = work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, boxes: visible.count };
}

function oneByOne() {
  let open = first();
  let view = show(open);
  while (view.visible.count < LARGE && folded(view).length > 0) {
    open = [...open, ...folded(view)];
    view = show(open);
  }
  const groups = folded(view);
  const times = Array.from({ length: 2 * TIMES }, (_, i) => {
    const group = groups[Math.floor((i * groups.length) / (2 * TIMES))];
    const start = performance.now();
    show([...open, group]);
    return performance.now() - start;
  });
  const sorted = times.slice(TIMES).sort((a, b) => a - b);
  return { ms: sorted[TIMES / 2], boxes: view.visible.count };
}

const work = {
  folded: () => once(() => show(first())),
  open: () => once(() => show(everything())),
  one: oneByOne,
};
process.stdout.write(`${JSON.stringify(await work[asked]())}\n`);
