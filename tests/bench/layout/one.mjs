// node one.mjs <cache> <library> <graph.json | -> [sound | quality]: one layout in a fresh process. Prints a line of JSON
// with what it took, and where asked for one that says whether the drawing is sound, or all of its quality.
//
// The clock is CPU time, system included: loading the library, building its graph, the layout, and reading it back. "-"
// is an empty process, whose memory is the floor of the others'.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ours } from "./ours.mjs";
import { PEERS } from "./peers.mjs";
import { quality, soundness } from "./quality.mjs";

const [folder, library, file, judged] = process.argv.slice(2);
const cache = resolve(folder);

function libraryOf(name) {
  const engine = pathToFileURL(join(cache, "engine.mjs")).href;
  if (name === "ours") return ours(engine, false);
  if (name === "ours-groups") return ours(engine, true);
  return PEERS[name](join(cache, "node_modules"));
}

const print = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);
const memory = () => process.resourceUsage().maxRSS / 1024;

async function measure(graph) {
  const run = libraryOf(library);
  const before = process.cpuUsage();
  const start = performance.now();
  const { drawing } = await run(graph);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  print({ cpu: (user + system) / 1000, wall, memory: memory() });
  if (judged && drawing) print((judged === "sound" ? soundness : quality)(drawing()));
}

if (file === "-") print({ memory: memory() });
else await measure(JSON.parse(readFileSync(file, "utf8")));
