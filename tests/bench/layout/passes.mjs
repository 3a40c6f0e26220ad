// node passes.mjs <passes.mjs bundle> <graph.json> <times>: how long each pass of the layout takes, all frames of the graph
// together. Prints a line of JSON with the median milliseconds by pass, in their order, of code that is warm.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { inputOf } from "./ours.mjs";

const [bundle, file, times] = process.argv.slice(2);
const { layout, LayoutCache, planFrame, readProblem } = await import(pathToFileURL(bundle).href);

/** Remembers the frames that had to be laid out. */
class Frames extends LayoutCache {
  found = [];
  add(signature, plan) {
    this.found.push(signature);
    super.add(signature, plan);
  }
}

const frames = new Frames();
layout(inputOf(JSON.parse(readFileSync(file, "utf8")), false), frames);

function timePasses() {
  const spent = new Map();
  for (const signature of frames.found) {
    const steps = planFrame(readProblem(signature));
    let start = performance.now();
    for (let step = steps.next(); ; step = steps.next()) {
      const now = performance.now();
      const pass = step.done ? "labels" : step.value;
      spent.set(pass, (spent.get(pass) ?? 0) + now - start);
      start = now;
      if (step.done) break;
    }
  }
  return spent;
}

const runs = Array.from({ length: 2 * Number(times) }, timePasses).slice(Number(times));
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const passes = [...runs[0].keys()].map((pass) => [pass, median(runs.map((run) => run.get(pass)))]);
process.stdout.write(`${JSON.stringify(Object.fromEntries(passes))}\n`);
