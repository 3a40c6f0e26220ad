// node places.mjs <view.mjs> <payload> <file>: the arrangement of a whole graph with everything open, as a script that
// gives it to a page as `drawing`: [x, y, width, height, text, is a frame] of each box, and the points of each edge's
// curve. What other ways of drawing get to draw.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [bundle, from, to] = process.argv.slice(2);
const { arrange, decode, unitsOf } = await import(pathToFileURL(bundle).href);
const payload = decode(new Uint8Array(readFileSync(from)));
const units = unitsOf(payload, true);
const open = Array.from(units.order, (u) => units.path(u));
const { visible, layout } = arrange(payload, { open: new Set(open), groups: true, direction: "down" });

const holders = new Set(visible.parent);
const round = (value) => Math.round(10 * value) / 10;
const boxes = Array.from(layout.x, (x, b) => {
  const text = units.path(visible.unit[b]).split("/").at(-1);
  return [x, layout.y[b], layout.width[b], layout.height[b]].map(round).concat(text, holders.has(b));
});
const { routes, routeOffsets } = layout;
const edges = Array.from(visible.edges.source, (_, e) =>
  Array.from(routes.subarray(routeOffsets[e], routeOffsets[e + 1]), round),
);
writeFileSync(to, `window.drawing = ${JSON.stringify({ boxes, edges })};\n`);
